"""Functions that a user names: `module:function`."""

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

from rounds.errors import UserError


def load_function(where: str, reference: str, prefix: str = "") -> Callable[..., Any]:
    """The function behind `module:function`; the current folder is searched as well.

    `where` is the config key that names it, `prefix` what stands before it there. Raises UserError
    where there is no such module or function.
    """
    module, _, name = reference.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # whatever the user's module raises as it is imported
        raise UserError(
            f"{where}: cannot load {prefix}{reference} ({error}); expected {prefix}module:function"
        ) from error
    if not callable(found):
        raise UserError(f"{where}: {prefix}{reference} is not a function")
    function: Callable[..., Any] = found
    return function
