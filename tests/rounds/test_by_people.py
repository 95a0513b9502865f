"""Policies put in place by hand: who and why, what follows, and what is refused."""

import json
from pathlib import Path

import pytest
from builders import REFUSED, begun, finished, stamped
from typer.testing import CliRunner

from flows.cli import app
from rounds.by_people import check_by_people, put_in_place
from rounds.check_lineage import check_lineage, check_run
from rounds.checks import Looked
from rounds.errors import UserError
from rounds.files import read_json
from rounds.finish import finish_round, follow_manifests
from rounds.folder import (
    DECISIONS,
    policy_facts,
    policy_history,
    read_manifest,
    write_round_start,
)
from rounds.keep import Keep, removable
from rounds.lineage import ancestry
from rounds.mirror.address import open_store
from rounds.mirror.fetch import fetch_run
from rounds.mirror.send import send_run
from rounds.mirror.there import rounds_there
from rounds.overview import runs_status
from rounds.proven import prove_run
from rounds.stages import silent
from rounds.status import run_status
from rounds.weights import local_policy
from trainer.extra import warm_start_due
from viewer.run_view import lineage
from viewer.site import round_files

PROMOTED = {"promoted": True, "reasons": ["better"]}


def weights(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_text(text)
    (folder / "config.json").write_text("{}")
    return folder


def ended(run_dir: Path, number: int, promoted: bool = True, warm: bool = False) -> Path:
    """A finished round whose policies have weights with their hashes."""
    first = policy_facts(run_dir, local_policy(weights(run_dir / "first", "0")))
    history = policy_history(run_dir)
    empty = {name: [] for name in ("prompts", "candidates", "verdicts", "pairs", "dropped")}
    folder = begun(run_dir, number, **empty)
    start = {"policy": history["current"] if history else first, "initial": first, "seed": 0}
    write_round_start(folder, start)
    (run_dir / "run.yaml").write_text("name: demo\n")
    stamped(folder)
    trained = local_policy(weights(folder / "policy", str(number)))
    config = "trainer: {warm_start: {data: x}}\n" if warm else "trainer: {}\n"
    finish_round(folder, config, trained, PROMOTED if promoted else REFUSED)
    return folder


def in_place(run_dir: Path) -> str:
    return policy_history(run_dir)["current"]["policy_id"]


def of(folder: Path) -> str:
    return (read_manifest(folder) or {})["trained"]["policy_id"]


def looked_at(run_dir: Path) -> Looked:
    looked = Looked()
    follow_manifests(run_dir)
    check_run(looked, run_dir)
    for folder in sorted((run_dir / "rounds").iterdir()):
        check_lineage(looked, folder, read_json(folder / "manifest.json"))
    return looked


def test_a_policy_that_is_rolled_back_is_no_longer_in_place_and_who_and_why_are_kept(run_dir):
    first, second = ended(run_dir, 1), ended(run_dir, 2)
    assert in_place(run_dir) == of(second)
    decision = put_in_place(run_dir, "rollback", None, "ada", "it swears")
    follow_manifests(run_dir)
    assert (decision["round"], decision["by"], decision["why"]) == (1, "ada", "it swears")
    assert in_place(run_dir) == of(first)
    written = read_json(run_dir / "policy.json")
    assert written["by_hand"][0]["replaced"]["policy_id"] == of(second)
    assert "ada rolled back to" in (run_dir / "README.md").read_text()
    (run_dir / "policy.json").unlink()
    follow_manifests(run_dir)
    assert read_json(run_dir / "policy.json") == written
    prove_run(run_dir)
    (run,) = runs_status(run_dir.parent)
    assert run["decision"].endswith("; since then rollback by ada")


def test_the_round_after_a_rollback_comes_from_what_was_put_in_place(run_dir):
    first, second = ended(run_dir, 1), ended(run_dir, 2)
    put_in_place(run_dir, "rollback", None, "ada", "why")
    third = ended(run_dir, 3)
    assert (read_manifest(third) or {})["policy"]["policy_id"] == of(first)
    assert ancestry(run_dir, in_place(run_dir)) == [first, third]
    looked = looked_at(run_dir)
    assert not looked.faults
    (run_dir / DECISIONS).unlink()
    looked = looked_at(run_dir)
    assert [fault.what for fault in looked.faults] == ["is not the one in place after round 2"]
    assert second not in ancestry(run_dir, of(third))


def test_a_warm_start_of_a_policy_that_was_rolled_back_counts_no_longer(run_dir):
    ended(run_dir, 1, warm=True)
    assert not warm_start_due(ancestry(run_dir, in_place(run_dir)))
    put_in_place(run_dir, "rollback", 0, "ada", "why")
    assert ancestry(run_dir, in_place(run_dir)) == []
    assert warm_start_due(ancestry(run_dir, in_place(run_dir)))


def test_a_refused_policy_can_be_promoted_and_stays_when_refused_ones_go(run_dir):
    first, second = ended(run_dir, 1), ended(run_dir, 2, promoted=False)
    put_in_place(run_dir, "promote", None, "ada", "it is better to me")
    assert in_place(run_dir) == of(second)
    put_in_place(run_dir, "rollback", 1, "ada", "it was not")
    assert in_place(run_dir) == of(first)
    gone = removable(run_dir, Keep(refused=0))
    assert [one.round for one in gone] == [2]
    put_in_place(run_dir, "promote", 2, "ada", "it was")
    assert removable(run_dir, Keep(refused=0)) == []


@pytest.mark.parametrize(
    ("action", "number", "says"),
    [
        ("promote", 7, r"round 7 is not finished \(finished rounds: 1, 2\)"),
        ("rollback", 7, "round 7 is not finished .*0 is the first policy"),
        ("rollback", 2, "is in place already"),
        ("promote", 2, "is in place already"),
    ],
)
def test_what_cannot_be_put_in_place_is_said(run_dir, action, number, says):
    ended(run_dir, 1)
    ended(run_dir, 2)
    with pytest.raises(UserError, match=says):
        put_in_place(run_dir, action, number, "ada", "why")
    assert not (run_dir / DECISIONS).exists()


def test_weights_that_are_gone_or_changed_are_not_put_in_place(run_dir):
    first = ended(run_dir, 1)
    ended(run_dir, 2)
    (first / "policy" / "model.safetensors").write_text("other")
    with pytest.raises(UserError, match="weights hash"):
        put_in_place(run_dir, "rollback", None, "ada", "why")
    (first / "policy").rename(run_dir / "away")
    with pytest.raises(UserError, match="are not there, and it cannot be put in place"):
        put_in_place(run_dir, "rollback", None, "ada", "why")


def test_a_decision_needs_a_name_and_a_reason_and_a_finished_round(run_dir):
    with pytest.raises(UserError, match="no round is finished yet"):
        put_in_place(run_dir, "rollback", None, "ada", "why")
    ended(run_dir, 1)
    with pytest.raises(UserError, match="--why: is empty"):
        put_in_place(run_dir, "rollback", None, "ada", " ")


def test_a_decision_about_a_round_that_was_made_again_counts_no_longer(run_dir):
    ended(run_dir, 1)
    put_in_place(run_dir, "rollback", 0, "ada", "why")
    (run_dir / "rounds" / "0001" / "manifest.json").unlink()
    again = ended(run_dir, 1, warm=True)
    assert in_place(run_dir) == of(again)
    looked = Looked()
    check_by_people(looked, run_dir)
    assert "round 1 was made again since" in [fault.what for fault in looked.faults]


def test_a_line_that_is_no_decision_is_named(run_dir):
    finished(run_dir)
    (run_dir / DECISIONS).write_text(json.dumps({"by": "ada"}) + "\n")
    with pytest.raises(UserError, match=r"decisions\.jsonl, line 1: is no decision"):
        policy_history(run_dir)


def test_the_command_says_what_is_in_place_now_and_the_run_shows_it(run_dir):
    first, second = ended(run_dir, 1), ended(run_dir, 2)
    given = ["--by", "ada", "--why", "it swears"]
    done = CliRunner().invoke(app, ["rollback", str(run_dir), *given])
    assert done.exit_code == 0, done.output
    assert f"in place: policy {of(first)}, of round 1" in done.output
    state = run_status(run_dir)
    assert state["policy"]["policy_id"] == of(first) and state["by_hand"][0]["by"] == "ada"
    files = [round_files(folder) for folder in (first, second)]
    line = {each["policy_id"]: each for each in lineage(run_dir, files)}
    assert line[of(first)]["in_place"] and not line[of(second)]["in_place"]
    assert "rolled back after round 2 by ada: it swears" in line[of(second)]["became"]
    done = CliRunner().invoke(app, ["promote", str(run_dir), "9", *given])
    assert done.exit_code == 2


def test_the_mirror_carries_it_with_the_weights_that_the_next_round_needs(run_dir, tmp_path):
    first, _ = ended(run_dir, 1), ended(run_dir, 2)
    put_in_place(run_dir, "rollback", None, "ada", "why")
    send_run(open_store(f"file://{tmp_path / 'mirror'}", run_dir), run_dir, silent)
    other = tmp_path / "elsewhere" / "demo"
    store = open_store(f"file://{tmp_path / 'mirror'}", other)
    fetch_run(store, other, rounds_there(store), silent)
    assert in_place(other) == of(first)
    assert (other / "rounds/0001/policy/model.safetensors").read_text() == "1"
