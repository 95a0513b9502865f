"""The judge's measures, each on rows whose figures can be counted by hand."""

import json
from typing import Any

import pytest
from builders import both, candidate_row, prompt_row, scored, verdict_row
from hypothesis import given
from hypothesis import strategies as st
from judges import measured

from judge.health.canaries import canary_candidates
from rounds.kappa import kappa
from rounds.rows import Candidate, Prompt, Verdict


class Round:
    """Rows of a round, one prompt at a time."""

    def __init__(self) -> None:
        self.prompts: list[Prompt] = []
        self.candidates: list[Candidate] = []
        self.verdicts: list[Verdict] = []
        self.anchors: list[Verdict] = []

    def prompt(self, *texts: str) -> list[Candidate]:
        prompt = prompt_row(f"prompt {len(self.prompts)}")
        rows = [candidate_row(prompt, text, index) for index, text in enumerate(texts)]
        self.prompts.append(prompt)
        self.candidates += rows
        return rows

    def compared(self, *orders: str, reason: str | None = None, **given: Any) -> list[Verdict]:
        """A prompt of its own whose two answers are compared, a the longer one."""
        a, b = self.prompt("longer", "short")
        rows = [row | given for row in both(a, b, *orders, reason=reason)]
        self.verdicts += rows
        return rows

    def measured(self) -> dict[str, Any]:
        found = measured(self.prompts, self.candidates, self.verdicts, self.anchors)
        assert json.loads(json.dumps(found)) == found
        return found


def on_trial(row: Verdict, purpose: str, **given: Any) -> Verdict:
    key = f"{purpose} {row['request_key']}"
    return row | {"split": "health", "purpose": purpose, "repeat": 1, "request_key": key} | given


def share(rate: dict[str, Any]) -> tuple[float | None, int]:
    return rate["value"], rate["n"]


def likely(rows: list[Verdict], a_first: float | None, b_first: float | None) -> list[Verdict]:
    return [rows[0] | {"probability": a_first}, rows[1] | {"probability": b_first}]


def rates_in(found: Any) -> list[dict[str, Any]]:
    if not isinstance(found, dict):
        return []
    here = [found] if "n" in found and "value" in found else []
    return here + [rate for value in found.values() for rate in rates_in(value)]


def test_without_a_case_there_is_no_number():
    found = Round().measured()
    assert len(rates_in(found)) >= 17
    assert all(share(rate) == (None, 0) for rate in rates_in(found))
    assert found["margins"] == {"counts": None, "n": 0}
    assert found["second_judge"]["kappa"] is None
    assert (found["screen"]["mean"], found["screen"]["deviation"]) == (None, None)
    assert found["usage"]["per_prompt"] is None and found["usage"]["per_decided"] is None


def test_a_rate_has_wilsons_interval():
    world = Round()
    for orders in ["aa"] * 9 + ["ab"]:
        world.compared(*orders)
    flips = world.measured()["flips"]
    assert flips["value"] == 0.1
    assert (flips["low"], flips["high"]) == pytest.approx((0.0178762, 0.4041500), abs=1e-6)


def test_yield_is_prompts_with_a_decided_comparison_among_the_prompts_judged():
    world = Round()
    for orders in ("aa", "bb", "ab", ("tie", "tie")):
        world.compared(*orders)
    world.verdicts.append(scored(world.prompt("alone")[0], 3.0))
    world.prompt("never", "judged")
    gate = candidate_row(prompt_row("held out", "gate"), "x")
    world.verdicts.append(scored(gate, 3.0))
    assert share(world.measured()["yield"]) == (0.4, 5)


def test_comparisons_are_counted_by_outcome_and_abstentions_by_reason():
    world = Round()
    for orders in ("aa", "bb", "ab", ("tie", "tie"), ("abstain", "a")):
        world.compared(*orders, reason="refused")
    world.compared("a", "a", purpose="screen")
    world.compared("a", "a", split="gate")
    world.verdicts += [row | {"repeat": 1, "outcome": "tie"} for row in world.verdicts[:2]]
    assert world.measured()["comparisons"] == {
        "n": 5,
        "decided": 2,
        "screen_disagrees": 0,
        "tie": 1,
        "abstain": {"flip": 1, "refused": 1},
    }


def test_a_comparison_that_reverses_the_screen_labels_nothing():
    world = Round()
    world.compared("b", "b")
    a, b = world.candidates[-2:]
    world.verdicts += [scored(a, 9.0), scored(b, 2.0)]
    found = world.measured()
    assert (found["comparisons"]["decided"], found["comparisons"]["screen_disagrees"]) == (0, 1)
    assert share(found["yield"]) == (0.0, 1)


