"""`prefloop judge reparse`: a changed parser reads the stored replies, and no call is made."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from judges import always, answered, ended, gold_file, honest, verdict, worth
from scripted import Raw, Scripted, completion, shown
from typer.testing import CliRunner

import judge.asking.channel
from endpoints.open import Endpoints, read_endpoints
from flows.cli import app
from judge.asking.reply import ParsedReply, read_json
from judge.config import JudgeConfig
from judge.health.examine import judge_gold
from judge.stage import judge_candidates
from rounds.tables import read_rows

pytestmark = pytest.mark.long

PAIRWISE = {"endpoint": "desk", "strategy": "pairwise"}
NAMED = {"A": 1, "B": 2}


def sloppy(body: dict[str, Any]) -> str:
    """Judges honestly and writes a verdict that is not on the menu: "Answer A"."""
    first, second = (worth(text) for text in shown(body))
    return verdict("Answer A" if first > second else "Answer B")


def lenient(text: str, fields: dict[str, Any], shown: str) -> ParsedReply:
    """A parser of tomorrow that knows what "Answer A" means."""
    return read_json(text.replace("Answer ", ""), fields, shown)


def strict(text: str, fields: dict[str, Any], shown: str) -> ParsedReply:
    """A parser of tomorrow that reads nothing."""
    return ParsedReply(None, None, "off_menu")


def tree(at: Scripted, judge: dict[str, Any] = PAIRWISE) -> dict[str, Any]:
    endpoints = {"desk": {"base_url": at.base_url, "model": "m"}}
    return {"name": "demo", "endpoints": endpoints, "judge": judge}


def judged(folder: Path, config: dict[str, Any]) -> dict[str, Any]:
    """Label the round as a run with this config does."""
    (folder.parent.parent / "run.yaml").write_text(yaml.safe_dump(config))
    section = JudgeConfig.model_validate(config["judge"])
    with Endpoints(read_endpoints(config), folder / "logs") as there:
        return judge_candidates(folder, section, there, 0.5)


def reparsed(run_dir: Path, *options: str, code: int = 0) -> Any:
    """What the command says as JSON; its one message where it fails."""
    result = CliRunner().invoke(app, ["judge", "reparse", str(run_dir), "--json", *options])
    assert result.exit_code == code, result.output
    return result.stderr if code else json.loads(result.stdout)


def hashes(folder: Path) -> dict[str, str]:
    """Every file of a round, byte for byte."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def outcomes(folder: Path) -> list[str]:
    return [row["reason"] or row["outcome"] for row in read_rows(folder, "verdicts", ["train"])]


