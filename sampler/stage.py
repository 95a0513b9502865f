"""The sampler stage: prompts and the writers who answer them to candidates."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from endpoints.open import Endpoints
from rounds.files import remove
from rounds.folder import finished_rounds, run_of
from rounds.rows import CANDIDATES, HELD_OUT, PROMPTS, Candidate
from rounds.stages import (
    Progress,
    read_stamp,
    remove_stamp,
    run_stage,
    silent,
    stage_key,
    stage_of,
    work_dir,
)
from rounds.tables import by_prompt, iter_rows, replace_splits, rows_hash
from rounds.weights import Policy
from sampler.chunks import ChunkReader
from sampler.config import SamplerConfig
from sampler.endpoint_engine import sample_from_endpoints
from sampler.finished import Begun, Finished
from sampler.merge import counted, merged, set_aside
from sampler.requests import (
    PromptRequest,
    PromptRequests,
    already_sampled,
    candidate_id,
    held_out_aside,
    held_out_requests,
    requests_hash,
    train_requests,
)
from sampler.shortfall import check_cut_off, check_set_aside, missing_candidates
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
    begun: Begun | None = None,
) -> dict[str, Any]:
    """Every writer answers the train prompts, and the policy in place, where it never has, the gate
    and test prompts once: one loading of its weights. `begun` is called with the train prompts.
    """
    writers = writers_of_round(folder, config, policy, endpoints)
    unanswered = Unanswered([], set())
    if held_out:
        # this round's own rows are no reason to ask less: the stage must stay the same stage
        earlier = held_out_aside(finished_rounds(run_of(folder)))
        unanswered = _unanswered(
            folder, held_out_requests(folder, seed), writers[0], set(earlier), False
        )

    def requests() -> Iterator[PromptRequest]:
        return chain(train_requests(folder, writers, seed), unanswered.requests)

    def begins(work: Path) -> None:
        if begun is not None:
            begun(Finished(work, requests, writers, config, ("train",)))

    facts = _run_sampling(
        folder,
        "sample",
        requests,
        writers,
        config,
        endpoints,
        progress,
        unanswered.answered,
        begins,
    )
    check_cut_off(folder, config, writers)
    return facts


def sample_held_out(
    folder: Path,
    config: SamplerConfig,
    policies: list[Policy],
    seed: int,
    endpoints: Endpoints,
    progress: Progress = silent,
    begun: Begun | None = None,
) -> dict[str, Any]:
    """Every policy's answer to every gate and test prompt; only missing ones are sampled, and none
    that was set aside: a prompt too long for one policy is too long for the next. One that another
    policy has answered is asked all the same. `begun` is called with the prompts that the last
    policy answers, and the other policies' answers to them.
    """
    held_out = held_out_requests(folder, seed)
    splits = {request.prompt_id: request.split for request in held_out}
    before = set(held_out_aside(finished_rounds(run_of(folder))))
    writers = [writer_in_place(config, policy) for policy in policies]
    ids = {candidate_id(request, writer, 0) for writer in writers for request in held_out}
    facts: dict[str, Any] = {}
    wanted: set[str] = set()
    for policy, writer in zip(policies, writers, strict=True):
        wanted |= {candidate_id(request, writer, 0) for request in held_out}
        stage = stage_of("sample_held_out", policy.policy_id)
        stamp = read_stamp(folder, stage)
        aside = before | _aside_now(folder, set() if stamp else ids)
        unanswered = _unanswered(folder, held_out, writer, aside, True)
        if unanswered.requests or stamp is None:
            # what the stage has drawn, it was asked: without its stamp it is to count it
            drawn = ChunkReader(*_work_of(folder, stage))
            unanswered = _unanswered(folder, held_out, writer, aside, True, drawn)
        else:
            facts = stamp["facts"]
            check_set_aside(config, facts)
        if unanswered.requests:
            # a change of config, taken back, leaves a stamp without rows
            remove_stamp(folder, stage)
            requests = partial(iter, unanswered.requests)
            own = {candidate_id(request, writer, 0) for request in held_out}
            begins = partial(_begins_last, folder, requests, writer, config, wanted - own, begun)
            facts = _run_sampling(
                folder,
                stage,
                requests,
                [writer],
                config,
                endpoints,
                progress,
                unanswered.answered,
                begins if policy == policies[-1] else None,
            )
    position = {prompt_id: number for number, prompt_id in enumerate(splits)}
    rows: list[Candidate] = [
        {**row, "split": splits[row["prompt_id"]]}
        for row in already_sampled(folder, wanted, include_this_round=True)
    ]
    rows.sort(key=lambda row: position[row["prompt_id"]])
    replace_splits(folder, CANDIDATES, HELD_OUT, rows)
    return facts


class Unanswered(NamedTuple):
    """The held-out prompts that are to be asked, and the splits that have answers from before."""

    requests: list[PromptRequest]
    answered: set[str]


def _aside_now(folder: Path, but: set[str]) -> set[str]:
    """The held-out prompts that are set aside in this round so far, without those that have one of
    the answers `but`.
    """
    rows = iter_rows(folder, PROMPTS, HELD_OUT, ["prompt_id", "set_aside"])
    aside = {row["prompt_id"] for row in rows if row["set_aside"]}
    if not aside or not but:
        return aside
    return aside - {row["prompt_id"] for row in already_sampled(folder, but, True)}


def _begins_last(
    folder: Path,
    requests: PromptRequests,
    writer: Writer,
    config: SamplerConfig,
    others: set[str],
    begun: Begun | None,
    work: Path,
) -> None:
    if begun is not None:
        beside = by_prompt(already_sampled(folder, others, include_this_round=True))
        begun(Finished(work, requests, [writer], config, HELD_OUT, beside))


def _unanswered(
    folder: Path,
    held_out: list[PromptRequest],
    writer: Writer,
    aside: set[str],
    include_this_round: bool,
    drawn: ChunkReader | None = None,
) -> Unanswered:
    """The held-out prompts without an answer of this policy, but for those set aside. Answers, and
    reasons to set aside, that are in the chunks `drawn` do not count.
    """
    by_id = {candidate_id(request, writer, 0): request for request in held_out}
    sampled = already_sampled(folder, set(by_id), include_this_round)
    answered = {row["candidate_id"] for row in sampled}
    if drawn is not None:
        answered -= {name for name, request in by_id.items() if request.prompt_id in drawn}
        aside = aside - drawn.reasons.keys()
    missing = [request for name, request in by_id.items() if name not in answered]
    return Unanswered(
        [request for request in missing if request.prompt_id not in aside],
        {request.split for name, request in by_id.items() if name in answered},
    )


def _work_of(folder: Path, stage: str) -> list[Path]:
    """Where a stage has kept its chunks, whatever its key was."""
    return [*folder.glob(f"work/{stage}-*"), *folder.glob(f"work/{stage}-*/endpoints")]


def _run_sampling(
    folder: Path,
    stage: str,
    requests: PromptRequests,
    writers: list[Writer],
    config: SamplerConfig,
    endpoints: Endpoints,
    progress: Progress,
    answered: set[str],
    begins: Callable[[Path], None] | None = None,
) -> dict[str, Any]:
    """Have all requests answered and put the candidates into the table, as a stage.

    `begins` is called with the folder of the chunks, once those that are made anew are gone.
    """
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
        remove(work / "endpoints")
        if begins is not None:
            begins(work)
        sample_with_vllm(work, requests, writers, config, progress, answered)
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
        sources = {writer.name: counts[f"source {writer.name}"] for writer in writers}
        train = counts["train prompts"]
        return {
            "candidates": counts["candidates"],
            "set_aside": aside["n"],
            "aside": aside,
            "missing": missing_candidates(writers, sources, train, chunks.missing),
            "tokens": counts["tokens"],
            "sources": sources,
            "sampler_usage": usage,
            "rows": rows_hash(CANDIDATES, written),
        }

    facts = run_stage(folder, stage, key, run)
    check_set_aside(config, facts)
    return facts


def _held_out_to_keep(folder: Path, requests: PromptRequests, current: Writer) -> list[Candidate]:
    """The held-out answers that this round has already and that are not requested again."""
    held_out = (request for request in requests() if request.split in HELD_OUT)
    again = {candidate_id(request, current, 0) for request in held_out}
    rows = iter_rows(folder, CANDIDATES, HELD_OUT)
    return [row for row in rows if row["candidate_id"] not in again]
