"""Functions of the user's: `path/to/file.py:function`, or `module:function`.

A file is loaded under a private name, so that a `judge.py` or `pairs.py` of the user's is never
taken for one of prefloop's packages, nor one of these for it. What such a file imports is found as
Python finds it, and its neighbours last of all: a neighbour of the name of a package is hidden.
Files of two folders each get their own neighbours, also for an import inside a function.
"""

import hashlib
import importlib
import inspect
import math
import numbers
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from rounds.errors import UserError, did_you_mean
from rounds.ids import file_hash
from rounds.raised import place_of
from rounds.settings import PACKAGES

NEIGHBOURS: dict[str, dict[str, ModuleType]] = {}
"""For each folder that is not searched now, the modules of it that were imported, by their name."""

SEARCHED: list[str] = []
"""The folder of the file that was loaded or called last, the end of sys.path; at most one."""

HASHES: dict[ModuleType, str] = {}
"""For each loaded module the hash of its file as it was then: an edit does not change what runs."""

PRIVATE = "prefloop_user_"
"""Begins the name under which a user's file is loaded."""


class UserFunction(NamedTuple):
    """A function of the user's: calling it raises UserError where it fails.

    `where` is the config key that names it, `reference` how it is named there, `source` the hash of
    the file that it stands in ("" where it is in none), `folder` where its neighbours are.
    """

    where: str
    reference: str
    function: Callable[..., Any]
    source: str
    folder: Path

    def __call__(self, *arguments: Any) -> Any:
        _search(self.folder)
        try:
            return self.function(*arguments)
        except (Exception, SystemExit) as error:  # a script's exit(0) is no success of ours
            fault = f"{type(error).__name__}: {error}{place_of(error, self.folder)}"
            raise self.fault(f"failed ({fault})") from error

    def taking(self, *arguments: str) -> "UserFunction":
        """Itself. Raises UserError where it cannot be called with so many arguments."""
        if inspect.iscoroutinefunction(self.function):
            raise self.fault("is async; expected a plain function")
        try:
            signature = inspect.signature(self.function)
        except (TypeError, ValueError):  # of a built-in nothing is known
            return self
        try:
            signature.bind(*arguments)
        except TypeError as error:
            raise self.fault(
                f"takes {signature}, and is called with ({', '.join(arguments)}): {error}"
            ) from error
        return self

    def fault(self, what: str) -> UserError:
        """The error for what the function did."""
        return UserError(f"{self.where}: {self.reference} {what}")


def load_function(where: str, reference: str, prefix: str = "") -> UserFunction:
    """The function behind a reference.

    A file is looked for from the current folder; a module is the file of its name there, if there
    is one, else what Python imports by that name. `where` is the config key, `prefix` what stands
    before the reference there. Raises UserError where there is no such file, module or function.
    """
    target, _, name = reference.rpartition(":")
    path = None
    try:
        if not target:
            raise ImportError(f"no function is named in {reference!r}")
        path = _file_of(target, [Path.cwd()])
        folder = Path.cwd() if path is None else path.parent
        module = _import(target) if path is None else _load(path)
        if not hasattr(module, name):
            hint = did_you_mean(name, vars(module))
            what = f"module {target!r}" if path is None else path
            raise ImportError(f"{what} has no attribute {name!r}" + (f"; {hint}" if hint else ""))
        function = getattr(module, name)
    except (Exception, SystemExit) as error:  # whatever the user's module raises
        fault = f"it exits, with {error.code}" if isinstance(error, SystemExit) else error
        fault = f"{fault}{place_of(error, Path.cwd() if path is None else path.parent)}"
        raise UserError(
            f"{where}: cannot load {prefix}{reference} ({fault}); a file is {prefix}path/to/"
            f"file.py:function, otherwise expected {prefix}module:function"
        ) from error
    if not callable(function):
        raise UserError(f"{where}: {prefix}{reference} is not a function")
    return UserFunction(where, prefix + reference, function, _source_hash(module), folder)


