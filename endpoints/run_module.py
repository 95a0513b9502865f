"""Runs one of our modules as a program: `python -P endpoints/run_module.py MODULE ARGUMENTS...`

`python -m MODULE` would search the current folder first, where a user's judge.py or json.py may
lie. Here the folder of prefloop's packages comes right after the standard library: nothing of ours
hides a module of Python's, and no package of another distribution hides one of ours.
"""

import os
import runpy
import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parent.parent)
"""The folder that holds prefloop's packages: site-packages where it is installed."""


def after_standard_library(path: list[str]) -> int:
    """The place in a search path (`sys.path`) that follows the standard library."""
    library = os.path.dirname(os.__file__)
    own = {library, os.path.join(library, "lib-dynload")}
    return max((place for place, entry in enumerate(path, 1) if entry in own), default=len(path))


def main() -> None:
    """Run the module as `__main__`, with what follows it as its arguments."""
    if ROOT not in sys.path:
        sys.path.insert(after_standard_library(sys.path), ROOT)
    # alter_sys: a process that `multiprocessing` spawns learns the module's name from sys.modules
    runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
