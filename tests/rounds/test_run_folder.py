"""A finished round, the run it belongs to, and what can be made again from its manifests."""

import json
import shutil
from pathlib import Path

import pytest
from builders import POLICY, REFUSED, begun, finished, stamped

from rounds.errors import UserError
from rounds.files import read_json
from rounds.finish import finish_round, follow_manifests
from rounds.folder import (
    finished_rounds,
    next_round,
    open_run,
    policy_facts,
    policy_history,
    policy_of,
    read_manifest,
    read_round_start,
    round_dir,
    round_folders,
)
from rounds.ids import file_hash
from rounds.schema import TABLES
from rounds.show import traced_pairs
from rounds.status import run_status
from rounds.tables import write_rows
from rounds.weights import Policy, served_model

PROMOTED = {"promoted": True, "reasons": ["strong"]}


def test_a_round_is_finished_when_its_manifest_is_there(run_dir: Path):
    done, under_way = finished(run_dir), begun(run_dir, 2)
    assert finished_rounds(run_dir) == [done]
    assert round_folders(run_dir) == [done, under_way]
    assert read_manifest(under_way) is None and not (done / "work").exists()


def test_the_manifest_names_what_the_round_rests_on(run_dir: Path):
    folder = finished(run_dir)
    facts = read_manifest(folder)
    assert facts["files"] == {
        name: file_hash(folder / name)
        for name in [*(f"{table}.parquet" for table in TABLES), "metrics.json"]
    }
    assert (facts["round"], facts["policy"], facts["seed"]) == (1, POLICY, 0)
    assert facts["config"] == {"name": "demo"} and facts["decision"] == REFUSED
    assert facts["stages"].keys() == {"prompts", "sample", "pairs"}
    assert facts["in_place"] == POLICY and facts["trained"]["policy_id"] == "p1"
    assert read_round_start(folder)["policy"] == POLICY


SUMMED = ["calls", "prompt_tokens", "completion_tokens", "cost", "cached_tokens", "estimated"]
NO_CALLS = dict.fromkeys(SUMMED, 0)


def test_metrics_count_what_is_in_the_tables(run_dir: Path):
    metrics = read_json(finished(run_dir) / "metrics.json")
    assert metrics["counts"] == {
        "prompts": 1,
        "prompts_left": 2,
        "set_aside": 0,
        "candidates": 6,
        "sources": None,
        "candidate_fates": {"abstain:flip": 2, "not_compared": 2, "pair": 2},
        "verdicts": 4,
        "abstentions": 0,
        "pairs": 1,
        "dropped": {"abstain:flip": 1},
    }
    assert metrics["usage"] == {
        "judge_calls": 4,
        "judge_prompt_tokens": 40,
        "judge_completion_tokens": 12,
        "judge_cost": 2.0,
        "judge_cached_tokens": 16,
        "judge_estimated": 0,
        "label_per_pair": {
            "calls": 4.0,
            "prompt_tokens": 40.0,
            "completion_tokens": 12.0,
            "cost": 2.0,
            "cached_tokens": 16.0,
            "estimated": 0.0,
        },
        "judge_forgotten": {"calls": 0, "cost": 0.0},
        "sampled_tokens": 7,
        "sampler": NO_CALLS,
        "generator": NO_CALLS,
    }
    assert metrics["judge_id"] == "desk/m"


def test_a_round_without_all_its_tables_is_not_finished(run_dir: Path):
    folder = begun(run_dir, prompts=[])
    with pytest.raises(FileNotFoundError, match=r"candidates.parquet is missing"):
        finish_round(folder, "name: demo\n", None, REFUSED)
    assert read_manifest(folder) is None


def test_the_policy_in_place_follows_the_last_decision(run_dir: Path):
    assert policy_history(run_dir) is None
    finished(run_dir, 1, PROMOTED)
    assert policy_history(run_dir)["current"]["policy_id"] == "p1"
    finished(run_dir, 2, REFUSED)
    assert policy_history(run_dir)["current"]["policy_id"] == "p1"
    finished(run_dir, 3, PROMOTED)
    history = policy_history(run_dir)
    assert history["current"]["policy_id"] == "p3"
    assert [each["promoted"] for each in history["history"]] == [True, False, True]
    assert history["initial"]["policy_id"] == "p0"


def test_policy_json_can_be_made_again_from_the_manifests(run_dir: Path):
    finished(run_dir, 1, PROMOTED)
    written = read_json(run_dir / "policy.json")
    (run_dir / "policy.json").unlink()
    assert policy_history(run_dir) == written
    assert written["history"][0]["reasons"] == ["strong"]


def test_a_moved_run_still_finds_its_policies(run_dir: Path, tmp_path: Path):
    finished(run_dir, 1, PROMOTED)
    moved = tmp_path / "elsewhere" / "renamed"
    shutil.move(run_dir, moved)
    policy = policy_of(moved, policy_history(moved)["current"])
    assert Path(policy.model) == moved / "rounds" / "0001" / "policy"
    assert Path(policy.model).is_dir()