def test_failures_are_shares_of_the_calls_that_were_made():
    world = Round()
    world.compared("a", "a")
    world.compared("abstain", "abstain", reason="off_menu")
    world.compared("abstain", "abstain", reason="not_asked")
    world.compared("abstain", "abstain", reason="budget")
    world.compared("abstain", "abstain", reason="not_judged", request_key="")
    world.verdicts.append(scored(world.candidates[0], None, "truncated"))
    world.verdicts.append(on_trial(world.verdicts[2], "repeat"))
    found = world.measured()["failures"]
    assert share(found) == (0.6, 5)
    assert found["reasons"] == {"off_menu": 2, "truncated": 1}
    assert {kind: share(one) for kind, one in found["kinds"].items()} == {
        "pairwise": (0.5, 4),
        "pointwise": (1.0, 1),
    }


def test_flips_are_counted_for_each_judge_where_both_orders_can_be_read():
    world = Round()
    world.compared("a", "b")
    world.compared("a", "tie")
    a, b = world.candidates[:2]
    world.verdicts += [row | {"judge_id": "other"} for row in both(a, b, "b", "b")]
    world.compared("abstain", "a", reason="refused")
    world.compared("a", "b", purpose="screen")
    world.compared("a", "b", kind="listwise")
    world.verdicts.append(verdict_row(*world.prompt("x", "y"), shown_first="a", outcome="a"))
    assert share(world.measured()["flips"]) == (pytest.approx(1 / 3), 3)
    undecided = world.measured()["undecided_in_one_order"]
    assert share(undecided) == (pytest.approx(1 / 3), 3)


def test_first_slot_is_the_answer_shown_first_and_not_the_one_called_a():
    world = Round()
    world.compared("b", "a")  # for the second, twice
    world.compared("b", "b")
    world.compared("tie", "tie")
    world.compared("a", "b", purpose="screen")
    world.compared("a", "b", kind="listwise")
    world.compared("a", "a", shown_first=None)
    assert share(world.measured()["first_slot"]) == (0.5, 6)


def test_the_order_gap_is_the_distance_of_the_two_probabilities_of_one_answer():
    world = Round()
    a, b = world.prompt("a", "b")
    world.verdicts += likely(both(a, b, "a", "a"), 0.9, 0.7)
    c, d = world.prompt("a", "b")
    world.verdicts += likely(both(c, d, "b", "a"), 0.2, 0.6)
    e, f = world.prompt("a", "b")
    world.verdicts += likely(both(e, f, "a", "a"), 0.9, None)
    gap = world.measured()["order_gap"]
    assert (gap["value"], gap["n"]) == (pytest.approx(0.3), 2)


def test_ties_are_shares_of_the_readable_comparisons():
    world = Round()
    world.compared("tie", "a")
    world.compared("abstain", "b", reason="refused")
    world.verdicts.append(scored(world.candidates[0], 3.0))
    assert share(world.measured()["ties"]) == (pytest.approx(1 / 3), 3)


def test_longer_chosen_leaves_out_equal_lengths_and_undecided_comparisons():
    world = Round()
    for orders in ("aa", "aa", "bb", "ab"):
        world.compared(*orders)
    a, b = world.prompt("same", "size")
    world.verdicts += both(a, b, "a", "a")
    found = world.measured()
    assert share(found["longer_chosen"]) == (pytest.approx(2 / 3), 3)
    assert share(found["length_difference"]) == (0.25, 4)


def test_the_length_slope_shows_what_length_does_even_where_every_winner_is_called_a():
    def slope(*lengths: tuple[int, int]) -> Any:
        world = Round()
        for winner, loser in lengths:
            a, b = world.prompt("x" * winner, "y" * loser)
            world.verdicts += both(a, b, "a", "a")
        return world.measured()["length_slope"]

    assert slope(*[(90, 10), (80, 30), (70, 20), (30, 60)] * 5)["value"] > 1
    assert slope(*[(10, 90), (30, 80), (20, 70), (60, 30)] * 5)["value"] < -1
    assert slope(*[(90, 10), (10, 90)] * 5)["value"] == pytest.approx(0, abs=1e-6)
    assert slope((5, 5), (7, 7)) == {"value": None, "n": 2}


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(1, 9), st.integers(1, 9), st.booleans()),
        min_size=1,
        max_size=12,
    )
)
def test_nothing_but_the_names_depends_on_which_answer_is_called_a(cases):
    plain, turned = Round(), Round()
    for winner, long_a, long_b, turn in cases:
        a, b = plain.prompt("x" * long_a, "y" * long_b)
        plain.verdicts += likely(both(a, b, winner, winner), *(2 * [0.8 if winner == "a" else 0.2]))
        turned.prompt("x" * long_a, "y" * long_b)
        if turn:
            a, b, winner = b, a, "b" if winner == "a" else "a"
        turned.verdicts += likely(
            both(a, b, winner, winner), *(2 * [0.8 if winner == "a" else 0.2])
        )
    one, two = plain.measured(), turned.measured()
    slopes = [found.pop("length_slope")["value"] or 0 for found in (one, two)]
    assert slopes[0] == pytest.approx(slopes[1], abs=1e-6)
    assert one == two


