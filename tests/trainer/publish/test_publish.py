"""A policy written so that others load it: what it computes, what its card says."""

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from builders import REFUSED, finished
from own_policy import write_policy
from peft import LoraConfig, PeftModel, get_peft_model
from scripted_hub import TOKEN, scripted_hub
from transformers import AutoModelForCausalLM, AutoTokenizer
from typer.testing import CliRunner

from flows.cli import app
from rounds.by_people import put_in_place
from rounds.files import read_json, write_json
from rounds.folder import policy_facts, read_manifest
from rounds.rates import rate
from rounds.seal import SEAL, write_sealed
from rounds.weights import Policy, local_policy, weights_hash

pytestmark = pytest.mark.long

CONFIG = """\
name: demo
policy: {model: somewhere}
trainer: {method: dpo, reference: previous, args: {beta: 0.2, learning_rate: 0.001}}
"""
PROMOTED = {
    "promoted": True,
    "reasons": ["better"],
    "metrics": {"gate": {"win_rate_vs_previous": {**rate(30, 40), "abstained": 0}}},
}


def base_in(folder: Path, dtype: torch.dtype = torch.float32) -> Path:
    """The first policy, in a folder as huggingface_hub keeps it where one is named so."""
    write_policy(folder)
    if dtype != torch.float32:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
        model.save_pretrained(folder)
    return folder


def write_adapter(base: Path, out: Path, **given: Any) -> Path:
    """An adapter that does something: random in both of its matrices."""
    torch.manual_seed(1)
    config = LoraConfig(**{"r": 4, "lora_alpha": 16, "target_modules": "all-linear"} | given)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), config)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.05)
    model.save_pretrained(out)
    AutoTokenizer.from_pretrained(base).save_pretrained(out)
    (out / "README.md").unlink(missing_ok=True)
    facts = read_json(out / "adapter_config.json")
    write_json(out / "adapter_config.json", facts | {"base_model_name_or_path": str(base)})
    return out


def trained(
    run_dir: Path,
    base: Path,
    adapter: bool = True,
    decision: Any = PROMOTED,
    number: int = 1,
    **lora: Any,
) -> Policy:
    """A finished round that trained an adapter on `base`, or all its weights."""
    folder = finished(run_dir, number, decision)
    manifest = unsealed(folder)
    out = folder / "policy"
    if adapter:
        write_adapter(base, out, **lora)
        policy = local_policy(base, out)
    else:
        write_policy(out)
        policy = local_policy(out)
    facts = policy_facts(run_dir, policy)
    changed = {"trained": facts, "initial": policy_facts(run_dir, local_policy(base))}
    if decision["promoted"]:
        changed["in_place"] = facts
    config = yaml.safe_load(CONFIG)
    write_sealed(folder / "manifest.json", manifest | changed | {"config": config})
    return policy


def unsealed(folder: Path) -> dict[str, Any]:
    """A manifest to be changed and sealed again."""
    manifest = read_manifest(folder) or {}
    return {name: value for name, value in manifest.items() if name != SEAL}


def publish(run_dir: Path, to: Path | str, *more: str, status: int = 0) -> str:
    arguments = ["publish", str(run_dir), *more, "--to", str(to)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == status, result.output + repr(result.exception)
    return result.output


def front(card: str) -> dict[str, Any]:
    return yaml.safe_load(card.split("---\n")[1])


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=torch.arange(3, 40)[None]).logits


@pytest.mark.parametrize("lora", [{}, {"use_rslora": True, "r": 8}])
def test_a_merged_policy_computes_what_base_and_adapter_do(run_dir: Path, tmp_path: Path, lora):
    base = base_in(tmp_path / "base")
    policy = trained(run_dir, base, **lora)
    said = publish(run_dir, tmp_path / "out")
    assert f"policy {policy.policy_id} (merged)" in said
    both = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), policy.adapter
    )
    alone = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert torch.allclose(logits(both.eval()), logits(alone), atol=1e-5)
    assert not torch.allclose(
        logits(alone), logits(AutoModelForCausalLM.from_pretrained(base)), atol=1e-3
    )
    assert AutoTokenizer.from_pretrained(tmp_path / "out").chat_template
    assert not (tmp_path / "out" / "adapter_config.json").exists()


