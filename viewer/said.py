"""What a judge said, in words: a verdict as a sentence, a reply part by part."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

UNKNOWN = "?"
"""In the place of a candidate that is not in the table."""


def candidate_names(*candidates: Mapping[str, Any]) -> dict[str, str]:
    """The candidates of a prompt by id, as #0, #1."""
    return {row["candidate_id"]: f"#{row['index']}" for row in candidates}


def verdict_words(verdict: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """What a verdict says of which candidates, in the order in which they were shown."""
    a, b = (names.get(verdict[side] or "", UNKNOWN) for side in ("candidate_a", "candidate_b"))
    if verdict["kind"] == "pointwise":
        score = "no score" if verdict["score"] is None else f"score {verdict['score']:.4g}"
        said = f"{a} alone: {score}"
    elif verdict["kind"] == "questions":
        said = f"questions about the article: {verdict['outcome']}"
    elif verdict["kind"] == "answers":
        score = "no score" if verdict["score"] is None else f"score {verdict['score']:.4g}"
        said = f"{a} answering alone: {score}"
    elif verdict["kind"] == "listwise":
        ranked = " > ".join(names.get(name, UNKNOWN) for name in verdict["ranking"] or [])
        said = f"all in a list: {ranked or 'no ranking'}"
    else:
        first, second = (b, a) if verdict["shown_first"] == "b" else (a, b)
        won = {"a": f"{a} better", "b": f"{b} better"}.get(verdict["outcome"], verdict["outcome"])
        said = f"{first} {'and' if verdict['shown_first'] is None else 'then'} {second}: {won}"
    for criterion in verdict["criteria"] or []:
        said += f", {criterion['name']} {criterion['value']:g}"
    return f"on appeal, {said}" if verdict["level"] else said


def reply_parts(reply: Mapping[str, Any]) -> tuple[list[tuple[str, str]], str]:
    """The parts of a reply's message that say something, and how it ended; a reply of another form
    as it came.
    """
    try:
        (choice,) = reply["choices"]
        said = [
            (name, as_text(value))
            for name, value in choice["message"].items()
            if value and name != "role"
        ]
        return said, str(choice.get("finish_reason"))
    except (KeyError, TypeError, ValueError, AttributeError):
        return [("reply", as_text(reply))], "of another form"


def as_text(value: object) -> str:
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def moment(at: float) -> str:
    """A time in seconds since 1970 as people and machines read it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
