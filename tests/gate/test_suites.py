"""Regression suites: who is asked, how answers are scored, and which drop refuses."""

import json
from pathlib import Path
from statistics import NormalDist

import pytest
from builders import begun, finished

from gate.config import GateConfig
from gate.rules import other_rules
from gate.suite_config import Suite
from gate.suites import (
    all_figures,
    check_reference,
    least_prompts,
    load_score,
    suite_figures,
)
from rounds.errors import UserError
from rounds.rows import SUITES
from rounds.stages import stage_stamps
from rounds.tables import read_rows
from rounds.weights import Policy
from sampler.config import SamplerConfig
from sampler.suite_prompts import SuitePrompts, answers_wanted, read_suite
from sampler.suites import answer_suites

OLD = Policy("desk", None, "desk/old", served="desk")
NEW = Policy("desk", None, "desk/new", served="desk")
CONFIG = SamplerConfig(n=2, sampling={"max_tokens": 9})
SUITE = Suite(prompts="x.jsonl", score="exact")
ERROR = 0.025


def suite_file(folder: Path, n: int = 10, reference: str | None = "yes") -> Path:
    path = folder / "suite.jsonl"
    rows = [{"prompt": f"is {i} a number?", "reference": reference} for i in range(n)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def answers(old: list[list[str]], new: list[str]) -> list[dict]:
    """Rows of a suite whose right answer is yes: of each prompt the old answers and the new."""
    rows = []
    for number, (before, after) in enumerate(zip(old, new, strict=True)):
        for policy, texts in (("old", before), ("new", [after])):
            rows += [
                {
                    "prompt_id": str(number),
                    "messages": [],
                    "reference": "yes",
                    "policy_id": policy,
                    "index": index,
                    "text": text,
                }
                for index, text in enumerate(texts)
            ]
    return rows


def refused(figures: dict, **given: object) -> list[str]:
    suite = Suite(prompts="x.jsonl", score="exact", **given)
    rules = other_rules(GateConfig(suites={"s": suite}), {"suites": {"s": figures}}, None)
    return [rule.reason for rule in rules if not rule.holds]


def figures_of(old: list[list[str]], new: list[str]) -> dict:
    return suite_figures(SUITE, load_score("s", SUITE)[0], answers(old, new), "new", "old", ERROR)


def test_a_suite_that_was_lost_refuses_and_one_that_was_kept_does_not():
    lost = figures_of([["yes"] * 3] * 12, ["no"] * 12)
    assert (lost["previous"], lost["new"], lost["drop"], lost["n"]) == (1, 0, 1, 12)
    (reason,) = refused(lost)
    assert "a drop of 1, more than the 0 that is allowed and than chance does" in reason
    assert not refused(figures_of([["yes"] * 3] * 12, ["yes"] * 12))
    assert not refused(lost, drop_at_most=1.0)


def test_a_policy_does_not_pass_a_suite_by_keeping_silent():
    rows = answers([["yes"] * 3] * 20, ["yes"] * 20)
    kept = [row for row in rows if row["policy_id"] == "old" or row["prompt_id"] == "0"]
    figures = suite_figures(SUITE, load_score("s", SUITE)[0], kept, "new", "old", ERROR)
    assert (figures["n"], figures["silent"], figures["new"]) == (20, 19, 0.05)
    below, dropped = refused(figures, at_least=0.9, drop_at_most=0)
    assert "0.05 on 20 prompts (19 that the new policy left unanswered" in below
    assert "a drop of 0.95" in dropped


def test_as_many_prompts_are_wanted_as_show_that_all_were_lost():
    one = Suite(prompts="x.jsonl", score="exact")
    assert [least_prompts({str(i): one for i in range(n)}, 0.95) for n in (1, 3, 11)] == [4, 6, 9]
    assert least_prompts({"s": one}, 0.998) == 10
    for n, holds in ((9, True), (10, False)):
        lost = suite_figures(
            SUITE,
            load_score("s", SUITE)[0],
            answers([["yes"] * 3] * n, ["no"] * n),
            *("new", "old", 0.001),
        )
        assert bool(refused(lost)) is not holds


def test_what_other_seeds_do_as_well_is_no_drop():
    noisy = [["yes", "no", "yes"], ["no", "yes", "yes"]] * 10
    new = ["yes", "no"] * 10
    figures = figures_of(noisy, new)
    assert figures["drop"] == pytest.approx(1 / 6)
    assert figures["by_seed"] == [0.5, 0.5, 1.0]
    assert figures["seed_floor"] > figures["drop"] and not refused(figures)


def test_the_floor_is_the_larger_of_both_and_each_is_by_the_normal_distribution():
    figures = figures_of([["yes", "no", "yes"], ["no", "yes", "yes"]] * 10, ["yes", "no"] * 10)
    reach = NormalDist().inv_cdf(1 - ERROR)
    # of three answers the variance is 1/3 each, their mean's a third of it, and of one of others 1
    assert figures["seed_floor"] == pytest.approx(reach * (20 * (1 / 3 + 1 / 9)) ** 0.5 / 20)
    # half of the prompts were won by a third, half lost by two
    assert figures["prompt_floor"] == pytest.approx(reach * (10 / 9 + 40 / 9) ** 0.5 / 20)
    assert figures["floor"] == figures["seed_floor"] > figures["prompt_floor"]


def test_suites_whose_answers_are_sampled_share_the_error():
    rows = answers([["yes", "no", "yes"]] * 10, ["yes"] * 10)
    score = load_score("s", SUITE)[0]
    read = Suite(prompts="x.jsonl", score="perplexity", at_most=9)
    both = [{**row, "suite": name} for name in "st" for row in rows]

    def floor(**suites: Suite) -> float:
        scores = {name: None if one is read else score for name, one in suites.items()}
        named = all_figures(
            suites, scores, [r for r in both if r["suite"] in "st"], "new", "old", 0.9
        )
        return named["s"]["floor"]

    alone = floor(s=SUITE)
    assert alone == suite_figures(SUITE, score, rows, "new", "old", 0.05)["floor"]
    assert (
        floor(s=SUITE, t=SUITE) == suite_figures(SUITE, score, rows, "new", "old", 0.025)["floor"]
    )


def test_a_prompt_that_one_of_them_did_not_answer_or_one_seed_alone_is_left_out():
    figures = figures_of([["yes"] * 3, ["yes"], ["yes"] * 3], ["yes"] * 3)
    assert (figures["n"], figures["unanswered"]) == (2, 1)


def test_where_nothing_is_sampled_one_lost_prompt_is_not_shown_to_be_a_drop():
    figures = figures_of([["yes"] * 3] * 12, ["yes"] * 11 + ["no"])
    assert figures["seed_floor"] == 0 < figures["drop"] < figures["prompt_floor"]
    assert not refused(figures)


def test_an_absolute_bound_is_one_of_its_own():
    figures = figures_of([["yes"] * 3] * 12, ["yes"] * 9 + ["no"] * 3)
    (reason,) = refused(figures, at_least=0.8)
    assert reason == "suite s: 0.75 on 12 prompts, less than the 0.8 that it must be"
    assert not refused(figures, at_least=0.75)


@pytest.mark.parametrize(
    ("score", "answer", "reference", "value"),
    [
        ("exact", " yes\n", "yes", 1),
        ("exact", "yes.", "yes", 0),
        ("contains", "oh yes.", "yes", 1),
        ("regex", "it is 42", r"\d+", 1),
        ("regex", "none", r"\d+", 0),
    ],
)
def test_our_own_scores(score: str, answer: str, reference: str, value: float):
    assert load_score("s", Suite(prompts="x", score=score))[0]([], answer, reference) == value


def test_a_score_of_the_users_is_called_with_the_reference(tmp_path: Path):
    (tmp_path / "mine.py").write_text(
        "def score(messages, answer, reference):\n    return len(answer) if reference else 'no'\n"
    )
    score, source = load_score("s", Suite(prompts="x", score=f"{tmp_path / 'mine.py'}:score"))
    assert score([], "four", "r") == 4 and source
    with pytest.raises(UserError, match=r"gate\.suites\.s\.score: .*gave 'no', not a number"):
        score([], "four", None)


def test_what_a_score_cannot_take_is_the_users_error(tmp_path: Path):
    for blank in (None, "", " \n"):
        with pytest.raises(UserError, match="has no reference, which score: exact needs"):
            check_reference(SUITE, "gate.suites.s.prompts: suite.jsonl:1", blank)
    regex = Suite(prompts="x", score="regex")
    with pytest.raises(UserError, match=r"'\(' is no regular expression"):
        check_reference(regex, "here", "(")
    with pytest.raises(ValueError, match="none of exact, contains, regex, perplexity and no func"):
        Suite(prompts="x", score="bleu")
    with pytest.raises(UserError, match="holds 3 prompts, and a drop on fewer than 8"):
        read_suite("s", str(suite_file(tmp_path, 3)))
    path = suite_file(tmp_path)
    path.write_text(path.read_text() * 2)
    with pytest.raises(UserError, match=r"suite\.jsonl:11 is the prompt of suite\.jsonl:1 again"):
        read_suite("s", str(path))


def answered(folder: Path, endpoints, current: Policy, trained: Policy) -> list[dict]:
    suites = {"s": SuitePrompts(read_suite("s", str(suite_file(folder.parent.parent))), 3)}
    answer_suites(folder, CONFIG, suites, current, trained, 0, endpoints)
    return read_rows(folder, SUITES)


def test_the_policy_in_place_answers_from_other_seeds_as_well_and_the_new_one_once(
    run_dir, endpoint, desk
):
    folder, at = begun(run_dir), endpoint(lambda body: f"from {body['seed']}")
    rows = answered(folder, desk(at), OLD, NEW)
    per_prompt = [
        (row["policy_id"], row["index"]) for row in rows if row["prompt_id"] == rows[0]["prompt_id"]
    ]
    assert per_prompt == [(OLD.policy_id, i) for i in range(3)] + [(NEW.policy_id, 0)]
    assert len(rows) == 40 and len({row["candidate_id"] for row in rows}) == 40
    assert len(at.requests) == 30, "both names are one model here, and the journal answers again"


def test_what_a_policy_at_an_endpoint_was_asked_is_counted_by_its_name_with_a_slash(
    run_dir, endpoint, desk
):
    folder, at = begun(run_dir), endpoint(lambda body: f"from {body['seed']}")
    answered(folder, desk(at), OLD, NEW)
    facts = [stamp["facts"] for name, stamp in stage_stamps(folder).items() if "suites" in name]
    assert sorted(one["candidates"] for one in facts) == [10, 30]


def test_a_change_of_config_that_is_taken_back_leaves_no_policy_without_its_answers(
    run_dir, endpoint, desk
):
    folder, at = begun(run_dir), desk(endpoint(lambda body: f"from {body['seed']}"))
    first = answered(folder, at, OLD, NEW)
    other = Policy("desk", None, "desk/other", served="desk")
    assert {row["policy_id"] for row in answered(folder, at, OLD, other)} == {
        "desk/old",
        "desk/other",
    }
    assert answered(folder, at, OLD, NEW) == first


def test_suites_that_are_left_out_and_taken_back_are_answered_again(run_dir, endpoint, desk):
    folder, at = begun(run_dir), desk(endpoint(lambda body: f"from {body['seed']}"))
    first = answered(folder, at, OLD, NEW)
    answer_suites(folder, CONFIG, {}, OLD, NEW, 0, at)
    assert not read_rows(folder, SUITES)
    assert answered(folder, at, OLD, NEW) == first


def test_answers_of_an_earlier_round_are_taken_from_there(run_dir, endpoint, desk):
    at = endpoint(lambda body: f"from {body['seed']}")
    folder = finished(run_dir)
    first = answered(folder, desk(at), OLD, NEW)
    (run_dir / "journal.sqlite").unlink()
    asked = len(at.requests)
    later = answered(begun(run_dir, 2), desk(at), OLD, Policy("desk", None, "desk/third", "desk"))
    of_old = [row for row in first if row["policy_id"] == OLD.policy_id]
    assert [row for row in later if row["policy_id"] == OLD.policy_id] == of_old
    assert len(at.requests) - asked == 10, "the third policy alone was asked"


def test_the_new_policys_answers_count_when_it_is_in_place(run_dir, endpoint, desk):
    at = endpoint(lambda body: f"from {body['seed']}")
    folder = finished(run_dir)
    answered(folder, desk(at), OLD, NEW)
    (run_dir / "journal.sqlite").unlink()
    asked = len(at.requests)
    rows = answered(begun(run_dir, 2), desk(at), NEW, Policy("desk", None, "desk/third", "desk"))
    assert [row["index"] for row in rows[:3]] == [0, 1, 2]
    assert len(at.requests) - asked == 30, "two new seeds of one, and the third policy"


def test_weights_that_did_not_change_are_asked_nothing(run_dir, endpoint, desk):
    folder, at = begun(run_dir), endpoint("x")
    assert answered(folder, desk(at), OLD, OLD) == [] and not at.requests


def test_what_a_later_round_will_ask_is_known_before(run_dir, endpoint, desk):
    at, folder = endpoint(lambda body: f"from {body['seed']}"), finished(run_dir)
    suites = {"s": SuitePrompts(read_suite("s", str(suite_file(run_dir.parent))), 3)}

    def wanted(policy_id: str | None) -> tuple[int, int]:
        return answers_wanted(suites, CONFIG, 0, run_dir, policy_id, True)[:2]

    assert wanted(None) == wanted(OLD.policy_id) == (40, 0)
    answer_suites(folder, CONFIG, suites, OLD, NEW, 0, desk(at))
    assert (wanted(OLD.policy_id), wanted(NEW.policy_id)) == ((10, 0), (30, 0))
    suites |= {"p": SuitePrompts(suites["s"].prompts, 3, reads=True)}
    assert wanted(OLD.policy_id) == (10, 20)
