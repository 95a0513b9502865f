"""As a script, a launcher in which accelerate shards weights on a CPU: `sharding.py SCRIPT ARGS...`

accelerate 1.15 shards for kinds of GPU alone, and holds whole copies on a CPU without a word. Here
processes over gloo count as one of these kinds: what follows, torch's FSDP and all that is done
with it, is the real thing.
"""

import os
import runpy
import sys
from contextlib import nullcontext

from accelerate.state import DistributedType, PartialState
from torch.distributed.fsdp._flat_param import FlatParamHandle


def count_as_gpus() -> None:
    """Let accelerate take this process for one of several with a GPU each."""
    os.environ["ACCELERATE_TORCH_DEVICE"] = "cpu"
    PartialState._prepare_backend = lambda *given, **named: ("gloo", DistributedType.MULTI_GPU)
    # of FSDP 1: it frees what it has copied to the CPU, which on a CPU is the copy itself
    FlatParamHandle.to_cpu = lambda handle: nullcontext()


if __name__ == "__main__":
    import torch

    sys.argv.pop(0)
    count_as_gpus()
    torch.distributed.init_process_group("gloo")
    runpy.run_path(sys.argv[0], run_name="__main__")
