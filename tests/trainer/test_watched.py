"""What is watched of a training: chosen answers that fall, answers for KL, names of runs."""

from pathlib import Path
from types import SimpleNamespace
from zipfile import ZipFile

from builders import begun, candidate_row, prompt_row
from pytest import approx

from rounds.files import write_json
from rounds.ids import digest
from rounds.training_lines import watched_lines
from trainer.checkpoints import TRAINED_ON, checkpoint_to_resume
from trainer.falling import FELL, chosen_against_reference, fell_warning
from trainer.kl import SEQUENCES, kl_answers
from trainer.rows import held_out_answers
from trainer.tokens import Tokenised
from trainer.tracking import tracked


def rewards(*values: float) -> list[dict[str, float]]:
    return [{"step": float(step), "rewards/chosen": value} for step, value in enumerate(values)]


def test_the_end_of_the_training_says_whether_the_chosen_answers_fell():
    nats = chosen_against_reference(rewards(0, 0.5, 1, 2, -1, -2, -2, -4), beta=0.1, tokens=20)
    assert nats == approx(-3 / 0.1 / 20)
    (said,) = fell_warning(nats, ["sigmoid"])
    assert "1.50 nats a token below" in said
    assert "loss_type: [sigmoid, sft]" in said and "loss_weights" in said
    (said,) = fell_warning(nats, ["sigmoid", "sft"])
    assert said.endswith("raise the weight of sft in loss_weights")
    (said,) = fell_warning(nats, ["kto"], mixes=False)
    assert said.endswith("raise trainer.args.desirable_weight or beta")


def test_a_little_is_no_fall_and_without_rewards_nobody_knows():
    assert fell_warning(-FELL, ["sigmoid"]) == [] and fell_warning(0.3, ["sigmoid"]) == []
    assert fell_warning(float("nan"), ["sigmoid"]) == []
    assert fell_warning(chosen_against_reference([{"loss": 1.0}], 0.1, 20), ["sigmoid"]) == []
    assert chosen_against_reference(rewards(1), 0.1, 0) is None


def pair(number: int) -> dict:
    return {"prompt_ids": [number], "chosen_ids": [1], "rejected_ids": [2, 3]}


def test_kl_is_measured_on_held_out_prompts_where_there_are_any():
    train, held_out = [pair(1)], [pair(2), pair(3)]
    sampled = [([999], [number]) for number in range(100)]
    given = kl_answers(Tokenised(train, held_out, {}), sampled)
    assert given.held_out and len(given.answers) == SEQUENCES
    assert given.answers[:3] == [([2], [1]), ([2], [2, 3]), ([3], [1])]
    many = [pair(number) for number in range(200)]
    both = kl_answers(Tokenised(train, many, {}), sampled).answers
    assert sum(answer in sampled for answer in both) == SEQUENCES // 2
    assert len(kl_answers(Tokenised(train, many, {}), []).answers) == SEQUENCES
    assert kl_answers(Tokenised(train, [], {}), []) == ([([1], [1]), ([1], [2, 3])], False)


def test_gate_answers_of_the_policy_in_place_are_those_of_the_round_that_sampled_them(
    run_dir: Path,
):
    gate, test = prompt_row("a", "gate"), prompt_row("b", "test")

    def row(prompt, policy: str, ids: list[int] | None):
        drawn = {"token_ids": ids, "prompt_token_ids": [7]}
        return candidate_row(prompt, "good", policy=policy) | drawn

    candidates = [row(gate, "p0", [1]), row(gate, "p9", [2]), row(test, "p0", [3])]
    write_json(begun(run_dir, 1, candidates=candidates) / "manifest.json", {})
    folder = begun(run_dir, 2, prompts=[gate, test], candidates=[row(gate, "p1", None)])
    assert held_out_answers(folder, "p0") == [([7], [1])]
    assert held_out_answers(folder, "p1") == []


