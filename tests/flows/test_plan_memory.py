"""What the plan says of memory, and that too little of it or of the disk is said before a round."""

from pathlib import Path
from typing import Any, cast

import pytest
from configs import TREE, load

import flows.plan_disk
import flows.plan_memory
import flows.preflight
from flows.display import Display
from flows.plan import plan_round
from flows.plan_memory import estimate_memory, free_memory, memory_text

MEMINFO = "MemTotal: 9000000 kB\nMemFree: 1 kB\nMemAvailable: 5000 kB\n"


def test_more_prompts_and_candidates_take_more_memory():
    small, large = estimate_memory(10, 10, 40), estimate_memory(2_000_000, 10**6, 4 * 10**6)
    assert all(large.stages[name] > small.stages[name] for name in small.stages)
    assert large.most == max(large.stages.values())
    assert "in pairs" in memory_text(large)


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, None),
        ({"proc/meminfo": MEMINFO}, 5000 * 1024),
        ({"proc/meminfo": MEMINFO, "sys/fs/cgroup/memory.max": "max\n"}, 5000 * 1024),
        (
            {
                "proc/meminfo": MEMINFO,
                "sys/fs/cgroup/memory.max": "1000000\n",
                "sys/fs/cgroup/memory.current": "900000\n",
                "sys/fs/cgroup/memory.stat": "anon 5\ninactive_file 300000\n",
            },
            400_000,
        ),
    ],
    ids=["another system", "a machine", "a container without a limit", "a container"],
)
def test_free_is_what_the_machine_or_the_container_has(tmp_path: Path, files: dict, free):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert free_memory(tmp_path) == free


class Said:
    """A display that keeps its warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)


def test_the_plan_says_what_will_not_be_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "train.jsonl").write_text("".join(f'"Question {n}?"\n' for n in range(20)))
    given = ("prompts.train=" + str(tmp_path / "train.jsonl"), "prompts.gate=1", "prompts.test=1")
    config: Any = load(tmp_path, TREE, *given)
    lines = dict(plan_round(config, tmp_path))
    assert "not enough" not in lines["memory"] + lines["disk"]
    monkeypatch.setattr(flows.plan_memory, "free_memory", lambda: 10_000_000)
    monkeypatch.setattr(flows.plan_disk, "free_bytes", lambda _: 100)
    lines = dict(plan_round(config, tmp_path))
    assert lines["memory"].endswith("10.0 MB free, which is not enough")
    assert lines["disk"].endswith("100 bytes free, which is not enough")


def test_a_run_warns_of_too_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    config: Any = load(tmp_path)
    said = Said()
    flows.preflight.check_memory(config, cast(Display, said), 10, 10)
    assert not said.warnings
    monkeypatch.setattr(flows.plan_memory, "free_memory", lambda: 10_000_000)
    flows.preflight.check_memory(config, cast(Display, said), 10, 10)
    (warning,) = said.warnings
    assert warning.startswith("the round may not have the memory") and "not enough" in warning
