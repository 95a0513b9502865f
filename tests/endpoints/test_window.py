"""How many calls are open follows what an endpoint takes, and not what it refuses by chance."""

import random
from collections.abc import Callable

import pytest

from endpoints.window import Window


def watched(
    most: int, takes: Callable[[int, float], bool], trips: int, slow: bool = False
) -> tuple[float, int, int]:
    """The mean number open over the later half of so many round trips, answers, and refusals.

    `takes`: whether a call is answered, by its place among those of its round trip and the number
    that is open. Refusals are back at the half of a round trip, or with the answers (`slow`).
    """
    window, number, now = Window(most, 0.0), 0, 0.0
    seen, answers, refusals = [], 0, 0
    for _ in range(trips):
        open_now = int(window.allowed)
        numbers = range(number + 1, number + open_now + 1)
        for sent in numbers:
            window.sent(sent)
        number += open_now
        outcomes = [(takes(place, open_now), sent) for place, sent in enumerate(numbers)]
        now += 0.1
        for answered, sent in sorted(outcomes) if not slow else outcomes:
            (window.answered if answered else window.refused)(sent, now)
            answers, refusals = answers + answered, refusals + (not answered)
        now += 0.1
        seen.append(window.allowed)
    later = seen[trips // 2 :]
    return sum(later) / len(later), answers, refusals


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("capacity", [1, 5, 20, 50])
def test_an_endpoint_that_takes_so_many_at_once_is_asked_about_so_many(capacity: int, slow: bool):
    mean, answers, refusals = watched(64, lambda place, _: place < capacity, 200, slow)
    assert capacity / 2 <= mean <= capacity + 12
    assert refusals < 2 * answers or capacity == 1


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("seed", range(3))
def test_an_endpoint_that_refuses_by_chance_is_asked_no_slower(share: float, slow: bool, seed: int):
    chance = random.Random(seed)
    mean, _, _ = watched(64, lambda place, _: chance.random() >= share, 300, slow)
    assert mean > 10


def test_an_endpoint_that_refuses_all_is_asked_one_at_a_time_and_then_more_again():
    assert watched(64, lambda place, _: False, 40)[0] < 2
    window = Window(64, 0.0)
    for number in range(1, 65):
        window.sent(number)
    for number in range(1, 65):
        window.refused(number, 0.1)
    assert window.allowed < 36
    for number in range(65, 8000):
        window.sent(number)
        window.answered(number, 1.0)
    assert window.allowed == 64.0


def test_a_few_refused_take_off_one_and_not_half():
    window = Window(100, 0.0)
    for number in range(1, 101):
        window.sent(number)
    for number in range(1, 101):
        (window.refused if number <= 2 else window.answered)(number, 0.1)
    assert window.allowed == pytest.approx(99, abs=0.2)


def test_calls_that_are_slower_than_refusals_hold_no_round_trip_up():
    """Half of it refused at once, the other half takes a minute."""
    window = Window(64, 0.0)
    for number in range(1, 65):
        window.sent(number)
    for number in range(1, 40):
        window.refused(number, 0.01)
    assert window.allowed == 64.0
    window.refused(40, 1.5)
    assert window.allowed < 50
