"""A name that begins with an underscore is used by its own module alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "src" / "assay_rl"
# argparse has no public list of what a parser takes; every library that completes its words reads this one.
OF_LIBRARIES = {"_actions"}
# All but the generated stubs.
OURS = sorted(path for path in SOURCES.rglob("*.py") if not path.stem.endswith(("_pb2", "_pb2_grpc")))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def own_names(tree: ast.Module) -> set[str]:
    """Everything that the module's classes define, in their bodies or on `self`."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Attribute, ast.Name)) and isinstance(node.ctx, ast.Store):
            names.add(node.attr if isinstance(node, ast.Attribute) else node.id)
    return names


def foreign_private_names(source: str) -> Iterator[str]:
    tree = ast.parse(source)
    own = own_names(tree) | OF_LIBRARIES
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in own:
            yield f"line {node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(SOURCES)))
def test_no_module_uses_private_names_of_another(path: Path) -> None:
    assert list(foreign_private_names(path.read_text())) == []


def test_a_private_name_of_another_module_is_found() -> None:
    assert list(foreign_private_names("def f(x):\n    return x._channel\n")) == ["line 2: x._channel"]
    assert not list(foreign_private_names("class A:\n    def f(self):\n        self._x = 1\n        return self._x\n"))
