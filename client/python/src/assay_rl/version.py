"""Version of the package, and the commit that it was built from."""

from __future__ import annotations

from pathlib import Path

import assay_rl
from assay_rl import clone


def _built_from() -> tuple[str, str]:
    """Commit and its date, empty where they are unknown: as the build wrote them down, or, of a package used from its
    sources, as git says."""
    try:
        from assay_rl import _revision  # type: ignore[attr-defined,unused-ignore]
    except ImportError:
        return clone.revision(Path(__file__).resolve().parents[4])
    return _revision.REVISION, _revision.DATE


def version_line(program: str) -> str:
    """What --version prints, such as "assay-rl 0.2.0 (1a2b3c4d5e6f, 2026-11-30)"."""
    commit, date = _built_from()
    known = ", ".join(filter(None, (commit, date)))
    return f"{program} {assay_rl.__version__}{f' ({known})' if known else ''}"
