"""A worker of the sampler on a Ray cluster: an actor that holds a vLLM and draws whole chunks."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from endpoints.children import ENVIRONMENT
from rounds.weights import Policy
from sampler.answers import AnsweredPrompt, answer_prompt
from sampler.ray_weights import Files, placed, take
from sampler.vllm_child import (
    load_engine,
    look,
    policies_of,
    read_request,
    read_writers,
    verify,
)
from sampler.writers import Writer


class SamplingWorker:
    """What a job file tells a child process, an actor is told at its start.

    Its methods take turns on one thread, vLLM's among them: a chunk begins while another is drawn,
    so that the engine's queue is never empty between two. A restarted actor has loaded nothing.
    """

    def __init__(self, job: dict[str, Any]) -> None:
        os.environ.update({**ENVIRONMENT, **job["env"]})
        # an engine process of its own would outlive an actor that is killed
        os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
        self._job = job
        self._writers: dict[str, Writer] = {}
        self._engine: Any = None
        self._open: dict[str, list[AnsweredPrompt]] = {}

    async def hello(self) -> tuple[str, int]:
        """The id of its node, and its process there, as soon as the actor is up."""
        import ray

        return str(ray.get_runtime_context().get_node_id()), os.getpid()

    async def missing(self, hashes: Mapping[str, str]) -> list[str]:
        """The folders of weights that are not on this node."""
        every = [self._job["writers"], *(one["writers"] for one in self._loadings())]
        policies = {policy for facts in every for policy in policies_of(read_writers(facts))}
        folders = {folder for one in policies for folder in (one.model, one.adapter) if folder}
        return sorted(folder for folder in folders if placed(folder, hashes) is None)

    async def take(self, folders: Mapping[str, Files]) -> None:
        """As ray_weights.take, of folders by their hash."""
        for name, files in folders.items():
            await take(name, files)

    async def load(self, hashes: Mapping[str, str], prompts: bytes | None) -> int:
        """Load the weights; how many sequences the engine runs at once. With `prompts`, the lines
        of all that the stage asks, raise UserError first where that cannot work.
        """
        if self._engine is None:
            self._writers = _here(self._job["writers"], hashes)
            policies = policies_of(self._writers)
            for policy in policies:
                verify(policy)
            if prompts is not None:
                with tempfile.TemporaryDirectory() as folder:
                    Path(folder, self._job["fit"]["requests"]).write_bytes(prompts)
                    look(self._job["samplings"], self._fit(hashes), Path(folder))
            (model,) = {policy.model for policy in policies}
            self._engine = load_engine(model, self._job["vllm"], policies)
        return int(self._engine.max_num_seqs)

    async def answer(self, name: str, lines: list[str]) -> list[AnsweredPrompt] | None:
        """The answers to a chunk of requests; None from an actor that has loaded nothing."""
        if self._engine is None:
            return None
        import asyncio

        from endpoints.concurrency import run_concurrently

        answered = self._open[name] = []
        drawing = asyncio.ensure_future(
            run_concurrently(
                map(read_request, lines),
                lambda request: answer_prompt(request, self._writers, self._engine.draw),
                len(lines),
                lambda _, prompt: answered.append(prompt),
            )
        )
        try:
            await self._engine.run(drawing)
            await drawing
        finally:
            del self._open[name]
        return answered

    async def count(self) -> dict[str, tuple[int, int]]:
        """How many prompts of each open chunk are answered, and with how many tokens."""
        return {name: (len(prompts), tokens_of(prompts)) for name, prompts in self._open.items()}

    def _loadings(self) -> list[dict[str, Any]]:
        return list(self._job["fit"]["loadings"]) if self._job["fit"] else []

    def _fit(self, hashes: Mapping[str, str]) -> dict[str, Any]:
        from sampler.loadings import writer_facts

        loadings = [
            {**one, "writers": [writer_facts(it) for it in _here(one["writers"], hashes).values()]}
            for one in self._loadings()
        ]
        return {**self._job["fit"], "loadings": loadings}


def tokens_of(answered: list[AnsweredPrompt]) -> int:
    """The tokens of answers."""
    return sum(row["n_tokens"] or 0 for prompt in answered for row in prompt.candidates)


def _here(facts: list[dict[str, Any]], hashes: Mapping[str, str]) -> dict[str, Writer]:
    """The writers with their weights where they lie on this node."""
    return {
        name: writer._replace(policy=writer.policy and _policy_here(writer.policy, hashes))
        for name, writer in read_writers(facts).items()
    }


def _policy_here(policy: Policy, hashes: Mapping[str, str]) -> Policy:
    adapter = policy.adapter and placed(policy.adapter, hashes)
    return policy._replace(model=placed(policy.model, hashes) or policy.model, adapter=adapter)
