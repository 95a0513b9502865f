"""Which argument an endpoint refuses, and what may be sent to it in its place."""

import re
from collections.abc import Set
from typing import Any

from endpoints.dialect import Dialect, spoken
from rounds.errors import UserError

NAMES = {
    "response_format": r"response_format|json_schema|json_object|guided_|structured[ _]outputs?"
    r"|\bgrammar\b",
    "logprobs": r"(?<!top_)log_?probs|log probabilit",
    "top_logprobs": r"top_logprobs|top_n_tokens",
    "max_tokens": r"\bmax_tokens\b|\bmax_new_tokens\b",
    "max_completion_tokens": r"\bmax_completion_tokens\b",
    "temperature": r"\btemperature\b",
    "seed": r"\bseed\b",
    "system": r"system (?:role|message|prompt|instruction|turn)|developer instruction"
    r"|roles must alternate",
}
"""How servers call the arguments that a dialect can do without."""

TOO_LONG = re.compile(
    r"context (?:length|size|window)|maximum context|too long|too large|reduce the length"
    r"|prompt is longer|exceeds? (?:the )?(?:model|context|maximum)"
    r"|longer than the maximum model length|max_tokens must be at least 1, got -"
    r"|inputs` (?:tokens \+ `max_new_tokens` must be|must have less than)",
    re.IGNORECASE,
)
"""A text or a limit that the model has no room for: no argument is to blame."""

MOST = re.compile(
    r"(?:<=|at most|less than or equal to|between 0 and|maximum(?: value)?(?: of| is|:))\s*(\d+)",
    re.IGNORECASE,
)

OPTIONAL = {"temperature": False, "logprobs": False, "seed": False}
"""What a verdict is as sure without, from the second refusal on: there are only three calls."""


class ParameterRefused(UserError):
    """An endpoint refuses an argument of a call; `said` is what it said."""

    def __init__(self, name: str, parameter: str, said: str) -> None:
        self.parameter, self.said = parameter, said
        what = f"does not give {parameter}" if "logprobs" in parameter else f"refuses {parameter}"
        super().__init__(
            f"endpoint {name} {what} ({said}); if it took that before, the same command asks it "
            "anew what it takes; else set "
            + ("a model that takes system turns" if parameter == "system" else f"{parameter}: null")
            + f" in the `sampling` of what asks it (judge.sampling), or endpoints.{name}.dialect"
        )


def refused_parameter(said: str, body: dict[str, Any]) -> str:
    """The argument of `body` that the endpoint names in a refusal; empty where it names none."""
    if TOO_LONG.search(said):
        return ""
    sent = set(body) - {"messages", "model", "extra_body"} | set(body.get("extra_body") or {})
    if any(turn.get("role") == "system" for turn in body.get("messages", ())):
        sent.add("system")
    if (param := re.search(r"\(param: (\w+)\)$", said)) and param[1] in sent:
        return param[1]
    if "logprobs" in sent and "top_logprobs" not in sent and "top_logprobs" in said:
        return "logprobs"
    found = [
        (match.start(), name)
        for name in sorted(sent)
        if (match := re.search(NAMES.get(name, rf"[`'\"]{re.escape(name)}[`'\"]"), said, re.I))
    ]
    return min(found)[1] if found else ""


def adapted(
    dialect: Dialect,
    body: dict[str, Any],
    said: str,
    times: int,
    needs: Set[str] = frozenset(),
) -> Dialect | None:
    """The dialect to try after `body` was refused; None where none keeps a verdict sure.

    `times` counts the refusals before. Nothing of `needs` is left out.
    """
    sent = spoken(body, dialect)
    change = _change(dialect, refused_parameter(said, sent), said)
    if change is None:
        return None
    if times or spoken(body, dialect.model_copy(update=change)) == sent:
        change = {**{name: off for name, off in OPTIONAL.items() if name not in needs}, **change}
    if any(change.get(name, True) is False for name in needs):
        return None
    tried = dialect.model_copy(update=change)
    return None if spoken(body, tried) == sent else tried


def _change(dialect: Dialect, parameter: str, said: str) -> dict[str, Any] | None:
    match parameter:
        case "max_tokens" | "max_completion_tokens":
            renamed = dialect.token_limit == "max_tokens" and parameter == "max_tokens"
            return {"token_limit": "max_completion_tokens" if renamed else None}
        case "temperature" | "seed":
            return {parameter: False}
        case "top_logprobs" if (most := MOST.search(said)) and int(most[1]) > 0:
            return {"top_logprobs": int(most[1])}
        case "logprobs" | "top_logprobs":
            return {"logprobs": False}
        case "response_format":
            listed = dialect.response_format == "json_schema" and "json_object" in said
            return {"response_format": "json_object" if listed else None}
        case "system":
            return {"system_role": False}
        case "":  # it does not say what it minds: first the form, then all that can be left out
            return {"response_format": None}
    return None
