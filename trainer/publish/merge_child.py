"""The child process that merges an adapter: `python -m trainer.publish.merge_child job.json`

The addition is done in float32, whatever the base was saved in, and rounded once to that.
"""

from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors import safe_open
from transformers import AutoModelForCausalLM

from endpoints.child_main import child_main, report_progress
from rounds.files import read_json
from trainer.save import keep_special


def main(job_path: Path) -> None:
    """Write base and adapter as one model to the job's `out`."""
    job = read_json(job_path)
    merge(Path(job["model"]), Path(job["adapter"]), Path(job["out"]), job["trust"])


def merge(model: Path, adapter: Path, out: Path, trust: bool = False) -> None:
    """Write the weights of `model` with those of `adapter` added, in the dtype of `model`."""
    report_progress(0, 3, "loading the base in float32")
    base: Any = AutoModelForCausalLM.from_pretrained(
        str(model), dtype=torch.float32, trust_remote_code=trust
    )
    report_progress(1, 3, "adding the adapter")
    merged: Any = PeftModel.from_pretrained(base, str(adapter)).merge_and_unload(safe_merge=True)
    report_progress(2, 3, "writing")
    merged.to(dtype_of(model)).save_pretrained(str(out))
    keep_special(model / "config.json", out / "config.json")
    report_progress(3, 3)


def dtype_of(model: Path) -> torch.dtype:
    """The dtype in which most of a model's weights are saved."""
    counts: dict[torch.dtype, int] = {}
    for path in sorted(model.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118
                tensor = file.get_tensor(name)
                if tensor.is_floating_point():
                    counts[tensor.dtype] = counts.get(tensor.dtype, 0) + tensor.numel()
    return max(counts, key=lambda dtype: counts[dtype], default=torch.float32)


if __name__ == "__main__":
    child_main(main)
