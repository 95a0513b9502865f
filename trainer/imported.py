"""Imported preferences as pairs to train on, without those on held-out prompts."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

from rounds.ids import digest, prompt_id
from rounds.near import Near
from rounds.normal import asked, plain
from rounds.preferences.config import Data
from rounds.preferences.preference import Messages, Preference
from rounds.preferences.read import Malformed, read_preferences
from rounds.schema import OPTIONAL
from rounds.tables import Row

NEAR = 0.8
"""Jaccard similarity of two prompts' word 3-grams from which they count as one."""
ROWS_AT_ONCE = 1024


class HeldOut:
    """The gate and test prompts of a round. Some hundred bytes a word are held."""

    def __init__(self, prompts: Iterable[Messages]) -> None:
        texts = [asked(messages) for messages in prompts]
        self._plain = {plain(text) for text in texts}
        self._near = Near(NEAR)
        self._near.add(texts)

    def hold(self, prompts: Iterable[Messages]) -> list[bool]:
        """For each prompt whether it is, or comes near to, one of them."""
        texts = [asked(messages) for messages in prompts]
        hits = self._near.find(texts)
        return [
            hit is not None or plain(text) in self._plain
            for text, hit in zip(texts, hits, strict=True)
        ]


def imported_pairs(
    source: Data, key: str, held_out: HeldOut, left_out: Counter[str]
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
        held = held_out.hold([one.prompt for one in found])
        for one, is_held in zip(found, held, strict=True):
            row = _pair(one)
            if is_held or row["pair_id"] in seen:
                left_out["held_out_prompt" if is_held else "repeated"] += 1
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
