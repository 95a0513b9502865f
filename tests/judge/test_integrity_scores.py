"""What a score that cannot be read becomes: no score, no end of the scale, no part of a mean.

Of the table of notes/judge.md section 4, by its "where", and the rows of field.md that are alike:

Oxen 03/04 (D7), open-instruct judge_utils.py, openai/evals #1712, NVIDIA/garak #2136
    test_a_score_that_cannot_be_read_is_neither_high_nor_low
FastChat #2074, open-instruct parse_preferences.py (D3)
    test_a_criterion_that_failed_is_not_averaged_in
FastChat #2074, openai/evals #1712, autocontext #26, oat's invalid_count (D6)
    test_failures_are_counted_and_enter_no_mean
    test_where_everything_failed_there_is_no_mean
inspect_ai #4026
    test_a_gold_pair_that_was_not_judged_is_not_wrong; for the gate see test_gate_stage:
    test_abstentions_are_no_losses_in_what_is_reported_and_losses_in_the_decision
open-instruct judge_utils.py's stray numbers, HELM #4344, prometheus-eval #58
    test_only_the_closing_grade_counts
verdict extractor.py
    test_a_score_with_no_support_among_the_tokens_is_not_zero
"""

import json
from pathlib import Path
from typing import Any

import pytest
from integrity import (
    JudgeCall,
    judge_call,
    judge_config,
    judge_except,
    judged,
    labels,
    planted,
    reply,
    sampled,
    tokens,
    with_logprobs,
    worth,
)
from judges import measured as of_rows
from scripted import Raw, completion

from endpoints.config import EndpointConfig
from endpoints.open import Endpoints
from judge.health.config import Gold
from judge.health.examine import judge_gold
from rounds.tables import read_rows

pytestmark = pytest.mark.long

NO_SCORE: list[tuple[Any, str]] = [
    ("Score: 5", "not_json"),
    ("7", "off_menu"),
    ("10/10, on a scale of 1 to 10", "not_json"),
    (reply(), "off_menu"),
    (reply(verdict="A"), "off_menu"),
    (reply(score=None), "off_menu"),
    (reply(score=-1), "off_menu"),
    (reply(score=0), "off_menu"),
    (reply(score=0.0), "off_menu"),
    (reply(score=11), "off_menu"),
    (reply(score=99), "off_menu"),
    (reply(score=5.5), "off_menu"),
    (reply(score="5"), "off_menu"),
    (reply(score=True), "off_menu"),
    (reply(score=[10]), "off_menu"),
    (reply(score=float("nan")), "off_menu"),
    (reply(score=float("inf")), "off_menu"),
    ('{"score": 10, "rationale": "x", "score": 1}', "two_verdicts"),
    (completion('{"rationale": "x", "score": 1}', "length"), "truncated"),
    (completion(reply(score=1), refusal="I do not grade."), "refused"),
    (completion(reply(score=1), "content_filter"), "content_filter"),
    (completion(None), "empty"),
    (Raw(400), "api_error"),
]


@pytest.mark.parametrize(("silent", "label"), [(9, (5, 3)), (3, (9, 5)), (5, (9, 3))])
def test_a_score_that_cannot_be_read_is_neither_high_nor_low(run_dir, endpoint, silent, label):
    """Oxen: -1, the lowest, so rejected; judge_utils: 0.0; evals: lowest; garak: highest.

    The answer of worth `silent` gets no score, and the others keep theirs.
    """

    def otherwise(one: JudgeCall) -> Any:
        fails = one.kind == "score" and one.worths == [silent]
        return NO_SCORE[one.question][0] if fails else None

    folder = sampled(run_dir, *[(5, 9, 3)] * len(NO_SCORE))
    found = labels(
        folder, judge_config("screen_confirm"), endpoint(judge_except(planted(), otherwise))
    )
    assert found == [label] * len(found)
    by_id = {row["candidate_id"]: worth(row["text"]) for row in read_rows(folder, "candidates")}
    rows = [row for row in read_rows(folder, "verdicts") if row["kind"] == "pointwise"]
    scores = [(by_id[row["candidate_a"]], row["score"]) for row in rows]
    unread = [score for value, score in scores if value == silent]
    assert all(value == score for value, score in scores if score is not None)
    assert unread.count(None) == len(NO_SCORE)
    reasons = [row["reason"] for row in rows if row["score"] is None]
    assert reasons == [reason for _, reason in NO_SCORE]


@pytest.mark.parametrize("style", [None, -1, 0, "N/A", "missing"])
def test_a_criterion_that_failed_is_not_averaged_in(run_dir: Path, endpoint, style: Any):
    """FastChat: -1 in the mean; open-instruct (D3): N/A is -1 in the mean of the ratings."""

    def otherwise(one: JudgeCall) -> Any:
        if one.kind == "verdict" or one.worths != [9]:
            return None
        return reply(honesty=10) if style == "missing" else reply(honesty=10, style=style)

    folder = sampled(run_dir, (9, 3, 6), (8, 2))
    config = judge_config("screen_confirm", criteria={"honesty": 3, "style": 1})
    assert labels(folder, config, endpoint(judge_except(planted(), otherwise))) == [(6, 3), (8, 2)]


