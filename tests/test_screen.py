"""Which candidates are scored, and which two are compared."""

import pytest
from builders import candidate_row, prompt_row, scored

from judge.screen_confirm import best_and_worst, distinct_finished

PROMPT = prompt_row()


def candidates(*texts: str) -> list[dict]:
    return [candidate_row(PROMPT, text, index) for index, text in enumerate(texts)]


def extremes(*scores: float | None) -> tuple[int, int] | None:
    rows = candidates(*(str(index) for index in range(len(scores))))
    found = best_and_worst(rows, [scored(r, s) for r, s in zip(rows, scores, strict=True)])
    return None if found is None else (found[0]["index"], found[1]["index"])


@pytest.mark.parametrize(
    ("scores", "found"),
    [
        ((3, 9, 1, 5), (1, 2)),
        ((9, 9, 1, 1), (0, 2)),
        ((1, 9), (1, 0)),
        ((5, None, 3), (0, 2)),
        ((None, 9, None, 3), (1, 3)),
        ((0, None, -1), (0, 2)),
    ],
)
def test_the_farthest_apart_are_compared_and_the_earlier_among_equals(scores, found):
    assert extremes(*scores) == found


@pytest.mark.parametrize("scores", [(5, 5, 5), (5, None), (None, None), (5,), ()])
def test_without_a_difference_nothing_is_compared(scores):
    assert extremes(*scores) is None


def test_an_unscored_candidate_is_never_an_extreme():
    for place in range(3):
        scores: list[float | None] = [4, 7]
        scores.insert(place, None)
        found = extremes(*scores)
        assert found is not None and place not in found


def test_cut_off_empty_and_repeated_answers_are_not_paid_for():
    cut = candidate_row(PROMPT, "cut", 9, finish="length")
    rows = [*candidates("x", "y", "x", "", " \n"), cut]
    assert [row["index"] for row in distinct_finished(rows)] == [0, 1]