def test_a_round_is_one_run_in_one_group(tmp_path: Path):
    folder = tmp_path / "runs" / "demo" / "rounds" / "0003"
    environment = {"MLFLOW_EXPERIMENT_NAME": "mine"}
    args = tracked({"report_to": ["wandb"], "beta": 0.2}, folder, environment, "abcdef01")
    assert args == {
        "report_to": ["wandb"],
        "beta": 0.2,
        "run_name": "demo-0003-abcdef",
        "project": "demo",
    }
    assert environment["WANDB_RUN_GROUP"] == "demo" and environment["WANDB_RESUME"] == "allow"
    assert environment["MLFLOW_EXPERIMENT_NAME"] == "mine", "what the user says is left"
    assert environment["TENSORBOARD_LOGGING_DIR"] == str(
        tmp_path / "runs" / "demo" / "logs" / "tensorboard" / "0003" / "abcdef"
    )
    other: dict[str, str] = {}
    tracked({"report_to": "wandb"}, folder.with_name("0004"), other, "abcdef01")
    assert other["WANDB_RUN_ID"] != environment["WANDB_RUN_ID"]
    named = {"report_to": "wandb", "run_name": "x"}
    assert tracked(named, folder, {}, "abcdef01")["run_name"] == "x"


def test_a_round_that_is_trained_anew_is_a_run_of_its_own_and_a_killed_one_goes_on(tmp_path: Path):
    folder, args = tmp_path / "runs" / "demo" / "rounds" / "0003", {"report_to": "wandb"}

    def names(key: str, variant: str | None = None) -> list[str]:
        environment: dict[str, str] = {}
        named = tracked(args, folder, environment, key, variant)["run_name"]
        return [named, environment["WANDB_RUN_ID"], environment["TENSORBOARD_LOGGING_DIR"]]

    kinds = names("abcdef01"), names("0123abcd"), names("abcdef01", "a"), names("abcdef01", "b")
    assert all(len(set(kind)) == 4 for kind in zip(*kinds, strict=True))
    assert names("abcdef01") == kinds[0]


def test_nothing_is_named_where_nothing_is_reported(tmp_path: Path):
    environment: dict[str, str] = {}
    for args in ({}, {"report_to": "none"}, {"report_to": []}):
        assert tracked(args, tmp_path / "rounds" / "0001", environment, "k") == args
    assert environment == {}


def test_the_lines_of_a_round():
    reference = {
        "name": "average",
        "policies": ["a", "b"],
        "logprobs": "sampled",
        "pairs_sampled": 90,
        "pairs_passed": 10,
        "gap": {"pairs": 9, "logit_error": 0.0012, "tolerance": 0.05},
    }
    side = {"mean_characters": 5.0, "mean_tokens": None, "distinct_2": 0.5, "self_similarity": None}
    answers = {"n": 40, "trained": side, "initial": side | {"mean_characters": 7.0}}
    lines = watched_lines(
        {"train": {"reference": reference, "warnings": ["fell"]}, "answers": answers}
    )
    assert lines == [
        (
            "reference",
            "average of 2 policies: its log-probabilities came with the answers for 90 pairs, one "
            "pass for 10; measured on 9 pairs they are off by 0.0012 (tolerance 0.05)",
        ),
        ("warning", "fell"),
        (
            "held-out answers",
            "5 (7) characters, distinct-2 0.500 (0.500), self-similarity - (-), the first policy's "
            "in brackets, n=40",
        ),
    ]
    assert watched_lines({"train": {"curves": []}}) == [], "a round of before"
    assert watched_lines({"train": None}) == []


def test_checkpoints_of_code_that_knew_no_log_probabilities_are_taken_up(tmp_path: Path):
    row = {
        "prompt_ids": [1],
        "chosen_ids": [2],
        "rejected_ids": [3],
        "pair_id": "a",
        "extra": False,
    }
    saved = tmp_path / "checkpoint-1"
    write_json(saved / "trainer_state.json", {})
    for name in ("rng_state.pth", "optimizer.pt", "scheduler.pt"):
        with ZipFile(saved / name, "w") as archive:
            archive.writestr("a", "b")
    write_json(tmp_path / TRAINED_ON, {"rows": digest(row), "processes": 1})
    args = SimpleNamespace(save_only_model=False)
    now = row | {"logprobs": {"chosen": ("p0", -1.0)}}
    assert checkpoint_to_resume(tmp_path, args, [now], 1, False) == str(saved)
    assert checkpoint_to_resume(tmp_path, args, [now | {"chosen_ids": [9]}], 1, False) is None
