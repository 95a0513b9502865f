"""The gate and test prompts, looked at before anything is spent."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from builders import begun
from configs import TREE, load

from flows.preflight import check_held_out
from rounds.files import write_json
from sampler.dealing.splits import read_supply

TRAINER = "trainer={args: {}}"


@pytest.fixture
def questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of prompts: train, few, many, and others in place of the many."""
    monkeypatch.chdir(tmp_path)
    for name, count in {"train": 30, "few": 5, "many": 40, "others": 40}.items():
        lines = "".join(f'"Why {name} {number}?"\n' for number in range(count))
        (tmp_path / f"{name}.jsonl").write_text(lines)
    return tmp_path


def warned(folder: Path, run_dir: Path, *overrides: str, ends: bool = False) -> list[str]:
    """What is warned of; the run's first round then ends with these prompts, if it is to."""
    config: Any = load(folder, TREE, TRAINER, "prompts.test=0", *overrides)
    held_out, said = read_supply(config.prompts).held_out, []
    check_held_out(config, held_out, SimpleNamespace(warn=said.append), run_dir)  # type: ignore[arg-type]
    if ends:
        write_json(begun(run_dir, prompts=held_out) / "manifest.json", {})
    return said


def test_a_gate_too_small_to_promote_by_is_warned_of(questions: Path, run_dir: Path):
    (warning,) = warned(questions, run_dir, "prompts.gate=few.jsonl")
    assert warning.startswith("no policy can be promoted: 5 prompts are too few")
    assert warned(questions, run_dir, "prompts.gate=many.jsonl") == []
    assert warned(questions, run_dir, "prompts.gate=few.jsonl", "trainer=null") == []


def test_prompts_that_the_run_does_not_take_are_warned_of(questions: Path, run_dir: Path):
    assert warned(questions, run_dir, "prompts.gate=many.jsonl", ends=True) == []
    assert warned(questions, run_dir, "prompts.gate=many.jsonl") == []
    (warning,) = warned(questions, run_dir, "prompts.gate=others.jsonl")
    assert warning.startswith("prompts.gate: these are others than in round 1")
    (warning,) = warned(questions, run_dir, "prompts.gate=few.jsonl")
    assert "too few" not in warning, "the many of round 1 decide"
    assert warned(questions, run_dir, "prompts.gate=7") == [], "a share is taken once"
