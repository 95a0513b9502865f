"""The row of a label: what one person said of two answers, and what is wrong with a value."""

from datetime import datetime
from typing import Any, TypedDict, cast

from rounds.errors import UserError
from rounds.ids import text_hash
from rounds.rows import Messages

CHOICES = ("a", "b", "tie", "both_bad", "skip")


class Label(TypedDict):
    """A line: what one person said of two answers to a prompt, and how they came to be asked.

    `verdict` is a or b (that candidate is better), tie, both_bad or skip (not answered).
    `shown_first` is a or b; `chance` the probability with which `queue` drew the comparison, None
    where it drew by none; `at` ISO 8601, UTC. A line with `undoes` takes the line of that label_id
    back and says nothing else. `hash_a` and `hash_b` are of the two texts (rounds.ids.text_hash).
    """

    label_id: str
    round: int
    split: str
    prompt_id: str
    prompt: Messages
    candidate_a: str
    candidate_b: str
    answer_a: str
    answer_b: str
    hash_a: str
    hash_b: str
    shown_first: str
    verdict: str
    by: str
    at: str
    note: str | None
    queue: str
    chance: float | None
    undoes: str | None


TEXTS = ("label_id", "split", "prompt_id", "candidate_a", "candidate_b", "answer_a", "answer_b")
MORE_TEXTS = ("hash_a", "hash_b", "shown_first", "verdict", "by", "at", "queue")


def checked_label(value: Any, where: str) -> Label:
    """A value as a label. Raises UserError that begins with `where` and says what is wrong, also of
    a text that is not the one its hash was made of.
    """
    if not isinstance(value, dict):
        raise UserError(f"{where}: not an object; expected a label")
    names = Label.__annotations__
    if wrong := [name for name in names if name not in value]:
        raise UserError(f"{where}: no {wrong[0]} in it; a label has {', '.join(names)}")
    if wrong := [name for name in (*TEXTS, *MORE_TEXTS) if not isinstance(value[name], str)]:
        raise UserError(f"{where}: {wrong[0]} is {value[wrong[0]]!r}, not a text")
    if fault := _fault(value):
        raise UserError(f"{where}: {fault}")
    for side in ("a", "b"):
        if value[f"hash_{side}"] != hash_of(value[f"answer_{side}"]):
            raise UserError(
                f"{where}: answer_{side} is not the text that was labelled: its hash is "
                f"{hash_of(value[f'answer_{side}'])}, hash_{side} is {value[f'hash_{side}']}"
            )
    return cast(Label, {name: value[name] for name in names})


def _fault(value: dict[str, Any]) -> str | None:
    """What is wrong with a value of a label whose texts are texts."""
    chance, prompt = value["chance"], value["prompt"]
    if value["verdict"] not in CHOICES:
        return f"verdict {value['verdict']!r} is none of {', '.join(CHOICES)}"
    if value["shown_first"] not in ("a", "b"):
        return f"shown_first {value['shown_first']!r} is neither a nor b"
    if value["candidate_a"] == value["candidate_b"]:
        return f"candidate_a and candidate_b are both {value['candidate_a']!r}"
    if not value["by"].strip():
        return "by is empty; expected who labelled"
    if not isinstance(value["round"], int) or isinstance(value["round"], bool):
        return f"round {value['round']!r} is no number of a round"
    if chance is not None and not (isinstance(chance, (int, float)) and 0 < chance <= 1):
        return f"chance {chance!r} is no probability above 0"
    if not all(value[name] is None or isinstance(value[name], str) for name in ("note", "undoes")):
        return "note and undoes are texts or null"
    turns = prompt if isinstance(prompt, list) else [None]
    if not all(isinstance(turn, dict) and {"role", "content"} <= turn.keys() for turn in turns):
        return "prompt is no list of messages, each with role and content"
    try:
        datetime.fromisoformat(value["at"])
    except ValueError:
        return f"at {value['at']!r} is no time (ISO 8601)"
    return None


def hash_of(text: Any) -> str:
    """The hash of an answer; a text that has none is no text of a candidate."""
    try:
        return text_hash(text)
    except (AttributeError, UnicodeEncodeError):
        return ""
