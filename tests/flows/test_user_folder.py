"""Files of the user's that are called as prefloop's packages are: none is taken for one of ours.

Whole rounds in such a folder, with their child processes, are in the slow tests: small_run.py
writes the files into every run's folder.
"""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from builders import POLICY, begun, candidate_row, prompt_row
from small_run import ROOT, command, write_namesakes

from prefloop import PACKAGES, foreign_package
from rounds.folder import write_round_start
from rounds.tables import read_rows

pytestmark = pytest.mark.long

CONFIG = {
    "name": "mine",
    "policy": "prefloop:starter/policy",
    "prompts": {"train": "mine.jsonl", "gate": 2, "test": 2},
    "judge": {"endpoint": "python:judge.py:score", "strategy": "pairwise"},
    "sampler": {"n": 2},
    "gate": {"metrics": {"length": "judge:score"}},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a config, prompts, and a namesake of every package of ours."""
    folder = tmp_path / "work"
    folder.mkdir()
    write_namesakes(folder)
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    lines = [json.dumps({"prompt": f"Question {number}?"}) for number in range(10)]
    (folder / "mine.jsonl").write_text("\n".join(lines))
    return folder


def out(where: Path, *arguments: str, status: int = 0, **env: str) -> str:
    """What a process prints that is started in the folder, and that it ends with this status."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        arguments, cwd=where, env=inherited | env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def judged_by_hand(run_dir: Path, folder: Path, where: Path, *how: str) -> None:
    """Judge a round that is begun, by `python -m judge`."""
    prompt = prompt_row()
    answers = [
        candidate_row(prompt, text, index) for index, text in enumerate(("no", "a long one"))
    ]
    round_folder = begun(run_dir, prompts=[prompt], candidates=answers)
    write_round_start(round_folder, {"policy": POLICY, "initial": POLICY, "seed": 0})
    tree = CONFIG | {"endpoints": {}, "trainer": None}
    tree |= {"judge": CONFIG["judge"] | {"endpoint": f"python:{folder / 'judge.py'}:score"}}
    (run_dir / "run.yaml").write_text(yaml.safe_dump(tree))
    out(where, sys.executable, *how, "-m", "judge", str(round_folder))
    (verdict,) = read_rows(round_folder, "verdicts", ["train"])
    assert verdict["outcome"] == "b" and verdict["judge_id"].startswith("python:judge.py:score@")


def test_the_commands_take_nothing_in_the_folder_for_their_own(folder: Path):
    assert "10 a prompt" not in (planned := out(folder, *command("plan", "config.yaml")))
    assert "6 of 6 left" in planned
    assert "label a: " in out(folder, *command("judge", "check", "config.yaml"))
    assert "no run here" in out(folder, *command("status", "runs/mine"), status=2)
    assert "no run here" in out(folder, *command("show", "runs/mine", "1"), status=2)
    export = ("export", "runs/mine", "--format", "trl", "--to", "data")
    assert "no run here" in out(folder, *command(*export), status=2)


def test_a_stage_by_hand_takes_nothing_in_the_folder_for_its_own(folder: Path, run_dir: Path):
    """Python itself puts the current folder first with -m; -P keeps it from that."""
    judged_by_hand(run_dir, folder, folder, "-P")


def test_a_stage_by_hand_from_another_folder_needs_nothing_special(folder: Path, run_dir: Path):
    judged_by_hand(run_dir, folder, folder.parent)


def test_a_namesake_on_the_path_is_named_with_ours(folder: Path):
    said = out(folder, *command("status", "runs/mine"), status=2, PYTHONPATH=str(folder))
    assert said.startswith(f"error: the package flows that Python finds is {folder / 'flows.py'}")
    assert f"and not prefloop's {ROOT / 'flows'}: the two cannot share an environment" in said


def test_a_namesake_that_was_installed_over_ours_is_named_with_its_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "trainer").mkdir()
    (tmp_path / "trainer" / "__init__.py").write_text('"""Trains animals."""\n')
    facts = tmp_path / "animals-1.2.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: animals\nVersion: 1.2\n")
    (facts / "top_level.txt").write_text("trainer\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "trainer", raising=False)
    said = foreign_package()
    assert said is not None and f"{tmp_path}/trainer/__init__.py (of animals 1.2)" in said


def test_every_package_of_ours_is_known():
    assert foreign_package() is None
    tops = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert tops == set(PACKAGES)


def test_a_folder_or_an_archive_of_a_name_of_ours_is_named_by_its_place(folder: Path):
    plain = folder / "data"
    (plain / "prompts").mkdir(parents=True)
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.writestr("judge/__init__.py", '"""Judges animals."""')
    for entry, place in ((plain, plain / "prompts"), (folder / "more.zip", "more.zip/judge")):
        code = "import prefloop; print(prefloop.foreign_package())"
        said = out(folder.parent, sys.executable, "-P", "-c", code, PYTHONPATH=str(entry))
        assert "that Python finds is" in said and str(place) in said, said
