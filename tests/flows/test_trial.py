"""When a training is tried in small: once for each config, and where it may run."""

from pathlib import Path

import pytest
from builders import begun
from configs import TREE, load

import flows.trial
from endpoints.children import ChildFailed
from flows.config import Config
from flows.trial import beside_sampling, trial_due, trial_key, try_round, was_tried
from rounds.errors import UserError
from rounds.stages import run_stage, silent
from rounds.weights import Policy
from trainer.trial import Tried

POLICY = Policy("m", None, "p0")


@pytest.fixture
def tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The halves of the trial that were begun, neither of them real."""
    halves: list[str] = []

    def training(folder: Path, *_: object) -> Tried:
        (folder / "work").mkdir(parents=True)
        halves.append("training")
        return Tried(POLICY, "")

    monkeypatch.setattr(flows.trial, "try_training", training)
    monkeypatch.setattr(flows.trial, "try_policy", lambda *_: halves.append("sampling"))
    return halves


def config(tmp_path: Path, *overrides: str) -> Config:
    (tmp_path / "train.jsonl").write_text('"Why?"\n')
    return load(tmp_path, TREE, *overrides)


def test_it_is_due_until_it_has_passed_and_again_after_a_change(
    tmp_path: Path, run_dir: Path, tried: list[str]
):
    folder, first = begun(run_dir), config(tmp_path)
    assert trial_due(first, folder)
    assert try_round(first, run_dir, POLICY, silent) is None and tried == ["training", "sampling"]
    assert was_tried(first, run_dir) and not trial_due(first, folder)
    assert not (run_dir / "work").exists(), "nothing of it is left but the stamp"
    same = config(tmp_path, "trainer.held_out_pairs=0.2", "sampler.n=8", "gate.threshold=0.6")
    assert not trial_due(same, folder)
    for change in (
        "trainer.args.beta=0.3",
        "trainer.lora={r: 8}",
        "trainer.reference=initial",
        "sampler.vllm.max_model_len=256",
        "sampler.env={OMP_NUM_THREADS: '1'}",
    ):
        assert trial_due(config(tmp_path, change), folder), change
    assert trial_key(first) != trial_key(config(tmp_path, "policy=prefloop:starter/judge"))


@pytest.mark.parametrize(
    ("alike", "sampled", "beside", "halves"),
    [
        (True, False, True, ["training"]),
        (True, True, True, ["training", "sampling"]),
        (True, False, False, ["training", "sampling"]),
        (False, False, True, ["training", "sampling"]),
    ],
)
def test_what_the_sampling_of_the_policy_in_place_shows_is_not_tried(
    tmp_path: Path,
    run_dir: Path,
    tried: list[str],
    monkeypatch: pytest.MonkeyPatch,
    alike: bool,
    sampled: bool,
    beside: bool,
    halves: list[str],
):
    begun(run_dir)
    monkeypatch.setattr(flows.trial, "beside_sampling", lambda _: beside)
    before = flows.trial.try_training
    monkeypatch.setattr(
        flows.trial, "try_training", lambda *given: before(*given)._replace(alike=alike)
    )
    assert try_round(config(tmp_path), run_dir, POLICY, silent, sampled) is None
    assert tried == halves


def test_it_is_not_due_where_nothing_is_trained_any_more(tmp_path: Path, run_dir: Path):
    folder = begun(run_dir)
    assert not trial_due(config(tmp_path, "trainer=null"), folder)
    assert not trial_due(config(tmp_path, "trainer.trial=false"), folder)
    run_stage(folder, "train", "k", dict)
    assert not trial_due(config(tmp_path), folder)


def test_a_failure_leaves_no_stamp_and_names_the_key(
    tmp_path: Path, run_dir: Path, tried: list[str], monkeypatch: pytest.MonkeyPatch
):
    log = run_dir / "logs" / "trial-sampler.log"
    log.parent.mkdir(parents=True)

    def refused(*_: object) -> None:
        raise ChildFailed("sampler.vllm_child ended with status 1")

    monkeypatch.setattr(flows.trial, "try_policy", refused)
    for change, said, key in (
        ("trainer.lora={r: 8}", "ValueError: vLLM does not support this LoRA", "trainer.lora"),
        ("trainer.lora={r: 8}", "ValueError: no such dtype", "sampler.vllm"),
        ("sampler.vllm.dtype=half", "ValueError: no such dtype", "sampler.vllm"),
    ):
        log.write_text(f"INFO loading\nTraceback\n{said}\nINFO ended\n")
        given = config(tmp_path, change)
        with pytest.raises(UserError) as caught:
            try_round(given, run_dir, POLICY, silent)
        assert str(caught.value).startswith(f"{key}: ") and said in str(caught.value)
        assert not was_tried(given, run_dir)
    log.write_text("Killed\n")
    with pytest.raises(ChildFailed):
        try_round(given, run_dir, POLICY, silent)


@pytest.mark.parametrize(
    ("override", "gpu", "beside"),
    [
        ("seed=1", False, True),
        ("seed=1", True, False),
        ("sampler.also={paid: {endpoint: desk, n: 1}}", False, False),
        ("trainer.ray={workers: 2, resources: {CPU: 1}}", False, False),
        ("sampler.engine={ray: {workers: 2, resources: {CPU: 1}}}", False, False),
    ],
)
def test_it_runs_beside_the_sampling_where_that_is_free_and_has_memory_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, override: str, gpu: bool, beside: bool
):
    monkeypatch.setattr(flows.trial, "DRIVER", tmp_path if gpu else tmp_path / "none")
    assert beside_sampling(config(tmp_path, override)) == beside
