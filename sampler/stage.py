"""The sampler stage: prompts and a policy to candidates."""

from pathlib import Path
from typing import Any

from endpoints.open import Endpoints
from rounds.folder import finished_rounds, run_of
from rounds.progress import Progress, silent
from rounds.stages import forget, run_stage, stage_key, work_dir
from rounds.tables import read_rows, replace_splits, rows_hash, write_rows
from rounds.weights import Policy
from sampler.config import SamplerConfig
from sampler.endpoint_engine import sample_from_endpoint
from sampler.requests import (
    HELD_OUT,
    Request,
    already_sampled,
    candidate_id,
    held_out_requests,
    train_requests,
)
from sampler.vllm_engine import sample_with_vllm


def sample(
    folder: Path,
    config: SamplerConfig,
    policy: Policy,
    seed: int,
    endpoints: Endpoints,
    held_out: bool = True,
    progress: Progress = silent,
) -> dict[str, Any]:
    """The policy in place answers the train prompts n times, and, where it never has, the gate and
    test prompts once: one loading of its weights.
    """
    requests = train_requests(folder, config.n, seed)
    if held_out:
        # this round's own rows are no reason to ask less: the stage must stay the same stage
        aside = {name for done in finished_rounds(run_of(folder))[-1:] for name in _aside(done)}
        missing = _missing(folder, held_out_requests(folder, seed), policy, config, here=False)
        requests += [request for request in missing if request.prompt_id not in aside]
    return _sampled(folder, "sample", requests, policy, config, endpoints, progress)


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
        wanted |= {candidate_id(request, policy, config.sampling, 0) for request in held_out}
        aside = _aside(folder)
        missing = [
            request
            for request in _missing(folder, held_out, policy, config, here=True)
            if request.prompt_id not in aside
        ]
        if missing:
            stage = f"sample_held_out_{policy.policy_id}"
            forget(folder, stage)  # a change of config, taken back, leaves a stamp without rows
            facts = _sampled(folder, stage, missing, policy, config, endpoints, progress)
    rows = already_sampled(folder, wanted, here=True)
    rows = [{**row, "split": splits[row["prompt_id"]]} for row in rows]
    replace_splits(folder, "candidates", HELD_OUT, rows)
    return facts


def _missing(
    folder: Path, requests: list[Request], policy: Policy, config: SamplerConfig, here: bool
) -> list[Request]:
    ids = {candidate_id(request, policy, config.sampling, 0): request for request in requests}
    there = {row["candidate_id"] for row in already_sampled(folder, set(ids), here)}
    return [request for name, request in ids.items() if name not in there]


def _sampled(
    folder: Path,
    stage: str,
    requests: list[Request],
    policy: Policy,
    config: SamplerConfig,
    endpoints: Endpoints,
    progress: Progress,
) -> dict[str, Any]:
    asked = [request._asdict() for request in requests]
    key = stage_key(asked, policy.policy_id, config.model_dump(exclude={"env", "chunk"}))

    def run() -> dict[str, Any]:
        work = work_dir(folder, stage, key)
        if policy.served is not None:
            rows, set_aside = sample_from_endpoint(
                folder, requests, policy, config, endpoints, progress
            )
        else:
            rows, set_aside = sample_with_vllm(work, requests, policy, config, progress)
        new = {row["candidate_id"] for row in rows}
        there = [
            row
            for row in read_rows(folder, "candidates", HELD_OUT)
            if row["candidate_id"] not in new
        ]
        splits = {request.split for request in requests} | set(HELD_OUT)
        replace_splits(folder, "candidates", splits, [*there, *rows])
        _set_aside(folder, requests, set_aside)
        return {
            "candidates": len(rows),
            "set_aside": len(set_aside),
            "tokens": sum(row["n_tokens"] or 0 for row in rows),
            "rows": rows_hash("candidates", rows),
        }

    return run_stage(folder, stage, key, run)


def _set_aside(folder: Path, requests: list[Request], reasons: dict[str, str]) -> None:
    """Write down which of the prompts asked were not sampled, and why."""
    said = {request.prompt_id: reasons.get(request.prompt_id) for request in requests}
    rows = read_rows(folder, "prompts")
    now = [{**row, "set_aside": said.get(row["prompt_id"], row["set_aside"])} for row in rows]
    if now != rows:
        write_rows(folder, "prompts", now)


def _aside(folder: Path) -> set[str]:
    """The prompts of a round that were set aside."""
    return {row["prompt_id"] for row in read_rows(folder, "prompts") if row["set_aside"]}
