"""The gold set judged by the stage: the threshold and the error rate that follow from it."""

from pathlib import Path
from typing import Any

import pytest
from builders import user
from judges import (
    answered,
    ended,
    endpoints,
    gold_file,
    honest,
    sure_by_distance,
)

from judge.__main__ import main
from judge.config import JudgeConfig
from judge.health.config import Gold
from judge.health.examine import judge_gold
from judge.stage import judge_candidates
from pairs.config import PairsConfig
from pairs.stage import build_pairs
from rounds.errors import UserError
from rounds.rows import Verdict
from rounds.tables import read_rows
from rounds.verdicts import comparisons, settle
from trainer.stage import with_label_smoothing

pytestmark = pytest.mark.long

PAIRWISE = JudgeConfig(endpoint="desk", strategy="pairwise")
TOKEN: dict[str, Any] = {"endpoint": "desk", "strategy": "pairwise", "channel": "token"}
TOKEN |= {"scale": (0, 9)}


def with_gold(path: str, min_n: int = 1, **given: Any) -> JudgeConfig:
    """Compares two answers by one token, and has a gold set."""
    return JudgeConfig(**{**TOKEN, "gold": Gold(path=path, min_n=min_n), **given})


def settled(rows: list[Verdict]) -> list[tuple[str, str | None]]:
    return [settle(of_pair)[:2] for of_pair in comparisons(rows).values()]


def test_without_a_gold_set_the_threshold_is_the_number_and_nothing_is_asked(
    run_dir: Path, endpoint, desk
):
    folder, at = answered(run_dir, (9, 3)), endpoint(honest)
    facts = judge_gold(folder, PAIRWISE.model_copy(update={"tau": 0.8}), desk(at))
    assert facts == {"tau": 0.8, "gold": None, "flip_rate": None}
    assert at.requests == [] and not (folder / "work" / "gold.json").exists()


def test_the_gold_set_is_judged_in_both_orders_and_measured(run_dir: Path, tmp_path, endpoint):
    gold = Gold(path=gold_file(tmp_path, (9, 3, "a"), (2, 8, "b"), (7, 1, "b"), (5, 5, "tie")))
    at = endpoint(honest)
    given = PAIRWISE.model_copy(update={"gold": gold})
    folder = answered(run_dir, (9, 3))
    facts = judge_gold(folder, given, endpoints(tmp_path, desk=at))
    assert len(at.requests) == 8 and facts["tau"] == PAIRWISE.tau
    measures = facts["gold"]
    assert (measures["accuracy"]["value"], measures["accuracy"]["n"]) == (pytest.approx(2 / 3), 3)
    assert measures["confusion"]["tie"]["tie"] == 1
    rows = read_rows(folder, "verdicts", ["gold"])
    assert len(rows) == 8 and {row["purpose"] for row in rows} == {"gold"}
    assert len(read_rows(folder, "prompts", ["gold"])) == 4
    assert len(read_rows(folder, "candidates", ["gold"])) == 8
    assert len(read_rows(folder, "candidates", ["train"])) == 2


def test_a_gold_set_that_was_judged_is_not_asked_again_in_this_round(
    run_dir: Path, tmp_path, endpoint
):
    given = with_gold(gold_file(tmp_path, (9, 1, "a"), (1, 9, "b")))
    folder, at = answered(run_dir, (9, 1)), endpoint(sure_by_distance)
    before = judge_gold(folder, given, endpoints(tmp_path, desk=at))
    (folder / "work" / "gold.json").unlink()
    assert judge_gold(folder, given, endpoints(tmp_path, desk=at)) == before
    assert len(at.requests) == 4


def test_every_round_asks_the_gold_set_anew(run_dir: Path, tmp_path, endpoint):
    given = with_gold(gold_file(tmp_path, (9, 1, "a"), (1, 9, "b")))
    at = endpoint(sure_by_distance)
    for number in (1, 2, 3):
        folder = answered(run_dir, (9, 1), number=number)
        judge_gold(folder, given, endpoints(tmp_path, desk=at))
        assert len(at.requests) == 4 * number
        assert {row["repeat"] for row in read_rows(folder, "verdicts", ["gold"])} == {number - 1}
        ended(folder)


NEAR_IS_WRONG = [(9, 1, "a"), (1, 9, "b")] * 2 + [(6, 4, "b"), (4, 6, "a")]
"""Pairs that the judge is sure of are labelled as it says, those that it is not otherwise."""


def test_a_threshold_from_gold_reaches_the_labels(run_dir: Path, tmp_path, endpoint):
    given = with_gold(gold_file(tmp_path, *NEAR_IS_WRONG), 4, tau="from_gold(0.9, point)")
    folder, there = answered(run_dir, (9, 1), (6, 4), (2, 9)), endpoint(sure_by_distance)
    desk = endpoints(tmp_path, desk=there)
    facts = judge_gold(folder, given, desk)
    assert facts["tau"] == pytest.approx(0.9)
    assert facts["gold"]["accuracy"] == facts["gold"]["accuracy"] | {"value": 1.0, "n": 4}
    judge_candidates(folder, given, desk, facts["tau"])
    rows = read_rows(folder, "verdicts", ["train"])
    assert {row["threshold"] for row in rows} == {facts["tau"]}
    below = ("abstain", "below_threshold")
    assert settled(rows) == [("a", None), below, below]
    found = build_pairs(folder, PairsConfig())
    assert (found["kept"], found["dropped"]) == (1, {"abstain:below_threshold": 2})


