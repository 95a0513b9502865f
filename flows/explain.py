"""What is wrong in a config, in one line that names the key and the nearest right one."""

import re
from collections.abc import Sequence
from typing import Any, get_origin

from pydantic import BaseModel

from flows.config import Config
from rounds.errors import did_you_mean

BRANCHES = {"str", "int", "float", "list[str]", "one source", "FromEnvironment"}
"""What pydantic calls the branches of a choice of types, and puts between the keys."""
NOT_OURS = {"function-after", "function-before", *BRANCHES}
"""The same, and validators."""


def explained(errors: Sequence[Any], root: type[BaseModel] = Config) -> str:
    """Validation errors of a tree of sections below `root`, each said once.

    Where a section was given for a text or a section, that it is no text is not said.
    """
    looked = {entry["loc"][:depth] for entry in errors for depth in range(len(entry["loc"]))}

    def beside_the_point(entry: Any) -> bool:
        *before, branch = entry["loc"] or [None]
        others = ((*before, other) in looked for other in BRANCHES)
        return branch == "str" and isinstance(entry["input"], dict) and any(others)

    lines = (explain(entry, root) for entry in errors if not beside_the_point(entry))
    return "; ".join(dict.fromkeys(lines))


def explain(entry: Any, root: type[BaseModel]) -> str:
    """One validation error as `key: what is wrong`, with the nearest right key."""
    location = [part for part in entry["loc"] if part not in NOT_OURS]
    where = ".".join(str(part) for part in location)
    if entry["type"] == "extra_forbidden":
        names = _keys_at(root, location[:-1])
        hint = did_you_mean(location[-1], names)
        if not hint and (below := _below(root, location)):
            hint = f"did you mean {below}?"
        return f"{where}: unknown key; {hint or 'known here: ' + ', '.join(sorted(names))}"
    if entry["type"] == "missing":
        return f"{where}: is missing"
    message = entry["msg"].removeprefix("Value error, ")
    given = entry["input"]
    if entry["type"] == "model_type":
        message = f"expected a section with some of {', '.join(_keys_at(root, location))}"
    if entry["type"] == "string_type" and isinstance(given, dict):
        message = "expected a text, and this is a section"
    if entry["type"] == "literal_error":
        hint = did_you_mean(given, re.findall(r"'(\w+)'", entry["ctx"]["expected"]))
        message += f"; {hint}" if hint else ""
    shown = "" if isinstance(given, dict) or given is None else f" (it is {given!r})"
    if not where:
        return message
    within = re.match(r"\w+", message)  # a section's fault begins with the key that it is at
    joined = "." if within and within[0] in _keys_at(root, location) else ": "
    return f"{where}{joined}{message}{shown}"


def _keys_at(root: Any, location: list[Any]) -> list[str]:
    """The keys that a section knows."""
    return list(_fields_at(root, location))


def _fields_at(root: Any, location: list[Any]) -> dict[str, Any]:
    """The fields of a section, found by walking the tree of models along `location`."""
    here = root
    parts = iter(location)
    for part in parts:
        field = here.model_fields.get(part) if hasattr(here, "model_fields") else None
        if field and get_origin(field.annotation) is dict:
            next(parts, None)  # the name of an entry, which is nobody's field
        here = _model_in(field.annotation) if field else here
    return getattr(here, "model_fields", {})


def _below(root: Any, location: list[Any]) -> str | None:
    """The key of that name in a section within the one where it stands, if one has it."""
    *section, key = location
    for name, field in _fields_at(root, section).items():
        if key in getattr(_model_in(field.annotation), "model_fields", ()):
            entry = ".NAME" if get_origin(field.annotation) is dict else ""
            return f"{name}{entry}.{key}"
    return None


def _model_in(annotation: Any) -> Any:
    """The pydantic model inside an annotation such as `Model | None` or `dict[str, Model]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    models = (_model_in(part) for part in getattr(annotation, "__args__", ()))
    return next((model for model in models if model is not None), None)
