"""Functions of the user's: `path/to/file.py:function`, or `module:function`.

A file is loaded under a private name, so that a `judge.py` or `pairs.py` of the user's is never
taken for one of prefloop's packages, nor one of these for it. What such a file imports is found as
Python finds it, and its neighbours last of all: a neighbour of the name of a package is hidden.
"""

import hashlib
import importlib
import inspect
import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from rounds.errors import UserError, did_you_mean
from rounds.ids import file_hash

USER_FOLDERS: list[str] = []
"""Folders of loaded files, that of the last one first: the end of sys.path."""


PACKAGES = Path(__file__).resolve().parent.parent
"""The folder that holds prefloop's packages."""


class UserFunction(NamedTuple):
    """A function of the user's: calling it raises UserError where it fails.

    `where` is the config key that names it, `reference` how it is named there, `source` the hash of
    the file that it stands in ("" where it is in none).
    """

    where: str
    reference: str
    function: Callable[..., Any]
    source: str

    def __call__(self, *arguments: Any) -> Any:
        try:
            return self.function(*arguments)
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
            raise self.fault(f"failed ({fault})") from error

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
    try:
        if not target:
            raise ImportError(f"no function is named in {reference!r}")
        path = _file_of(target, [Path.cwd()])
        module = _import(target) if path is None else _load(path)
        if not hasattr(module, name):
            hint = did_you_mean(name, vars(module))
            what = f"module {target!r}" if path is None else path
            raise ImportError(f"{what} has no attribute {name!r}" + (f"; {hint}" if hint else ""))
        function = getattr(module, name)
    except Exception as error:  # whatever the user's module raises as it is imported
        raise UserError(
            f"{where}: cannot load {prefix}{reference} ({error}); a file is {prefix}path/to/"
            f"file.py:function, otherwise expected {prefix}module:function"
        ) from error
    if not callable(function):
        raise UserError(f"{where}: {prefix}{reference} is not a function")
    return UserFunction(where, prefix + reference, function, _source_hash(module))


def is_number(value: object) -> bool:
    """Whether it is a number that can be compared: NaN and the infinities are none."""
    return isinstance(value, (int, float)) and math.isfinite(value)


def absolute(reference: str, folder: Path) -> str:
    """The reference with the whole path of its file, looked for in `folder` and then in the current
    one; as it is where it names a module that is in neither.
    """
    target, _, name = reference.rpartition(":")
    path = _file_of(target, [folder, Path.cwd()])
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
    name = f"prefloop_user_{hashed}"
    if name in sys.modules:
        return sys.modules[name]
    _search(path.parent)
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
    """Let what is loaded import its neighbours: after all that is installed and prefloop's own
    packages, so that they hide none of it, and before those of a file from another folder.
    """
    if str(folder) in sys.path and str(folder) not in USER_FOLDERS:
        return  # Python looks there anyway
    USER_FOLDERS[:] = [str(folder), *(other for other in USER_FOLDERS if other != str(folder))]
    before = [entry for entry in sys.path if entry not in USER_FOLDERS]
    ours = [] if str(PACKAGES) in before else [str(PACKAGES)]  # not, where installed as editable
    sys.path[:] = [*before, *ours, *USER_FOLDERS]
    for neighbour in folder.glob("*.py"):
        source = getattr(sys.modules.get(neighbour.stem), "__file__", None)
        if source and source != str(neighbour) and str(Path(source).parent) in USER_FOLDERS:
            del sys.modules[neighbour.stem]


def _source_hash(module: ModuleType) -> str:
    try:
        source = inspect.getsourcefile(module)
    except TypeError:  # a module that is built in
        return ""
    return file_hash(Path(source)) if source and Path(source).is_file() else ""
