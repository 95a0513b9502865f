"""What is wrong in a config, in one line that names the key and the nearest right one."""

import re
from typing import Any, get_origin

from pydantic import BaseModel

from flows.config import Config
from rounds.errors import did_you_mean

NOT_OURS = {"function-after", "function-before", "str", "int", "float", "list[str]", "one source"}
"""What pydantic puts between the keys: validators, and the branches of a choice of types."""


def explain(entry: Any, tree: Any) -> str:
    """One validation error as `key: what is wrong`, with the nearest right key."""
    location = [part for part in entry["loc"] if part not in NOT_OURS]
    where = ".".join(str(part) for part in location)
    if entry["type"] == "extra_forbidden":
        names = _keys_at(location[:-1])
        hint = did_you_mean(location[-1], names) or f"known here: {', '.join(sorted(names))}"
        return f"{where}: unknown key; {hint}"
    if entry["type"] == "missing":
        return f"{where}: is missing"
    message = entry["msg"].removeprefix("Value error, ")
    given = entry["input"]
    if entry["type"] == "model_type":
        message = f"expected a section with some of {', '.join(_keys_at(location))}"
    if entry["type"] == "literal_error":
        hint = did_you_mean(given, re.findall(r"'(\w+)'", entry["ctx"]["expected"]))
        message += f"; {hint}" if hint else ""
    shown = "" if isinstance(given, dict) or given is None else f" (it is {given!r})"
    if not where:
        return message
    within = re.match(r"\w+", message)  # a section's fault begins with the key that it is at
    joined = "." if within and within[0] in _keys_at(location) else ": "
    return f"{where}{joined}{message}{shown}"


def _keys_at(location: list[Any]) -> list[str]:
    """The keys a section knows, found by walking the tree of models along `location`."""
    here: Any = Config
    parts = iter(location)
    for part in parts:
        field = here.model_fields.get(part) if hasattr(here, "model_fields") else None
        if field and get_origin(field.annotation) is dict:
            next(parts, None)  # the name of an entry, which is nobody's field
        here = _model_in(field.annotation) if field else here
    return list(getattr(here, "model_fields", ()))


def _model_in(annotation: Any) -> Any:
    """The pydantic model inside an annotation such as `Model | None` or `dict[str, Model]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    models = (_model_in(part) for part in getattr(annotation, "__args__", ()))
    return next((model for model in models if model is not None), None)
