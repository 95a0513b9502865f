"""Replies that are dropped on purpose: asked again, kept in the journal, never behind a finished
round."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml
from judges import answered, ended, gold_file, honest, one_token, sure_by_distance
from scripted import Raw, Scripted, asks_for_a_score, completion
from typer.testing import CliRunner

from endpoints.calls import read_calls
from endpoints.open import Endpoints, read_endpoints
from flows.cli import app
from judge.check import check_judge
from judge.config import JudgeConfig
from judge.forget import ask_failures_again
from judge.health.examine import judge_gold, judge_health
from judge.stage import judge_candidates
from rounds.errors import Stopped, UserError
from rounds.folder import round_dir
from rounds.show import traced_pairs
from rounds.stages import stage_stamps
from rounds.status import round_state, state_lines
from rounds.tables import read_rows
from rounds.usage import forgotten_totals

BOUNDS = {"min_n": 2, "max_failures": 0.2}
PAIRWISE = {"endpoint": "desk", "strategy": "pairwise", "health": {"sample": 0, "bounds": BOUNDS}}


def broken(body: dict[str, Any]) -> Any:
    """Reads as nothing for most answers, is right for those of quality 9."""
    return honest(body) if "quality 9" in body["messages"][1]["content"] else "I prefer not to."


def tree(at: Scripted, judge: dict[str, Any] = PAIRWISE, host: str = "127.0.0.1") -> dict[str, Any]:
    url = at.base_url.replace("127.0.0.1", host)
    price = {"input": 1000.0}
    desk = {"base_url": url, "model": "m", "price": price}
    return {"name": "demo", "trainer": None, "endpoints": {"desk": desk}, "judge": judge}


def judged(folder: Path, config: dict[str, Any]) -> dict[str, Any]:
    """Label the round, and hold its judge to its bounds, as a run with this config does."""
    (folder.parent.parent / "run.yaml").write_text(yaml.safe_dump(config))
    section = JudgeConfig.model_validate(config["judge"])
    with Endpoints(read_endpoints(config), folder / "logs") as there:
        ask_failures_again(folder, section)
        gold = judge_gold(folder, section, there)
        facts = judge_candidates(folder, section, there, gold["tau"])
        judge_health(folder, section, there, gold["tau"])
    return facts


def outcomes(folder: Path) -> list[str]:
    return [row["reason"] or row["outcome"] for row in read_rows(folder, "verdicts", ["train"])]


def forget(run_dir: Path, *options: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, ["judge", "forget", str(run_dir), "--json", *options])
    assert result.exit_code == code, result.output
    return result.stderr if code else json.loads(result.stdout)


def journal(run_dir: Path, query: str) -> list[Any]:
    with sqlite3.connect(run_dir / "journal.sqlite") as db:
        return db.execute(query).fetchall()


def test_a_judge_that_is_mended_under_its_name_is_asked_again_what_it_failed_at(
    run_dir: Path, endpoint
):
    folder, at = answered(run_dir, (9, 3), (2, 8), (4, 5)), endpoint(broken)
    for _ in range(2):  # it is asked again each time that the command is given
        with pytest.raises(Stopped, match="max_failures") as stopped:
            judged(folder, tree(at))
    assert outcomes(folder) == ["a", "a", *["not_json"] * 4]
    assert len(at.requests) == 6 + 4 and "mend the judge" in stopped.value.then
    at.script = honest
    assert judged(folder, tree(at))["outcomes"] == {"a": 2, "b": 4}
    assert len(at.requests) == 6 + 4 + 4, "what was answered is not asked again"
    judged(folder, tree(at))
    assert len(at.requests) == 6 + 4 + 4
    assert forgotten_totals(folder) == {"calls": 8, "cost": pytest.approx(8 * 0.01)}
    kept = journal(run_dir, "SELECT count(*), sum(cost) FROM failed")
    assert kept == [(8, pytest.approx(8 * 0.01))], "paid for, and counted"
    why = "the round's judge was out of bounds"
    assert journal(run_dir, "SELECT why, count(*), sum(cost) FROM forgotten") == [
        (why, 8, pytest.approx(8 * 0.01))
    ]


def test_a_looser_bound_goes_on_without_a_call(run_dir: Path, endpoint):
    folder, at = answered(run_dir, (9, 3), (2, 8), (4, 5)), endpoint(broken)
    with pytest.raises(Stopped):
        judged(folder, tree(at))
    loose = {**PAIRWISE, "health": {"sample": 0, "bounds": {**BOUNDS, "max_failures": None}}}
    judged(folder, tree(at, loose))
    assert len(at.requests) == 6 and outcomes(folder).count("not_json") == 4


def test_a_gold_set_that_it_failed_at_is_asked_again_too(run_dir: Path, tmp_path: Path, endpoint):
    gold = {"path": gold_file(tmp_path, *[(8, 1, "a"), (7, 2, "b")] * 2)}
    bounds = {"min_n": 1, "min_gold_accuracy": 0.9}
    config = {**PAIRWISE, "gold": gold, "health": {"sample": 0, "bounds": bounds}}
    folder = answered(run_dir, (9, 3))

    def half_read(body: dict[str, Any]) -> Any:
        return honest(body) if "gold 1" in body["messages"][1]["content"] else "none"

    at = endpoint(half_read)
    with pytest.raises(Stopped, match="min_gold_accuracy"):
        judged(folder, tree(at, config))
    asked = len(at.requests)
    shown = list(traced_pairs(run_dir, 1, False, None))
    assert {row["stands"].partition(",")[0] for row in shown} == {"gold set"}
    at.script = honest
    with pytest.raises(Stopped, match="min_gold_accuracy"):  # it still decides one of two wrongly
        judged(folder, tree(at, config))
    assert len(at.requests) > asked
    assert {row["reason"] for row in read_rows(folder, "verdicts", ["gold"])} == {None}


def test_one_can_look_at_a_round_that_its_judge_stopped(run_dir: Path, endpoint):
    folder, at = answered(run_dir, (9, 3), (2, 8), (4, 5)), endpoint(broken)
    with pytest.raises(Stopped):
        judged(folder, tree(at))
    shown = list(traced_pairs(run_dir, 1, False, None))
    assert [row["stands"] for row in shown] == ["decided", *["undecided: not_json"] * 2]
    assert [len(row["verdicts"]) for row in shown] == [2, 2, 2]
    assert shown[0]["chosen_id"] == shown[0]["candidates"][0]["candidate_id"]
    (one,) = traced_pairs(run_dir, 1, False, shown[1]["pair_id"])
    assert one == shown[1]
    said = CliRunner().invoke(app, ["show", str(run_dir), "1"])
    assert said.stdout.count("abstain (not_json)  I prefer not to.") == 4
    said = CliRunner().invoke(app, ["show", str(run_dir), "1", "--requests"])
    assert said.exit_code == 0 and said.stdout.count("I prefer not to.") >= 4
    assert "round 1 is under way: judge, health done" in said.stderr
    state = round_state(folder)
    assert state["verdicts"] == {
        "verdicts": 6,
        "outcomes": {"a": 2, "abstain": 4},
        "abstained": {"not_json": 4},
    }
    assert state["judge"]["health"]["failures"]["value"] == pytest.approx(4 / 6)
    status = CliRunner().invoke(app, ["status", str(run_dir)]).stdout
    assert "6 (4 abstentions: not_json 4)" in status and "failed calls" in status


def test_what_is_chosen_is_asked_again_and_nothing_else(run_dir: Path, endpoint):
    def scores_fail(body: dict[str, Any]) -> Any:
        if asks_for_a_score(body) and "quality 3" in body["messages"][1]["content"]:
            return "a three"
        return (
            completion("cut", "length")
            if "quality 8" in body["messages"][1]["content"]
            else (honest(body))
        )

    config = {"endpoint": "desk", "health": {"sample": 0, "bounds": {"max_failures": None}}}
    folder, at = answered(run_dir, (9, 3, 5), (2, 8, 6)), endpoint(scores_fail)
    judged(folder, tree(at, config))
    before = len(at.requests)
    facts = forget(run_dir, "--reason", "not_json")
    assert (facts["forgotten"], facts["unanswered"], facts["kept"]) == (1, 0, 0)
    assert facts["reasons"] == {"not_json": 1} and facts["cost"] == pytest.approx(0.01)
    assert "judge" not in stage_stamps(folder)
    (key,) = (key for (key,) in journal(run_dir, "SELECT key FROM forgotten"))
    kept = read_calls(run_dir / "journal.sqlite", [key])[key]
    assert kept.reply["choices"][0]["message"]["content"] == "a three", "it stays traceable"
    at.script = honest
    judged(folder, tree(at, config))
    again = at.requests[before:]
    asked = [body["messages"][1]["content"] for body in again if asks_for_a_score(body)]
    assert sum("quality 3" in text for text in asked) == 1
    assert sum("quality 8" in text for text in asked) == 1, "no answer was kept of it"
    assert not any("quality 9" in text or "quality 5" in text for text in asked)


def test_all_of_a_judge_or_a_kind_can_be_dropped(run_dir: Path, endpoint):
    config = {"endpoint": "desk", "health": {"sample": 0}}
    folder, at = answered(run_dir, (9, 3)), endpoint(honest)
    judged(folder, tree(at, config))
    assert forget(run_dir, "--kind", "pairwise", "--judge", "desk")["reasons"] == {"verdict": 2}
    judged(folder, tree(at, config))
    assert len(at.requests) == 4 + 2
    assert forget(run_dir, "--all")["forgotten"] == 4
    assert forget(run_dir, "--failed")["forgotten"] == 0
    judged(folder, tree(at, config))
    assert len(at.requests) == 4 + 2 + 4


def test_labels_that_are_still_being_made_are_found_in_the_journal(run_dir: Path, endpoint):
    folder, at = answered(run_dir, (9, 3), (2, 8)), endpoint(broken)
    with pytest.raises(Stopped):
        judged(folder, tree(at))
    (folder / "verdicts.parquet").unlink()  # as if it had been killed before they were written
    (folder / "work" / "judge.json").unlink()
    assert forget(run_dir, "--failed")["reasons"] == {"not_json": 2}


def test_what_a_finished_round_rests_on_stays(run_dir: Path, endpoint):
    folder, at = answered(run_dir, (9, 3)), endpoint(honest)
    judged(folder, tree(at))
    ended(folder)
    message = forget(run_dir, "--all", code=2)
    assert "no round is under way" in message
    second = round_dir(run_dir, 2)
    answered(run_dir, (9, 3), number=2)
    for table in ("prompts", "candidates"):  # the same questions once more
        (second / f"{table}.parquet").write_bytes((folder / f"{table}.parquet").read_bytes())
    judged(second, tree(at))
    facts = forget(run_dir, "--all")
    assert (facts["forgotten"], facts["kept"]) == (0, 2) and len(at.requests) == 2


def test_what_is_wrong_in_the_command_is_said(run_dir: Path, endpoint):
    folder, at = answered(run_dir, (9, 3)), endpoint(honest)
    assert "no run here" in forget(run_dir, "--failed", code=2)
    judged(folder, tree(at))
    assert "say which replies: --failed" in forget(run_dir, code=2)
    assert "say which" in forget(run_dir, "--all", "--failed", code=2)
    assert "--reason offmenu: no such call in this round (there: none)" in forget(
        run_dir, "--reason", "offmenu", code=2
    )
    assert "--judge clerk: no such call in this round (there: desk, desk/m)" in forget(
        run_dir, "--judge", "clerk", code=2
    )
    assert len(at.requests) == 2


def test_another_host_is_another_judge_and_another_name_of_this_machine_is_none(
    run_dir: Path, endpoint
):
    folder, at = answered(run_dir, (9, 3)), endpoint(honest)
    judged(folder, tree(at))
    judged(folder, tree(at, host="localhost"))
    assert len(at.requests) == 2
    other = endpoint(honest)
    judged(folder, tree(other))  # another port
    assert len(other.requests) == 0
    judged(folder, tree(other, host="0x7f000001"))  # a name that is not one of this machine's
    assert len(other.requests) == 2
    judges = {row["judge_id"] for row in read_rows(folder, "verdicts")}
    assert judges == {"desk/m@0x7f000001"}
    judged(folder, tree(at))
    assert len(at.requests) == 2, "back at the first its answers are there"


def test_a_judge_that_is_tried_out_and_mended_is_asked_again(tmp_path: Path, endpoint, desk):
    at = endpoint(lambda body: "no JSON")
    config = JudgeConfig.model_validate(
        {**PAIRWISE, "gold": {"path": gold_file(tmp_path, (9, 1, "a"))}}
    )

    def failures() -> dict[str, int]:
        return check_judge(tmp_path / "journal.sqlite", 0, config, desk(at))["failures"]

    assert failures() == {"not_json": 2}
    at.script = honest
    assert failures() == {} and len(at.requests) == 4
    assert failures() == {} and len(at.requests) == 4
    at.script = lambda body: Raw(500)
    assert failures() == {}


def test_a_gold_set_that_gave_no_threshold_is_asked_again_what_could_not_be_read(
    run_dir: Path, tmp_path: Path, endpoint
):
    gold = {"path": gold_file(tmp_path, (8, 1, "a"), (2, 7, "b")), "min_n": 2}
    config = {**PAIRWISE, "channel": "token", "scale": [0, 9], "tau": "from_gold(0.9, point)"}
    folder, at = answered(run_dir, (9, 3)), endpoint(lambda body: one_token("Z", {"Z": 1.0}))
    for _ in range(2):
        with pytest.raises(UserError, match="gold"):
            judged(folder, tree(at, config | {"gold": gold}))
    assert len(at.requests) == 4 + 4
    at.script = sure_by_distance
    judged(folder, tree(at, config | {"gold": gold}))
    assert len(at.requests) == 4 + 4 + 4 + 2


def test_what_a_budget_left_out_is_said_of_a_round_under_way(run_dir: Path, endpoint):
    folder, at = answered(run_dir, *[(9, 3)] * 3), endpoint(honest)
    judged(folder, tree(at, {**PAIRWISE, "budget": {"calls": 4}}))
    shown = dict(state_lines(round_state(folder)))
    assert shown["partial"] == "1 prompts not judged: judge.budget.calls is used up"
