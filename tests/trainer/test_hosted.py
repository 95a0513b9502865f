"""What a config may say of a training elsewhere, and the lines that are sent."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError
from scripted_run import write_scripted

from flows.load import load_config
from flows.plan import plan_round
from flows.preflight import check_files
from rounds.errors import UserError
from trainer.config import TrainerConfig
from trainer.hosted import job_rows
from trainer.hosted_estimate import check_hosted, estimated_tokens


def config(folder: Path, trainer: Any, **changes: Any) -> Any:
    path = write_scripted(folder, "http://127.0.0.1:9/v1", {}, trainer=trainer, **changes)
    tree = yaml.safe_load(path.read_text())
    tree["prompts"]["per_round"] = 20
    path.write_text(yaml.safe_dump(tree))
    return load_config(str(path))


@pytest.mark.parametrize(
    ("trainer", "said"),
    [
        ({"method": "openai", "args": {"lr": 1}}, "trainer.*args.lr: OpenAI's fine-tuning takes"),
        (
            {"method": "openai", "args": {"n_epochs": 1.5}},
            "args.n_epochs: is 1.5; expected a whole",
        ),
        ({"method": "openai", "args": {"beta": 0}}, "args.beta: is 0; expected a number above 0"),
        ({"method": "openai", "lora": {"r": 8}}, "lora: is not for method: openai"),
        ({"method": "openai", "accelerate": {}}, "accelerate: is not for method: openai"),
        ({"method": "openai", "reference": "initial"}, "reference: initial is not for method"),
        ({"method": "dpo", "openai": {}}, "openai: goes with method: openai"),
        ({"method": "openai", "openai": {"max_cost": 1}}, "max_cost: needs price"),
        (
            {"method": "openai", "openai": {"supervised_args": {"n_epochs": 1}}},
            "supervised_args: goes with supervised_first: true",
        ),
        (
            {
                "method": "openai",
                "openai": {"supervised_first": True, "supervised_args": {"beta": 1}},
            },
            "supervised_args.beta: OpenAI's fine-tuning takes n_epochs",
        ),
        ({}, "a policy at an endpoint has no weights here; trainer.method: openai trains it there"),
    ],
)
def test_what_cannot_be_is_said_with_its_key(tmp_path: Path, trainer: Any, said: str):
    with pytest.raises(UserError, match=said):
        config(tmp_path, trainer)


def test_weights_that_are_here_are_not_trained_elsewhere(tmp_path: Path):
    with pytest.raises(UserError, match="openai trains a policy at an endpoint, and policy names"):
        config(tmp_path, {"method": "openai"}, policy="prefloop:starter/policy")


def test_a_policy_is_trained_at_one_server(tmp_path: Path):
    config(tmp_path, {"method": "openai"})
    path = tmp_path / "demo.yaml"
    tree = yaml.safe_load(path.read_text())
    hosted = tree["endpoints"][tree["policy"]["endpoint"]]
    hosted["base_url"] = ["http://a/v1", "http://b/v1"]
    path.write_text(yaml.safe_dump(tree))
    with pytest.raises(UserError, match="base_url names several; write the one that keeps the job"):
        load_config(str(path))


def test_a_round_that_can_never_have_enough_pairs_is_refused_before_anything_is_spent(tmp_path):
    given = config(tmp_path, {"method": "openai"})
    check_files(given)
    few = given.model_copy(update={"prompts": given.prompts.model_copy(update={"per_round": 9})})
    with pytest.raises(UserError, match="takes 10 pairs at least, and a round makes 9 at most"):
        check_files(few)
    check_hosted(TrainerConfig(), 1)


def test_the_plan_says_what_the_jobs_will_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    trainer = {
        "method": "openai",
        "args": {"n_epochs": 2},
        "openai": {"supervised_first": True, "price": 10},
    }
    lines = dict(plan_round(config(tmp_path, trainer), tmp_path / "runs"))
    tokens = 20 * (600 * 2 + 400 * 3)
    assert lines["training"].startswith(
        f"at most 20 pairs, a supervised job, then one by DPO at desk: about {tokens:,} tokens, "
        f"{tokens * 10 / 1e6:.2f}"
    )


def pair(prompt: str, chosen: str, rejected: str) -> dict[str, Any]:
    return {
        "prompt": [{"role": "user", "content": prompt}],
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
    }


def test_pairs_become_lines_of_both_formats_and_what_does_not_fit_is_counted():
    rows = job_rows([pair("Why?", "So.\u2028", "No."), pair("Why?", "same", "same")])
    assert rows.n == 1 and rows.unfit == {"both outputs are the same": 1}
    (dpo,), (supervised,) = rows.dpo.splitlines(), rows.supervised.splitlines()
    assert json.loads(dpo)["preferred_output"] == [{"role": "assistant", "content": "So.\u2028"}]
    assert [turn["content"] for turn in json.loads(supervised)["messages"]] == ["Why?", "So.\u2028"]
    epochs = TrainerConfig(method="openai", args={"n_epochs": 5})
    assert estimated_tokens(epochs, 100, 50, False) == 500
    assert estimated_tokens(epochs, 100, 50, True) == 650


def test_keys_that_are_new_change_no_stage_that_was_begun_before():
    assert TrainerConfig().keyed({"trial"}).keys() & {"openai", "method"} == set()
    with pytest.raises(ValidationError):
        TrainerConfig.model_validate({"openai": {"price": -1}, "method": "openai"})
