"""Saving the next policy: whole or not at all, and in all but its weights as the one before."""

import shutil
from pathlib import Path
from typing import Any

from rounds.files import read_json, replace_folder, write_json
from rounds.tokenizers import policy_tokenizer
from rounds.weights import Policy, base_to_write
from trainer.spread import gather_whole

KEPT = "generation_config.json"
"""What a policy's folder says about sampling it, which training does not change."""
SPECIAL = ("bos_token_id", "eos_token_id", "pad_token_id")
"""What transformers' trainer takes into config.json from the tokenizer."""


def save_policy(trainer: Any, policy: Policy, out: Path) -> None:
    """Write the trained weights to `out`, which is renamed into place, with the tokenizer and the
    generation config of the `policy` that was trained. Every process calls it.
    """
    fresh, main = out.with_name(f"{out.name}.saving"), trainer.accelerator.is_main_process
    if main:
        shutil.rmtree(fresh, ignore_errors=True)
    trainer.accelerator.wait_for_everyone()
    gather_whole(trainer)
    trainer.save_model(str(fresh))
    trainer.accelerator.wait_for_everyone()
    if main:
        shutil.rmtree(fresh / "ref", ignore_errors=True)  # TRL's reference beside an adapter
        policy_tokenizer(policy).save_pretrained(fresh)  # TRL gives its own a padding token
        (fresh / KEPT).unlink(missing_ok=True)
        adapter = fresh / "adapter_config.json"
        before = policy.adapter if adapter.exists() else policy.model
        if before is not None and (Path(before) / KEPT).exists():
            shutil.copyfile(Path(before) / KEPT, fresh / KEPT)
        if adapter.exists():
            _settle_adapter(adapter, base_to_write(Path(policy.model), out))
        else:
            keep_special(Path(policy.model) / "config.json", fresh / "config.json")
        replace_folder(fresh, out)


def keep_special(before: Path, config: Path) -> None:
    """The special ids of the policy that was trained: several may end its answers."""
    given, saved = read_json(before), read_json(config)
    kept = {name: given[name] for name in SPECIAL if name in given}
    if any(saved.get(name) != kept.get(name) for name in SPECIAL):
        rest = {name: value for name, value in saved.items() if name not in SPECIAL}
        write_json(config, rest | kept)


def _settle_adapter(adapter_config: Path, base: str) -> None:
    """peft writes sets as they come, and its base by the place where it lies: equal trainings would
    have unequal policy ids.
    """
    facts = read_json(adapter_config) | {"base_model_name_or_path": base}
    for name in ("target_modules", "exclude_modules"):
        if isinstance(facts.get(name), list):
            facts[name].sort()
    write_json(adapter_config, facts)
