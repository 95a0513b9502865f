"""A gold set in its own form: a labelled pair on each line of JSON, or in a JSON array of them."""

from pathlib import Path
from typing import Any, NamedTuple

from preferences.shapes import recognise
from preferences.text_only import messages_beyond_text, row_beyond_text
from rounds.errors import UserError
from rounds.ids import digest
from rounds.rows import Messages
from texts.json_lines import DAMAGED, NOT_UTF8, holds_array, json_values
from texts.messages import prompt_fault, text_fault
from texts.packed import unpacked

LABELS = ("a", "b", "tie")
EXPECTED = (
    'expected {"prompt": ..., "a": ..., "b": ..., "label": "a", "b" or "tie"} '
    'or {"prompt": ..., "chosen": ..., "rejected": ...}'
)


class GoldPair(NamedTuple):
    """Two answers to a prompt (chat messages) and which is better: a, b, or tie."""

    prompt: Messages
    a: str
    b: str
    label: str
    reference: str | None = None
    guidelines: str | None = None


def is_in_own_form(path: Path) -> bool:
    """Whether a file is a gold set in its own form, and not one of another known shape."""
    if unpacked(path).suffix not in (".jsonl", ".json", ".txt", ""):
        return False
    first = next(json_values(path), None)
    if first is None or not isinstance(first.value, dict):
        return True
    row = first.value
    if "prompt" in row and all(_is_one_answer(row.get(side)) for side in ("chosen", "rejected")):
        return True
    own_keys = {"a", "b", "label", "chosen", "rejected"}
    return bool(own_keys & row.keys()) and recognise(row) is None


def read_gold_lines(path: Path, skip_malformed: bool, key: str) -> list[GoldPair]:
    """The distinct pairs of a file in the gold set's own form.

    `key` is the config key that named it. Raises UserError where a line is malformed, unless such
    lines are skipped, where a pair is labelled in two ways, or where the file holds none.
    """
    labelled: dict[str, tuple[GoldPair, int]] = {}
    place = "row" if holds_array(path) else "line"
    for number, value, fault in json_values(path):
        if fault and fault.startswith((NOT_UTF8, DAMAGED)):
            raise UserError(f"{key}: {path} is {fault}")
        where = f"{path}, {place} {number}"
        try:
            if fault:
                raise ValueError(fault)
            pair = _labelled_pair(value)
        except ValueError as error:
            if skip_malformed:
                continue
            raise UserError(f"{where}: {error}; {EXPECTED}") from error
        texts = digest(pair.prompt, *sorted((pair.a, pair.b)))
        first, first_number = labelled.setdefault(texts, (pair, number))
        if _better_text(first) != _better_text(pair):
            raise UserError(
                f"{where}: the same pair is labelled otherwise in {place} {first_number}; "
                "expected one label for it, or tie"
            )
    if not labelled:
        raise UserError(f"{key}: {path} holds no pairs; {EXPECTED} on each line")
    return [pair for pair, _ in labelled.values()]


def assign_sides(prompt: Messages, one: str, other: str) -> tuple[str, str]:
    """Which of two answers is a and which is b: by hash, whatever their order."""
    a, b = sorted((one, other))
    return (b, a) if int(digest("gold side", prompt, a, b), 16) % 2 else (a, b)


def _is_one_answer(answer: Any) -> bool:
    return isinstance(answer, str) or (isinstance(answer, list) and len(answer) == 1)


def _labelled_pair(value: Any) -> GoldPair:
    """The pair of a line of JSON. Raises ValueError saying what is wrong.

    Where the line says chosen and rejected, the hash of prompt and texts says which of them is a.
    """
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    prompt = value.get("prompt")
    messages: Any = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    if fault := row_beyond_text(value) or messages_beyond_text(messages) or prompt_fault(messages):
        raise ValueError(fault)
    messages = [{"role": turn["role"], "content": turn["content"]} for turn in messages]
    a, b, label = _labelled_sides(value, messages)
    if a.strip() == b.strip():
        raise ValueError("the two answers are the same")
    reference, guidelines = _optional_text(value, "reference"), _optional_text(value, "guidelines")
    return GoldPair(messages, a, b, label, reference, guidelines)


def _labelled_sides(value: dict[str, Any], messages: Messages) -> tuple[str, str, str]:
    """a, b and the label."""
    has_label = value.keys() & {"a", "b", "label"}
    if has_label and value.keys() & {"chosen", "rejected"}:
        raise ValueError("both a, b, label and chosen, rejected in it")
    if has_label:
        label = value.get("label")
        if label not in LABELS:
            raise ValueError(f"label {label!r} is none of {', '.join(LABELS)}")
        return _answer(value, "a"), _answer(value, "b"), label
    chosen, rejected = _answer(value, "chosen"), _answer(value, "rejected")
    a, b = assign_sides(messages, chosen, rejected)
    return a, b, "a" if a == chosen else "b"


def _answer(value: dict[str, Any], name: str) -> str:
    """The text of an answer: a string, or a list with one assistant message."""
    answer = value.get(name)
    if fault := messages_beyond_text(answer):
        raise ValueError(f"{name}: {fault}")
    if isinstance(answer, list) and len(answer) == 1 and isinstance(answer[0], dict):
        turn = answer[0]
        answer = turn.get("content") if turn.get("role") == "assistant" else None
    if not isinstance(answer, str):
        raise ValueError(f"{name} is neither a text nor a list with one assistant message")
    if fault := text_fault(answer):
        raise ValueError(f"{name}: {fault}")
    return answer


def _optional_text(value: dict[str, Any], name: str) -> str | None:
    text = value.get(name)
    if text is not None and (not isinstance(text, str) or text_fault(text)):
        raise ValueError(f"{name} is not a text")
    return text


def _better_text(pair: GoldPair) -> str | None:
    """None for a tie. a and b may have changed places between two lines."""
    return {"a": pair.a, "b": pair.b}.get(pair.label)
