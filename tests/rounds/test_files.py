"""JSON on disk: every parser takes it, and what an older prefloop wrote is read."""

import json
import os
from pathlib import Path

import pytest

from preferences.write import json_line
from rounds.files import json_text, read_json, replace_folder, write_json, write_text

NAN, INF = float("nan"), float("inf")


def refuse(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def test_a_number_that_is_not_finite_is_null(tmp_path: Path):
    path = tmp_path / "facts.json"
    write_json(path, {"loss": NAN, "curves": [{"loss": -INF}, (1.5, INF)], "n": 3, "text": "NaN"})
    strict = json.loads(path.read_text(), parse_constant=refuse)
    assert strict == {"loss": None, "curves": [{"loss": None}, [1.5, None]], "n": 3, "text": "NaN"}
    assert read_json(path) == strict


@pytest.mark.parametrize("written", ["NaN", "Infinity", "-Infinity"])
def test_what_older_files_hold_is_read_as_null(tmp_path: Path, written: str):
    path = tmp_path / "metrics.json"
    path.write_text(f'{{"train": {{"kl_per_token": {written}}}}}')
    assert read_json(path) == {"train": {"kl_per_token": None}}


def test_exports_and_what_is_printed_hold_none_either():
    for text in (json_line({"score": NAN}), json_text({"score": INF}, indent=2)):
        assert json.loads(text, parse_constant=refuse) == {"score": None}


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was waited for and renamed, in order, by name."""
    done: list[str] = []
    fsync, replace, rename = os.fsync, os.replace, os.rename

    def waited(opened: int) -> None:
        done.append(f"wait {Path(os.readlink(f'/proc/self/fd/{opened}')).name}")
        fsync(opened)

    def renamed(how: object) -> object:
        return lambda old, new: done.append(f"name {Path(new).name}") or how(old, new)

    monkeypatch.setattr("os.fsync", waited)
    monkeypatch.setattr("os.replace", renamed(replace))
    monkeypatch.setattr("os.rename", renamed(rename))
    return done


def test_a_file_is_on_the_disk_before_it_has_its_name_and_then_its_name(tmp_path: Path, disk):
    write_text(tmp_path / "new" / "facts.json", "{}")
    assert disk[0] == f"wait {tmp_path.name}", "the folder that got a new one"
    assert disk[1].startswith("wait .facts.json.") and disk[2:] == ["name facts.json", "wait new"]
    disk.clear()
    write_text(tmp_path / "new" / "progress.json", "{}", durable=False)
    assert disk == ["name progress.json"]


def test_a_folder_is_on_the_disk_before_it_has_its_name(tmp_path: Path, disk):
    for name in ("work/policy/config.json", "work/policy/deep/model.safetensors", "policy/old"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    replace_folder(tmp_path / "work" / "policy", tmp_path / "policy")
    at = disk.index("name policy")
    assert {*disk[:at]} == {
        f"wait {one}" for one in ("config.json", "deep", "model.safetensors", "policy")
    }
    assert disk[at + 1 :] == [f"wait {tmp_path.name}", "wait work"]
    assert not (tmp_path / "policy" / "old").exists()
