"""What prefloop itself holds in memory in the next round, stage by stage, by what was measured.

Models, their servers and the training take theirs beside it.
"""

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from rounds.disk import size_text


class Held(NamedTuple):
    """Bytes that a stage holds: without a row, for a prompt of the sources, for a prompt of the
    round, and for a candidate."""

    base: float
    source: float
    prompt: float
    candidate: float


MIB = 2**20

HELD = {
    "prompts": Held(340 * MIB, 16, 16, 0),
    "sample": Held(480 * MIB, 0, 50, 0),
    "judge": Held(430 * MIB, 0, 0, 30),
    "health": Held(400 * MIB, 0, 0, 250),
    "pairs": Held(660 * MIB, 0, 3_100, 0),
}
"""For answers of 150 words and 1.5 calls a candidate, as `benchmarks/million_rows.py` measured it
at 250 thousand, 500 thousand and a million candidates; 130 MiB of each are of the command that runs
all stages. Of the bytes of a pair most are a mapped file's, which the system takes back."""


class Memory(NamedTuple):
    """Bytes by stage, and what is free; None where the system does not say."""

    stages: dict[str, int]
    free: int | None

    @property
    def most(self) -> int:
        """What the stage takes that takes most: one runs after the other."""
        return max(self.stages.values())

    @property
    def suffices(self) -> bool:
        """Whether it fits into what is free, as far as that is known."""
        return self.free is None or self.most <= self.free


def estimate_memory(source: int, prompts: int, candidates: int) -> Memory:
    """The estimate for a round of so many prompts and candidates, dealt of `source` prompts."""
    stages = {
        name: round(
            held.base + held.source * source + held.prompt * prompts + held.candidate * candidates
        )
        for name, held in HELD.items()
    }
    return Memory(stages, free_memory())


def memory_text(memory: Memory) -> str:
    """The estimate in words."""
    stage = max(memory.stages, key=lambda name: memory.stages[name])
    text = (
        f"at most about {size_text(memory.most)}, in {stage} (measured in rounds of up to a "
        "million candidates), and what models and servers take beside"
    )
    if memory.free is None:
        return text
    short = "" if memory.suffices else ", which is not enough"
    return f"{text}; {size_text(memory.free)} free{short}"


def free_memory(root: Path = Path("/")) -> int | None:
    """Bytes that can be had without swapping, of the machine or of the container that has less."""
    free: list[int] = []
    with suppress(OSError, ValueError, StopIteration):
        lines = (root / "proc/meminfo").read_text().splitlines()
        free.append(1024 * next(int(one.split()[1]) for one in lines if "MemAvailable" in one))
    group = root / "sys/fs/cgroup"
    with suppress(OSError, ValueError, StopIteration):  # no limit is "max"
        limit, held = (int((group / f"memory.{name}").read_text()) for name in ("max", "current"))
        lines = (group / "memory.stat").read_text().splitlines()
        cache = next(int(one.split()[1]) for one in lines if one.startswith("inactive_file "))
        free.append(max(0, limit - held + cache))
    return min(free, default=None)
