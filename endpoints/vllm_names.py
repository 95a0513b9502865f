"""The argument names that vLLM knows, read from its source: importing it takes ten seconds."""

import ast
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rounds.errors import UserError, did_you_mean

Sources = Mapping[str, tuple[str, ...]]
"""Classes by the file of vLLM that holds them."""

SAMPLING: Sources = {"sampling_params.py": ("SamplingParams",)}
ENGINE: Sources = {"engine/arg_utils.py": ("EngineArgs",)}
SERVER: Sources = {
    "engine/arg_utils.py": ("EngineArgs", "AsyncEngineArgs"),
    "entrypoints/launchers/cli_args.py": ("BaseFrontendArgs", "FrontendArgs"),
}


def check_names(where: str, given: dict[str, Any], sources: Sources) -> None:
    """Raise UserError for a name in `given` that none of the classes in `sources` has.

    Where a vLLM has these classes elsewhere nothing is checked: it will complain itself.
    """
    fields = [_fields(file, classes) for file, classes in sources.items()]
    known: set[str] = set().union(*fields)
    for name in given if all(fields) else ():
        if name.replace("-", "_") not in known:
            hint = did_you_mean(name, known)
            raise UserError(f"{where}.{name}: vLLM knows no such argument{hint and '; '}{hint}")


def _fields(file: str, classes: tuple[str, ...]) -> set[str]:
    spec = importlib.util.find_spec("vllm")
    path = Path(spec.origin).parent / file if spec and spec.origin else None
    if path is None or not path.exists():
        return set()
    return {
        line.target.id
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and node.name in classes
        for line in node.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
    }
