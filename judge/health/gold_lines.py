"""A gold set in its own form: a labelled pair on each line of JSON, or in a JSON array of them."""

from pathlib import Path
from typing import Any, NamedTuple

from preferences.answered import pair
from preferences.asked import ASKED, asked, prompt_column
from preferences.columns import fault_of, unread_columns
from preferences.config import Data
from preferences.nearest import likely_prompt
from preferences.preference import Preference, text_or_answer
from preferences.shapes import recognise
from preferences.turns import answer_to
from rounds.errors import UserError
from rounds.ids import digest
from rounds.rows import Messages
from texts.json_lines import DAMAGED, NOT_UTF8, holds_array, json_values
from texts.messages import prompt_fault, text_fault
from texts.packed import unpacked

LABELS = ("a", "b", "tie")
OWN_KEYS = ("a", "b", "label", "chosen", "rejected")
FOR_A_JUDGE = ("reference", "guidelines")
READ = (*ASKED, *OWN_KEYS, *FOR_A_JUDGE)
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


def is_in_own_form(path: Path, source: Data) -> bool:
    """Whether a file is a gold set in its own form, and not one of another known shape.

    `source` says which names its columns have.
    """
    if unpacked(path).suffix not in (".jsonl", ".json", ".txt", ""):
        return False
    first = next(json_values(path), None)
    if first is None or not isinstance(first.value, dict):
        return True
    row = source.renamed(first.value)
    if "prompt" in row and all(_is_one_answer(row.get(side)) for side in ("chosen", "rejected")):
        return True
    own = ("a" in row or "b" in row) or ("prompt" in row and "chosen" in row)
    return own and recognise(row) is None


def read_gold_lines(path: Path, source: Data, key: str) -> list[GoldPair]:
    """The distinct pairs of a file in the gold set's own form.

    `key` is the config key that named the file, and `source` what it says of it. Raises UserError
    where a line is malformed, unless such lines are skipped, where a pair is labelled in two ways,
    or where the file holds none.
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
            pair = _labelled_pair(source.renamed(value) if isinstance(value, dict) else value)
        except ValueError as error:
            if source.skip_malformed:
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
    labelled = bool(value.keys() & {"a", "b", "label"})
    if labelled and value.keys() & {"chosen", "rejected"}:
        raise ValueError("both a, b, label and chosen, rejected in it")
    asks = prompt_column({**value, **dict.fromkeys(OWN_KEYS)}) or "prompt" in value
    if not asks and (likely := likely_prompt(value, (*OWN_KEYS, *FOR_A_JUDGE))):
        raise ValueError(f"no prompt in it; if {likely} is it, columns: {{prompt: {likely}}}")
    if fault := fault_of(unread_columns(value, READ)):
        raise ValueError(fault)
    messages, a, b, label = _labelled(value) if labelled else _preferred(value)
    if fault := prompt_fault(messages):
        raise ValueError(fault)
    for name, text in (("a", a), ("b", b)):
        if fault := text_fault(text):
            raise ValueError(f"{name}: {fault}" if labelled else f"an answer: {fault}")
    if a.strip() == b.strip():
        raise ValueError("the two answers are the same")
    reference, guidelines = _optional_text(value, "reference"), _optional_text(value, "guidelines")
    return GoldPair(messages, a, b, label, reference, guidelines)


def _labelled(value: dict[str, Any]) -> tuple[Messages, str, str, str]:
    """The prompt, a, b and the label."""
    label = value.get("label")
    if label not in LABELS:
        raise ValueError(f"label {label!r} is none of {', '.join(LABELS)}")
    told = (text_or_answer(name, value.get(name), "") for name in ("a", "b"))
    a, b = (answer_to(value.get("prompt"), text) for text in told)
    return asked({**value, **dict.fromkeys(OWN_KEYS)}), a, b, label


def _preferred(value: dict[str, Any]) -> tuple[Messages, str, str, str]:
    """The prompt, the answers as a and b, and which of them is chosen."""
    told = pair(value)
    if not isinstance(told, Preference):
        a, b = told.answers or ("", "")
        return told.prompt, a, b, "tie"
    a, b = assign_sides(told.prompt, told.chosen, told.rejected)
    return told.prompt, a, b, "a" if a == told.chosen else "b"


def _optional_text(value: dict[str, Any], name: str) -> str | None:
    text = value.get(name)
    if text is not None and (not isinstance(text, str) or text_fault(text)):
        raise ValueError(f"{name} is not a text")
    return text


def _better_text(pair: GoldPair) -> str | None:
    """None for a tie. a and b may have changed places between two lines."""
    return {"a": pair.a, "b": pair.b}.get(pair.label)
