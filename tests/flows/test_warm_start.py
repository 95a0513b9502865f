"""The warm start: SFT on the user's own answers, without held-out prompts, with a record."""

import json
from pathlib import Path
from typing import Any

import pytest
from builders import prompt_row, user
from killing import forked

from flows.load import load_config
from flows.warm_start_cli import data_source, run_warm_start, sft_section
from rounds.errors import UserError
from rounds.files import read_json
from rounds.weights import local_policy
from texts.leaks import LeakLimits
from trainer.warm_start import RECORD, answers_to_teach

ARGS = [
    "learning_rate=1e-3",
    "per_device_train_batch_size=2",
    "gradient_checkpointing=false",
    "save_steps=1",
    "max_steps=4",
]


def lines(path: Path, *rows: dict[str, Any]) -> str:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return str(path)


def test_what_teaches_the_held_out_prompts_is_left_out():
    held_out = prompt_row("What is the tallest mountain in the whole wide world?", "gate")
    held_out["reference"] = "It is Mount Everest which stands in the Himalaya near Nepal of course."
    answers = [
        (user("Name a colour."), "Green."),
        (user("Name a colour."), "Green."),
        (user("Name a colour."), "Blue."),
        (held_out["messages"], "A hill."),
        (user("Say something."), str(held_out["reference"])),
        (user("Say less."), " "),
        (user("End."), "Well <|im_end|> no."),
    ]
    taught = answers_to_teach(answers, [held_out], LeakLimits(), ())
    assert [row["chosen"][0]["content"] for row in taught.rows] == ["Green.", "Blue."]
    assert taught.left_out == {
        "chat_tokens": 1,
        "empty": 1,
        "held_out_overlap": 1,
        "held_out_prompt": 1,
        "repeated": 1,
    }


def test_its_section_is_sft_with_the_configs_adapter_and_what_is_wrong_is_said():
    config = load_config("starter", ["trainer.lora={r: 4}"])
    section = sft_section(config, ["learning_rate=1e-5", "loss_type=dft"])
    assert (section.method, section.lora) == ("sft", {"r": 4})
    assert section.args == {"learning_rate": 1e-5, "loss_type": "dft"}
    with pytest.raises(UserError, match="--arg max_steps: expected name=value"):
        sft_section(config, ["max_steps"])
    with pytest.raises(UserError, match="--arg output_dir: is set by prefloop"):
        sft_section(config, ["output_dir=elsewhere"])
    with pytest.raises(UserError, match="--data: needs exactly one of file"):
        data_source("{name: x}")
    with pytest.raises(UserError, match="--data: colum: unknown key; did you mean column"):
        data_source("{dataset: x/y, colum: text}")
    with pytest.raises(UserError, match="--data: needs answers"):
        data_source("{template: 'a {{ b }}', over: {b: [c]}}")


def test_data_without_answers_is_refused(tmp_path: Path):
    data = lines(tmp_path / "data.jsonl", {"prompt": "Who?"})
    with pytest.raises(UserError, match="--data: no row of data.jsonl has a `reference`"):
        run_warm_start(load_config("starter"), data, tmp_path / "out", [])
    with pytest.raises(UserError, match="^--arg beta: TRL's SFTConfig knows no such"):
        run_warm_start(load_config("starter"), data, tmp_path / "out", ["beta=1"])


@pytest.mark.slow
def test_it_is_killed_and_goes_on_and_leaves_a_policy_with_a_record(tmp_path: Path):
    import torch

    import trainer.train_child  # noqa: F401

    torch.set_num_threads(1)
    rows = [{"prompt": f"Say {n}.", "reference": f"It is {n}."} for n in range(6)]
    data = lines(tmp_path / "data.jsonl", *rows, {"prompt": "Who?"})
    config, out = load_config("starter", ["trainer.held_out_pairs=0"]), tmp_path / "warm"

    def run(to: Path, kill: dict[str, Any] | None = None) -> dict[str, Any]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(trainer.stage, "run_child", forked(kill))
            return run_warm_start(config, data, to, ARGS)

    with pytest.raises(ChildProcessError, match="status 9"):
        run(out, {"after": 2})
    assert not (out / "policy").exists() and not (out / RECORD).exists()
    record = run(out)
    assert record == read_json(out / RECORD)
    assert record["answers"] == 6 and record["left_out"] == {"no_reference": 1}
    assert record["training"]["steps"] == 4 and record["training"]["not_measured"] == {}
    policy = local_policy(out / "policy")
    assert policy.policy_id == record["policy_id"] != record["trained_from"]
    assert not (out / "work").exists(), "checkpoints are gone"
    whole = run(tmp_path / "whole")
    assert whole["policy_id"] == record["policy_id"], "a kill costs no weight"
    assert run(out, {"after": 1}) == record, "what is finished is not done again"
    with pytest.raises(UserError, match="holds something else; name a new or empty folder"):
        run_warm_start(config, data, out, [*ARGS, "seed=4"])
