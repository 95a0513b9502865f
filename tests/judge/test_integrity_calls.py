"""Calls that fail, or are never sent: nothing that was paid is lost, nothing else is touched.

D2 one failure raises after all was paid   test_a_call_that_fails_to_the_end_costs_no_other_label,
                                           test_a_judge_that_is_lost_midway_loses_no_paid_call
D3, D15, D16 a dropped row shifts the rest test_a_prompt_whose_calls_fail_shifts_no_other_label,
                                           test_a_score_that_fails_shifts_no_other_score,
                                           test_a_juror_that_fails_leaves_the_others_theirs,
                                           test_an_appeal_decides_what_was_open_and_nothing_else
D4 at the end of the budget: -1 for all    test_a_budget_that_ends_leaves_no_label_and_no_answer
D6 ten failures kill the job               test_a_call_that_fails_to_the_end_costs_no_other_label
judge.md: alpaca_eval #340, arena-hard     test_a_null_is_asked_again_and_never_an_answer
a scorer that fails (autocontext, evals)   test_a_rule_that_fails_is_no_score

(Batches, whose failed lines are asked again one by one: test_batch.py.)
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from integrity import (
    TASTES,
    JudgeCall,
    Label,
    answering_late,
    built,
    judge_call,
    judge_config,
    judge_except,
    judged,
    labels,
    opinion,
    planted,
    reply,
    sampled,
    worth,
)
from scripted import Raw, Scripted, completion

from endpoints.config import BudgetConfig
from endpoints.reply import EndpointLost
from judge.config import Appeal
from rounds.errors import UserError
from rounds.rows import Prompt, Verdict
from rounds.tables import read_rows

pytestmark = pytest.mark.long

FAILURES: list[tuple[Any, str]] = [
    (Raw(400), "api_error"),
    (completion(None), "empty"),
    (completion("No.", refusal="No."), "refused"),
    (reply(verdict=-1, score=-1), "off_menu"),
]


@pytest.mark.parametrize("fails", [0, 2, 4])
@pytest.mark.parametrize("strategy", ["screen_confirm", "listwise", "pairwise"])
def test_a_prompt_whose_calls_fail_shifts_no_other_label(run_dir, endpoint, strategy, fails):
    """D3: the next prompt's answers; D15, D16: the whole batch, or one branch of it, is gone."""
    worths: list[tuple[int, ...]] = [(9, 3), (2, 8), (7, 1), (4, 6), (5, 10)]
    if strategy != "pairwise":
        worths = [(*of_prompt, 4) if 4 not in of_prompt else of_prompt for of_prompt in worths]
    failure, reason = FAILURES[(fails + len(strategy)) % len(FAILURES)]
    judge = judge_except(
        answering_late(planted()), lambda one: failure if one.question == fails else None
    )
    folder = sampled(run_dir, *worths, order=lambda rows: rows[::-1])
    found = labels(folder, judge_config(strategy), endpoint(judge))
    expected: list[Label] = [(max(of_prompt), min(of_prompt)) for of_prompt in worths]
    expected[fails] = f"abstain:{reason}"
    assert found == expected


@pytest.mark.parametrize("fails", [9, 3, 7, 5])
def test_a_score_that_fails_shifts_no_other_score(run_dir: Path, endpoint, fails: int):
    """D3 among the answers of one prompt: each score stays with the text that it was given to."""
    null = reply(score=None)
    judge = judge_except(planted(), lambda one: null if one.worths == [fails] else None)
    folder = sampled(run_dir, (5, 9, 3, 7), (3, 5, 7, 9), (9, 7, 5, 3))
    rest = [value for value in (9, 7, 5, 3) if value != fails]
    found = labels(folder, judge_config("screen_confirm"), endpoint(answering_late(judge)))
    assert found == [(rest[0], rest[-1])] * 3
    rows = read_rows(folder, "pairs")
    assert [(row["score_chosen"], row["score_rejected"]) for row in rows] == found


@pytest.mark.parametrize("status", [400, 500])
def test_a_call_that_fails_to_the_end_costs_no_other_label(run_dir, endpoint, status: int):
    """D2: an error after everything was paid; D6: ten failures end the job. The next run asks what
    is missing and nothing else."""
    worths = [(9, 3), (2, 8)] * 12
    down = True

    def otherwise(one: JudgeCall) -> Any:
        return Raw(status) if down and one.question % 2 else None

    folder, at = sampled(run_dir, *worths), endpoint(judge_except(planted(), otherwise))
    assert labels(folder, judge_config(), at) == [(9, 3), "abstain:api_error"] * 12
    down = False
    sent = len(at.requests)
    assert labels(folder, judge_config(), at) == [(9, 3), (8, 2)] * 12
    assert {judge_call(body).question % 2 for body in at.requests[sent:]} == {1}
    assert len(at.requests) == sent + 24


