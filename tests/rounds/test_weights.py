"""A policy is named by its weights."""

import json
from pathlib import Path

import pytest

from endpoints.hub import model_folder
from rounds.errors import UserError
from rounds.weights import (
    adapter_base,
    base_to_write,
    local_policy,
    require_weights,
    weights_hash,
)


def model(folder: Path, data: bytes = b"weights", config: str = "config.json") -> Path:
    folder.mkdir(parents=True)
    (folder / config).write_text('{"base_model_name_or_path": "org/base"}')
    (folder / "model.safetensors").write_bytes(data)
    return folder


def test_the_hash_changes_with_one_byte(tmp_path: Path):
    hashes = {weights_hash(model(tmp_path / str(i), b"weight" + bytes([i]))) for i in range(3)}
    assert len(hashes) == 3


def test_the_hash_does_not_depend_on_where_the_folder_lies(tmp_path: Path):
    first, second = model(tmp_path / "a"), model(tmp_path / "b" / "c")
    assert weights_hash(first) == weights_hash(second)
    (first / "README.md").write_text("notes")
    (first / "training_args.bin").write_bytes(b"when and where")
    assert weights_hash(first) == weights_hash(second)


@pytest.mark.parametrize(
    "name", ["tokenizer.json", "chat_template.jinja", "generation_config.json"]
)
def test_the_tokenizer_is_part_of_what_a_policy_computes(tmp_path: Path, name: str):
    folder = model(tmp_path / "a")
    before = weights_hash(folder)
    (folder / name).write_text("{}")
    assert weights_hash(folder) != before


def test_an_adapter_makes_another_policy(tmp_path: Path):
    base = model(tmp_path / "base")
    adapters = [model(tmp_path / n, n.encode(), "adapter_config.json") for n in ("x", "y")]
    ids = {local_policy(base, adapter).policy_id for adapter in (None, *adapters)}
    assert len(ids) == 3
    assert local_policy(base).policy_id == weights_hash(base)


def test_an_adapter_names_its_base_and_full_weights_name_none(tmp_path: Path):
    assert adapter_base(model(tmp_path / "x", config="adapter_config.json")) == "org/base"
    assert adapter_base(model(tmp_path / "y")) is None


def test_an_adapter_of_a_run_finds_its_base_wherever_the_run_lies(tmp_path: Path):
    run, elsewhere = tmp_path / "a" / "run", tmp_path / "b"
    base, out = (
        run / "rounds" / "0001" / "policy",
        run / "rounds" / "0002" / "work" / "t" / "policy",
    )
    assert base_to_write(base, out) == "../../0001/policy"
    assert base_to_write(tmp_path / "models" / "policy", out) == str(tmp_path / "models" / "policy")
    assert base_to_write(elsewhere / "rounds" / "0001" / "policy", out).startswith(str(elsewhere))
    adapter = model(run / "rounds" / "0002" / "policy", config="adapter_config.json")
    (adapter / "adapter_config.json").write_text('{"base_model_name_or_path": "../../0001/policy"}')
    run.rename(elsewhere)
    moved = elsewhere / "rounds" / "0002" / "policy"
    assert adapter_base(moved) == str(elsewhere / "rounds" / "0001" / "policy")


def test_missing_weights_are_told_by_what_is_missing(tmp_path: Path):
    with pytest.raises(UserError, match=r"nowhere: no such model folder"):
        require_weights(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"no config.json"):
        require_weights(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({}))
    with pytest.raises(UserError, match=r"no weights; expected \*.safetensors"):
        require_weights(tmp_path)


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/model", "~/nowhere", "nowhere", "a/b/c"])
def test_a_local_looking_name_never_goes_to_the_hub(name: str):
    with pytest.raises(UserError, match="no such model folder"):
        model_folder(name)


def test_a_model_folder_is_resolved_and_checked(tmp_path: Path, monkeypatch):
    model(tmp_path / "m")
    monkeypatch.chdir(tmp_path)
    assert model_folder("./m") == (tmp_path / "m").resolve()
    (tmp_path / "m" / "model.safetensors").unlink()
    with pytest.raises(UserError, match="no weights"):
        model_folder("./m")