def test_margins_are_the_distance_of_a_decided_probability_from_even():
    world = Round()
    for a_first, b_first, orders in [
        (0.9, 0.7, "aa"),  # 0.8 on average: a margin of 0.6
        (0.01, 0.03, "bb"),
        (1.0, 1.0, "aa"),
        (0.5, 0.5, "aa"),
        (0.9, 0.2, "ab"),
        (0.9, None, "aa"),
    ]:
        a, b = world.prompt("a", "b")
        world.verdicts += likely(both(a, b, *orders), a_first, b_first)
    margins = world.measured()["margins"]
    assert margins["n"] == 4
    assert margins["counts"] in ([1, 0, 0, 0, 0, 0, 1, 0, 0, 2], [1, 0, 0, 0, 0, 1, 0, 0, 0, 2])


def test_the_screen_says_how_scores_spread_and_where_no_candidate_is_best():
    world = Round()
    for scores in [(7, 7, 2), (8, 7, 2), (5,), (3, None, 3)]:
        rows = world.prompt(*("abc"[: len(scores)]))
        world.verdicts += [
            scored(row, score, None if score else "refused")
            for row, score in zip(rows, scores, strict=True)
        ]
    screen = world.measured()["screen"]
    assert share(screen["no_unique_best"]) == (pytest.approx(2 / 3), 3)
    assert (screen["mean"], screen["n"]) == (pytest.approx(44 / 9), 9)
    assert screen["deviation"] == pytest.approx(2.2825, abs=1e-4)


def test_probabilities_are_shares_of_the_readable_comparisons_that_were_asked():
    world = Round()
    a, b = world.prompt("a", "b")
    world.verdicts += likely(both(a, b, "a", "a"), 0.9, None)
    world.compared("abstain", "abstain", reason="missing_logprob")
    world.compared("a", "a", request_key="")
    assert share(world.measured()["probabilities"]) == (0.5, 2)


def test_stability_compares_a_repeat_with_the_labelled_row_of_its_order_and_judge():
    world = Round()
    kept, turned, _ = world.compared("a", "b"), world.compared("a", "b"), world.compared("b", "a")
    a, b = world.candidates[:2]
    world.verdicts = [row | {"judge_id": "other"} for row in both(a, b, "b", "a")] + world.verdicts
    failed = world.compared("abstain", "a", reason="refused")
    lost = world.compared("a", "a")
    world.verdicts += [
        on_trial(kept[0], "repeat"),
        on_trial(turned[1], "repeat", outcome="a"),
        on_trial(failed[0], "repeat", outcome="a", reason=None),
        on_trial(lost[0], "repeat", outcome="abstain", reason="api_error"),
    ]
    assert share(world.measured()["stability"]) == (0.5, 2)


def test_drift_compares_with_the_first_round_even_where_the_judge_was_another():
    first, now = Round(), Round()
    for outcome in ("a", "b", "tie"):
        row = first.compared("a", "b")[0]
        now.verdicts.append(on_trial(row, "anchor", outcome=outcome, repeat=4))
    other = first.compared("b", "b", judge_id="old/model")[1]
    now.verdicts.append(on_trial(other, "anchor", outcome="b", repeat=4, judge_id="new/model"))
    now.verdicts.append(on_trial(first.compared("b", "a")[1], "anchor", outcome="b", repeat=4))
    now.anchors = first.verdicts
    found = now.measured()
    assert share(found["drift"]) == (0.6, 5)
    assert share(found["yield"]) == (None, 0)


def triad(world: Round, ab: str, bc: str, ca: str) -> None:
    """Three answers all against each other: one comparison labelled, two for the test."""
    a, b, c = world.prompt("a", "b", "c")
    world.verdicts += both(a, b, ab, ab)
    for one, two, orders in [(b, c, bc), (c, a, ca)]:
        world.verdicts += [on_trial(row, "triad", repeat=0) for row in both(one, two, *orders)]


