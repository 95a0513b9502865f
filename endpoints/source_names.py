"""The names that a library declares, read from its source: importing it takes seconds."""

import ast
import importlib.util
from collections.abc import Collection
from functools import cache
from pathlib import Path


def declared_fields(package: str, file: str, classes: Collection[str]) -> set[str]:
    """The annotated names in the bodies of these classes of a file of the package; empty where it
    has no such file or class.
    """
    path = _file(package, file)
    if path is None:
        return set()
    return {
        line.target.id
        for node in ast.walk(_parsed(path))
        if isinstance(node, ast.ClassDef) and node.name in classes
        for line in node.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
    }


def declared_flags(package: str, file: str) -> dict[str, bool]:
    """The long arguments that a file of the package adds to its parser, with underscores, and
    whether each is a switch that takes no value; empty where it has no such file.
    """
    path = _file(package, file)
    flags: dict[str, bool] = {}
    for call in ast.walk(_parsed(path)) if path is not None else ():
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "add_argument":
            actions = [word.value for word in call.keywords if word.arg == "action"]
            switch = any(getattr(one, "value", "") == "store_true" for one in actions)
            for name in (one.value for one in call.args if isinstance(one, ast.Constant)):
                if isinstance(name, str) and name.startswith("--"):
                    flags[name.removeprefix("--").replace("-", "_")] = switch
    return flags


def _file(package: str, file: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / file if spec and spec.origin else None
    return path if path is not None and path.exists() else None


@cache
def _parsed(path: Path) -> ast.Module:
    """A plan and the checks before a run look into the same few files."""
    return ast.parse(path.read_text(encoding="utf-8"))
