"""Imported preferences as pairs to train on, without those on held-out prompts."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice

from preferences.config import Data
from preferences.preference import Preference
from preferences.read import Malformed, read_preferences
from rounds.ids import digest, prompt_id
from rounds.schema import OPTIONAL
from rounds.tables import Row
from texts.leaks import LeakFinder

ROWS_AT_ONCE = 1024


def imported_pairs(
    source: Data, key: str, held_out: LeakFinder, left_out: Counter[str]
) -> Iterator[Row]:
    """The preferences of a source as rows of extra.parquet, read as a stream.

    `left_out` counts, by reason, the rows that are no pair to train on. A preference that stands
    there twice is taken once. Raises UserError as `read_preferences` does.
    """
    seen: set[str] = set()
    said = read_preferences(source, key).rows
    while some := list(islice(said, ROWS_AT_ONCE)):
        found = [one for one in some if isinstance(one, Preference)]
        left_out.update(
            "malformed" if isinstance(one, Malformed) else one.reason
            for one in some
            if not isinstance(one, Preference)
        )
        leaks = held_out.asked_in([one.prompt for one in found])
        for one, asks in zip(found, leaks, strict=True):
            row = _pair(one)
            leak = asks or held_out.quoted_in(one.prompt, [one.chosen, one.rejected])
            if leak or row["pair_id"] in seen:
                left_out[leak.reason if leak else "repeated"] += 1
                continue
            seen.add(row["pair_id"])
            yield row


def _pair(one: Preference) -> Row:
    better, worse = one.score_chosen, one.score_rejected
    return dict.fromkeys(column.name for column in OPTIONAL["extra"]) | {
        "pair_id": digest("imported", one.prompt, one.chosen, one.rejected),
        "prompt_id": prompt_id(one.prompt),
        "prompt": one.prompt,
        "chosen": [{"role": "assistant", "content": one.chosen}],
        "rejected": [{"role": "assistant", "content": one.rejected}],
        "score_chosen": better,
        "score_rejected": worse,
        "margin": None if better is None or worse is None else better - worse,
        "origin": one.where,
    }