def test_a_lower_accuracy_takes_a_lower_threshold_and_labels_more_without_a_call(
    run_dir: Path, tmp_path, endpoint
):
    path = gold_file(tmp_path, *NEAR_IS_WRONG)
    folder, at = answered(run_dir, (9, 1), (6, 4)), endpoint(sure_by_distance)
    desk = endpoints(tmp_path, desk=at)
    asked = []
    for wanted, decided in (("from_gold(0.9, point)", 1), ("from_gold(0.6, point)", 2)):
        given = with_gold(path, 4, tau=wanted)
        tau = judge_gold(folder, given, desk)["tau"]
        judge_candidates(folder, given, desk, tau)
        rows = read_rows(folder, "verdicts", ["train"])
        assert [outcome for outcome, _ in settled(rows)].count("a") == decided
        asked.append(len(at.requests))
    assert asked == [12 + 4] * 2


@pytest.mark.parametrize(
    ("judge", "pairs", "min_n", "says"),
    [
        (honest, [(9, 1, "a"), (1, 9, "b")], 1, "from_gold needs probabilities, and the judge"),
        (sure_by_distance, [(9, 1, "a"), (1, 9, "b")], 3, "rests on 3 decided pairs"),
        (sure_by_distance, [(9, 1, "b"), (1, 9, "a")], 1, "no threshold makes the judge right"),
    ],
)
def test_a_threshold_that_gold_does_not_give_is_said_and_what_was_paid_is_kept(
    run_dir: Path, tmp_path, endpoint, judge, pairs, min_n, says
):
    given = with_gold(gold_file(tmp_path, *pairs), min_n, tau="from_gold(0.9, point)")
    if judge is honest:
        given = given.model_copy(update={"channel": "json"})
    folder, at = answered(run_dir, (9, 1)), endpoint(judge)
    for _ in range(2):
        with pytest.raises(UserError, match=f"judge.tau: .*{says}"):
            judge_gold(folder, given, endpoints(tmp_path, desk=at))
    assert len(at.requests) == 4
    assert judge_gold(folder, given.model_copy(update={"tau": 0.6}), endpoints(tmp_path, desk=at))[
        "gold"
    ]
    assert len(at.requests) == 4


def test_the_error_rate_on_gold_is_what_smooths_the_labels(run_dir: Path, tmp_path, endpoint):
    pairs = [(9, 1, "a"), (1, 9, "b"), (8, 2, "a"), (7, 3, "b")]
    given, at = with_gold(gold_file(tmp_path, *pairs), 4), endpoint(sure_by_distance)
    facts = judge_gold(answered(run_dir, (9, 1)), given, endpoints(tmp_path, desk=at))
    assert facts["flip_rate"] == pytest.approx(0.25 if facts["gold"]["accuracy"]["n"] == 4 else 9)
    args = {"loss_type": "robust", "label_smoothing": "from_gold"}
    assert with_label_smoothing(args, facts["flip_rate"])["label_smoothing"] == facts["flip_rate"]
    assert args["label_smoothing"] == "from_gold", "what was given is left as it is"


def test_too_few_decided_pairs_smooth_nothing(run_dir: Path, tmp_path, endpoint):
    given = with_gold(gold_file(tmp_path, (9, 1, "a"), (1, 9, "b")), 3)
    at = endpoint(sure_by_distance)
    facts = judge_gold(answered(run_dir, (9, 1)), given, endpoints(tmp_path, desk=at))
    assert facts["flip_rate"] is None
    with pytest.raises(UserError, match=r"label_smoothing: from_gold needs .*judge.gold.min_n"):
        with_label_smoothing({"label_smoothing": "from_gold"}, facts["flip_rate"])
    assert with_label_smoothing({"label_smoothing": 0.1}, None) == {"label_smoothing": 0.1}


def test_by_hand_the_stage_goes_from_gold_to_health(run_dir: Path, tmp_path, endpoint):
    at = endpoint(sure_by_distance)
    path = gold_file(tmp_path, *NEAR_IS_WRONG)
    section = with_gold(path, 4, tau="from_gold(0.9, point)").model_dump(mode="json")
    tree = {"endpoints": {"desk": {"base_url": at.base_url, "model": "m"}}, "judge": section}
    folder = answered(run_dir, (9, 1), (6, 4))
    facts = main(folder, tree)
    assert facts["verdicts"] == 4
    assert read_rows(folder, "verdicts", ["train"])[0]["threshold"] == pytest.approx(0.9)
    splits = {row["split"] for row in read_rows(folder, "verdicts")}
    assert splits == {"gold", "train", "health"}
    assert user("gold 0") in [row["messages"] for row in read_rows(folder, "prompts", ["gold"])]