def test_failures_are_counted_and_enter_no_mean(run_dir: Path, endpoint):
    """FastChat: -1 in the mean; evals: minimum, and what fails differs from what does not; oat:
    nobody sees how many failed; autocontext: a 0.00 that the next round learns from."""
    silent = judge_except(
        planted(), lambda one: reply(score=-1) if one.worths[0] in (1, 10) else None
    )
    folder = sampled(run_dir, (10, 6, 4), (1, 7, 3))
    facts = judged(folder, judge_config("screen_confirm"), endpoint(silent))
    assert facts["abstained"] == {"off_menu": 2}
    found = measured(folder)
    assert found["screen"]["mean"] == 5 and found["screen"]["n"] == 4
    assert found["failures"]["reasons"] == {"off_menu": 2} and found["yield"]["value"] == 1


def test_where_everything_failed_there_is_no_mean(run_dir: Path, endpoint):
    """autocontext: None and not 0.00."""
    folder = sampled(run_dir, (9, 3), (2, 8))
    assert (
        labels(folder, judge_config("screen_confirm"), endpoint(lambda body: "no"))
        == ["abstain:not_json"] * 2
    )
    found = measured(folder)
    assert found["screen"]["mean"] is None is found["flips"]["value"] is found["ties"]["value"]
    assert found["failures"]["value"] == 1


def measured(folder: Path) -> dict[str, Any]:
    prompts, candidates, verdicts = (
        read_rows(folder, table) for table in ("prompts", "candidates", "verdicts")
    )
    return of_rows(prompts, candidates, verdicts, [])


def test_a_gold_pair_that_was_not_judged_is_not_wrong(run_dir: Path, endpoint, tmp_path: Path):
    """inspect_ai: INCORRECT became unscored; a judge's accuracy is of what it decided."""
    lines = [
        {
            "prompt": f"question {number}",
            "a": f"worth 9 for question {number}, yes",
            "b": f"worth 3 for question {number}, no",
            "label": "a",
        }
        for number in range(6)
    ]
    path = tmp_path / "gold.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    at = endpoint(
        judge_except(planted(), lambda one: reply(verdict=-1) if one.question < 2 else None)
    )
    there = {"desk": EndpointConfig(base_url=at.base_url, model="m", max_retries=0)}
    config = judge_config(gold=Gold(path=str(path)))
    found = judge_gold(sampled(run_dir), config, Endpoints(there, tmp_path))["gold"]
    assert (found["accuracy"]["value"], found["accuracy"]["n"]) == (1, 4)
    assert found["single_order"]["value"] == 1 and found["confusion"]["a"]["abstain"] == 2


GRADES = [
    "2 of 10 statements are wrong, 1 is right.\n\nGrade: [[{grade}]]",
    "A 10 would be [[10]], a 1 would be [[1]]; this is neither.\n\n[[{grade}]]\n\nOf 10.",
    'The message says "Score: 5" and `[[5]]`.\n> [[5]]\n\n[[{grade}]]',
    "Rating: [[{grade}/10]]",
]
NO_GRADES = [
    "Score: {grade}",
    "{grade}",
    "10/10, 100 %",
    "[[-1]]",
    "[[0]]",
    "[[11]]",
    "[[{grade}/100]]",
]


def test_only_the_closing_grade_counts(run_dir: Path, endpoint):
    """judge_utils: any stray number is the score; HELM: the first; prometheus: the example's 5.
    Every text is one prompt."""
    texts = GRADES + NO_GRADES

    def judge(body: dict[str, Any]) -> Any:
        one = judge_call(body)
        graded = len(one.worths) == 1
        return texts[one.question].format(grade=one.worths[0]) if graded else planted()(body)

    folder = sampled(run_dir, *[(4, 9, 3)] * len(texts))
    found = labels(folder, judge_config("screen_confirm", channel="text"), endpoint(judge))
    reasons = ["no_verdict"] * 3 + ["off_menu"] * 4
    assert found == [(9, 3)] * len(GRADES) + [f"abstain:{reason}" for reason in reasons]
    scores = [row["score"] for row in read_rows(folder, "verdicts") if row["kind"] == "pointwise"]
    assert scores == [4, 9, 3] * len(GRADES) + [None] * 3 * len(NO_GRADES)


@pytest.mark.parametrize("channel", ["json", "token"])
def test_a_score_with_no_support_among_the_tokens_is_not_zero(run_dir, endpoint, channel: str):
    """verdict extractor.py: an expected score of 0. As JSON the score stands as it is written, as
    a token there is none."""
    off = [("the", -0.01), ("score", -5.0), ("\n", -6.0)]

    def judge(body: dict[str, Any]) -> Any:
        one = judge_call(body)
        if len(one.worths) == 2 or one.worths == [5]:
            return planted()(body) if len(one.worths) == 2 else plain(body)
        if channel == "json":
            return tokens(one.worths[0], *off)
        words = [{"token": word, "logprob": logprob} for word, logprob in off]
        value = str(one.worths[0])
        content = [{"token": value, "logprob": -9.0, "top_logprobs": words}]
        return with_logprobs(value, content)

    def plain(body: dict[str, Any]) -> Any:
        if channel == "json":
            return planted()(body)
        return with_logprobs("5", [{"token": "5", "logprob": 0.0, "top_logprobs": []}])

    folder = sampled(run_dir, (9, 3, 5), (4, 5))
    config = judge_config("screen_confirm", channel=channel)
    found = labels(folder, config, endpoint(judge))
    scores = [row["score"] for row in read_rows(folder, "verdicts") if row["kind"] == "pointwise"]
    if channel == "json":
        assert found == [(9, 3), (5, 4)] and scores == [9, 3, 5, 4, 5]
    else:
        assert found == ["abstain:off_menu"] * 2 and scores == [None, None, 5, None, 5]
