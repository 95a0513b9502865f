"""A gold set from public preference data, whatever its shape."""

from collections import Counter
from typing import Any

from judge.gold_lines import sides
from rounds.errors import UserError
from rounds.ids import digest
from rounds.preferences.config import Data
from rounds.preferences.preference import Preference, Undecided
from rounds.preferences.read import read_preferences


def public_pairs(source: Data, key: str) -> list[dict[str, Any]]:
    """prompt (messages), a, b and label of the distinct pairs, ties included.

    Where several people labelled a pair, the label is the one that most of them gave, and a tie
    where none leads. Raises UserError as `read_preferences` does, and where there is no pair.
    """
    found: dict[str, dict[str, Any]] = {}
    labels: dict[str, Counter[str]] = {}
    for said in read_preferences(source, key).rows:
        if isinstance(said, Preference):
            a, b = sides(said.prompt, said.chosen, said.rejected)
            label = "a" if a == said.chosen else "b"
        elif isinstance(said, Undecided) and said.answers:
            a, b = sides(said.prompt, *said.answers)
            label = "tie"
        else:
            continue
        name = digest(said.prompt, a, b)
        found.setdefault(name, {"prompt": said.prompt, "a": a, "b": b})
        labels.setdefault(name, Counter())[label] += 1
    if not found:
        raise UserError(f"{key}: {source} holds no pair of two answers")
    return [pair | {"label": _most(labels[name])} for name, pair in found.items()]


def _most(labels: Counter[str]) -> str:
    (first, count), *others = labels.most_common()
    return "tie" if others and others[0][1] == count else first