@pytest.mark.parametrize("adapter", [None, "/models/lora", "inside"])
def test_a_policy_outside_the_run_keeps_its_path(tmp_path: Path, adapter: str | None):
    if adapter == "inside":
        (tmp_path / "lora").mkdir()
        adapter = str(tmp_path / "lora")
    policy = Policy("/models/base", adapter, "p")
    facts = policy_facts(tmp_path, policy)
    assert facts["model"] == "/models/base"
    assert facts["adapter"] in (None, "/models/lora", "lora")
    assert policy_of(tmp_path, facts) == policy


def test_a_run_that_is_not_there_lists_those_that_are(run_dir: Path, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path / "..")  # a runs folder in the current one would be named as well
    with pytest.raises(UserError, match=r"no run here \(nor near it"):
        open_run(run_dir)
    finished(run_dir)
    with pytest.raises(UserError, match=r"no run here \(did you mean .*demo\?\)"):
        open_run(run_dir.parent / "dmo")
    with pytest.raises(UserError, match="no round here"):
        read_round_start(round_dir(run_dir, 9))


def test_a_pair_is_shown_with_everything_behind_it(run_dir: Path):
    finished(run_dir)
    (kept,), (lost,) = (list(traced_pairs(run_dir, 1, dropped, None)) for dropped in (False, True))
    assert kept["kept"] and [each["text"] for each in kept["candidates"]] == ["good", "bad"]
    assert [each["shown_first"] for each in kept["verdicts"]] == ["a", "b"]
    assert [each["text"] for each in kept["other_candidates"]] == ["other"]
    assert not lost["kept"] and lost["reason"] == "abstain:flip"
    assert list(traced_pairs(run_dir, 1, False, lost["pair_id"][:6])) == [lost]
    with pytest.raises(UserError, match="no pair zzz"):
        list(traced_pairs(run_dir, 1, False, "zzz"))
    with pytest.raises(UserError, match=r"round 7 is not there \(rounds there: 1\)"):
        list(traced_pairs(run_dir, 7, False, None))


def test_status_tells_finished_rounds_and_the_next_stage(run_dir: Path):
    finished(run_dir, 1, PROMOTED)
    stamped(begun(run_dir, 2))
    found = run_status(run_dir)
    assert [each["round"] for each in found["rounds"]] == [1]
    assert found["under_way"] == {
        "round": 2,
        "done": ["prompts", "sample"],
        "next": "judge",
        "stopped": None,
        "waiting": None,
        "process": None,
        "gone": None,
        "progress": None,
        "verdicts": None,
        "partial": None,
        "judge": None,
    }
    assert found["policy"]["policy_id"] == "p1" and found["initial"]["policy_id"] == "p0"


def test_the_next_round_never_stands_on_a_finished_one(run_dir: Path):
    assert next_round(run_dir) == round_dir(run_dir, 1)
    finished(run_dir, 1), finished(run_dir, 2), begun(run_dir, 3)
    assert next_round(run_dir) == round_dir(run_dir, 3)
    shutil.rmtree(round_dir(run_dir, 1))
    assert next_round(run_dir) == round_dir(run_dir, 3)


def test_pairs_of_an_earlier_attempt_are_not_shown(run_dir: Path):
    folder = finished(run_dir)
    write_rows(folder, "verdicts", [])
    with pytest.raises(UserError, match="its pairs are of an earlier attempt"):
        list(traced_pairs(run_dir, 1, False, None))


def test_a_copy_of_a_round_is_no_round(run_dir: Path):
    done = finished(run_dir)
    shutil.copytree(done, done.with_name("0001.bak"))
    assert round_folders(run_dir) == finished_rounds(run_dir) == [done]
    assert next_round(run_dir) == round_dir(run_dir, 2)


def test_what_follows_from_the_manifests_is_made_again_after_a_kill(run_dir: Path):
    folder = finished(run_dir)
    for path in (run_dir / "policy.json", run_dir / "README.md"):
        path.unlink()
    (folder / "work").mkdir()
    follow_manifests(run_dir)
    assert json.loads((run_dir / "policy.json").read_text())["history"][0]["round"] == 1
    assert "round_0001" in (run_dir / "README.md").read_text()
    assert not (folder / "work").exists()


def test_what_a_served_policy_is_called_is_no_path_of_the_run(run_dir: Path):
    (run_dir / "logs").mkdir(parents=True)
    policy = Policy("logs", None, "logs/m", served="logs")
    assert policy_of(run_dir, policy_facts(run_dir, policy)) == policy
    assert served_model(policy) is None
    assert served_model(policy._replace(model="ft:m")) == "ft:m"
    assert served_model(Policy("weights", None, "x")) is None
