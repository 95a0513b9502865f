"""A stage runs once for what it depends on."""

from pathlib import Path

import pytest

from rounds.errors import WorkFailed
from rounds.files import write_json
from rounds.stages import Facts, run_stage, stage_key, stage_stamps, work_dir


def counted(folder: Path, key: str, calls: list[str]) -> dict:
    def work() -> dict:
        calls.append(key)
        return {"n": len(calls)}

    return run_stage(folder, "judge", key, work)


def test_the_same_key_is_not_run_again(tmp_path: Path):
    calls: list[str] = []
    assert counted(tmp_path, "k1", calls) == counted(tmp_path, "k1", calls) == {"n": 1}
    assert calls == ["k1"]


def test_another_key_runs_and_the_first_one_has_to_run_again(tmp_path: Path):
    calls: list[str] = []
    for key in ("k1", "k2", "k1"):
        counted(tmp_path, key, calls)
    assert calls == ["k1", "k2", "k1"]


def test_a_stage_that_failed_runs_again(tmp_path: Path):
    def fail() -> dict:
        raise RuntimeError("lost")

    with pytest.raises(RuntimeError):
        run_stage(tmp_path, "judge", "k1", fail)
    assert stage_stamps(tmp_path) == {}
    assert run_stage(tmp_path, "judge", "k1", lambda: {"ok": True}) == {"ok": True}


def test_work_of_other_keys_is_thrown_away_and_that_of_other_stages_kept(tmp_path: Path):
    old, held_out = work_dir(tmp_path, "sample", "k1"), work_dir(tmp_path, "sample_held_out_p", "k")
    new = work_dir(tmp_path, "sample", "k2")
    assert not old.exists() and held_out.is_dir() and new.is_dir()


def test_work_of_the_same_key_stays(tmp_path: Path):
    (work_dir(tmp_path, "sample", "k1") / "chunk").touch()
    assert (work_dir(tmp_path, "sample", "k1") / "chunk").exists()


def test_stamps_tell_key_seconds_and_facts_and_start_is_none_of_them(tmp_path: Path):
    write_json(tmp_path / "work" / "start.json", {"seed": 0})
    run_stage(tmp_path, "judge", "k1", lambda: {"n": 1})
    stamp = stage_stamps(tmp_path)["judge"]
    assert stage_stamps(tmp_path).keys() == {"judge"}
    assert (stamp["key"], stamp["facts"]) == ("k1", {"n": 1}) and stamp["seconds"] >= 0


def test_the_key_follows_what_the_stage_depends_on():
    assert stage_key("rows", {"a": 1, "b": 2}) == stage_key("rows", {"b": 2, "a": 1})
    assert len({stage_key("rows", {"a": 1}), stage_key("rows", {"a": 2}), stage_key("row")}) == 3


def test_a_change_that_was_cut_off_and_taken_back_runs_again(tmp_path: Path):
    calls: list[str] = []
    counted(tmp_path, "k1", calls)

    def killed_after_its_tables() -> dict:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_stage(tmp_path, "judge", "k2", killed_after_its_tables)
    counted(tmp_path, "k1", calls)
    assert calls == ["k1", "k1"], "the tables may be those of k2"


class Own(WorkFailed):
    """What a stage comes to by itself."""

    own = True


def fails(run_dir: Path, error: WorkFailed, key: str = "k") -> WorkFailed:
    def work() -> Facts:
        raise error

    with pytest.raises(type(error)) as failed:
        run_stage(run_dir, "sample", key, work)
    return failed.value


def test_a_stage_that_fails_the_same_way_twice_says_so(run_dir: Path):
    first = fails(run_dir, Own("status 1; ends with\n09:12 no memory"))
    assert not first.twice and first.then == "run the same command again"
    second = fails(run_dir, Own("status 1; ends with\n09:13 no memory"))
    assert second.twice
    assert second.then == "it failed the same way twice: run the same command again"
    for other in (
        Own("status 1; ends with\nno file"),
        WorkFailed("no file"),
        WorkFailed("no file"),
    ):
        assert not fails(run_dir, other).twice
    assert fails(run_dir, Own("ends with\nno file")).twice, "a lost endpoint was in between"
    assert not fails(run_dir, Own("ends with\nno file"), "another key").twice
    run_stage(run_dir, "sample", "k", dict)
    assert set(stage_stamps(run_dir)) == {"sample"}
    assert not fails(run_dir, Own("ends with\nno file"), "another key").twice


def test_what_a_resumed_round_reuses_and_does_again_is_said(run_dir: Path, caplog):
    caplog.set_level("INFO", "prefloop")
    facts = {"judge": {"verdicts": 1200}, "pairs": {"kept": 3}, "train": {"loss": 0.1}}
    for stage, returned in facts.items():
        run_stage(run_dir, stage, "k", lambda returned=returned: returned)
    assert not caplog.messages, "what is done for the first time is told by its progress"
    for stage, returned in facts.items():
        assert run_stage(run_dir, stage, "k", dict) == returned
    run_stage(run_dir, "judge", "another", dict)
    assert caplog.messages == [
        "judge: reused: 1,200 rows",
        "pairs: reused: 3 rows",
        "train: reused",
        "judge: done again, what it depends on has changed",
    ]