@pytest.fixture
def parser(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Change the parser of replies in JSON."""
    return lambda reader: monkeypatch.setattr(judge.asking.channel, "read_json", reader)


def test_the_parser_of_today_reads_what_it_read(run_dir: Path, endpoint):
    folder, at = answered(run_dir, (9, 3), (2, 8)), endpoint(honest)
    judged(folder, tree(at))
    before = hashes(run_dir)
    assert reparsed(run_dir) == [{"round": 1, "verdicts": 4, "changed": [], "written": False}]
    assert len(at.requests) == 4
    after = hashes(run_dir)
    changed = {Path(name) for name in after if after[name] != before.get(name)}
    assert {path.parent for path in changed} <= {run_dir / ".lease"}


def test_a_changed_parser_is_applied_without_one_call(run_dir: Path, endpoint, parser):
    folder, at = answered(run_dir, (9, 3), (2, 8)), endpoint(sloppy)
    judged(folder, tree(at))
    assert outcomes(folder) == ["off_menu"] * 4
    parser(lenient)
    at.script = lambda body: Raw(500)
    (found,) = reparsed(run_dir)
    assert (found["verdicts"], len(found["changed"]), found["written"]) == (4, 4, True)
    off = {"outcome": "abstain", "reason": "off_menu", "score": None, "probability": None}
    assert [change["before"] for change in found["changed"]] == [off] * 4
    assert [change["now"]["outcome"] for change in found["changed"]] == ["a", "a", "b", "b"]
    assert outcomes(folder) == ["a", "a", "b", "b"]
    assert len(at.requests) == 4


def test_the_next_run_of_the_round_keeps_what_was_read_and_asks_only_what_is_missing(
    run_dir: Path, endpoint, parser
):
    def screened(body: dict[str, Any]) -> str:
        """Scores as the parser of today cannot read; compares honestly."""
        return honest(body).replace('"score": ', '"score": 0')

    folder, at = answered(run_dir, (9, 3), (2, 8)), endpoint(screened)
    config = tree(at, {"endpoint": "desk"})
    judged(folder, config)
    assert outcomes(folder) == ["not_json"] * 4 and len(at.requests) == 4
    parser(lambda text, fields, shown: read_json(text.replace('"score": 0', '"score": '), fields))
    (found,) = reparsed(run_dir)
    assert found["written"] and len(at.requests) == 4
    assert outcomes(folder).count("not_asked") == 4
    assert {change["before"] and change["before"]["reason"] for change in found["changed"]} == {
        "not_json",
        None,
    }
    judged(folder, config)
    assert outcomes(folder).count("scored") == 4
    assert outcomes(folder).count("a") + outcomes(folder).count("b") == 4
    assert len(at.requests) == 4 + 4, "the four comparisons, and no score again"


def test_the_gold_set_of_the_round_is_read_again_too(run_dir: Path, tmp_path, endpoint, parser):
    folder, at = answered(run_dir, (9, 3)), endpoint(sloppy)
    gold = {"path": gold_file(tmp_path, (9, 1, "a"), (2, 8, "b"))}
    config = tree(at, {**PAIRWISE, "gold": gold})
    section = JudgeConfig.model_validate(config["judge"])

    def right() -> Any:
        with Endpoints(read_endpoints(config), tmp_path) as there:
            return judge_gold(folder, section, there)["gold"]["accuracy"]["value"]

    assert right() is None
    judged(folder, config)
    parser(lenient)
    assert right() is None, "nothing has asked for it to be read again"
    assert reparsed(run_dir)[0]["written"]
    assert right() == 1.0 and len(at.requests) == 4 + 2


def test_a_parser_that_reads_less_takes_labels_away(run_dir: Path, endpoint, parser):
    folder, at = answered(run_dir, (9, 3)), endpoint(honest)
    config = tree(at)
    judged(folder, config)
    parser(strict)
    assert reparsed(run_dir)[0]["written"]
    assert outcomes(folder) == ["off_menu"] * 2
    assert judged(folder, config)["outcomes"] == {"abstain": 2} and len(at.requests) == 2


def test_a_finished_round_is_reported_and_stays_byte_for_byte(run_dir: Path, endpoint, parser):
    folder, at = answered(run_dir, (9, 3), (2, 8)), endpoint(sloppy)
    config = tree(at)
    judged(folder, config)
    ended(folder, config=config)
    parser(lenient)
    before = hashes(folder)
    (found,) = reparsed(run_dir)
    assert (len(found["changed"]), found["written"]) == (4, False)
    assert hashes(folder) == before and len(at.requests) == 4


def test_a_finished_round_is_read_by_the_config_that_asked_it(run_dir: Path, endpoint, parser):
    at = endpoint(sloppy)
    first, second = (answered(run_dir, (9, 3), number=number) for number in (1, 2))
    wordy = {**PAIRWISE, "sampling": {"max_tokens": 77}}
    judged(first, tree(at, wordy))
    ended(first, config=tree(at, wordy))
    judged(second, tree(at))
    parser(lenient)
    found = reparsed(run_dir)
    assert [(one["round"], len(one["changed"]), one["written"]) for one in found] == [
        (1, 2, False),
        (2, 2, True),
    ]
    assert not any(change["now"]["reason"] for one in found for change in one["changed"])


def test_one_round_can_be_named(run_dir: Path, endpoint, parser):
    at = endpoint(sloppy)
    for number in (1, 2):
        judged(answered(run_dir, (9, 3), number=number), tree(at))
    parser(lenient)
    assert [one["round"] for one in reparsed(run_dir, "--round", "2")] == [2]
    assert outcomes(run_dir / "rounds" / "0001") == ["off_menu"] * 2


def test_paid_replies_that_were_no_answer_stay_what_they_were(run_dir: Path, endpoint):
    def judge(body: dict[str, Any]) -> Any:
        return completion("no", "content_filter") if "9" in shown(body)[0] else honest(body)

    folder, at = answered(run_dir, (9, 3)), endpoint(judge)
    judged(folder, tree(at))
    assert sorted(outcomes(folder)) == ["a", "content_filter"]
    assert reparsed(run_dir)[0]["changed"] == [] and len(at.requests) == 2


def test_a_round_that_its_budget_ended_reads_as_it_was(run_dir: Path, endpoint):
    folder, at = answered(run_dir, *[(9, 3)] * 6), endpoint(honest)
    judged(folder, tree(at, {"endpoint": "desk", "budget": {"calls": 13}}))
    assert 0 < len(at.requests) <= 13
    assert reparsed(run_dir)[0]["changed"] == []


def test_appeals_that_the_budget_left_out_are_no_change(run_dir: Path, endpoint):
    folder, at, second = answered(run_dir, *[(9, 3)] * 2), endpoint(always("A")), endpoint(honest)
    appeal = {"endpoint": "strong", "max_share": 1}
    config = tree(at, {**PAIRWISE, "appeal": appeal, "budget": {"calls": 5}})
    config["endpoints"]["strong"] = {"base_url": second.base_url, "model": "m"}
    judged(folder, config)
    assert "budget" in outcomes(folder) and len(at.requests) + len(second.requests) == 5
    assert reparsed(run_dir)[0]["changed"] == []


def test_appeals_are_read_again_too(run_dir: Path, endpoint, parser):
    folder, at, second = answered(run_dir, (9, 3)), endpoint(always("A")), endpoint(sloppy)
    config = tree(at, {**PAIRWISE, "appeal": {"endpoint": "strong", "max_share": 1}})
    config["endpoints"]["strong"] = {"base_url": second.base_url, "model": "m"}
    judged(folder, config)
    assert outcomes(folder) == ["a", "b", "off_menu", "off_menu"]
    parser(lenient)
    assert reparsed(run_dir)[0]["written"]
    assert outcomes(folder) == ["a", "b", "a", "a"]


def test_what_is_said_to_a_person(run_dir: Path, endpoint, parser):
    folder, at = answered(run_dir, (9, 3), (2, 8)), endpoint(sloppy)
    config = tree(at)
    judged(folder, config)
    parser(lenient)

    def said() -> list[str]:
        result = CliRunner().invoke(app, ["judge", "reparse", str(run_dir)])
        assert result.exit_code == 0, result.output
        return result.stdout.splitlines()

    ended(folder, config=config)
    read = ["round 1: 4 verdicts, 4 read otherwise", "  off_menu -> a: 2", "  off_menu -> b: 2"]
    assert said() == [
        *read,
        "  not written: the round is finished, and its tables do not change any more",
    ]
    (folder / "manifest.json").unlink()
    assert said() == [*read, "  written; the next run of this round asks what is now missing"]
    assert said() == ["round 1: 4 verdicts, 0 read otherwise"]


def test_a_run_without_verdicts_or_no_run_is_said(run_dir: Path, endpoint):
    folder = answered(run_dir, (9, 3))
    assert "no run here" in reparsed(run_dir, code=2)
    (run_dir / "run.yaml").write_text("name: demo\n")
    assert "no round here has verdicts" in reparsed(run_dir, code=2)
    assert read_rows(folder, "verdicts") == []
    assert "no round here has verdicts" in reparsed(run_dir, "--round", "9", code=2)