def test_a_triad_is_cyclic_where_each_wins_once_and_set_aside_where_one_is_undecided():
    world = Round()
    triad(world, "a", "aa", "aa")  # a > b > c > a
    triad(world, "b", "bb", "bb")
    triad(world, "a", "aa", "bb")
    triad(world, "a", "ab", "aa")
    triad(world, "tie", "aa", "aa")
    found = world.measured()["cyclic_triads"]
    assert share(found) == (pytest.approx(2 / 3), 3)
    assert found["set_aside"] == 2


def test_a_triad_is_of_one_judge_and_of_comparisons_in_both_orders():
    world = Round()
    a, b, c = world.prompt("a", "b", "c")
    edges = [both(a, b, "a", "a"), both(b, c, "a", "a"), both(c, a, "a", "a")]
    world.verdicts = [*edges[0], *edges[1], *[row | {"judge_id": "other"} for row in edges[2]]]
    assert share(world.measured()["cyclic_triads"]) == (None, 0)
    world.verdicts = [row | {"purpose": "screen"} for rows in edges for row in rows]
    assert share(world.measured()["cyclic_triads"]) == (1.0, 1)
    listed = edges[2][0] | {"purpose": "screen", "kind": "listwise"}
    world.verdicts = [*edges[0], *edges[1], listed]
    found = world.measured()["cyclic_triads"]
    assert (found["n"], found["set_aside"]) == (0, 0)


def test_the_second_judge_is_compared_where_both_have_decided():
    world = Round()
    for said, again in [("aa", "aa"), ("aa", "bb"), ("bb", "bb"), ("ab", "aa"), ("aa", "ab")]:
        rows = world.compared(*said)
        world.verdicts += [
            on_trial(row, "second", outcome=outcome, judge_id="second")
            for row, outcome in zip(rows, again, strict=True)
        ]
    found = world.measured()["second_judge"]
    assert share(found["agreement"]) == (pytest.approx(2 / 3), 3)
    assert (found["kappa"], found["kappa_n"]) == (pytest.approx(1 / 3), 3)


def test_kappa_is_cohens():
    said = [("a", "a")] * 20 + [("a", "b")] * 5 + [("b", "a")] * 10 + [("b", "b")] * 15
    assert kappa(said) == pytest.approx(0.4)
    assert kappa([("a", "b"), ("b", "a")]) == -1
    assert kappa([("a", "a")] * 9) is None
    assert kappa([]) is None


def test_canaries_count_what_they_win_in_both_orders_and_in_one():
    world = Round()
    said = {"empty": "aa", "opener": "bb", "verdict": "ba", "null_model": ("tie", "tie")}
    (answer,) = world.prompt("a real answer")
    planted = canary_candidates(world.prompts[0], answer)
    world.candidates += planted
    for row in planted:
        orders = said.get(row["policy_id"].removeprefix("canary/"), ("abstain", "b"))
        asked = both(answer, row, *orders, reason="refused")
        world.verdicts += [on_trial(one, "canary", repeat=0) for one in asked]
    found = world.measured()["canaries"]
    assert share(found["chosen"]) == (0.25, 4)
    assert share(found["single"]) == (pytest.approx(4 / 9), 9)
    assert share(found["names"]["opener"]["chosen"]) == (1.0, 1)
    assert share(found["names"]["empty"]["single"]) == (0.0, 2)
    assert share(found["names"]["truncated"]["chosen"]) == (None, 0)
    assert share(found["names"]["truncated"]["single"]) == (1.0, 1)


def test_flags_count_rows_by_kind():
    world = Round()
    world.compared("a", "a", flags=["a:invisible", "b:invisible", "prompt:special_tokens"])
    world.compared("a", "a", flags=None)
    world.verdicts.append(on_trial(world.verdicts[0], "repeat"))
    assert world.measured()["flags"] == {"invisible": 2, "special_tokens": 2}


def test_usage_counts_a_call_once_and_tests_apart():
    world = Round()
    world.compared("a", "a")
    world.compared("a", "b")
    world.verdicts.append(world.verdicts[0])
    world.compared("abstain", "abstain", reason="not_asked")
    world.compared("a", "a", request_key="", prompt_tokens=0, completion_tokens=0, cost=0)
    world.verdicts.append(on_trial(world.verdicts[0], "repeat"))
    found = world.measured()
    usage = found["usage"]
    whole = {name: usage[name] for name in ("calls", "prompt_tokens", "completion_tokens", "cost")}
    assert whole == {"calls": 4, "prompt_tokens": 40, "completion_tokens": 12, "cost": 2.0}
    assert usage["per_prompt"]["calls"] == 1.0 and usage["per_decided"]["cost"] == 1.0
    assert found["tests"]["calls"] == 1
