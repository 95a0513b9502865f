"""What calls took: each call once, and of each what its last row says."""

import random

from builders import candidate_row, prompt_row, verdict_row
from hypothesis import given
from hypothesis import strategies as st

from rounds.rows import Verdict
from rounds.usage import AMOUNTS, UsageTally, usage_totals, was_sent

ROW = verdict_row(candidate_row(prompt_row(), "x"))


def plainly(rows: list[Verdict]) -> dict[str, float]:
    """The same by a dict of the calls."""
    calls = {row["request_key"]: [row[name] or 0 for name in AMOUNTS] for row in rows}
    sums = [sum(amounts) for amounts in zip(*calls.values(), strict=True)] or [0] * len(AMOUNTS)
    return {"calls": len(calls), **dict(zip(AMOUNTS, sums, strict=True))}


@given(st.lists(st.integers(0, 30), max_size=80), st.integers(0, 3))
def test_each_call_counts_once_and_sums_are_the_same_to_the_last_digit(keys, seed: int):
    chance = random.Random(seed)
    rows = [
        ROW
        | {
            "request_key": f"key {key}",
            "prompt_tokens": chance.randrange(2**40),
            "cost": chance.choice([0.0, 0.1, 1e-7, chance.random()]),
            "cached_tokens": chance.choice([None, 3]),
            "estimated": chance.choice([None, True, False]),
        }
        for key in keys
    ]
    tally = UsageTally()
    for row in rows:
        tally.add([row])
    assert tally.totals() == usage_totals(rows) == plainly(rows)


def test_what_was_never_sent_is_no_call():
    unsent = [ROW | {"request_key": ""}, ROW | {"reason": "budget"}]
    assert not any(map(was_sent, unsent))
    assert usage_totals(unsent) == usage_totals([]) == dict.fromkeys(("calls", *AMOUNTS), 0)
