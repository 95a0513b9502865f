"""The sampling processes with everything but vLLM: job files, chunks and the order of work."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rounds.files import read_json
from rounds.stages import silent
from sampler.answers import Drawn
from sampler.vllm_child import answer_all, read_source

Says = Callable[[str, list[dict[str, str]], int], str]
"""What a model says: policy_id, messages, seed."""


class Children:
    """What was loaded, and which conversations each job's model was given."""

    def __init__(self, says: Says, longest: int = 10_000) -> None:
        self.says, self.longest = says, longest
        self.jobs: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str]] = []
        self.fail_after: int | None = None

    @property
    def loaded(self) -> list[str]:
        """The policies of every job, in the order of the jobs."""
        sources = [source for job in self.jobs for source in job["sources"] if source["policy"]]
        return list(dict.fromkeys(source["policy"]["policy_id"] for source in sources))

    def run(self, module: str, jobs: list[tuple[Path, Path]], on_line: Any) -> None:
        """In the place of processes.run_together."""
        for path, _ in jobs:
            job = read_json(path)
            self.jobs.append(job)
            sources = {one.name: one for one in map(read_source, job["sources"])}
            asyncio.run(answer_all(job, path.parent, sources, self.draw, 4, silent))

    async def draw(
        self, source: Any, messages: list[dict[str, str]], seed: int, first: int, n: int
    ) -> list[Drawn | str]:
        """In the place of Engine.draw."""
        await asyncio.sleep(0)
        if self.fail_after is not None and len(self.asked) >= self.fail_after:
            raise RuntimeError("killed")
        if len(messages[0]["content"]) > self.longest:
            return ["too long"] * n
        self.asked.append((source.name, messages[0]["content"]))
        texts = [
            self.says(source.policy.policy_id, messages, seed + first + each) for each in range(n)
        ]
        return [Drawn(text, "stop", len(text), [*text.encode()], -1.5) for text in texts]


def scripted_children(
    monkeypatch: pytest.MonkeyPatch, says: Says, longest: int = 10_000
) -> Children:
    """Children that say what `says` says."""
    children = Children(says, longest)
    monkeypatch.setattr("sampler.vllm_parent.run_together", children.run)
    return children
