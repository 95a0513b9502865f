"""The child process that holds weights in vLLM: `python -m sampler.vllm_child job.json`

Reads its share of the prompts, a line each, and writes chunks of candidate rows. Lines on stdout
starting with "progress" say how far it is; everything else vLLM prints goes to stderr, which the
parent keeps as a log.
"""

import asyncio
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from endpoints.child_main import child_main, report_progress
from endpoints.concurrency import run_concurrently
from endpoints.serve import cpu_arguments
from rounds.errors import UserError
from rounds.files import read_json
from rounds.stages import Progress
from rounds.weights import Policy, local_policy
from sampler.answers import AnsweredPrompt, Draw, answer_prompt
from sampler.chunks import ChunkWriter
from sampler.fit import Asked, Model, check_fit, writer_key
from sampler.requests import PromptRequest, WriterRequest
from sampler.revise import Constitution
from sampler.writers import Writer

if TYPE_CHECKING:
    from sampler.vllm_engine import Engine

MAX_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM takes for `max_lora_rank`, and makes room for."""


def main(job_path: Path) -> None:
    """Answer every prompt of the job."""
    job, work = read_json(job_path), job_path.parent
    os.environ.update(job["env"])
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    writers = read_writers(job["writers"])
    policies = policies_of(writers)
    for policy in policies:
        verify(policy)
    report_progress(0, 0, "loading the model")
    look(job["samplings"], job["fit"], work)
    engine = load_engine(job["model"], job["vllm"], policies)
    report_progress(0, job["prompts"])

    async def run() -> None:
        # twice what runs at once: the engine's queue is never empty before the end
        task = asyncio.ensure_future(
            answer_all(job, work, writers, engine.draw, 2 * engine.max_num_seqs, report_progress)
        )
        await engine.run(task)
        await task

    asyncio.run(run())


def look(samplings: list[tuple[str, Any, int]], fit: dict[str, Any] | None, work: Path) -> None:
    """Raise UserError for what cannot be drawn at all, before any weights are loaded; the prompts
    of `fit` lie in `work`.
    """
    from sampler.vllm_engine import check_samplings, open_model

    check_samplings(samplings)
    if fit:
        check_prompts(fit, work, open_model)


def load_engine(model: str, vllm: dict[str, Any], policies: Collection[Policy]) -> "Engine":
    """vLLM with the weights that all of these policies share, and their adapters."""
    from vllm import LLM

    from rounds.tokenizers import spelling_of
    from sampler.vllm_engine import Engine, engine_tokenizer

    adapters = sorted(policy.adapter for policy in policies if policy.adapter)
    spellings = {policy: spelling_of(policy) for policy in policies}
    arguments = {
        **cpu_arguments(vllm),
        **lora_arguments(adapters),
        **engine_tokenizer(spellings),
        **vllm,
    }
    return Engine(LLM(model=model, **arguments), spellings)


async def answer_all(
    job: dict[str, Any],
    work: Path,
    writers: dict[str, Writer],
    draw: Draw,
    at_once: int,
    progress: Progress,
) -> None:
    """Answer the prompts of a job, so many at once, into chunks under `work`."""
    numbers = count(job["first_number"], job["every_number"])
    names = [name for name, writer in writers.items() if writer.policy is not None]
    chunks = ChunkWriter(work, numbers, job["chunk"], names)
    finished = count(1)

    def done(_: PromptRequest, answered: AnsweredPrompt) -> None:
        chunks.add(answered)
        progress(next(finished), job["prompts"])

    requests = read_requests(work / job["requests"])
    await run_concurrently(
        requests, lambda request: answer_prompt(request, writers, draw), at_once, done
    )
    chunks.flush()


def check_prompts(
    fit: dict[str, Any], work: Path, open_model: Callable[[Policy, dict[str, Any], str], Model]
) -> None:
    """Raise UserError as `check_fit` does, for the prompts of all loadings of the stage."""

    def models() -> Iterator[Asked]:
        for loading in fit["loadings"]:
            by_policy: dict[Policy, dict[str, Writer]] = {}
            for writer in map(read_writer, loading["writers"]):
                assert writer.policy is not None, "a reference is not loaded"
                by_policy.setdefault(writer.policy, {})[writer.name] = writer
            for policy, writers in by_policy.items():
                where = writer_key(next(iter(writers)))
                yield Asked(open_model(policy, loading["vllm"], where), writers)

    report_progress(0, 0, "looking at the prompts")
    requests = partial(read_requests, work / fit["requests"])
    check_fit(models(), requests, fit["stop"], fit["answered"])


def verify(policy: Policy) -> None:
    """Raise unless the weights on disk are the ones this round was told to sample."""
    adapter = Path(policy.adapter) if policy.adapter else None
    policy_id = local_policy(Path(policy.model), adapter).policy_id
    if policy_id != policy.policy_id:
        raise UserError(
            f"{policy.adapter or policy.model}: these are not the promoted weights "
            f"(found {policy_id}, expected {policy.policy_id}); something changed the folder"
        )


def lora_arguments(adapters: list[str]) -> dict[str, Any]:
    """What vLLM must be told before adapters can be used: the smallest rank it offers that holds
    them all, and how many there are.
    """
    if not adapters:
        return {}
    ranks = {folder: adapter_rank(Path(folder)) for folder in adapters}
    widest = max(adapters, key=lambda folder: ranks[folder])
    rank = next((size for size in MAX_RANKS if size >= ranks[widest]), None)
    if rank is None:
        raise UserError(
            f"{widest}: is of rank {ranks[widest]}; vLLM loads adapters up to {MAX_RANKS[-1]}"
        )
    return {"enable_lora": True, "max_lora_rank": rank, "max_loras": len(adapters)}


def adapter_rank(folder: Path) -> int:
    """The largest rank that any module of an adapter has."""
    settings = read_json(folder / "adapter_config.json")
    return int(max([settings["r"], *(settings.get("rank_pattern") or {}).values()]))


def read_writers(facts: list[dict[str, Any]]) -> dict[str, Writer]:
    """The writers of a job file by name."""
    return {writer.name: writer for writer in map(read_writer, facts)}


def policies_of(writers: Mapping[str, Writer]) -> set[Policy]:
    """The policies that writers answer with."""
    return {writer.policy for writer in writers.values() if writer.policy is not None}


def read_writer(facts: dict[str, Any]) -> Writer:
    """A writer from a job file."""
    policy = Policy(**facts["policy"]) if facts["policy"] else None
    constitution = Constitution(**facts["constitution"]) if facts["constitution"] else None
    return Writer(**{**facts, "policy": policy, "constitution": constitution})


def read_requests(path: Path) -> Iterator[PromptRequest]:
    """The requests of a job, as they are needed."""
    with path.open(encoding="utf-8") as file:
        yield from map(read_request, file)


def read_request(line: str) -> PromptRequest:
    """A request from its line."""
    request = PromptRequest(**json.loads(line))
    listed = [WriterRequest(*one) for one in request.writer_requests]
    return request._replace(writer_requests=listed)


if __name__ == "__main__":
    child_main(main)
