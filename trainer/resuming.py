"""A trainer of TRL's that goes on from a checkpoint with weights that are what was saved."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors import safe_open

from rounds.errors import WorkFailed
from trainer.spread import is_sharded

TRAINED = "default"
"""peft's name of the adapter that is trained; TRL's copy of it, the reference, is `ref`."""


class Resuming:
    """What every method's trainer has beside TRL's own: it resumes every kind of weights."""

    def _load_from_checkpoint(self: Any, resume_from_checkpoint: str, model: Any = None) -> None:
        """As transformers' own, which of a checkpoint with the adapter `ref` loads that one alone.

        Raises WorkFailed where what was loaded is not what was saved.
        """
        super()._load_from_checkpoint(resume_from_checkpoint, model)  # type: ignore[misc]
        if is_sharded(self):
            return
        loaded = self.model if model is None else model
        if isinstance(loaded, PeftModel):
            loaded.load_adapter(resume_from_checkpoint, TRAINED, is_trainable=True)
        check_loaded(loaded, Path(resume_from_checkpoint))


def check_loaded(model: Any, folder: Path) -> None:
    """Raise WorkFailed unless every trained tensor of the model equals the one in the folder."""
    names = stored_names(folder)
    for name, aliases, tensor in _trained(model):
        stored = next((alias for alias in aliases if alias in names), None)
        if stored is not None:
            with safe_open(names[stored], "pt") as file:
                same = torch.equal(tensor.cpu(), file.get_tensor(stored).to(tensor.dtype))
        if stored is None or not same:
            raise WorkFailed(
                f"{folder}: {name} is not in memory as it was saved, so that training would go on "
                f"from other weights; remove {folder.parent} to train from the beginning"
            )


def stored_names(folder: Path) -> dict[str, str]:
    """Every tensor in the safetensors files of a folder, with its file."""
    names: dict[str, str] = {}
    for path in map(str, sorted(folder.glob("*.safetensors"))):
        with safe_open(path, "pt") as file:
            names |= dict.fromkeys(file.keys(), path)
    return names


def _trained(model: Any) -> Iterator[tuple[str, list[str], torch.Tensor]]:
    """Trained tensors: the name, the names under which it may be stored, the values."""
    if isinstance(model, PeftModel):
        for name, tensor in get_peft_model_state_dict(model, adapter_name=TRAINED).items():
            yield name, [name], tensor
        return
    aliases: dict[int, list[str]] = {}
    for name, tensor in model.state_dict().items():  # a tied tensor has several names there
        aliases.setdefault(tensor.data_ptr(), []).append(name)
    for name, tensor in model.named_parameters():
        if tensor.requires_grad:
            yield name, aliases[tensor.data_ptr()], tensor.detach()
