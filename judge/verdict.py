"""Reading a judge's reply: one of the offered verdicts, or an abstention with a reason.

The channel is constrained by a JSON schema and checked again here, because endpoints ignore
schemas (a misconfigured reasoning parser switches vLLM's grammar off without a word).
"""

import json
from typing import Any, NamedTuple

VERDICTS = ("A", "B", "tie")


class Reading(NamedTuple):
    """What a reply says: a verdict (A, B, tie) or a score, or None and the reason why not."""

    value: str | int | None
    rationale: str | None
    reason: str | None


def pairwise_schema() -> dict[str, Any]:
    """`response_format` for a comparison. The rationale comes first: it is written first."""
    return _schema("comparison", "verdict", {"type": "string", "enum": list(VERDICTS)})


def pointwise_schema(scale: tuple[int, int]) -> dict[str, Any]:
    """`response_format` for a score on the scale."""
    allowed = list(range(scale[0], scale[1] + 1))
    return _schema("score", "score", {"type": "integer", "enum": allowed})


def read_pairwise(text: str) -> Reading:
    """Read a comparison."""
    return _read(text, "verdict", lambda value: isinstance(value, str) and value in VERDICTS)


def read_pointwise(text: str, scale: tuple[int, int]) -> Reading:
    """Read a score; one outside the scale is off the menu, never clipped."""
    low, high = scale
    return _read(text, "score", lambda value: type(value) is int and low <= value <= high)


def _schema(name: str, field: str, allowed: dict[str, Any]) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {"rationale": {"type": "string"}, field: allowed},
        "required": ["rationale", field],
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}


def _read(text: str, field: str, allowed: Any) -> Reading:
    try:
        value = json.loads(text, object_pairs_hook=_once)
    except _Twice:
        return Reading(None, None, "two_verdicts")
    except (ValueError, RecursionError):  # RecursionError: a reply of brackets only
        return Reading(None, None, "not_json")
    if not isinstance(value, dict) or value.keys() != {"rationale", field}:
        return Reading(None, None, "off_menu")
    rationale = None
    if isinstance(value["rationale"], str):  # half a character cannot be written to a table
        rationale = value["rationale"].encode(errors="replace").decode()
    if not allowed(value[field]):
        return Reading(None, rationale, "off_menu")
    return Reading(value[field], rationale, None)


class _Twice(ValueError):
    """A key stands twice in one object."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise _Twice
    return dict(pairs)
