"""Which parts of the pairs are looked at, and what the margins of trainings say of them."""

import random

import numpy as np
import pytest

from rounds.errors import UserError
from rounds.weights import Policy
from trainer.blame_args import LEAST_STEPS, short_args
from trainer.blame_effects import Trained, effects, interval, typical
from trainer.blame_parts import (
    CONTROLS,
    LEAST_PAIRS,
    Part,
    Traits,
    drawn,
    halves,
    parts_of,
    split_pairs,
    with_enough,
)
from trainer.config import TrainerConfig

FIRST = Policy("m", None, "p0")


def traits(number: int, tags: tuple[str, ...] = (), own: bool = True, **numbers: float) -> Traits:
    values = {"tag": frozenset(tags), "source": frozenset({"here"})}
    return Traits(f"pair {number}", f"prompt {number}", own, values, {"margin": None, **numbers})


def some(count: int) -> list[Traits]:
    return [traits(n, ("even" if n % 2 == 0 else "odd",), margin=float(n)) for n in range(count)]


def test_parts_are_values_and_the_two_sides_of_a_median_and_never_all_pairs():
    parts = parts_of(some(6))
    assert [(part.by, part.name, len(part.pairs)) for part in parts] == [
        ("tag", "even", 3),
        ("tag", "odd", 3),
        ("margin", "below 2.5", 3),
        ("margin", "2.5 and more", 3),
    ]
    alike = [traits(n, ("all",), margin=5.0) for n in range(4)]
    assert parts_of(alike) == []
    [part] = parts_of([traits(0, ("a", "b")), traits(1)])
    assert part == Part("tag", "a", frozenset({"pair 0"})), "b has the same pairs"


def test_nothing_is_trained_on_whose_prompt_is_held_out_and_the_rounds_own_come_first():
    pairs = [*some(60), traits(60, own=False), traits(7, ("twice",), own=False)]
    for seed in range(5):
        split = split_pairs(pairs, ["pair 7", "pair 8"], seed)
        aside = {pair.prompt_id for pair in split.held_out}
        assert {"prompt 7", "prompt 8"} < aside and len(split.held_out) == 24
        assert not aside & {pair.prompt_id for pair in split.train}
        assert all(pair.own for pair in split.held_out)
    first, second = (split_pairs(pairs, [], seed).held_out for seed in (0, 1))
    assert first != second


def test_too_few_pairs_or_no_part_is_said():
    with pytest.raises(UserError, match=f"made 39 pairs; .* needs {LEAST_PAIRS} at least"):
        split_pairs(some(39), [], 0)
    plain = [traits(n) for n in range(40)]
    with pytest.raises(UserError, match="no part of the pairs can be looked at"):
        with_enough(parts_of(plain), split_pairs(plain, [], 0))
    few = [traits(n, ("rare",) if n < 9 else ()) for n in range(60)]
    with pytest.raises(UserError, match="no part"):
        with_enough(parts_of(few), split_pairs(few, [], 0))


def test_random_halves_are_alike_however_the_pairs_come_and_complete_each_other():
    split = split_pairs(some(60), [], 0)
    made = halves(split, 0)
    assert len(made) == CONTROLS
    names = {pair.pair_id for pair in split.train}
    assert {*made[0], *made[1]} == names == {*made[2], *made[3]}
    assert {*made[0]} != {*made[2]}
    assert drawn(sorted(names), 5, 1) == drawn(reversed(sorted(names)), 5, 1)


@pytest.mark.parametrize(
    ("config", "beta", "rate"),
    [
        ({"args": {"beta": 0.3, "learning_rate": "3e-4"}}, 0.3, 3e-3),
        ({"args": {"beta": 0.3, "learning_rate": 1e-5}, "lora": {"r": 4}}, 0.3, 1e-5),
        ({"preset": "olmo", "args": {"learning_rate": 1e-6}}, 0.1, 1e-5),
        ({"preset": "simpo", "args": {"learning_rate": 1e-6}}, 0.1, 1e-5),
        ({"method": "kto", "args": {"beta": 0.5}}, 0.1, 1e-5),
    ],
)
def test_beta_is_of_dpo_alone_and_the_learning_rate_that_of_an_adapter(
    config: dict, beta: float, rate: float
):
    made = short_args(TrainerConfig(**config), {}, FIRST, 50)
    assert made["beta"] == beta and made["learning_rate"] == pytest.approx(rate)
    assert made["report_to"] == "none" and "loss_type" not in made


def test_steps_are_those_of_an_epoch_in_the_rounds_batch():
    config = TrainerConfig(
        args={"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2, "report_to": "x"},
        accelerate={"num_processes": 2},
    )
    made = short_args(config, {"beta": 0.7}, FIRST, 1000)
    assert made["max_steps"] == 63 and made["beta"] == 0.7 and made["report_to"] == "none"
    assert short_args(config, {}, FIRST, 10)["max_steps"] == LEAST_STEPS


NAMES = [f"pair {n}" for n in range(60)]


def margins(mean: float, seed: int) -> dict[str, float]:
    drawing = random.Random(seed)
    return {name: drawing.gauss(mean, 0.5) for name in NAMES}


def told(without: float, alone: float, control: float, gold: float | None = None) -> dict:
    """The effects of a part; `gold` is how much the gold pairs gain without it, less alone."""
    rest, of_gold = NAMES[:30], NAMES[30:]
    after, on = margins(without, 1), margins(alone, 2)
    for name in of_gold:
        on[name] = after[name] - (gold or 0.0)
    controls = [margins(control, seed) for seed in (3, 4, 5, 6)]
    given = of_gold if gold is not None else []
    return effects(Trained(after, on, controls), rest, given, 8)


def test_a_part_hurts_where_the_rest_gains_without_it_and_loses_by_it_and_gold_agrees():
    found = told(1.0, -1.0, 0.0, gold=2.0)
    assert found["hurts"] and found["gain"]["low"] > 0 > found["alone"]["high"]
    assert 0.5 < found["gain"]["value"] < 1.5
    assert not told(1.0, 1.0, 0.0, gold=2.0)["hurts"], "what helps by itself"
    assert not told(0.0, -1.0, 0.0, gold=2.0)["hurts"], "nothing is gained without it"
    assert not told(0.0, 0.0, 0.0, gold=0.0)["contradicts"]


def test_of_two_that_contradict_gold_or_the_majority_says_which_is_wrong():
    right = told(1.0, -1.0, 0.0, gold=-2.0)
    assert right["contradicts"] and not right["hurts"]
    assert told(1.5, -1.0, 0.7)["hurts"], "most pairs agree with the rest"
    assert not told(1.5, -1.0, 0.0)["hurts"], "as many on either side"
    assert not told(1.5, -1.0, -0.7)["hurts"], "the rest is the odd one out"


def test_what_random_halves_differ_by_widens_every_interval():
    values = np.array([*margins(1.0, 1).values()])
    sure, unsure = interval(values, 0.0, 0.05), interval(values, 1.0, 0.05)
    assert sure["low"] > 0 > unsure["low"] and sure["value"] == unsure["value"]
    assert interval(values, 0.0, 0.05 / 8)["low"] < sure["low"]


def test_a_few_answers_that_ran_away_do_not_make_the_margin():
    values = np.array([0.5] * 58 + [-300.0, -40.0])
    assert typical(values) == pytest.approx(0.5)
    assert interval(values, 0.0, 0.01)["low"] > 0
