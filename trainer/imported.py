"""Imported preferences as pairs to train on, without those on held-out prompts."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice

from preferences.config import Data
from preferences.preference import Preference
from preferences.read import Malformed, read_preferences
from rounds.ids import digest, prompt_id
from rounds.rows import ExtraPair
from texts.leaks import LeakFinder
from texts.own_tokens import find_token

ROWS_AT_ONCE = 1024


def imported_pairs(
    source: Data,
    key: str,
    held_out: LeakFinder,
    left_out: Counter[str],
    tokens: tuple[str, ...] = (),
) -> Iterator[ExtraPair]:
    """The preferences of a source as rows of extra.parquet, read as a stream.

    `left_out` counts, by reason, the rows that are no pair to train on; so is one with a control
    token of the run's tokenizers (`tokens`) in it. A preference that stands there twice is taken
    once. Raises UserError as `read_preferences` does.
    """
    seen: set[str] = set()
    rows = read_preferences(source, key).rows
    while batch := list(islice(rows, ROWS_AT_ONCE)):
        preferences = [row for row in batch if isinstance(row, Preference)]
        left_out.update(
            "malformed" if isinstance(row, Malformed) else row.reason
            for row in batch
            if not isinstance(row, Preference)
        )
        leaks = held_out.leaks_of_prompts([preference.prompt for preference in preferences])
        for preference, prompt_leak in zip(preferences, leaks, strict=True):
            said = [turn["content"] for turn in preference.prompt]
            if find_token("\n".join([*said, preference.chosen, preference.rejected]), tokens):
                left_out["chat_tokens"] += 1
                continue
            pair = _pair(preference)
            leak = prompt_leak or held_out.quoted_leak(
                preference.prompt, [preference.chosen, preference.rejected]
            )
            if leak or pair["pair_id"] in seen:
                left_out[leak.reason if leak else "repeated"] += 1
                continue
            seen.add(pair["pair_id"])
            yield pair


def _pair(preference: Preference) -> ExtraPair:
    chosen, rejected = preference.score_chosen, preference.score_rejected
    return {
        "pair_id": digest("imported", preference.prompt, preference.chosen, preference.rejected),
        "prompt_id": prompt_id(preference.prompt),
        "round": None,
        "prompt": preference.prompt,
        "chosen": [{"role": "assistant", "content": preference.chosen}],
        "rejected": [{"role": "assistant", "content": preference.rejected}],
        "chosen_id": None,
        "rejected_id": None,
        "candidate_ids": None,
        "score_chosen": chosen,
        "score_rejected": rejected,
        "margin": None if chosen is None or rejected is None else chosen - rejected,
        "policy_id": None,
        "judge_id": None,
        "verdict_ids": None,
        "probability": None,
        "chosen_source": None,
        "rejected_source": None,
        "origin": preference.where,
    }
