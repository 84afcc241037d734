"""Writes what a release holds and needs, as CycloneDX: bill_of_materials.py ROOT FOLDER VERSION (deploy/release.sh).

One bill a file of the release that brings other people's software: the wheel with the server names each library inside,
with the Debian package and version that it comes from; a Debian package names the packages that it depends on; every
wheel names its Python requirements. Each bill is validated against the schema of CycloneDX before it is written.
"""

from __future__ import annotations

import email
import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def debian(package: str, version: str) -> Component:
    url = PackageURL("deb", "debian", package, version or None)
    return Component(type=ComponentType.LIBRARY, name=package, version=version, purl=url, bom_ref=str(url))


def python(requirement: str) -> Component:
    name = requirement.split(";")[0].strip()
    for separator in "<>=!~ [(":
        name = name.split(separator)[0]
    url = PackageURL("pypi", None, name.lower())
    return Component(type=ComponentType.LIBRARY, name=name, description=requirement, purl=url, bom_ref=str(url))


def inside_wheel(path: Path) -> Iterator[Component]:
    """Requirements of the metadata; libraries by the licences that stand beside them, one a Debian package."""
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        for requirement in email.message_from_bytes(wheel.read(metadata)).get_all("Requires-Dist", []):
            if "extra ==" not in requirement:
                yield python(requirement)
    for name in names:
        folder, _, package = name.rpartition("/")
        if folder.endswith("programs/licenses") and package not in ("", "assay"):
            yield debian(package, output("dpkg-query", "-W", "-f", "${Version}", package))


def inside_package(path: Path) -> Iterator[Component]:
    for dependency in output("dpkg-deb", "-f", str(path), "Depends").split(","):
        name, _, bound = dependency.strip().partition(" ")
        yield debian(name, bound.strip("()").removeprefix(">= "))


def bill(root: Path, path: Path, version: str) -> None:
    commit = output("git", "-C", str(root), "rev-parse", "HEAD").strip()
    digest = HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(path.read_bytes()).hexdigest())
    whole = Component(
        type=ComponentType.APPLICATION, name=path.name, version=version, bom_ref=path.name, hashes=[digest],
        description=f"Assay, commit {commit}",
    )  # fmt: skip
    parts = list(inside_package(path) if path.suffix == ".deb" else inside_wheel(path))
    bom = Bom(components=parts)
    bom.metadata.component = whole
    bom.register_dependency(whole, parts)
    text = JsonV1Dot6(bom).output_as_string(indent=2)
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        raise SystemExit(f"{path.name}: the bill is not CycloneDX: {wrong}")
    path.with_name(path.name + ".cdx.json").write_text(text + "\n", encoding="utf-8")
    print(f"{path.name}: {len(parts)} components")


def main() -> None:
    root, folder, version = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    for path in sorted([*folder.glob("*.whl"), *folder.glob("*.deb")]):
        bill(root, path, version)


if __name__ == "__main__":
    main()