def is_number(value: object) -> bool:
    """Whether it is a number that can be compared, numpy's scalars among them: NaN, the infinities
    and what no float can hold are none.
    """
    try:
        return isinstance(value, numbers.Real) and math.isfinite(value)
    except OverflowError:
        return False


def absolute(reference: str, folder: Path) -> str:
    """The reference with the whole path of its file, looked for in `folder` and then in the current
    one; as it is where it names a module that is in neither, or nothing that could be a path.
    """
    target, _, name = reference.rpartition(":")
    try:
        path = _file_of(target, [folder, Path.cwd()])
    except (OSError, RuntimeError, ValueError):  # load_function tells what is wrong with it
        return reference
    return reference if path is None else f"{path}:{name}"


def short_reference(reference: str) -> str:
    """The reference with the name of its file alone: what it is called wherever the file lies."""
    target, colon, name = reference.rpartition(":")
    return f"{Path(target).name}{colon}{name}" if target.endswith(".py") else reference


def _file_of(target: str, folders: list[Path]) -> Path | None:
    """The file that is meant: a path, or the module of that name in the first folder that has it.

    A path that is in none of them is that in the first.
    """
    is_path = target.endswith(".py")
    if not is_path and not target.isidentifier():
        return None
    name = Path(target if is_path else f"{target}.py").expanduser()
    existing = (folder / name for folder in folders if (folder / name).is_file())
    path = next(existing, folders[0] / name if is_path else None)
    return path and path.resolve()


def _load(path: Path) -> ModuleType:
    """The module of a file, executed once for each version of its text."""
    if not path.is_file():
        raise ImportError(f"there is no file {path}")
    source = path.read_bytes()
    hashed = hashlib.sha256(f"{path}\n".encode() + source).hexdigest()[:16]
    name = PRIVATE + hashed
    _search(path.parent)
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses and pickle look it up there
    try:
        # compiled here: Python's own cache takes two versions of one second and size for the same
        exec(compile(source, str(path), "exec"), vars(module))
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _import(module: str) -> ModuleType:
    _search(Path.cwd())
    return importlib.import_module(module)


def _search(folder: Path) -> None:
    """Let what is loaded or called import the neighbours in this folder, after all that is
    installed and prefloop's own packages, so that they hide none of it.

    Those of the folder before, of whatever name, are put away until it has its turn again.
    """
    here = [str(folder)]
    if here == SEARCHED:
        return
    path = [entry for entry in sys.path if entry not in SEARCHED]
    if str(PACKAGES) not in path:  # where it is not installed as editable
        path.append(str(PACKAGES))
    if str(folder) in path:
        here = []  # Python looks there anyway
    for before in SEARCHED:
        NEIGHBOURS[before] = {name: sys.modules.pop(name) for name in _imported_from(before)}
    for now in here:
        sys.modules.update(NEIGHBOURS.pop(now, {}))
    SEARCHED[:] = here
    sys.path[:] = [*path, *here]


def _imported_from(folder: str) -> list[str]:
    """The names of the modules that lie in this folder and of what is in its packages."""
    tops = set()
    for name, module in list(sys.modules.items()):
        if "." in name or name.startswith(PRIVATE):
            continue
        spec = getattr(module, "__spec__", None)  # not the module's own attributes: torch's make up
        places = [spec.origin, *(spec.submodule_search_locations or [])] if spec else []
        if any(place and os.path.dirname(place) == folder for place in places):  # a Path is slow
            tops.add(name)
    return [name for name in list(sys.modules) if name.partition(".")[0] in tops]


def _source_hash(module: ModuleType) -> str:
    if module not in HASHES:
        try:
            source = inspect.getsourcefile(module)
        except TypeError:  # a module that is built in
            source = None
        in_file = source and Path(source).is_file()
        HASHES[module] = file_hash(Path(str(source))) if in_file else ""
    return HASHES[module]
