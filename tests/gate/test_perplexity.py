"""Regression suites by perplexity: what is taken of the rows, and what refuses."""

from math import exp

import pytest

from gate.config import GateConfig
from gate.rules import other_rules
from gate.suite_config import Suite
from gate.suites import all_figures, check_reference, load_score
from rounds.errors import UserError

SUITE = Suite(prompts="x.jsonl", score="perplexity", rise_at_most=0.5)


def rows(**nats: list[tuple[float, int]]) -> list[dict]:
    """Of each policy by name the nats and tokens of the references it was asked about, in order."""
    return [
        {
            "suite": "s",
            "prompt_id": str(number),
            "policy_id": policy,
            "logprob": -total,
            "n_tokens": tokens,
        }
        for policy, given in nats.items()
        for number, (total, tokens) in enumerate(given)
    ]


def figures_of(read: list[dict], suite: Suite = SUITE) -> dict:
    scores = {"s": load_score("s", suite)[0]}
    return all_figures({"s": suite}, scores, read, "new", "old", 0.95)["s"]


def refused(figures: dict, **given: float) -> list[str]:
    suite = Suite(prompts="x.jsonl", score="perplexity", **given)
    rules = other_rules(GateConfig(suites={"s": suite}), {"suites": {"s": figures}}, None)
    return [rule.reason for rule in rules if not rule.holds]


def test_it_is_of_all_tokens_together_on_what_both_could_read():
    figures = figures_of(rows(old=[(2, 1), (8, 3), (99, 1)], new=[(4, 1), (8, 3)]))
    assert (figures["n"], figures["unanswered"], figures["tokens"]) == (2, 1, 4)
    assert figures["previous"] == pytest.approx(exp(10 / 4))
    assert figures["new"] == pytest.approx(exp(12 / 4))
    assert figures["rise"] == pytest.approx(exp(3) - exp(2.5))


def test_a_rise_is_held_to_its_bound_without_a_floor_and_a_fall_never_refuses():
    rise = figures_of(rows(old=[(2.0, 2)] * 8, new=[(2.5, 2)] * 8))
    (reason,) = refused(rise, rise_at_most=0.5)
    assert reason == (
        "suite s: perplexity 3.49 on 8 prompts, after 2.718 of the policy in place: a rise of more "
        "than 0.5"
    )
    assert not refused(rise, rise_at_most=0.8)
    fall = figures_of(rows(old=[(2.5, 2)] * 8, new=[(2.0, 2)] * 8))
    assert not refused(fall, rise_at_most=0)


def test_the_most_that_it_may_be_is_a_rule_of_its_own():
    figures = figures_of(rows(old=[(2.5, 2)] * 8, new=[(2.5, 2)] * 8))
    (reason,) = refused(figures, at_most=3)
    assert reason == "suite s: perplexity 3.49 on 8 prompts, more than the 3 that it may be"
    assert not refused(figures, at_most=3.5, rise_at_most=0)


def test_what_neither_could_read_refuses_and_what_is_beyond_a_number_does_too():
    assert refused(figures_of([]), at_most=9) == ["suite s: no prompt was read by both policies"]
    beyond = figures_of(rows(old=[(2, 2)], new=[(1e9, 2)]))
    assert refused(beyond, at_most=1e9)


def test_a_sampled_suite_beside_it_keeps_its_whole_share_of_the_error():
    other = Suite(prompts="y.jsonl", score="exact")
    answers = [
        {"suite": "t", "prompt_id": str(n), "messages": [], "reference": "yes", "index": index}
        | {"policy_id": policy, "text": text}
        for n in range(8)
        for policy, texts in (("old", ["yes", "no"]), ("new", ["yes"]))
        for index, text in enumerate(texts)
    ]
    score = load_score("t", other)[0]
    alone = all_figures({"t": other}, {"t": score}, answers, "new", "old", 0.95)["t"]
    both = all_figures(
        {"s": SUITE, "t": other}, {"s": None, "t": score}, answers, "new", "old", 0.95
    )["t"]
    assert both == alone and both["floor"] > 0


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"score": "perplexity"}, "perplexity needs at_most or rise_at_most"),
        ({"score": "perplexity", "at_most": 9, "at_least": 1}, "at_least: is not for score: perp"),
        ({"score": "perplexity", "drop_at_most": 1}, "of which lower is better; take at_most or"),
        ({"score": "exact", "at_most": 9}, "at_most: is not for score: exact, of which higher"),
        ({"score": "exact", "rise_at_most": 0}, "rise_at_most: is not for score: exact"),
        ({"score": "perplexity", "at_most": 9, "seeds": 5}, "seeds: nothing is sampled"),
    ],
)
def test_bounds_of_the_other_kind_are_refused(given: dict, says: str):
    with pytest.raises(ValueError, match=says):
        Suite(prompts="x", **given)


def test_each_prompt_needs_a_reference():
    with pytest.raises(UserError, match="has no reference, which score: perplexity needs"):
        check_reference(SUITE, "here", None)


def test_the_new_keys_change_no_key_of_a_gate_that_has_none_of_them():
    suites = {"a.b": Suite(prompts="x", score="exact"), "s": SUITE}
    by = GateConfig(suites=suites).decides_by()["suites"]
    assert "at_most" not in by["a.b"] and "rise_at_most" not in by["a.b"]
    assert by["s"]["rise_at_most"] == 0.5
