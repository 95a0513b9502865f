"""The sampling processes with everything but vLLM: job files, chunks and the order of work."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rounds.files import read_json
from rounds.stages import silent
from sampler.answers import Completion
from sampler.fit import REFUSED, Model
from sampler.vllm_child import answer_all, check_prompts, read_writer

Says = Callable[[str, list[dict[str, str]], int], str]
"""What a model says: policy_id, messages, seed."""


class Children:
    """What was loaded, and which conversations each job's model was given."""

    def __init__(self, says: Says, longest: int = 10_000) -> None:
        self.says, self.longest = says, longest
        self.jobs: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str]] = []
        self.fail_after: int | None = None
        self.takes_system = True
        self.silent: set[tuple[str, str]] = set()
        """Prompts that a policy alone gives no answer to: policy_id, content."""

    @property
    def loaded(self) -> list[str]:
        """The policies of every job, in the order of the jobs."""
        writers = [writer for job in self.jobs for writer in job["writers"] if writer["policy"]]
        return list(dict.fromkeys(writer["policy"]["policy_id"] for writer in writers))

    def run(self, module: str, jobs: list[tuple[Path, Path]], on_line: Any) -> None:
        """In the place of processes.run_together."""
        for path, _ in jobs:
            job = read_json(path)
            self.jobs.append(job)
            if job["fit"]:
                check_prompts(job["fit"], path.parent, self.open_model)
            writers = {writer.name: writer for writer in map(read_writer, job["writers"])}
            asyncio.run(answer_all(job, path.parent, writers, self.draw, 4, silent))

    def open_model(self, *_: object) -> Model:
        """In the place of vllm_engine.open_model."""
        return Model(self.render, 10**6)

    def render(self, messages: list[dict[str, str]]) -> list[int] | str:
        """A token a character, `longest` at most."""
        if len(messages[0]["content"]) > self.longest:
            return "too long"
        if messages[0]["role"] == "system" and not self.takes_system:
            return f"{REFUSED} (System role not supported)"
        return [*range(len(messages[0]["content"]))]

    async def draw(
        self, writer: Any, messages: list[dict[str, str]], seed: int, first_index: int, n: int
    ) -> list[Completion | str]:
        """In the place of Engine.draw."""
        await asyncio.sleep(0)
        if self.fail_after is not None and len(self.asked) >= self.fail_after:
            raise RuntimeError("killed")
        if isinstance(reason := self.render(messages), str):
            return [reason] * n
        self.asked.append((writer.name, messages[0]["content"]))
        if (writer.policy.policy_id, messages[0]["content"]) in self.silent:
            return ["content_filter"] * n
        texts = [
            self.says(writer.policy.policy_id, messages, seed + first_index + place)
            for place in range(n)
        ]
        return [Completion(text, "stop", len(text), [*text.encode()], -1.5) for text in texts]


def scripted_children(
    monkeypatch: pytest.MonkeyPatch, says: Says, longest: int = 10_000
) -> Children:
    """Children that say what `says` says."""
    children = Children(says, longest)
    monkeypatch.setattr("sampler.vllm_parent.run_together", children.run)
    return children