def test_a_judge_that_is_lost_midway_loses_no_paid_call(run_dir: Path, endpoint):
    """D2, D4: it says no from the 30th call on. No row is written, and no call is sent twice."""
    worths = [(9, 3), (2, 8), (7, 1), (4, 6), (5, 10)] * 3
    folder = sampled(run_dir, *worths)

    paid: list[str] = []

    def dying(body: dict[str, Any]) -> Any:
        if len(first.requests) > 30:
            return Raw(401)
        paid.append(json.dumps(body))
        return planted()(body)

    first: Scripted = endpoint(dying)
    with pytest.raises(EndpointLost):
        labels(folder, judge_config("screen_confirm"), first)
    assert read_rows(folder, "verdicts") == read_rows(folder, "pairs") == []
    second = endpoint(planted())
    found = labels(folder, judge_config("screen_confirm"), second)
    assert found == [(max(of_prompt), min(of_prompt)) for of_prompt in worths]
    asked = Counter(paid + [json.dumps(body) for body in second.requests])
    assert set(asked.values()) == {1} and len(asked) == 4 * 15 and len(paid) > 9


NULLS: list[Any] = [
    completion(None),
    completion(""),
    completion(" \n"),
    completion(None, refusal="I cannot."),
    completion(None, "content_filter"),
    completion('{"rationale": "x", "verdi', "length"),
    Raw(200, "{}"),
    Raw(200, "null"),
    Raw(400),
]


@pytest.mark.parametrize("strategy", ["pairwise", "screen_confirm"])
def test_a_null_is_asked_again_and_never_an_answer(run_dir: Path, endpoint, strategy: str):
    """alpaca_eval, arena-hard: a null is cached and stays. Each prompt meets another null."""
    down = True

    def otherwise(one: JudgeCall) -> Any:
        return NULLS[one.question] if down and one.question < len(NULLS) else None

    worths = [(2, 8)] * (len(NULLS) + 2)
    folder, at = sampled(run_dir, *worths), endpoint(judge_except(planted(), otherwise))
    found = labels(folder, judge_config(strategy), at)
    assert all(str(label).startswith("abstain:") for label in found[: len(NULLS)])
    assert found[len(NULLS) :] == [(8, 2)] * 2
    down, sent = False, len(at.requests)
    assert labels(folder, judge_config(strategy), at) == [(8, 2)] * len(worths)
    assert {judge_call(body).question for body in at.requests[sent:]} == set(range(len(NULLS)))
    sent = len(at.requests)
    assert labels(folder, judge_config(strategy), at) == [(8, 2)] * len(worths)
    assert len(at.requests) == sent


@pytest.mark.parametrize("calls", [3, 9, 14])
@pytest.mark.parametrize("strategy", ["screen_confirm", "tournament"])
def test_a_budget_that_ends_leaves_no_label_and_no_answer(run_dir, endpoint, strategy, calls: int):
    """D4: after the last request every verdict is -1, and training goes on. What was left out is
    asked by the next run, and only that."""
    worths = [(9, 3), (2, 8), (7, 1), (4, 6), (5, 10)]
    right: list[Label] = [(max(of_prompt), min(of_prompt)) for of_prompt in worths]
    folder, at = sampled(run_dir, *worths), endpoint(answering_late(planted()))
    found = labels(folder, judge_config(strategy, budget=BudgetConfig(calls=calls)), at)
    assert len(at.requests) <= calls
    assert all(one in (label, "not_judged") for one, label in zip(found, right, strict=True))
    done = len(found) - found.count("not_judged")
    assert len(read_rows(folder, "verdicts")) == len(at.requests)
    facts = judged(folder, judge_config(strategy, budget=BudgetConfig(calls=calls)), at)
    left = len(worths) - done
    assert facts["partial"] == ({"left_out": left, "limit": "calls"} if left else None)
    assert labels(folder, judge_config(strategy), at) == right
    assert set(Counter(map(json.dumps, at.requests)).values()) == {1}