def test_the_addition_is_done_in_float32_and_rounded_once(run_dir: Path, tmp_path: Path):
    base = base_in(tmp_path / "base", torch.bfloat16)
    policy = trained(run_dir, base)
    publish(run_dir, tmp_path / "out")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype="auto")
    assert merged.dtype == torch.bfloat16
    whole = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), policy.adapter
    ).merge_and_unload()
    for (name, mine), (_, right) in zip(
        merged.named_parameters(), whole.named_parameters(), strict=True
    ):
        assert torch.equal(mine, right.to(torch.bfloat16)), name


def test_an_adapter_names_a_base_that_others_load(run_dir: Path, tmp_path: Path):
    cached = tmp_path / "hub" / "models--org--small-model" / "snapshots" / "abc"
    policy = trained(run_dir, base_in(cached))
    publish(run_dir, tmp_path / "out", "--adapter")
    config = read_json(tmp_path / "out" / "adapter_config.json")
    assert config["base_model_name_or_path"] == "org/small-model"
    card = (tmp_path / "out" / "README.md").read_text()
    assert front(card)["base_model"] == "org/small-model"
    assert front(card)["library_name"] == "peft"
    assert front(card)["prefloop"]["policy_id"] == policy.policy_id


def test_an_adapter_on_a_base_that_nobody_else_has_wants_its_name(run_dir: Path, tmp_path: Path):
    trained(run_dir, base_in(tmp_path / "base"))
    said = publish(run_dir, tmp_path / "out", "--adapter", status=2)
    assert "which others cannot load; name the same weights on the hub with --base" in said
    assert not (tmp_path / "out").exists()
    publish(run_dir, tmp_path / "out", "--adapter", "--base", "org/small-model")
    config = read_json(tmp_path / "out" / "adapter_config.json")
    assert config["base_model_name_or_path"] == "org/small-model"


def test_all_weights_are_copied_and_their_card_tells_how_they_came(run_dir: Path, tmp_path: Path):
    policy = trained(run_dir, base_in(tmp_path / "base"), adapter=False)
    (Path(policy.model) / "training_args.bin").write_bytes(b"a pickle")
    publish(run_dir, tmp_path / "out")
    assert weights_hash(tmp_path / "out") == policy.policy_id
    assert not (tmp_path / "out" / "training_args.bin").exists()
    card = (tmp_path / "out" / "README.md").read_text()
    assert "license" not in front(card) and front(card)["prefloop"]["round"] == 1
    for part in (
        *(policy.policy_id, "gate: win rate vs previous (decides): 0.750 [0.598, 0.858] n=40"),
        *("beta: 0.2", "## Judge", "## Rounds", "decision: promoted (better)", "## Dropped"),
    ):
        assert part in card, card
    assert "--adapter: round 1 trained all weights" in publish(
        run_dir, tmp_path / "other", "--adapter", status=2
    )


def test_what_the_gate_refused_is_published_by_its_round_alone(run_dir: Path, tmp_path: Path):
    trained(run_dir, base_in(tmp_path / "base"), adapter=False, decision=REFUSED)
    said = publish(run_dir, tmp_path / "out", status=2)
    assert (
        "the first policy is in place, which no round has trained" in said
        and not (tmp_path / "out").exists()
    )
    assert "warning: round 1 was refused by the gate" in publish(run_dir, tmp_path / "out", "1")
    assert "**The gate refused this policy**" in (tmp_path / "out" / "README.md").read_text()


def test_what_people_put_in_place_is_not_said_to_have_stayed_out(run_dir: Path, tmp_path: Path):
    trained(run_dir, base_in(tmp_path / "base"), decision=REFUSED)
    folder = run_dir / "rounds" / "0001"
    manifest = unsealed(folder)
    in_place = {"in_place": manifest["initial"], "policy": manifest["initial"]}
    write_sealed(folder / "manifest.json", manifest | in_place)
    put_in_place(run_dir, "promote", 1, "ann", "it reads better")
    given = ("--adapter", "--base", "them/base")
    publish(run_dir, tmp_path / "out", *given)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "**The gate refused this policy**." in card and "By hand it was put in place" in card
    put_in_place(run_dir, "rollback", 0, "ann", "it does not")
    publish(run_dir, tmp_path / "out", "1", *given)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "By hand it was replaced" in card
    for did, why in (("promoted", "it reads better"), ("rolled back to", "it does not")):
        assert re.search(rf"- After round 1 ann {did} `.*{why}\n", card)


