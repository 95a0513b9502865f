"""The mean of the weights of several policies: `python -m trainer.average job.json`

Averaging the policies of a training is a steadier reference than the last of them (WARP, arXiv
2406.16768). Adapters are added up to full weights first, in float32. One tensor is in memory at a
time, and what waits for its file.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import torch
from peft import LoraConfig, PeftConfig
from safetensors import safe_open
from safetensors.torch import save_file

from endpoints.child_main import child_main, report_progress
from rounds.errors import UserError
from rounds.files import read_json, replace_folder, write_json
from rounds.weights import Policy
from trainer.small_policy import copy_settings

SHARD = 2**30
"""Bytes of weights in a file."""
INDEX = "model.safetensors.index.json"
LORA = re.compile(r"base_model\.model\.(.+)\.lora_(A|B)\.weight")
KEY = "trainer.reference: average"

Read = Callable[[str], torch.Tensor]


class Stored(NamedTuple):
    """A policy's tensors: shapes by name, and what reads one of them in float32."""

    where: str
    shapes: dict[str, tuple[int, ...]]
    read: Read


def main(job_path: Path) -> None:
    """Write the mean of the job's `policies` to its `out`."""
    job = read_json(job_path)
    write_average([Policy(**facts) for facts in job["policies"]], Path(job["out"]))


def write_average(policies: list[Policy], out: Path) -> None:
    """The mean of the policies as full weights in float32, with what lies beside the weights of the
    first of them; `out` is there whole or not at all.

    Raises UserError for policies that are not of one shape.
    """
    fresh = out.with_name(f"{out.name}.averaging")
    fresh.mkdir(parents=True, exist_ok=True)
    for left in fresh.iterdir():  # of a process that was killed
        left.unlink()
    with ExitStack() as files:
        stored = [stored_policy(policy, files) for policy in policies]
        names = common_names(stored, _tied(Path(policies[0].model)))
        _write_shards(fresh, names, lambda name: _mean(stored, name))
    copy_settings(Path(policies[0].model), fresh, leave=INDEX)
    replace_folder(fresh, out)


def stored_policy(policy: Policy, files: ExitStack) -> Stored:
    """A policy's tensors, its adapter's product added to those that it is for."""
    base = _stored(Path(policy.model), files)
    if policy.adapter is None:
        return base
    folder = Path(policy.adapter)
    settings = PeftConfig.from_pretrained(str(folder))
    if not isinstance(settings, LoraConfig):
        raise UserError(f"{KEY}: {folder} is no LoRA adapter")
    adapter = _stored(folder, files)
    parts: dict[str, dict[str, str]] = {}
    for name in adapter.shapes:
        if (match := LORA.fullmatch(name)) is None or f"{match[1]}.weight" not in base.shapes:
            raise UserError(
                f"{KEY}: {folder} has {name}, which is no part of a low-rank product for weights "
                f"of {base.where}; take another reference"
            )
        parts.setdefault(f"{match[1]}.weight", {})[match[2]] = name

    def read(name: str) -> torch.Tensor:
        tensor = base.read(name)
        if name not in parts:
            return tensor
        a, b = (adapter.read(parts[name][side]) for side in "AB")
        product = (b @ a) * scaling(settings, name.removesuffix(".weight"), a.shape[0])
        return tensor + (product.T if settings.fan_in_fan_out else product)

    return Stored(str(folder), base.shapes, read)


def scaling(settings: LoraConfig, module: str, rank: int) -> float:
    """What an adapter's product of matrices is multiplied by: alpha / r, and with rsLoRA
    alpha / sqrt(r) (arXiv 2312.03732).
    """
    from peft.utils.other import get_pattern_key

    pattern = settings.alpha_pattern or {}
    alpha = float(pattern.get(get_pattern_key(pattern, module), settings.lora_alpha))
    return alpha / (rank**0.5 if settings.use_rslora else rank)


def common_names(stored: list[Stored], tied: bool) -> list[str]:
    """The names of the tensors that all have. Raises UserError where they differ in more than a
    head that is written beside the embedding that it is `tied` to.
    """
    first, *others = stored
    for other in others:
        for name in sorted(first.shapes.keys() | other.shapes.keys()):
            shapes = first.shapes.get(name), other.shapes.get(name)
            if None in shapes and tied and name.endswith("lm_head.weight"):
                continue
            if shapes[0] != shapes[1]:
                raise UserError(
                    f"{KEY}: {first.where} and {other.where} are not of one shape ({name}: "
                    f"{shapes[0] or 'not there'} and {shapes[1] or 'not there'})"
                )
    return sorted(set(first.shapes).intersection(*(other.shapes for other in others)))


def _tied(folder: Path) -> bool:
    config = read_json(folder / "config.json")
    inner = config.get("text_config") or {}
    return bool(config.get("tie_word_embeddings", inner.get("tie_word_embeddings", True)))


def _stored(folder: Path, files: ExitStack) -> Stored:
    shapes: dict[str, tuple[int, ...]] = {}
    places: dict[str, Any] = {}
    for path in sorted(folder.glob("*.safetensors")):
        file = files.enter_context(safe_open(path, "pt"))
        for name in file.keys():  # noqa: SIM118
            shapes[name] = tuple(file.get_slice(name).get_shape())
            places[name] = file

    def read(name: str) -> torch.Tensor:
        tensor: torch.Tensor = places[name].get_tensor(name)
        if not tensor.is_floating_point() or tensor.element_size() < 2:
            raise UserError(f"{KEY}: {folder}: {name} is of {tensor.dtype}, which has no mean")
        return tensor.float()

    return Stored(str(folder), shapes, read)


def _mean(stored: list[Stored], name: str) -> torch.Tensor:
    total = stored[0].read(name).clone()
    for other in stored[1:]:
        total += other.read(name)
    return total / len(stored)


def _write_shards(folder: Path, names: list[str], read: Read) -> None:
    """safetensors writes a file at once: several, so that no more than one is in memory."""
    where: dict[str, str] = {}
    for number, shard in enumerate(_shards(names, read), start=1):
        file = f"model-{number:05d}.safetensors"
        save_file(shard, folder / file, metadata={"format": "pt"})
        where |= dict.fromkeys(shard, file)
        report_progress(len(where), len(names), "averaging the accepted policies")
    write_json(folder / INDEX, {"metadata": {}, "weight_map": where})


def _shards(names: list[str], read: Read) -> Iterator[dict[str, torch.Tensor]]:
    shard: dict[str, torch.Tensor] = {}
    for name in names:
        shard[name] = read(name).contiguous()
        if sum(tensor.nbytes for tensor in shard.values()) >= SHARD:
            yield shard
            shard = {}
    if shard:
        yield shard


if __name__ == "__main__":
    child_main(main)