def test_a_budget_that_ends_within_a_prompt_gives_it_no_label(run_dir: Path, endpoint):
    """D4: money runs out in the middle of a comparison; what was not sent has not been answered."""

    def dear(body: dict[str, Any]) -> Any:
        text = planted()(body)
        used = {"prompt_tokens": 10 ** (judge_call(body).question * 2), "completion_tokens": 1}
        return completion(text) | {"usage": used}

    folder = sampled(run_dir, (9, 3), (2, 8), (7, 1), (4, 6))
    at = endpoint(dear)
    found = labels(folder, judge_config("screen_confirm", budget=BudgetConfig(tokens=1500)), at)
    assert found[0] == (9, 3) and set(found[1:]) <= {(8, 2), "abstain:budget", "not_judged"}
    assert found[3] == "not_judged" or found[3] == "abstain:budget"
    rows = [row for row in read_rows(folder, "verdicts") if row["reason"] == "budget"]
    assert all(row["outcome"] == "abstain" and row["raw_text"] for row in rows)
    assert labels(folder, judge_config("screen_confirm"), at) == [(9, 3), (8, 2), (7, 1), (6, 4)]
    assert set(Counter(map(json.dumps, at.requests)).values()) == {1}


def test_a_juror_that_fails_leaves_the_others_theirs(run_dir: Path, endpoint):
    """D16: one branch's rows disappear and two branches merge one row apart."""
    worths = [(9, 3), (2, 8), (7, 1), (4, 6)]
    honest, dissenting = endpoint(answering_late(planted())), endpoint(planted(TASTES["opposite"]))

    def sometimes(one: JudgeCall) -> Any:
        first = opinion(one, TASTES["natural"]) == "A"
        return {1: "", 2: "" if first else None}.get(one.question)

    third = endpoint(judge_except(planted(), sometimes))
    folder = sampled(run_dir, *worths, order=lambda rows: rows[::-1])
    found = labels(folder, judge_config(endpoint=["x", "y", "z"]), honest, dissenting, third)
    assert found == [(9, 3), "abstain:no_majority", "abstain:no_majority", (6, 4)]
    by_id = {row["candidate_id"]: row["text"] for row in read_rows(folder, "candidates")}
    for row in read_rows(folder, "verdicts"):
        better = _better(row, by_id)
        if row["outcome"] != "abstain":
            assert row["outcome"] == (better if row["judge_id"] != "y/m" else "ab"[better == "a"])


def _better(row: Verdict, texts: dict[str, str]) -> str:
    return "a" if worth(texts[row["candidate_a"]]) > worth(texts[row["candidate_b"]]) else "b"


def test_two_halves_of_two_jurors_are_no_juror(run_dir: Path, endpoint):
    """D16: with the failed rows dropped, the orders of one judge would pair with another's."""
    half = judge_except(planted(), lambda one: "" if one.worths[0] == 9 else None)
    by_place = judge_except(planted(), lambda one: reply(verdict="A"))
    folder = sampled(run_dir, (9, 3), (3, 9))
    jury = endpoint(half), endpoint(planted()), endpoint(by_place)
    found = labels(folder, judge_config(endpoint=["x", "y", "z"]), *jury)
    assert found == ["abstain:no_majority"] * 2


def test_an_appeal_decides_what_was_open_and_nothing_else(run_dir: Path, endpoint):
    """D16: the second branch has fewer rows than the first, and another taste."""
    worths = [(9, 3), (2, 8), (7, 1), (4, 6), (5, 10)]
    open_ones = {1: "", 3: reply(verdict=-1)}
    first = endpoint(judge_except(planted(), lambda one: open_ones.get(one.question)))
    second = endpoint(answering_late(planted(TASTES["opposite"])))
    config = judge_config(appeal=Appeal(endpoint="strong", max_share=1))
    folder = sampled(run_dir, *worths, order=lambda rows: rows[::-1])
    assert labels(folder, config, first, second) == [(9, 3), (2, 8), (7, 1), (4, 6), (10, 5)]
    assert {judge_call(body).question for body in second.requests} == {1, 3}


def grade(prompt: Prompt, text: str) -> Any:
    """A rule for the tests: 9 has no verdict, 10 is no number."""
    return {9: None, 10: float("nan")}.get(worth(text), worth(text))


def test_a_rule_that_fails_is_no_score(run_dir: Path):
    """autocontext, evals, garak: a scorer's failure is neither 0.00 nor the top of the scale."""
    config = judge_config("screen_confirm", endpoint=f"python:{__file__}:grade")
    folder = sampled(run_dir, (9, 3, 5), (8, 2, 4), (9, 1))
    assert labels(folder, config) == [(5, 3), (8, 2), "abstain:not_judged"]
    folder = sampled(run_dir.parent / "other", (8, 3), (10, 5))
    with pytest.raises(UserError, match="nan, neither a number nor None"):
        labels(folder, config)
    assert read_rows(folder, "verdicts") == []
    assert built(folder) == ["not_judged"] * 2
