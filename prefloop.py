"""The `prefloop` command, in a module whose name nobody else has.

prefloop's packages have short names. Another project in the same environment, or a folder on
PYTHONPATH, may have a `trainer` or a `flows` as well, so before any of them is imported it is made
sure that what Python finds by these names is prefloop's. Imports the standard library alone.

`prefloop.run_loop` is the flow, for deployments, and `prefloop.gpu_stage` that of their GPU stages:
a worker that starts in the folder of a project with a `flows` of its own finds prefloop's all the
same.
"""

import sys
from importlib import import_module
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PACKAGES = (
    *("flows", "sampler", "judge", "pairs", "trainer", "gate", "viewer", "endpoints"),
    *("preferences", "texts", "rounds", "starter", "prompts", "examples"),
)
FLOWS = {"run_loop": "flows.loop", "gpu_stage": "flows.gpu_stage"}
"""The flows that a deployment can name, and where they are."""
ROOT = Path(__file__).resolve().parent
"""The folder that this module and its packages lie in."""


def foreign_package() -> str | None:
    """What a person has to know of the first package that is not prefloop's; None if all are."""
    for name in PACKAGES:
        spec = find_spec(name)
        places = [spec.origin or "", *(spec.submodule_search_locations or [])] if spec else []
        place = Path(next(filter(None, places), ""))
        if place.resolve() != ROOT / name / "__init__.py":
            return _sentence(name, place if places else None)
    return None


def _sentence(name: str, place: Path | None) -> str:
    if place is None:
        return f"{ROOT / name}: this package of prefloop is not there; install prefloop again"
    others = sorted(set(packages_distributions().get(name, [])) - {"prefloop"})
    of = f" (of {', '.join(f'{other} {version(other)}' for other in others)})" if others else ""
    return (
        f"the package {name} that Python finds is {place}{of}, and not prefloop's {ROOT / name}: "
        "the two cannot share an environment; give prefloop one of its own (python3 -m venv), and "
        "leave the other out of PYTHONPATH"
    )


def __getattr__(name: str) -> Any:
    """A flow, imported when it is asked for. Raises ImportError where a package is not ours."""
    if name not in FLOWS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if str(ROOT) not in sys.path[:1]:  # before the folder that the worker works in
        sys.path.insert(0, str(ROOT))
    if fault := foreign_package():
        raise ImportError(fault)
    return getattr(import_module(FLOWS[name]), name)


def main() -> None:
    """Run the command line, if all of prefloop's packages are its own."""
    if fault := foreign_package():
        print(f"error: {fault}", file=sys.stderr)
        sys.exit(2)
    from flows.cli import app

    app()


if __name__ == "__main__":
    main()