def test_a_later_round_that_left_the_weights_as_they_were_is_not_the_one_published(
    run_dir: Path, tmp_path: Path
):
    policy = trained(run_dir, base_in(tmp_path / "base"))
    folder = finished(run_dir, 2)
    same = unsealed(folder) | {"trained": policy_facts(run_dir, policy)}
    write_sealed(folder / "manifest.json", same)
    assert "was refused" not in publish(run_dir, tmp_path / "out", "--adapter", "--base", "a/b")
    assert front((tmp_path / "out" / "README.md").read_text())["prefloop"]["round"] == 1


def test_weights_that_are_not_those_of_the_record_are_refused(run_dir: Path, tmp_path: Path):
    policy = trained(run_dir, base_in(tmp_path / "base"), adapter=False)
    (Path(policy.model) / "generation_config.json").write_text("{}")
    said = publish(run_dir, tmp_path / "out", status=2)
    assert f"the recorded one {policy.policy_id}" in said and not (tmp_path / "out").exists()


def test_a_publication_is_replaced_and_its_licence_kept_and_nothing_else_is_touched(
    run_dir: Path, tmp_path: Path
):
    trained(run_dir, base_in(tmp_path / "base"), adapter=False)
    out = tmp_path / "out"
    publish(run_dir, out)
    card = (out / "README.md").read_text()
    (out / "README.md").write_text(card.replace("---\n", "---\nlicense: mit\n", 1))
    publish(run_dir, out)
    assert front((out / "README.md").read_text())["license"] == "mit"
    (out / "notes.txt").write_text("mine")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert "holds notes.txt, which no publication wrote" in publish(run_dir, out, status=2)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_run_and_what_is_in_it_is_never_written_into(run_dir: Path, tmp_path: Path):
    trained(run_dir, base_in(tmp_path / "base"), adapter=False)

    def there() -> list[Path]:
        return [path for path in sorted(run_dir.rglob("*")) if path.name != ".proven.json"]

    before = there()
    for target in (run_dir, run_dir / "rounds" / "0001" / "policy", run_dir / "new"):
        assert "is in the run's folder" in publish(run_dir, target, status=2)
    assert "which no publication wrote" in publish(run_dir, run_dir.parent, status=2)
    assert there() == before


def test_a_policy_at_an_endpoint_has_nothing_to_publish(run_dir: Path, tmp_path: Path):
    folder = finished(run_dir, 1, PROMOTED)
    facts = Policy("ft:m:1", None, "desk/ft:m:1", served="desk")._asdict()
    changed = {"trained": facts, "in_place": facts}
    write_sealed(folder / "manifest.json", unsealed(folder) | changed)
    said = publish(run_dir, tmp_path / "out", status=2)
    assert "is ft:m:1 at endpoint desk; its weights are not here" in said


def test_a_policy_is_pushed_to_the_hub_and_again(
    run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    trained(run_dir, base_in(tmp_path / "base"), adapter=False)
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    with scripted_hub() as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        assert f"in {hub.url}/ann/policy" in publish(run_dir, "hub:ann/policy", "--private")
        files = hub.files("ann/policy")
        there = hub.save("ann/policy", tmp_path / "there")
        assert hub.repos["ann/policy"]["private"] and hub.repos["ann/policy"]["type"] == "model"
        AutoModelForCausalLM.from_pretrained(there)
        card = files["README.md"].replace(b"---\n", b"---\nlicense: mit\n", 1)
        files["README.md"] = card
        publish(run_dir, "hub:ann/policy")
        assert front(files["README.md"].decode())["license"] == "mit"
        files["theirs.txt"] = b"theirs"
        said = publish(run_dir, "hub:ann/policy", status=2)
        assert "holds theirs.txt, which no publication wrote" in said
        assert hashlib.sha256(files["theirs.txt"]).digest()
