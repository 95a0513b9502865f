"""Which comparisons are appealed: those of prompts that lack a pair, the first they tried."""

import pytest
from builders import both, candidate_row, prompt_row, scored, verdict_row

from judge.labels import to_appeal
from rounds.rows import Verdict

SCORES = (9, 8, 2, 1)
TRIES = {"first": (0, 3), "second": (1, 2)}

ORDERS = {
    **{"found": ("a", "a"), "reversed": ("b", "b"), "tie": ("tie", "tie")},
    **{"flip": ("a", "b"), "failed": ("a", "abstain")},
}


def judged(number: int = 0, screen: bool = True, **said: str) -> list[Verdict]:
    """The verdict rows of a prompt with four candidates: what was said of the tries it made."""
    prompt = prompt_row(f"question {number}")
    four = [candidate_row(prompt, f"answer {index}", index) for index in range(4)]
    rows = [scored(row, score) for row, score in zip(four, SCORES, strict=True)] if screen else []
    for name, outcome in said.items():
        a, b = (four[place] for place in TRIES[name])
        rows += both(a, b, *ORDERS[outcome], reason="refused")
    return rows


def appealed(
    *prompts: list[Verdict], max_share: float = 1, pairs: int = 1
) -> list[tuple[int, str]]:
    """(place of the prompt, which of its tries)."""
    found = []
    for index, a, b in to_appeal(list(prompts), max_share, pairs):
        compared = [(row["candidate_a"], row["candidate_b"]) for row in prompts[index]]
        tried = list(dict.fromkeys(pair for pair in compared if pair[1] is not None))
        found.append((index, list(TRIES)[tried.index((a, b))]))
    return found


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"first": "found"}, []),
        ({"first": "tie"}, []),
        ({"first": "reversed"}, []),
        ({"first": "flip"}, ["first"]),
        ({"first": "failed"}, ["first"]),
        ({"first": "flip", "second": "found"}, []),
        ({"first": "reversed", "second": "found"}, []),
        ({"first": "flip", "second": "flip"}, ["first"]),
        ({"first": "failed", "second": "flip"}, ["first"]),
        ({"first": "flip", "second": "tie"}, ["first"]),
        ({"first": "flip", "second": "reversed"}, ["first"]),
        ({"first": "reversed", "second": "flip"}, ["second"]),
        ({"first": "reversed", "second": "reversed"}, []),
        ({}, []),
    ],
)
def test_a_prompt_without_its_pair_appeals_the_first_that_nobody_decided(said, expected):
    assert appealed(judged(**said)) == [(0, name) for name in expected]


def test_without_a_screen_nothing_is_reversed():
    assert appealed(judged(screen=False, first="flip", second="reversed")) == []
    assert appealed(judged(screen=False, first="flip", second="tie")) == [(0, "first")]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"first": "flip", "second": "flip"}, ["first", "second"]),
        ({"first": "flip", "second": "found"}, ["first"]),
        ({"first": "found", "second": "flip"}, ["second"]),
        ({"first": "found", "second": "found"}, []),
        ({"first": "tie", "second": "flip"}, ["second"]),
    ],
)
def test_of_two_pairs_each_that_is_missing_is_appealed(said, expected):
    assert appealed(judged(**said), pairs=2) == [(0, name) for name in expected]


def test_every_prompt_has_its_own_pairs():
    prompts = [judged(0, first="flip"), judged(1, first="found"), [], judged(3, first="failed")]
    assert appealed(*prompts) == [(0, "first"), (3, "first")]


@pytest.mark.parametrize(("max_share", "count"), [(1, 8), (0.5, 8), (0.25, 4), (0.2, 3), (0.05, 0)])
def test_the_share_is_of_all_comparisons_and_the_same_ones_are_taken_again(max_share, count):
    prompts = [judged(number, first="flip", second="flip") for number in range(8)]
    found = to_appeal(prompts, max_share, 1)
    assert len(found) == count and found == sorted(found)
    assert found == to_appeal(prompts, max_share, 1)
    assert set(found) <= set(to_appeal(prompts, 1, 1))


def test_what_a_higher_judge_has_decided_is_not_appealed_again():
    rows = judged(first="flip", screen=False)
    a, b = ({"candidate_id": rows[0][f"candidate_{side}"]} for side in "ab")
    named = {"prompt_id": "p", "split": "train"}
    higher = [
        verdict_row(a | named, b | named, shown_first=first, outcome="a", level=1, judge_id="up")
        for first in "ab"
    ]
    assert appealed(rows) == [(0, "first")] and appealed([*rows, *higher]) == []
