"""A training that ran out of memory ends with what would help, not with a library's traceback."""

import re

from rounds.errors import UserError

SAYS = re.compile(
    r"(?i)(cuda|hip|xpu|mps|npu)\b.{0,40}out of memory|out of memory\. tried to allocate"
    r"|defaultcpuallocator|not enough memory: you tried|cannot allocate memory"
    r"|unable to allocate .* for an array|(cublas|cudnn|cusolver)_status_alloc_failed"
)
"""What torch says of a GPU and of a CPU, numpy of an array, and CUDA's libraries of themselves."""
LONGEST = 200
RAN_OUT = "the training ran out of memory"
HELP = (
    "the pairs are kept and nothing was taken over; less at once usually helps: a smaller "
    "trainer.args.per_device_train_batch_size with more gradient_accumulation_steps, "
    "gradient_checkpointing: true, a lower max_length, or an adapter (trainer.lora)"
)


def out_of_memory(error: BaseException) -> UserError | None:
    """What to tell the user of an error that says that memory ran out; None for any other."""
    said = " ".join(str(error).split())
    if not isinstance(error, MemoryError) and not SAYS.search(said):
        return None
    said = said[:LONGEST] or type(error).__name__
    return UserError(f"{RAN_OUT}: {said}; {HELP}")


def ran_out(said: str) -> bool:
    """Whether a message is one of these."""
    return said.startswith(RAN_OUT)
