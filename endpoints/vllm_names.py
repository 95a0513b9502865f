"""The argument names that vLLM knows, read from its source: importing it takes ten seconds."""

from collections.abc import Mapping
from typing import Any

from endpoints.source_names import declared_fields
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
    fields = [declared_fields("vllm", file, classes) for file, classes in sources.items()]
    known: set[str] = set().union(*fields)
    for name in given if all(fields) else ():
        if name.replace("-", "_") not in known:
            hint = did_you_mean(name, known)
            raise UserError(f"{where}.{name}: vLLM knows no such argument{hint and '; '}{hint}")
