"""A sweep around its child processes: what is shared, what a kill costs, which policy comes out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from killing import forked
from replays import FIRST, round_of

import trainer.stage
from rounds.errors import UserError
from rounds.files import read_json, replace_folder, write_json
from rounds.settings import locate
from rounds.stages import stage_stamps
from rounds.weights import local_policy
from trainer.config import TrainerConfig
from trainer.shared_rows import read_shared, write_shared
from trainer.stage import train
from trainer.tokens import Tokenised
from trainer.variants import Rated, standard_error

SWEEP = TrainerConfig(sweep={"beta": [0.01, 0.1, 0.5]}, held_out_pairs=0.25)
ACCURACY = {0.01: 0.5, 0.1: 0.9, 0.5: 0.88}


class Children:
    """Children that do nothing but leave files; `ends` are raised at the training of a beta."""

    def __init__(self, ends: dict[float, BaseException] | None = None) -> None:
        self.prepared: list[Path] = []
        self.trained: list[float] = []
        self.ends = ends or {}

    def __call__(self, module: str, told: Path, *given: Any) -> None:
        job = read_json(told)
        beta = job["args"]["beta"]
        if module == "trainer.shared_rows":
            self.prepared.append(Path(job["shared"]))
            write_json(self.prepared[-1] / "facts.json", {})
            return
        self.trained.append(beta)
        assert Path(job["shared"]).exists()
        (told.parent / "checkpoints").mkdir(exist_ok=True)
        if beta in self.ends:
            raise self.ends[beta]
        write_json(Path(job["out"]) / "config.json", {"beta": beta})
        (Path(job["out"]) / "model.safetensors").write_bytes(b"weights")
        facts = {"held_out_accuracy": ACCURACY[beta], "held_out_n": 100, "steps": 3, "pairs": 30}
        write_json(told.parent / "training.json", {**facts, "curves": [{"loss": beta}]})


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Children]:
    def patched(**given: Any) -> Children:
        made = Children(**given)
        monkeypatch.setattr(trainer.stage, "run_child", made)
        return made

    return patched


def taken(folder: Path) -> float:
    return float(read_json(folder / "policy" / "config.json")["beta"])


def test_all_are_trained_on_rows_that_are_prepared_once_and_the_best_is_taken(run_dir, children):
    folder, made = round_of(run_dir, 1, 40), children()
    policy, facts = train(folder, SWEEP, FIRST, FIRST, 0)
    assert made.trained == [0.01, 0.1, 0.5] and len(made.prepared) == 1
    assert taken(folder) == 0.1 and Path(policy.model) == folder / "policy"
    table = facts["sweep"]
    assert table["taken"] == 1 and facts["held_out_accuracy"] == 0.9
    assert table["standard_error"] == standard_error(Rated(0.9, 100))
    assert [row["args"] for row in table["variants"]] == [{"beta": b} for b in ACCURACY]
    assert [row["loss"] for row in table["variants"]] == [0.01, 0.1, 0.5]
    assert not list(folder.glob("work/**/checkpoints"))
    assert len(list(folder.glob("work/train-*/variants/*/policy"))) == 2, "go with the round's work"
    assert train(folder, SWEEP, FIRST, FIRST, 0)[1] == facts and len(made.trained) == 3


@pytest.mark.parametrize("at", [0.01, 0.1, 0.5])
def test_a_kill_loses_one_variant(run_dir, children, at: float):
    folder = round_of(run_dir, 1, 40)
    killed = children(ends={at: KeyboardInterrupt()})
    with pytest.raises(KeyboardInterrupt):
        train(folder, SWEEP, FIRST, FIRST, 0)
    again = children()
    train(folder, SWEEP, FIRST, FIRST, 0)
    assert killed.trained + again.trained == sorted([*ACCURACY, at])
    assert len(killed.prepared + again.prepared) == 1 and taken(folder) == 0.1


@pytest.mark.parametrize("moved", [False, True])
def test_a_kill_at_the_end_trains_nothing_again(run_dir, children, monkeypatch, moved: bool):
    folder, made = round_of(run_dir, 1, 40), children()

    def killed(temporary: Path, target: Path) -> None:
        if moved:
            replace_folder(temporary, target)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(trainer.stage, "replace_folder", killed)
        train(folder, SWEEP, FIRST, FIRST, 0)
    _, facts = train(folder, SWEEP, FIRST, FIRST, 0)
    assert len(made.trained) == 3 and taken(folder) == 0.1 and facts["sweep"]["taken"] == 1


def test_where_the_policy_was_lost_its_variant_alone_is_trained_again(
    run_dir, children, monkeypatch
):
    folder, made = round_of(run_dir, 1, 40), children()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(trainer.stage, "note_folder", lambda *_: (_ for _ in ()).throw(killing))
        killing = KeyboardInterrupt()
        train(folder, SWEEP, FIRST, FIRST, 0)
    [chosen] = [
        path
        for path in folder.glob("work/train-*/variants/*/policy")
        if read_json(path / "config.json")["beta"] == 0.1
    ]
    chosen.rename(run_dir / "away")
    train(folder, SWEEP, FIRST, FIRST, 0)
    assert made.trained == [0.01, 0.1, 0.5, 0.1] and taken(folder) == 0.1


def test_a_variant_that_falls_apart_is_out_and_said(run_dir, children):
    folder, made = round_of(run_dir, 1, 40), children(ends={0.1: UserError("its loss is nan")})
    _, facts = train(folder, SWEEP, FIRST, FIRST, 0)
    assert made.trained == [0.01, 0.1, 0.5] and taken(folder) == 0.5
    assert facts["sweep"]["variants"][1]["fault"] == "its loss is nan"


@pytest.mark.parametrize(
    "said",
    [
        "trainer.ray.address: auto: 10.0.0.1:6379 does not answer",
        "trainer.ray: node 10.0.0.2 (gpu-2): /runs/demo/job.json is not there",
        "trainer.accelerate.fsdp_cpu_ram_efficient_loading: false is wanted",
    ],
)
def test_what_is_wrong_with_the_launch_counts_against_no_variant(run_dir, children, said: str):
    folder = round_of(run_dir, 1, 40)
    children(ends={0.1: UserError(said)})
    with pytest.raises(UserError) as raised:
        train(folder, SWEEP, FIRST, FIRST, 0)
    assert str(raised.value) == said
    again = children()
    train(folder, SWEEP, FIRST, FIRST, 0)
    assert again.trained == [0.1, 0.5] and taken(folder) == 0.1


def test_where_all_fall_apart_the_policy_in_place_stays_and_they_are_tried_again(run_dir, children):
    folder = round_of(run_dir, 1, 40)
    children(ends={beta: UserError("its loss is nan") for beta in ACCURACY})
    with pytest.raises(UserError, match="every variant fell apart, the first: its loss is nan"):
        train(folder, SWEEP, FIRST, FIRST, 0)
    assert not (folder / "policy").exists() and "train" not in stage_stamps(folder)
    assert children() and train(folder, SWEEP, FIRST, FIRST, 0)[1]["sweep"]["taken"] == 1


def test_variants_that_differ_in_what_the_reference_says_share_no_rows(run_dir, children):
    made = children()
    sweep = [{"beta": 0.01}, {"beta": 0.1, "ld_alpha": 0.5}, {"beta": 0.5, "max_steps": 3}]
    config = TrainerConfig(sweep=sweep, held_out_pairs=0.25)
    train(round_of(run_dir, 1, 40), config, FIRST, FIRST, 0)
    assert len(made.prepared) == 2


def test_a_round_with_few_held_out_pairs_trains_the_first_alone(run_dir, monkeypatch):
    trained: list[dict[str, Any]] = []

    def child(module: str, told: Path, *given: Any) -> None:
        trained.append(read_json(told))
        write_json(Path(trained[-1]["out"]) / "config.json", {})
        (Path(trained[-1]["out"]) / "model.safetensors").write_bytes(b"weights")
        write_json(told.parent / "training.json", {"pairs": 1})

    monkeypatch.setattr(trainer.stage, "run_child", child)
    _, facts = train(round_of(run_dir, 1, 39), SWEEP, FIRST, FIRST, 0)
    assert [job["args"]["beta"] for job in trained] == [0.01] and "sweep" not in facts
    assert "9 held-out pairs tell no variants apart, it takes 10" in facts["adjusted"][0]


def test_rows_of_which_every_held_out_one_is_too_long_are_shared(tmp_path: Path):
    ids = {"prompt_ids": [1], "chosen_ids": [2], "rejected_ids": [3]}
    row: Any = {**ids, "pair_id": "p", "extra": False, "logprobs": {}}
    write_shared(tmp_path / "shared", Tokenised([row], [], {"held_out_pairs": 0}), "p0")
    rows = read_shared(tmp_path / "shared")
    assert [one["pair_id"] for one in rows.train] == ["p"] and len(rows.held_out) == 0


@pytest.mark.slow
@pytest.mark.parametrize("precomputed", [False, True])
def test_a_variant_ends_as_the_same_training_by_itself(tmp_path: Path, precomputed: bool):
    """By TRL, killed in the second variant; reference log-probabilities are computed once."""
    import torch
    from safetensors.torch import load_file

    torch.set_num_threads(1)
    import trainer.shared_rows
    import trainer.train_child  # noqa: F401

    first = local_policy(locate("prefloop:starter/policy"))
    args = {
        "max_steps": 3,
        "per_device_train_batch_size": 4,
        "learning_rate": 1e-3,
        "save_steps": 1,
        "gradient_checkpointing": False,
        "report_to": "none",
        "precompute_ref_log_probs": precomputed,
    }
    betas = [0.1, 5.0]
    config = TrainerConfig(args=args, sweep={"beta": betas}, held_out_pairs=0.25)
    folder = round_of(tmp_path / "swept", 1, 40)
    trainings: list[str] = []

    def child(module: str, told: Path, *given: Any) -> None:
        trainings.append(f"{module} {read_json(told)['args']['beta']}")
        forked({"after": 2} if len(trainings) == 3 else None)(module, told, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.stage, "run_child", child)
        with pytest.raises(ChildProcessError, match="status 9"):
            train(folder, config, first, first, 0)
        computed = {path: path.stat().st_mtime_ns for path in folder.glob("work/**/*-logps.json")}
        _, facts = train(folder, config, first, first, 0)
    assert trainings == [
        "trainer.shared_rows 0.1",
        "trainer.train_child 0.1",
        *["trainer.train_child 5.0"] * 2,
    ]
    after = {path: path.stat().st_mtime_ns for path in folder.glob("work/**/*-logps.json")}
    assert after == computed and len(computed) == (2 if precomputed else 0)
    place = facts["sweep"]["taken"]
    assert [row["held_out_n"] for row in facts["sweep"]["variants"]] == [10, 10]
    assert all(row["held_out_accuracy"] is not None for row in facts["sweep"]["variants"])
    policies = {betas[place]: folder / "policy"}
    [rest] = folder.glob("work/train-*/variants/*/policy")
    policies[betas[1 - place]] = rest
    for beta, policy in policies.items():
        alone = TrainerConfig(args={**args, "beta": beta}, held_out_pairs=0.25)
        other = round_of(tmp_path / f"alone {beta}", 1, 40)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(trainer.stage, "run_child", forked(None))
            train(other, alone, first, first, 0)
        weights = [load_file(one / "model.safetensors") for one in (policy, other / "policy")]
        assert weights[0].keys() == weights[1].keys()
        assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


SPENT = UserError("the training ran out of memory: CUDA out of memory; less at once")


def test_a_variant_that_ran_out_of_memory_is_tried_again_and_no_other(run_dir, children):
    folder = round_of(run_dir, 1, 40)
    before = children(ends={0.01: UserError("its loss is nan"), 0.1: SPENT, 0.5: SystemExit()})
    with pytest.raises(SystemExit):
        train(folder, SWEEP, FIRST, FIRST, 0)
    again = children()
    _, facts = train(folder, SWEEP, FIRST, FIRST, 0)
    assert before.trained == [0.01, 0.1, 0.5] and again.trained == [0.1, 0.5]
    assert taken(folder) == 0.1
    assert [one["fault"] for one in facts["sweep"]["variants"]] == ["its loss is nan", None, None]


def test_a_variant_without_memory_is_out_of_a_round_whose_others_are_there(run_dir, children):
    folder, made = round_of(run_dir, 1, 40), children(ends={0.1: SPENT})
    _, facts = train(folder, SWEEP, FIRST, FIRST, 0)
    assert taken(folder) == 0.5 and "out of memory" in facts["sweep"]["variants"][1]["fault"]
    train(folder, SWEEP, FIRST, FIRST, 0)
    assert made.trained == [0.01, 0.1, 0.5], "the stage is done"


def test_another_list_trains_only_what_is_new_in_it(run_dir, children):
    folder = round_of(run_dir, 1, 40)
    children(ends={0.1: SPENT, 0.5: SystemExit()})
    with pytest.raises(SystemExit):
        train(folder, SWEEP, FIRST, FIRST, 0)
    made = children()
    smaller = {"beta": 0.1, "per_device_train_batch_size": 1}
    sweep = [{"beta": 0.01}, smaller, {"beta": 0.5}]
    _, facts = train(folder, SWEEP.model_copy(update={"sweep": sweep}), FIRST, FIRST, 0)
    assert made.trained == [0.1, 0.5] and taken(folder) == 0.1
    assert facts["sweep"]["variants"][1]["args"] == smaller


def test_another_list_after_one_was_taken_takes_its_own(run_dir, children):
    folder, made = round_of(run_dir, 1, 40), children()
    train(folder, SWEEP, FIRST, FIRST, 0)
    other = SWEEP.model_copy(update={"sweep": {"beta": [0.5, 0.01]}})
    _, facts = train(folder, other, FIRST, FIRST, 0)
    assert taken(folder) == 0.5 and facts["sweep"]["taken"] == 0
    assert made.trained == [0.01, 0.1, 0.5], "both are there"
    _, facts = train(folder, SWEEP, FIRST, FIRST, 0)
    assert taken(folder) == 0.1 and facts["sweep"]["taken"] == 1
