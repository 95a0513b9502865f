"""The fields that a library's classes declare, read from its source: importing it takes seconds."""

import ast
import importlib.util
from collections.abc import Collection
from functools import cache
from pathlib import Path


def declared_fields(package: str, file: str, classes: Collection[str]) -> set[str]:
    """The annotated names in the bodies of these classes of a file of the package; empty where it
    has no such file or class.
    """
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / file if spec and spec.origin else None
    if path is None or not path.exists():
        return set()
    return {
        line.target.id
        for node in ast.walk(_parsed(path))
        if isinstance(node, ast.ClassDef) and node.name in classes
        for line in node.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
    }


@cache
def _parsed(path: Path) -> ast.Module:
    """A plan and the checks before a run look into the same few files."""
    return ast.parse(path.read_text(encoding="utf-8"))
