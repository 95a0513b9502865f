"""Which weights a policy is: where they lie and the hash that names them."""

import hashlib
import json
import os
from pathlib import Path
from typing import NamedTuple

from rounds.errors import UserError
from rounds.ids import digest
from rounds.removed import removed_weights

HASHED = (".safetensors", ".bin", ".json", ".model", ".jinja", ".txt")
NOT_WEIGHTS = ("training_args.bin", "trainer_state.json", "optimizer.bin")


BESIDE = "../../"
"""What leads from a round's policy to the other rounds."""


class Policy(NamedTuple):
    """A policy as every stage hands it on.

    `model` is a folder of weights, `adapter` a LoRA folder on top of it or None, and
    `policy_id` the hash of both. `served` is the name of an endpoint for a policy that is not on
    this machine: there are no weights to hash, and `model` is that name again, or what a model that
    was fine-tuned there is called.
    """

    model: str
    adapter: str | None
    policy_id: str
    served: str | None = None


def served_model(policy: Policy) -> str | None:
    """What a policy that was fine-tuned at its endpoint is called there; None for the model that
    the endpoint's config names, and for a policy with weights here.
    """
    return None if policy.served in (None, policy.model) else policy.model


def weights_hash(folder: Path) -> str:
    """16 hex digits over the files of a model or adapter folder that decide what it computes."""
    total = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in HASHED and path.name not in NOT_WEIGHTS:
            total.update(path.name.encode())
            with path.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:16]


def local_policy(model: Path, adapter: Path | None = None) -> Policy:
    """The policy in a local folder, with its adapter if it has one.

    Raises UserError where a folder has no weights.
    """
    require_weights(model)
    if adapter is None:
        return Policy(str(model), None, weights_hash(model))
    require_weights(adapter)
    policy_id = policy_id_of(weights_hash(model), weights_hash(adapter))
    return Policy(str(model), str(adapter), policy_id)


def policy_id_of(model: str, adapter: str | None = None) -> str:
    """The id of a policy from the hashes of its weights."""
    return model if adapter is None else digest("adapter", model, adapter)


def adapter_base(folder: Path) -> str | None:
    """The base model an adapter folder names; None for a folder of full weights."""
    config = folder / "adapter_config.json"
    if not config.exists():
        return None
    base = str(json.loads(config.read_text())["base_model_name_or_path"])
    return os.path.normpath(folder.resolve() / base) if base.startswith(BESIDE) else base


def base_to_write(model: Path, out: Path) -> str:
    """How an adapter that is saved at `out`, on its way to be a round's policy, names its base.

    An earlier policy of the same run is named by where it lies from there: a run may be moved, and
    equal trainings in two places have equal ids.
    """
    rounds = model.parent.parent
    in_run = (rounds.name, model.name) == ("rounds", "policy") and rounds in out.parents
    return f"{BESIDE}{model.parent.name}/{model.name}" if in_run else str(model)


def require_weights(folder: Path) -> None:
    """Raise UserError unless the folder can be loaded as a model or an adapter."""
    if why := removed_weights(folder):
        raise UserError(f"{folder}: {why}; take another policy, or train it again")
    if not folder.is_dir():
        raise UserError(f"{folder}: no such model folder")
    if not any((folder / name).exists() for name in ("config.json", "adapter_config.json")):
        raise UserError(f"{folder}: no config.json; a model folder holds config.json and weights")
    if not any(path.suffix == ".safetensors" for path in folder.iterdir()):
        pickled = next(folder.glob("*.bin"), None) or next(folder.glob("*.pt*"), None)
        if pickled is not None:
            raise UserError(
                f"{folder}: its weights are in {pickled.name}, a pickle, which can run code when "
                "it is read; only *.safetensors are loaded: convert them once with transformers' "
                "save_pretrained(FOLDER), in a place that you trust"
            )
        raise UserError(f"{folder}: no weights; expected *.safetensors beside config.json")
