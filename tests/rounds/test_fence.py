"""A process that lost its lease changes nothing in the run, nor do its children."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from leases import claimed_elsewhere

from rounds.errors import LeaseLost
from rounds.fence import check_fence, environment, token_of
from rounds.files import atomic, read_json, remove, replace_folder, write_json, write_text
from rounds.finish import follow_manifests
from rounds.lock import run_lock
from rounds.stages import remove_stamp, run_stage, work_dir
from rounds.stopped import forget_stop, noting_stops


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but the claims."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.parent.name != ".lease")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def fails_at_work(folder: Path) -> None:
    with noting_stops(folder, "judge"):
        raise RuntimeError("its servers were ended")


CHANGES: dict[str, Callable[[Path], object]] = {
    "a file": lambda folder: write_json(folder / "work" / "judge.json", {}),
    "a new folder": lambda folder: write_json(folder / "new" / "judge.json", {}),
    "a file away": lambda folder: remove(folder / "work" / "judge.json"),
    "a folder away": lambda folder: remove(folder / "work"),
    "a folder in place": lambda folder: replace_folder(folder / "fresh", folder / "policy"),
    "a stamp away": lambda folder: remove_stamp(folder, "judge"),
    "a stage": lambda folder: run_stage(folder, "judge", "other", dict),
    "work of another key": lambda folder: work_dir(folder, "judge", "other"),
    "why it stopped": fails_at_work,
    "no stop": forget_stop,
    "the end of a round": lambda folder: follow_manifests(folder.parent.parent),
}


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_is_changed_without_the_lease(run_dir: Path, change: str):
    folder = run_dir / "rounds" / "0001"
    write_json(folder / "manifest.json", {"round": 1})
    write_json(folder / "work" / "judge.json", {"key": "k", "facts": {}})
    write_json(folder / "work" / "stopped.json", {})
    for name in ("fresh", "policy", "work/judge-k"):
        write_text(folder / name / "inside", name)
    with pytest.raises(LeaseLost, match="process 77 on elsewhere has taken this run over"):
        with run_lock(run_dir):
            before = content(run_dir)
            claimed_elsewhere(run_dir, 60)
            CHANGES[change](folder)
    assert content(run_dir) == before


def test_what_lies_elsewhere_is_no_matter_of_the_lease(run_dir: Path, tmp_path: Path):
    with pytest.raises(LeaseLost), run_lock(run_dir):
        claimed_elsewhere(run_dir, 60)
        write_text(tmp_path / "elsewhere.txt", "written")
        token = token_of(tmp_path / "elsewhere.txt")
        check_fence(run_dir / "x")
    assert token is None and (tmp_path / "elsewhere.txt").read_text() == "written"


def test_a_path_through_a_link_is_seen_through(run_dir: Path, tmp_path: Path):
    run_dir.mkdir(parents=True)
    (tmp_path / "link").symlink_to(run_dir)
    with pytest.raises(LeaseLost), run_lock(tmp_path / "link"):
        claimed_elsewhere(run_dir, 60)
        write_text(tmp_path / "link" / "x", "x")


def test_what_the_new_owner_has_removed_is_no_mystery(run_dir: Path):
    """The look at the lease came before, the rename comes after."""
    with pytest.raises(LeaseLost), run_lock(run_dir), atomic(run_dir / "x") as temporary:
        temporary.write_text("half")
        temporary.unlink()
        claimed_elsewhere(run_dir, 60)


def test_what_was_begun_under_the_lease_is_not_put_into_place_without_it(run_dir: Path):
    with pytest.raises(LeaseLost), run_lock(run_dir), atomic(run_dir / "x") as temporary:
        temporary.write_text("late")
        claimed_elsewhere(run_dir, 60)
    assert [path.name for path in run_dir.iterdir()] == [".lease"]


CHILD = """
import sys
from pathlib import Path
from rounds.files import write_text
write_text(Path(sys.argv[1]), "written")
"""


def test_a_child_is_fenced_as_its_parent(run_dir: Path):
    def child() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", CHILD, str(run_dir / "of-child")]
        env = os.environ | environment() | {"PYTHONPATH": os.getcwd()}
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    with pytest.raises(LeaseLost), run_lock(run_dir):
        before = child()
        (run_dir / "of-child").unlink()
        claimed_elsewhere(run_dir, 60)
        after = child()
        check_fence(run_dir / "x")
    assert before.returncode == 0 and "LeaseLost" in after.stderr
    assert not (run_dir / "of-child").exists() and environment() == {}


def test_a_stage_goes_on_in_a_folder_of_its_own(run_dir: Path):
    """So that a child of an owner before writes elsewhere, whatever library writes."""
    folder = run_dir / "rounds" / "0001"
    write_json(work_dir(folder, "train", "k") / "old.json", {})
    for token in (1, 2):
        with run_lock(run_dir):
            work = work_dir(folder, "train", "k")
            assert work.name == f"train-k-{token}" and work == work_dir(folder, "train", "k")
            assert read_json(work / "old.json") == {}
            assert [path.name for path in folder.glob("work/*")] == [work.name]
    (folder / "work" / "train-k-1").mkdir()  # by that child, in its last moments
    with run_lock(run_dir):
        assert (work_dir(folder, "train", "k") / "old.json").exists()
        assert [path.name for path in folder.glob("work/*")] == ["train-k-3"]
        assert [*work_dir(folder, "train", "other").iterdir()] == []
        assert [path.name for path in folder.glob("work/*")] == ["train-other-3"]
