"""The vLLM side seen from the parent: loadings of weights, each one or more child processes."""

import time
from pathlib import Path
from typing import Any

from endpoints.serve import cpu_settings
from rounds.errors import UserError
from rounds.files import read_json, write_json
from rounds.folder import run_of
from rounds.stages import Progress, count_startup
from sampler.check import vllm_samplings
from sampler.chunks import next_chunk_number
from sampler.config import VISIBLE_DEVICES, SamplerConfig
from sampler.loadings import (
    Loading,
    loadings,
    requests_for,
    requests_path,
    share_out,
    writer_facts,
)
from sampler.processes import run_together
from sampler.requests import PromptRequests
from sampler.writers import Writer


def sample_with_vllm(
    work: Path,
    requests: PromptRequests,
    writers: list[Writer],
    config: SamplerConfig,
    progress: Progress,
) -> None:
    """Have every writer with weights on this machine answer, in chunks under `work`.

    One loading after the other, each on all devices. Prompts that are in a chunk already are not
    asked again: a kill costs at most one chunk of finished prompts a process.
    """
    references = [writer for writer in writers if writer.policy is None]
    # of all loadings: the first child finds what is wrong in any of them
    samplings = vllm_samplings(config, bool(writers[0].policy and writers[0].policy.served))
    for loading in loadings(writers):
        _run(work, requests, loading, references, samplings, config, progress)
        _check_some_fit(work, requests, loading)


def _run(
    work: Path,
    requests: PromptRequests,
    loading: Loading,
    references: list[Writer],
    samplings: list[tuple[str, Any, int]],
    config: SamplerConfig,
    progress: Progress,
) -> None:
    devices: list[str | None] = [*config.devices] or [None]
    counts, finished = share_out(work, requests, loading, len(devices))
    first, total = next_chunk_number(work), sum(counts) + finished
    jobs = []
    for number, (device, count) in enumerate(zip(devices, counts, strict=True)):
        if count:
            env = {**cpu_settings(), **loading.env, **({VISIBLE_DEVICES: device} if device else {})}
            job = work / f"job-{number}.json"
            write_json(
                job,
                {
                    "model": loading.model,
                    "writers": [writer_facts(writer) for writer in [*loading.writers, *references]],
                    "samplings": samplings,
                    "vllm": loading.vllm,
                    "env": env,
                    "requests": requests_path(work, number).name,
                    "prompts": count,
                    "chunk": config.chunk,
                    "first_number": first + number,
                    "every_number": len(devices),
                },
            )
            jobs.append((job, _log(work, number)))
    answered, loaded = [0] * len(jobs), False
    started = time.monotonic()

    def on_line(number: int, line: str) -> None:
        nonlocal loaded
        if line.startswith("progress "):
            _, done, prompts, note = line.split(" ", 3)
            if prompts != "0" and not loaded:
                loaded = True
                count_startup("loading of the policy", time.monotonic() - started)
            answered[number] = int(done)
            progress(*((finished + sum(answered), total) if loaded else (0, 0)), note)

    run_together("sampler.vllm_child", jobs, on_line)


def _check_some_fit(work: Path, requests: PromptRequests, loading: Loading) -> None:
    """Raise UserError for a split of which every prompt was set aside."""
    reasons: dict[str, str] = {}
    for path in work.glob("aside-*.json"):
        facts = read_json(path)
        if set(facts["sources"]) & set(loading.names):
            reasons |= {
                prompt_id: reason for prompt_id, reason in facts["reasons"].items() if reason
            }
    if not reasons:
        return
    by_split: dict[str, str | None] = {}
    for request in requests_for(requests, loading):
        reason = reasons.get(request.prompt_id)
        by_split[request.split] = reason and by_split.get(request.split, reason)
    for split, reason in by_split.items():
        if reason:
            also = "" if "current" in loading.names else f".also.{loading.names[0]}"
            raise UserError(
                f"no {split} prompt fits ({reason}); lower max_tokens in sampler{also}.sampling or "
                f"raise max_model_len in sampler{also}.vllm"
            )


def _log(work: Path, number: int) -> Path:
    folder = work.parent.parent
    suffix = f"-{number}" if number else ""
    return run_of(folder) / "logs" / f"{folder.name}-sampler{suffix}.log"
