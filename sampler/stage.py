"""The sampler stage: prompts and the writers who answer them to candidates."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from endpoints.open import Endpoints
from rounds.folder import finished_rounds, run_of
from rounds.rows import CANDIDATES, HELD_OUT, PROMPTS, Candidate
from rounds.stages import Progress, remove_stamp, run_stage, silent, stage_key, work_dir
from rounds.tables import iter_rows, replace_splits, rows_hash
from rounds.weights import Policy
from sampler.chunks import ChunkReader
from sampler.config import SamplerConfig
from sampler.endpoint_engine import sample_from_endpoints
from sampler.merge import counted, merged, set_aside
from sampler.requests import (
    PromptRequest,
    PromptRequests,
    already_sampled,
    candidate_id,
    held_out_requests,
    requests_hash,
    train_requests,
)
from sampler.vllm_parent import sample_with_vllm
from sampler.writers import Writer, writer_in_place, writers_of_round


def sample(
    folder: Path,
    config: SamplerConfig,
    policy: Policy,
    seed: int,
    endpoints: Endpoints,
    held_out: bool = True,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Every writer answers the train prompts, and the policy in place, where it never has, the gate
    and test prompts once: one loading of its weights.
    """
    writers = writers_of_round(folder, config, policy, endpoints)
    unanswered: list[PromptRequest] = []
    if held_out:
        # this round's own rows are no reason to ask less: the stage must stay the same stage
        last = finished_rounds(run_of(folder))[-1:]
        aside = {prompt_id for done in last for prompt_id in _set_aside_in(done)}
        unanswered = _unanswered(folder, held_out_requests(folder, seed), writers[0], aside, False)

    def requests() -> Iterator[PromptRequest]:
        return chain(train_requests(folder, writers, seed), unanswered)

    return _run_sampling(folder, "sample", requests, writers, config, endpoints, progress)


def sample_held_out(
    folder: Path,
    config: SamplerConfig,
    policies: list[Policy],
    seed: int,
    endpoints: Endpoints,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Every policy's answer to every gate and test prompt; only missing ones are sampled, and none
    that was set aside: a prompt too long for one policy is too long for the next.
    """
    held_out = held_out_requests(folder, seed)
    splits = {request.prompt_id: request.split for request in held_out}
    facts: dict[str, Any] = {}
    wanted: set[str] = set()
    for policy in policies:
        writer = writer_in_place(config, policy)
        wanted |= {candidate_id(request, writer, 0) for request in held_out}
        unanswered = _unanswered(folder, held_out, writer, _set_aside_in(folder), True)
        if unanswered:
            stage = f"sample_held_out_{policy.policy_id}"
            # a change of config, taken back, leaves a stamp without rows
            remove_stamp(folder, stage)
            requests = partial(iter, unanswered)
            facts = _run_sampling(folder, stage, requests, [writer], config, endpoints, progress)
    position = {prompt_id: number for number, prompt_id in enumerate(splits)}
    rows: list[Candidate] = [
        {**row, "split": splits[row["prompt_id"]]}
        for row in already_sampled(folder, wanted, include_this_round=True)
    ]
    rows.sort(key=lambda row: position[row["prompt_id"]])
    replace_splits(folder, CANDIDATES, HELD_OUT, rows)
    return facts


def _unanswered(
    folder: Path,
    held_out: list[PromptRequest],
    writer: Writer,
    aside: set[str],
    include_this_round: bool,
) -> list[PromptRequest]:
    """The held-out prompts without an answer of this policy, but for those set aside."""
    by_id = {candidate_id(request, writer, 0): request for request in held_out}
    sampled = already_sampled(folder, set(by_id), include_this_round)
    answered = {row["candidate_id"] for row in sampled}
    missing = [request for name, request in by_id.items() if name not in answered]
    return [request for request in missing if request.prompt_id not in aside]


def _run_sampling(
    folder: Path,
    stage: str,
    requests: PromptRequests,
    writers: list[Writer],
    config: SamplerConfig,
    endpoints: Endpoints,
    progress: Progress,
) -> dict[str, Any]:
    """Have all requests answered and put the candidates into the table, as a stage."""
    who = [
        [
            writer.name,
            writer.policy and writer.policy.policy_id,
            writer.vllm,
            writer.revises,
            *writer.sampling_key,
        ]
        for writer in writers
    ]
    key = stage_key(requests_hash(requests()), who)

    def run() -> dict[str, Any]:
        work = work_dir(folder, stage, key)
        sample_with_vllm(work, requests, writers, config, progress)
        usage = sample_from_endpoints(
            folder, work, requests, writers, config.chunk, endpoints, progress
        )
        chunks = ChunkReader(work, work / "endpoints")
        counts: Counter[str] = Counter()
        rows = counted(merged(requests, chunks), counts)
        splits = {request.split for request in requests()} | set(HELD_OUT)
        kept = _held_out_to_keep(folder, requests, writers[0])
        replace_splits(folder, CANDIDATES, splits, chain(rows, kept))
        aside = set_aside(folder, requests, chunks)
        written = iter_rows(folder, CANDIDATES, splits)
        return {
            "candidates": counts["candidates"],
            "set_aside": aside,
            "tokens": counts["tokens"],
            "sources": {writer.name: counts[f"source {writer.name}"] for writer in writers},
            "sampler_usage": usage,
            "rows": rows_hash(CANDIDATES, written),
        }

    return run_stage(folder, stage, key, run)


def _held_out_to_keep(folder: Path, requests: PromptRequests, current: Writer) -> list[Candidate]:
    """The held-out answers that this round has already and that are not requested again."""
    held_out = (request for request in requests() if request.split in HELD_OUT)
    again = {candidate_id(request, current, 0) for request in held_out}
    rows = iter_rows(folder, CANDIDATES, HELD_OUT)
    return [row for row in rows if row["candidate_id"] not in again]


def _set_aside_in(folder: Path) -> set[str]:
    """The prompts of a round that were set aside."""
    return {row["prompt_id"] for row in iter_rows(folder, PROMPTS) if row["set_aside"]}
