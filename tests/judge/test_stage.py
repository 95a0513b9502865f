"""The judge stage over a scripted endpoint: a simple judge in place of a model."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import begun, candidate_row, prompt_row
from scripted import Raw, asks_for_a_score, completion, honest_judge, quality, shown

from endpoints.config import BudgetConfig
from endpoints.reply import EndpointLost
from judge.config import JudgeConfig, RubricFiles
from judge.panel import panel_identity
from judge.stage import judge_candidates
from rounds.errors import UserError
from rounds.rows import Verdict
from rounds.tables import read_rows
from rounds.usage import usage_totals
from rounds.verdicts import comparisons, settle

CONFIG = JudgeConfig(endpoint="desk")


def answered(run_dir: Path, *qualities: tuple[int, ...]) -> Path:
    """A round whose train prompts have answers of these qualities."""
    prompts = [prompt_row(f"question {number}") for number in range(len(qualities))]
    candidates = [
        candidate_row(prompt, f"quality {value} answer {index}", index)
        for prompt, values in zip(prompts, qualities, strict=True)
        for index, value in enumerate(values)
    ]
    return begun(run_dir, prompts=prompts, candidates=candidates)


def pairwise(folder: Path) -> list[Verdict]:
    return [row for row in read_rows(folder, "verdicts") if row["kind"] == "pairwise"]


def always(verdict: str) -> Callable[[dict[str, Any]], str]:
    """Scores honestly, then says the same in every comparison."""

    def judge(body: dict[str, Any]) -> str:
        said = json.dumps({"rationale": "x", "verdict": verdict})
        return honest_judge(body) if asks_for_a_score(body) else said

    return judge


def test_every_answer_is_scored_and_the_extremes_compared_in_both_orders(run_dir, endpoint, desk):
    folder, at = answered(run_dir, (3, 9, 1), (2, 4)), endpoint(honest_judge)
    facts = judge_candidates(folder, CONFIG, desk(at))
    rows = read_rows(folder, "verdicts")
    assert [row["kind"] for row in rows] == ["pointwise"] * 3 + ["pairwise"] * 2 + [
        "pointwise"
    ] * 2 + ["pairwise"] * 2
    assert [row["score"] for row in rows] == [3, 9, 1, None, None, 2, 4, None, None]
    assert [row["shown_first"] for row in pairwise(folder)] == ["a", "b"] * 2
    assert facts["verdicts"] == 9 == len(at.requests)
    assert facts["outcomes"] == {"a": 4, "scored": 5} and facts["abstained"] == {}


def test_rows_stand_in_the_order_of_the_prompts_however_late_an_answer_comes(
    run_dir, endpoint, desk
):
    def slow_at_first(body: dict[str, Any]) -> str:
        time.sleep(0.1 if "question 0" in body["messages"][1]["content"] else 0)
        return honest_judge(body)

    folder = answered(run_dir, *[(1, 2)] * 5)
    judge_candidates(folder, CONFIG, desk(endpoint(slow_at_first)))
    order = [row["prompt_id"] for row in read_rows(folder, "prompts")]
    verdicts = [row["prompt_id"] for row in read_rows(folder, "verdicts")]
    assert list(dict.fromkeys(verdicts)) == order
    assert verdicts == sorted(verdicts, key=order.index)


def test_a_judge_that_always_says_A_decides_nothing(run_dir, endpoint, desk):
    folder = answered(run_dir, (3, 9), (7, 2))
    judge_candidates(folder, CONFIG, desk(endpoint(always("A"))))
    settled = [settle(rows) for rows in comparisons(read_rows(folder, "verdicts")).values()]
    assert [(each.outcome, each.reason) for each in settled] == [("abstain", "flip")] * 2


@pytest.mark.parametrize(
    ("says", "outcomes"), [("A", ["a", "b"]), ("B", ["b", "a"]), ("tie", ["tie", "tie"])]
)
def test_a_verdict_names_the_candidate_and_not_its_place(run_dir, endpoint, desk, says, outcomes):
    folder, at = answered(run_dir, (9, 3)), endpoint(always(says))
    judge_candidates(folder, CONFIG, desk(at))
    assert [row["outcome"] for row in pairwise(folder)] == outcomes
    orders = [[quality(text) for text in shown(body)] for body in at.requests[2:]]
    assert sorted(orders) == [[3, 9], [9, 3]]
    best = read_rows(folder, "candidates")[0]["candidate_id"]
    assert [row["candidate_a"] for row in pairwise(folder)] == [best] * 2


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("A", "not_json"),
        ('{"rationale": "x", "verdict": "A", "score": 1}', "off_menu"),
        ('{"rationale": "x", "score": 99}', "off_menu"),
        ('{"score": 5, "score": 6}', "two_verdicts"),
        (completion('{"rationale": "x", "verdict"', "length"), "truncated"),
        (completion('{"rationale": "x", "score": 5}', "length"), "truncated"),
        (completion(None, refusal="no"), "refused"),
        (completion("", "content_filter"), "content_filter"),
        (completion(""), "empty"),
        (Raw(400), "api_error"),
    ],
)
def test_a_reply_that_cannot_be_read_is_an_abstention(run_dir, endpoint, desk, reply, reason):
    folder = answered(run_dir, (3, 9))
    facts = judge_candidates(folder, CONFIG, desk(endpoint(lambda body: reply)))
    rows = read_rows(folder, "verdicts")
    assert [(row["outcome"], row["reason"], row["score"]) for row in rows] == [
        ("abstain", reason, None)
    ] * 2
    assert facts["abstained"] == {reason: 2}


def test_a_failed_comparison_is_an_abstention_and_no_win(run_dir, endpoint, desk):
    def half(body: dict[str, Any]) -> Any:
        first = asks_for_a_score(body) or quality(shown(body)[0]) == 9
        return honest_judge(body) if first else completion("", "content_filter")

    folder = answered(run_dir, (9, 3))
    judge_candidates(folder, CONFIG, desk(endpoint(half)))
    assert [row["outcome"] for row in pairwise(folder)] == ["a", "abstain"]
    assert settle(pairwise(folder))[:2] == ("abstain", "content_filter")


def test_run_again_without_its_stamp_nothing_is_sent_twice(run_dir, endpoint, desk):
    folder, at = answered(run_dir, (3, 9, 1), (2, 2)), endpoint(honest_judge)
    judge_candidates(folder, CONFIG, desk(at))
    before, sent = read_rows(folder, "verdicts"), len(at.requests)
    (folder / "work" / "judge.json").unlink()
    (folder / "verdicts.parquet").unlink()
    judge_candidates(folder, CONFIG, desk(at))
    assert len(at.requests) == sent
    assert read_rows(folder, "verdicts") == before


def test_what_was_answered_before_the_judge_was_lost_is_not_asked_again(run_dir, endpoint, desk):
    folder = answered(run_dir, *[(1, 9)] * 3)
    dying = endpoint(lambda body: honest_judge(body) if len(dying.requests) < 6 else Raw(401))
    with pytest.raises(EndpointLost):
        judge_candidates(folder, CONFIG, desk(dying, max_in_flight=1))
    assert read_rows(folder, "verdicts") == []
    alive = endpoint(honest_judge)
    judge_candidates(folder, CONFIG, desk(alive))
    asked = [json.dumps(body, sort_keys=True) for body in dying.requests[:5] + alive.requests]
    assert len(asked) == len(set(asked)) == 3 * 4


def test_a_prompt_with_one_usable_answer_costs_nothing(run_dir, endpoint, desk):
    prompt = prompt_row("question")
    cut = candidate_row(prompt, "quality 3", 1, finish="length")
    folder = begun(run_dir, prompts=[prompt], candidates=[candidate_row(prompt, "quality 9"), cut])
    at = endpoint(honest_judge)
    assert judge_candidates(folder, CONFIG, desk(at))["verdicts"] == len(at.requests) == 0
    assert read_rows(folder, "verdicts") == []


def test_an_edited_rubric_file_asks_again_what_it_asks(run_dir, endpoint, desk, tmp_path):
    folder, at, rubric = answered(run_dir, (3, 9)), endpoint(honest_judge), tmp_path / "r.txt"
    config = JudgeConfig(endpoint="desk", rubrics=RubricFiles(pairwise=str(rubric)))
    for system in ("Compare.", "Compare shortly."):
        rubric.write_text(f"{system}\n===\n{{prompt}}\n{{a}}\n{{b}}")
        judge_candidates(folder, config, desk(at))
    assert len(at.requests) == 4 + 2
    assert [body["messages"][0]["content"] for body in at.requests[4:]] == ["Compare shortly."] * 2
    assert len(pairwise(folder)) == 2


def test_an_endpoint_without_usage_judges_the_same_and_its_rows_say_that_tokens_are_a_guess(
    run_dir: Path, endpoint, desk
):
    folder = answered(run_dir, (3, 9, 1))
    at = endpoint(lambda body: completion(honest_judge(body)) | {"usage": None})
    judge_candidates(folder, CONFIG, desk(at, price={"input": 1.0, "output": 1.0}))
    rows = read_rows(folder, "verdicts")
    assert [row["score"] for row in rows] == [3, 9, 1, None, None]
    assert all(row["estimated"] and row["prompt_tokens"] > 100 for row in rows)
    used = usage_totals(rows)
    assert used["estimated"] == used["calls"] == 5
    assert used["cost"] == pytest.approx((used["prompt_tokens"] + used["completion_tokens"]) / 1e6)
    of_before = [row | {"estimated": None, "cached_tokens": None} for row in rows]
    assert usage_totals(of_before) == used | {"estimated": 0}


def test_a_budget_of_money_ends_at_its_first_answers_and_is_gone_on_with(run_dir, endpoint, desk):
    """What was answered is kept; with estimates allowed the same command labels the round."""
    folder = answered(run_dir, *[(3, 9, 1)] * 6)
    at = endpoint(lambda body: completion(honest_judge(body)) | {"usage": None})
    hosted = desk(at, price={"input": 1.0, "output": 1.0}, max_in_flight=4)
    with pytest.raises(UserError, match="does not report what a call used"):
        judge_candidates(folder, CONFIG.model_copy(update={"budget": BudgetConfig(cost=5)}), hosted)
    assert len(at.requests) <= 4, "what was open with the first"
    allowed = CONFIG.model_copy(update={"budget": BudgetConfig(cost=5, estimates=True)})
    assert judge_candidates(folder, allowed, hosted)["partial"] is None
    assert len(at.requests) == 6 * 5, "what was answered was asked again"


def test_how_money_is_counted_and_batches_fail_does_not_judge_a_round_anew(desk, endpoint):
    """Settings that are younger than a round under way change no verdict, nor the stage's key."""
    hosted = desk(endpoint(honest_judge))
    changed = JudgeConfig(endpoint="desk", budget=BudgetConfig(estimates=True))
    keys = [panel_identity(one, hosted, ["desk"]) for one in (CONFIG, changed)]
    assert keys[0] == keys[1]
    assert not {"batch_failed"} & keys[0][0].keys() and "estimates" not in keys[0][0]["budget"]
