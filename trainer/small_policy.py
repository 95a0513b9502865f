"""A policy in small: its own config, tokenizer and adapter settings, two layers, random weights

`trainer.small_policy job.json` makes it in a process of its own, for a launcher of several.
"""

import shutil
from pathlib import Path
from typing import Any

import torch
from peft import PeftConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from endpoints.child_main import child_main
from rounds.errors import UserError
from rounds.files import read_json, write_json
from rounds.weights import Policy, local_policy
from trainer.arguments import first_line
from trainer.settings_files import settings_files

LAYERS = 2


class NotMadeSmall(Exception):
    """A policy of this kind cannot be made small. That says nothing about training it."""


def main(job_path: Path) -> None:
    """Make the policy of a trial's job small."""
    make_small(read_json(job_path), job_path.parent)


def make_small(job: dict[str, Any], work: Path) -> Policy | None:
    """The policy of a trial's job in small, made once. None where there can be none: then the
    reason is in tried.json.
    """
    made = work / "small.json"
    if not made.exists():
        kwargs = job["args"].get("model_init_kwargs") or {}
        try:
            small = small_policy(Policy(**job["policy"]), kwargs, work / "small")
        except NotMadeSmall as reason:
            write_json(work / "tried.json", {"policy": None, "reason": str(reason)})
            return None
        write_json(made, small._asdict())
    return Policy(**read_json(made))


def small_policy(policy: Policy, kwargs: dict[str, Any], into: Path) -> Policy:
    """The policy in small, under `into`; `kwargs` are the model_init_kwargs of the training.

    Raises NotMadeSmall with the reason, and UserError for a config that cannot be read as it is.
    """
    trust = bool(kwargs.get("trust_remote_code"))
    try:
        config = AutoConfig.from_pretrained(policy.model, trust_remote_code=trust)
    except Exception as error:  # the training would meet it as well
        raise UserError(f"trainer.args.model_init_kwargs: {first_line(error)}") from error
    try:
        base = _base(Path(policy.model), config, trust, into / "model")
        if policy.adapter is None:
            return local_policy(base)
        return local_policy(base, _adapter(Path(policy.adapter), base, into / "adapter"))
    except NotMadeSmall:
        raise
    except Exception as error:  # of any model's own code
        raise NotMadeSmall(f"{type(error).__name__}: {error}") from error


def _base(folder: Path, config: Any, trust: bool, into: Path) -> Path:
    if getattr(config, "quantization_config", None):
        raise NotMadeSmall("its weights are quantized")
    for part in [config, *(getattr(config, name, None) for name in config.sub_configs)]:
        if part is not None:
            keep_layers(part)
    torch.manual_seed(0)
    dtype = getattr(config, "dtype", None) or torch.float32
    model = AutoModelForCausalLM.from_config(config, trust_remote_code=trust, dtype=dtype)
    model.save_pretrained(into)
    (into / "generation_config.json").unlink(missing_ok=True)  # the policy's own, if it has one
    copy_settings(folder, into, leave="config.json")
    return into


def keep_layers(config: Any) -> None:
    """Leave the first layer of each kind, two at least, in a config and its lists of layers."""
    layers = getattr(config, "num_hidden_layers", 0)
    if layers <= LAYERS:
        return
    lists = {
        name: value
        for name, value in vars(config).items()
        if isinstance(value, list) and len(value) == layers
    }
    kinds = lists.get("layer_types", [0] * layers)
    kept = sorted({kinds.index(kind) for kind in kinds})
    kept += [number for number in range(layers) if number not in kept][: LAYERS - len(kept)]
    config.num_hidden_layers = len(kept)
    for name, value in lists.items():
        setattr(config, name, [value[number] for number in sorted(kept)])


def _adapter(folder: Path, base: Path, into: Path) -> Path:
    settings = PeftConfig.from_pretrained(str(folder))
    model = AutoModelForCausalLM.from_pretrained(base, dtype="float32")
    settings.inference_mode = False
    get_peft_model(model, settings).save_pretrained(str(into))
    copy_settings(folder, into, leave="adapter_config.json")
    return into


def copy_settings(folder: Path, into: Path, leave: str) -> None:
    """Copy what lies beside the weights of a policy: tokenizer, templates, generation config."""
    for path in settings_files(folder):
        if path.name != leave:
            shutil.copy(path, into / path.name)


if __name__ == "__main__":
    child_main(main)
