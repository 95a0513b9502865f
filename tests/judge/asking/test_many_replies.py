"""Thousands of replies made of the parts that judges write: none is read as another."""

import runpy
from collections import Counter
from typing import Any

import pytest
from benchmark_output import ROOT

from judge.asking.closing import read_closing
from judge.asking.reply import TEXT_PAIRWISE, score_menu

MADE: list[Any] = runpy.run_path(str(ROOT / "benchmarks/closing_verdicts.py"))["make"](2000)
TEN = score_menu((1, 10))


def read(made: Any) -> object:
    reading = read_closing(made.text, "verdict", TEN if made.scored else TEXT_PAIRWISE)
    return reading.values["verdict"] if reading.values else None


def test_of_replies_with_a_closing_verdict_one_in_two_hundred_is_lost_at_most() -> None:
    spoken = [(made.expected, read(made)) for made in MADE[:2000]]
    assert len({made.text for made in MADE[:2000]}) > 1900
    assert sum(got is None for _, got in spoken) <= 10
    assert [both for both in spoken if both[1] is not None and both[0] != both[1]] == []
    assert min(Counter(expected for expected, _ in spoken).values()) > 20


@pytest.mark.parametrize("grammar", ["words of an answer", "no verdict of its own"])
def test_what_is_not_the_verdict_of_the_judge_is_never_read_as_one(grammar: str) -> None:
    unspoken = [made for made in MADE[2000:] if made.grammar == grammar]
    assert len(unspoken) > 700
    assert [made.text for made in unspoken if read(made) is not None] == []
