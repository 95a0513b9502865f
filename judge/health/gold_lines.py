"""One line of a gold set in its own form, checked."""

import json
from pathlib import Path
from typing import Any

from preferences.shapes import recognise
from preferences.text_alone import beside_text, beside_words
from rounds.ids import digest
from texts.messages import prompt_fault, text_fault

LABELS = ("a", "b", "tie")
EXPECTED = (
    'expected {"prompt": ..., "a": ..., "b": ..., "label": "a", "b" or "tie"} '
    'or {"prompt": ..., "chosen": ..., "rejected": ...}'
)


def has_lines(path: Path) -> bool:
    """Whether a file is a gold set in its own form, and not one of another known shape."""
    if path.suffix not in (".jsonl", ".txt", ""):
        return False
    with path.open("rb") as file:
        first = next((line for line in file if line.strip()), b"")
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        return True
    if not isinstance(value, dict):
        return True
    if "prompt" in value and all(_plain(value.get(side)) for side in ("chosen", "rejected")):
        return True
    ours = {"a", "b", "label", "chosen", "rejected"}
    return bool(ours & value.keys()) and recognise(value) is None


def _plain(answer: Any) -> bool:
    return isinstance(answer, str) or (isinstance(answer, list) and len(answer) == 1)


def read_line(line: str) -> dict[str, Any]:
    """prompt (messages), a, b, label, reference and guidelines of a line of JSON.

    Where the line says chosen and rejected, the hash of prompt and texts says which of them is a.
    Raises ValueError saying what is wrong.
    """
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:  # RecursionError: a line of brackets only
        raise ValueError(f"not JSON ({error})") from error
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    prompt = value.get("prompt")
    messages: Any = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    if fault := beside_text(value) or beside_words(messages) or prompt_fault(messages):
        raise ValueError(fault)
    messages = [{"role": turn["role"], "content": turn["content"]} for turn in messages]
    return {
        "prompt": messages,
        **_sides(value, messages),
        "reference": _beside(value, "reference"),
        "guidelines": _beside(value, "guidelines"),
    }


def sides(messages: list[dict[str, str]], one: str, other: str) -> tuple[str, str]:
    """Which of two texts is a and which is b: by hash, whatever their order."""
    a, b = sorted((one, other))
    return (b, a) if int(digest("gold side", messages, a, b), 16) % 2 else (a, b)


def _sides(value: dict[str, Any], messages: list[dict[str, str]]) -> dict[str, str]:
    labelled = value.keys() & {"a", "b", "label"}
    if labelled and value.keys() & {"chosen", "rejected"}:
        raise ValueError("both a, b, label and chosen, rejected in it")
    if labelled:
        label = value.get("label")
        if label not in LABELS:
            raise ValueError(f"label {label!r} is none of {', '.join(LABELS)}")
        a, b = _answer(value, "a"), _answer(value, "b")
    else:
        chosen, rejected = _answer(value, "chosen"), _answer(value, "rejected")
        a, b = sides(messages, chosen, rejected)
        label = "a" if a == chosen else "b"
    if a.strip() == b.strip():
        raise ValueError("the two answers are the same")
    return {"a": a, "b": b, "label": label}


def _answer(value: dict[str, Any], name: str) -> str:
    """The text of an answer: a string, or a list with one assistant message."""
    answer = value.get(name)
    if fault := beside_words(answer):
        raise ValueError(f"{name}: {fault}")
    if isinstance(answer, list) and len(answer) == 1 and isinstance(answer[0], dict):
        turn = answer[0]
        answer = turn.get("content") if turn.get("role") == "assistant" else None
    if not isinstance(answer, str):
        raise ValueError(f"{name} is neither a text nor a list with one assistant message")
    if fault := text_fault(answer):
        raise ValueError(f"{name}: {fault}")
    return answer


def _beside(value: dict[str, Any], name: str) -> str | None:
    text = value.get(name)
    if text is not None and (not isinstance(text, str) or text_fault(text)):
        raise ValueError(f"{name} is not a text")
    return text
