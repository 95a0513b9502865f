"""What a kill or other hands left in a run folder is made again, in the order it first came."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import begun, candidate_row, prompt_row

from rounds.errors import Stopped
from rounds.files import read_json, write_json, write_text
from rounds.finish import finish_round
from rounds.folder import read_manifest, run_of
from rounds.mend import mend_run
from rounds.rows import CANDIDATES, PROMPTS, VERDICTS
from rounds.stages import run_stage, stage_stamps
from rounds.tables import read_rows, replace_splits, table_path, write_rows
from rounds.written import note_folder, read_written, settle_written

ASKED, GOLD = prompt_row("asked"), prompt_row("gold", "gold")


def one_of_each(folder: Path, ran: list[str]) -> None:
    """Four stages that share tables, as those of a round do; `ran` says which of them worked."""

    def stage(name: str, work: Callable[[], object]) -> None:
        def noted() -> dict:
            ran.append(name)
            work()
            return {"n": 1, "train": 1, "left": 0, "tokens": 7}

        run_stage(folder, name, "k", noted)

    answers = [candidate_row(ASKED, "good"), candidate_row(ASKED, "bad", 1)]
    stage("prompts", lambda: replace_splits(folder, PROMPTS, ["train"], [ASKED]))
    stage("sample", lambda: replace_splits(folder, CANDIDATES, ["train"], answers))

    def gold() -> None:
        replace_splits(folder, PROMPTS, ["gold"], [GOLD])
        replace_splits(folder, CANDIDATES, ["gold"], [candidate_row(GOLD, "known")])

    stage("gold", gold)
    stage("train", lambda: write_policy(folder))


def write_policy(folder: Path) -> None:
    fresh = folder / "work" / "fresh"
    fresh.mkdir()
    (fresh / "config.json").write_text("{}")
    (fresh / "model.safetensors").write_text("weights")
    note_folder(folder, "policy", fresh)
    shutil.rmtree(folder / "policy", ignore_errors=True)
    fresh.rename(folder / "policy")
    settle_written(folder, "policy")


@pytest.fixture
def folder(run_dir: Path) -> Path:
    """A round under way with the four stages done."""
    one_of_each(round_ := begun(run_dir), [])
    return round_


def texts(folder: Path) -> list[str]:
    return [row["text"] for row in read_rows(folder, "candidates")]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def edited(path: Path) -> None:
    rows = [{**row, "text": "better"} for row in read_rows(path.parent, "candidates")]
    work = path.parent / "work"
    work.rename(path.parent / "aside")  # by other hands than ours
    write_rows(path.parent, "candidates", rows)
    (path.parent / "aside").rename(work)


@pytest.mark.parametrize("damage", [cut, edited, Path.unlink])
def test_a_table_under_valid_stamps_is_made_again_with_all_its_stages_wrote(folder: Path, damage):
    before = texts(folder), read_rows(folder, "prompts")
    path = table_path(folder, "candidates")
    damage(path)
    (said,) = mend_run(run_of(folder), folder)
    wrong = "is missing" if damage is Path.unlink else "is not as it was written"
    assert said == f"{path} {wrong}: made again by gold, prompts, sample"
    assert set(stage_stamps(folder)) == {"train"}
    one_of_each(folder, ran := [])
    assert ran == ["prompts", "sample", "gold"]
    assert (texts(folder), read_rows(folder, "prompts")) == before, "the order of rows as well"
    assert mend_run(run_of(folder), folder) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda policy: (policy / "config.json").unlink(),
        lambda policy: (policy / "model.safetensors").write_text("other"),
        lambda policy: (policy / "pytorch_model.bin").write_text("beside"),
        shutil.rmtree,
    ],
)
def test_weights_that_are_not_the_rounds_are_trained_again(folder: Path, damage):
    damage(folder / "policy")
    assert "made again by train" in mend_run(run_of(folder), folder)[-1]
    assert not (folder / "policy").exists()
    one_of_each(folder, ran := [])
    assert ran == ["train"] and (folder / "policy" / "model.safetensors").read_text() == "weights"


def test_a_copied_run_is_as_it_was_written_by_content(folder: Path, tmp_path: Path):
    copy = tmp_path / "copies" / "demo"
    shutil.copytree(run_of(folder), copy, copy_function=shutil.copyfile)
    there = copy / "rounds" / folder.name
    assert mend_run(copy, there) == []
    one_of_each(there, ran := [])
    assert ran == []


@pytest.mark.parametrize("change", [cut, lambda path: write_json(path, edited_facts(path))])
def test_a_damaged_or_edited_stamp_is_none(folder: Path, change):
    path = folder / "work" / "sample.json"
    change(path)
    assert "sample" not in stage_stamps(folder)
    (said,) = mend_run(run_of(folder), folder)
    assert said == f"{path} is damaged, and is made again" and not path.exists()
    one_of_each(folder, ran := [])
    assert ran == ["sample"]


def edited_facts(path: Path) -> dict:
    stamp = read_json(path)
    stamp["facts"]["n"] = 2
    return stamp


@pytest.mark.parametrize("change", [cut, Path.unlink])
def test_without_its_notes_nothing_is_believed(folder: Path, change):
    change(folder / "work" / "written.json")
    mend_run(run_of(folder), folder)
    assert stage_stamps(folder) == {}
    one_of_each(folder, ran := [])
    assert ran == ["prompts", "sample", "gold", "train"]


def test_a_kill_before_a_table_has_its_name_leaves_what_was_there(folder: Path, monkeypatch):
    before = texts(folder)

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("rounds.files.os.replace", replace_but(kill, "candidates.parquet"))
        replace_splits(folder, CANDIDATES, ["health"], [])
    noted = read_written(folder)["candidates.parquet"]
    assert noted["before"] and noted["before"] != [noted["now"]]
    assert mend_run(run_of(folder), folder) == [] and texts(folder) == before
    replace_splits(folder, CANDIDATES, ["health"], [])
    assert read_written(folder)["candidates.parquet"]["before"] == []
    assert mend_run(run_of(folder), folder) == []


def replace_but(kill: Callable[..., None], name: str) -> Callable[..., None]:
    real = os.replace
    return lambda old, new: kill() if Path(new).name == name else real(old, new)


def test_a_table_that_changes_while_the_round_runs_stops_it(folder: Path):
    edited(table_path(folder, "candidates"))
    with pytest.raises(Stopped, match="candidates.parquet is not as it was written") as stopped:
        run_stage(folder, "judge", "k", lambda: {"n": 1})
    assert "makes the file again" in stopped.value.then
    assert "judge" not in stage_stamps(folder)


def test_a_table_that_changed_stops_the_end_of_the_round(folder: Path):
    for table in (VERDICTS, "pairs", "dropped"):
        write_rows(folder, table, [])
    path = table_path(folder, "candidates")
    stat, data = path.stat(), path.read_bytes()
    path.write_bytes(data.replace(b"parquet-cpp-arrow", b"parquet-cpp-brrow"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # by its content alone
    refused = {"promoted": False, "reasons": ["too weak"]}
    with pytest.raises(Stopped, match="candidates.parquet is not as"):
        finish_round(folder, "name: demo\n", None, refused)
    assert read_manifest(folder) is None


def test_folders_that_a_killed_command_worked_in_go(folder: Path):
    left = [folder / ".forget-x" / "file", run_of(folder) / "work" / "trial" / "job.json"]
    for path in left:
        path.parent.mkdir(parents=True)
        path.touch()
    assert mend_run(run_of(folder), folder) == []
    assert not (folder / ".forget-x").exists() and not (run_of(folder) / "work").exists()


def test_damaged_chunks_are_drawn_again(folder: Path):
    work = folder / "work" / "sample-k"
    write_text(work / "aside-00000.json", "{")
    write_text(work / "endpoints" / "chunk-00000.parquet", "PAR1")
    said = mend_run(run_of(folder), folder)
    assert len(said) == 2 and all("its prompts are sampled again" in each for each in said)
    assert not list(work.rglob("*-00000.*"))


def test_tables_of_before_without_notes_are_believed_where_they_can_be_read(run_dir: Path):
    folder = begun(run_dir)
    one_of_each(folder, [])
    (folder / "work" / "written.json").unlink()
    for name, stamp in stage_stamps(folder).items():
        old = {key: stamp[key] for key in stamp if key not in ("files", "seal")}
        write_json(folder / "work" / f"{name}.json", old)
    assert mend_run(run_dir, folder) == [] and len(stage_stamps(folder)) == 4
    cut(table_path(folder, "candidates"))
    (said,) = mend_run(run_dir, folder)
    assert "candidates.parquet cannot be read" in said and stage_stamps(folder) == {}
