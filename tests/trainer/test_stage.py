"""The trainer stage around its child process: what a kill costs."""

from pathlib import Path

import pytest
from builders import begun, candidate_row, confirmed, prompt_row

import trainer.__main__
import trainer.stage
from pairs.config import PairsConfig
from pairs.stage import build_pairs
from rounds.errors import UserError
from rounds.files import read_json, replace_folder, write_json
from rounds.weights import Policy
from texts.leaks import LeakLimits
from trainer.config import TrainerConfig
from trainer.stage import train

FIRST = Policy("m", None, "p0")


def killed(*given) -> None:
    raise KeyboardInterrupt


def moved_then_killed(temporary: Path, target: Path) -> None:
    replace_folder(temporary, target)
    raise KeyboardInterrupt


@pytest.mark.parametrize("last_step", [killed, moved_then_killed])
def test_a_training_that_ended_is_not_done_again(run_dir: Path, monkeypatch, last_step):
    prompt = prompt_row()
    a, b = candidate_row(prompt, "good"), candidate_row(prompt, "bad", 1)
    folder = begun(run_dir, prompts=[prompt], candidates=[a, b], verdicts=confirmed(a, b))
    build_pairs(folder, PairsConfig())
    trainings: list[Path] = []

    def child(module: str, job: Path, *given) -> None:
        trainings.append(job)
        out = Path(read_json(job)["out"])
        write_json(out / "config.json", {})
        (out / "model.safetensors").write_bytes(b"weights")
        write_json(job.parent / "training.json", {"pairs": 1})

    monkeypatch.setattr(trainer.stage, "run_child", child)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(trainer.stage, "replace_folder", last_step)
        train(folder, TrainerConfig(), FIRST, FIRST, 0)
    trained, facts = train(folder, TrainerConfig(), FIRST, FIRST, 0)
    assert len(trainings) == 1 and facts["pairs"] == 1
    assert Path(trained.model) == folder / "policy"
    train(folder, TrainerConfig(), FIRST, FIRST, 1)
    assert len(trainings) == 2, "another seed is another training"


def test_the_judges_error_rate_is_what_the_child_is_told(run_dir: Path, monkeypatch):
    prompt = prompt_row()
    a, b = candidate_row(prompt, "good"), candidate_row(prompt, "bad", 1)
    folder = begun(run_dir, prompts=[prompt], candidates=[a, b], verdicts=confirmed(a, b))
    build_pairs(folder, PairsConfig())
    told: list[float] = []

    def child(module: str, job: Path, *given) -> None:
        told.append(read_json(job)["args"]["label_smoothing"])
        out = Path(read_json(job)["out"])
        write_json(out / "config.json", {})
        (out / "model.safetensors").write_bytes(b"weights")
        write_json(job.parent / "training.json", {"pairs": 1})

    monkeypatch.setattr(trainer.stage, "run_child", child)
    config = TrainerConfig(args={"loss_type": "robust", "label_smoothing": "from_gold"})
    for rate in (0.25, 0.25, 0.1):
        train(folder, config, FIRST, FIRST, 0, flip_rate=rate)
    assert told == [0.25, 0.1], "another error rate is another training, the same one is not"
    with pytest.raises(UserError, match="label_smoothing: from_gold needs judge.gold"):
        train(folder, config, FIRST, FIRST, 0, flip_rate=None)


def test_by_hand_the_limits_are_those_of_the_pairs_section(run_dir: Path, monkeypatch):
    given: list = []
    monkeypatch.setattr(trainer.__main__, "train", lambda *args: given.append(args) or (FIRST, {}))
    pairs = PairsConfig(held_out_near=None, held_out_overlap=0.7)
    tree = {"pairs": pairs.model_dump(), "trainer": TrainerConfig().model_dump()}
    assert trainer.__main__.main(begun(run_dir, prompts=[]), tree) == FIRST
    assert given[0][-1] == pairs.leak_limits == LeakLimits(None, 0.7)
