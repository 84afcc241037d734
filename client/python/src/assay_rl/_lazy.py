"""Names of a package that are imported when they are first asked for: gRPC and the formats take most of a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def names_of(
    package: str, modules: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package whose modules hold these names.

    A module without names stands for itself.
    """
    homes = {name: f"{package}.{module}" for module, names in modules.items() for name in names}
    itself = {module: f"{package}.{module}" for module, names in modules.items() if not names}
    namespace = vars(import_module(package))

    def attribute(name: str) -> Any:
        if name in itself:
            return import_module(itself[name])
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = namespace[name] = getattr(import_module(homes[name]), name)
        return value

    return attribute, lambda: sorted({*namespace, *homes, *itself})
