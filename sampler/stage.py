"""The sampler stage: prompts and those who answer them to candidates."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from endpoints.open import Endpoints
from rounds.folder import finished_rounds, run_of
from rounds.rows import CANDIDATES, PROMPTS
from rounds.stages import Progress, forget, run_stage, silent, stage_key, work_dir
from rounds.tables import Row, iter_rows, replace_splits, rows_hash
from rounds.weights import Policy
from sampler.chunks import Spooled
from sampler.config import SamplerConfig
from sampler.endpoint_engine import sample_from_endpoints
from sampler.merge import counted, merged, set_aside
from sampler.requests import (
    HELD_OUT,
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
    """Every source answers the train prompts, and the policy in place, where it never has, the gate
    and test prompts once: one loading of its weights.
    """
    sources = writers_of_round(folder, config, policy, endpoints)
    missing: list[PromptRequest] = []
    if held_out:
        # this round's own rows are no reason to ask less: the stage must stay the same stage
        aside = {name for done in finished_rounds(run_of(folder))[-1:] for name in _aside(done)}
        wanted = held_out_requests(folder, seed)
        missing = _missing(folder, wanted, sources[0], here=False, aside=aside)

    def asked() -> Iterator[PromptRequest]:
        return chain(train_requests(folder, sources, seed), missing)

    return _sampled(folder, "sample", asked, sources, config, endpoints, progress)


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
    splits = {asked.prompt_id: asked.split for asked in held_out}
    facts: dict[str, Any] = {}
    wanted: set[str] = set()
    for policy in policies:
        source = writer_in_place(config, policy)
        wanted |= {candidate_id(asked, source, 0) for asked in held_out}
        missing = _missing(folder, held_out, source, here=True, aside=_aside(folder))
        if missing:
            stage = f"sample_held_out_{policy.policy_id}"
            forget(folder, stage)  # a change of config, taken back, leaves a stamp without rows
            asked = partial(iter, missing)
            facts = _sampled(folder, stage, asked, [source], config, endpoints, progress)
    place = {prompt_id: number for number, prompt_id in enumerate(splits)}
    rows = [
        {**row, "split": splits[row["prompt_id"]]}
        for row in already_sampled(folder, wanted, here=True)
    ]
    rows.sort(key=lambda row: place[row["prompt_id"]])
    replace_splits(folder, CANDIDATES, HELD_OUT, rows)
    return facts


def _missing(
    folder: Path, held_out: list[PromptRequest], source: Writer, here: bool, aside: set[str]
) -> list[PromptRequest]:
    """The held-out prompts without an answer of this policy, but for those set aside."""
    ids = {candidate_id(asked, source, 0): asked for asked in held_out}
    there = {row["candidate_id"] for row in already_sampled(folder, set(ids), here)}
    missing = [asked for name, asked in ids.items() if name not in there]
    return [asked for asked in missing if asked.prompt_id not in aside]


def _sampled(
    folder: Path,
    stage: str,
    asked: PromptRequests,
    sources: list[Writer],
    config: SamplerConfig,
    endpoints: Endpoints,
    progress: Progress,
) -> dict[str, Any]:
    who = [
        [one.name, one.policy and one.policy.policy_id, one.vllm, one.revises, *one.drawn_by]
        for one in sources
    ]
    key = stage_key(requests_hash(asked()), who)

    def run() -> dict[str, Any]:
        work = work_dir(folder, stage, key)
        sample_with_vllm(work, asked, sources, config, progress)
        usage = sample_from_endpoints(
            folder, work, asked, sources, config.chunk, endpoints, progress
        )
        spooled = Spooled(work, work / "endpoints")
        counts: Counter[str] = Counter()
        rows = counted(merged(asked, spooled), counts)
        splits = {one.split for one in asked()} | set(HELD_OUT)
        there = _there(folder, asked, sources[0])
        replace_splits(folder, CANDIDATES, splits, chain(rows, there))
        aside = set_aside(folder, asked, spooled)
        return {
            "candidates": counts["candidates"],
            "set_aside": aside,
            "tokens": counts["tokens"],
            "sources": {one.name: counts[f"source {one.name}"] for one in sources},
            "sampler_usage": usage,
            "rows": rows_hash("candidates", iter_rows(folder, CANDIDATES, splits)),
        }

    return run_stage(folder, stage, key, run)


def _there(folder: Path, asked: PromptRequests, current: Writer) -> list[Row]:
    """The held-out answers that this round has already and that are not asked for again."""
    held_out = (one for one in asked() if one.split in HELD_OUT)
    again = {candidate_id(one, current, 0) for one in held_out}
    rows = iter_rows(folder, CANDIDATES, HELD_OUT)
    return [row for row in rows if row["candidate_id"] not in again]


def _aside(folder: Path) -> set[str]:
    """The prompts of a round that were set aside."""
    return {row["prompt_id"] for row in iter_rows(folder, PROMPTS) if row["set_aside"]}
