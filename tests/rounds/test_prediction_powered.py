"""The mean of predictions, put right by a few answers."""

import random

import pytest

from rounds.prediction_powered import predicted_mean, rectified_mean


def test_the_estimate_is_the_mean_prediction_and_the_mean_error_shown():
    """Worked by hand: predictions 1 1 0 0, the first and third answered, each with chance 1/2."""
    found = rectified_mean([1, 1, 0, 0], [0.5, None, 0, None], [0.5] * 4, tuning=1.0)
    assert found.value == pytest.approx(0.5 + (-0.5 + 0.0) / 2)
    assert found.n == 2 and found.tuning == 1.0


def test_an_answer_counts_by_the_inverse_of_its_chance():
    found = rectified_mean([0, 0], [1, 0], [0.25, 0.75], tuning=0.0)
    assert found.value == pytest.approx(4 / (4 + 4 / 3))


def test_without_predictions_it_is_the_mean_answer_with_its_usual_error():
    answers = [1.0] * 30 + [0.0] * 20
    found = rectified_mean([0.5] * 50, answers, [1.0] * 50)
    assert found.value == pytest.approx(0.6)
    assert found.error == pytest.approx((0.24 / 49) ** 0.5)
    assert found.drawing == 0.0


def drawn(n: int = 400, asked: int = 100, right: float = 0.9, seed: int = 0):
    chance = random.Random(seed)
    answers = [float(chance.random() < 0.5) for _ in range(n)]
    predictions = [y if chance.random() < right else 1 - y for y in answers]
    return predictions, [y if place < asked else None for place, y in enumerate(answers)]


def test_good_predictions_make_it_narrow_and_useless_ones_do_no_harm():
    def width(right: float, tuning: float | None = None) -> float:
        predictions, answers = drawn(right=right)
        low, high = rectified_mean(predictions, answers, [0.25] * 400, tuning).interval(0.95)
        return high - low

    alone = width(0.9, 0.0)
    assert width(0.95) < 0.75 * alone
    assert width(0.5) < 1.03 * alone < width(0.5, 1.0)
    assert rectified_mean(*drawn(right=0.0), [0.25] * 400).tuning == 0.0


def test_predictions_that_lean_are_put_right():
    predictions, answers = drawn(4000, 1000)
    leaning = [min(1.0, f + 0.5) for f in predictions]
    found = rectified_mean(leaning, answers, [0.25] * 4000)
    truth = rectified_mean(predictions, answers, [0.25] * 4000).value
    assert predicted_mean(leaning).value > 0.7
    assert found.value == pytest.approx(truth, abs=0.03)


def test_few_answers_without_an_error_do_not_show_that_there_is_none():
    n = 200
    predictions = [float(place % 2) for place in range(n)]
    answers = [f if place < 10 else None for place, f in enumerate(predictions)]
    found = rectified_mean(predictions, answers, [0.05] * n, tuning=1.0)
    assert found.error > 1.5 * predicted_mean(predictions).error
    assert found.interval(0.95)[0] < 0.5 < found.interval(0.95)[1]


def test_an_interval_stays_between_0_and_1():
    assert rectified_mean([1, 1, 1], [1, 1, None], [0.6] * 3).interval(0.99)[1] == 1.0


def test_no_answer_is_an_error():
    with pytest.raises(ValueError, match="no case has an answer"):
        rectified_mean([1, 0], [None, None], [0.5, 0.5])


@pytest.mark.parametrize("lean", [0.0, 0.15])
def test_the_interval_covers_the_truth_where_the_judge_alone_does_not(lean: float):
    """200 draws of 200 prompts, 50 answers; benchmarks/people_and_judge.py has the long run."""
    chance = random.Random(1)
    both = alone = 0
    for _ in range(200):
        answers = [float(chance.random() < 0.5) for _ in range(200)]
        told = [y if chance.random() < 0.8 else chance.choice((0.0, 1.0)) for y in answers]
        told = [1.0 if f == 0 and chance.random() < 2 * lean else f for f in told]
        asked = set(chance.sample(range(200), 50))
        given = [y if place in asked else None for place, y in enumerate(answers)]
        low, high = rectified_mean(told, given, [0.25] * 200).interval(0.95)
        both += low <= 0.5 <= high
        low, high = predicted_mean(told).interval(0.95)
        alone += low <= 0.5 <= high
    assert both >= 184
    assert (alone < 40) == (lean > 0)
