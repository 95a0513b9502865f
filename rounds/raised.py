"""Where a user's function raised what it raised."""

import importlib
import traceback
from pathlib import Path

import prefloop
from rounds.settings import PACKAGES

LOADER = Path(importlib.__file__)


def place_of(error: BaseException, folder: Path) -> str:
    """The place in the user's code in this folder, as "; FILE, line N, in NAME".

    That of the last call in it, else of the first that is not ours; nothing where there is none.
    """
    calls = traceback.extract_tb(error.__traceback__)
    others = [call for call in calls if Path(call.filename).is_file()]
    others = [call for call in others if not _is_ours(Path(call.filename))]
    theirs = [call for call in others if _is_theirs(Path(call.filename), folder)]
    place = theirs[-1] if theirs else next(iter(others), None)
    return "" if place is None else f"; {place.filename}, line {place.lineno}, in {place.name}"


def _is_theirs(file: Path, folder: Path) -> bool:
    """Whether a file is the user's, and nothing installed in an environment below the folder."""
    inside = file.is_relative_to(folder) and "site-packages" not in file.relative_to(folder).parts
    return inside and not file.is_relative_to(PACKAGES)


def _is_ours(file: Path) -> bool:
    """Whether a file is prefloop's, or what imports modules: they load and call the user's."""
    if not file.is_relative_to(PACKAGES):
        return file == LOADER
    return file.relative_to(PACKAGES).parts[0] in prefloop.PACKAGES
