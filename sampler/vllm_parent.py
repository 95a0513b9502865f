"""The vLLM side seen from the parent: loadings of weights, each one or more child processes."""

import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from endpoints.serve import cpu_settings
from rounds.files import write_json
from rounds.folder import run_of
from rounds.stages import Progress, count_startup
from sampler.check import vllm_samplings
from sampler.chunks import next_chunk_number
from sampler.config import VISIBLE_DEVICES, SamplerConfig
from sampler.loadings import (
    Loading,
    fit_facts,
    loadings,
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
    answered: Collection[str] = (),
) -> None:
    """Have every writer with weights on this machine answer, in chunks under `work`.

    One loading after the other, each on all devices; with `engine.ray` on all of its workers, which
    one process here drives. Prompts that are in a chunk already are not
    asked again: a kill costs at most one chunk of finished prompts a process. The first child looks
    at everything that the later ones are to do, and raises UserError for what cannot work;
    `answered` are the splits that have answers from before.
    """
    references = [writer for writer in writers if writer.policy is None]
    groups = loadings(writers)
    facts: dict[str, Any] = {
        "samplings": vllm_samplings(config, bool(writers[0].policy and writers[0].policy.served)),
        "fit": None,
    }
    if groups:
        stop = config.unanswerable == "stop"
        facts["fit"] = fit_facts(work, requests, groups, stop, sorted(answered))
    for loading in groups:
        if _run(work, requests, loading, references, facts, config, progress):
            facts["fit"] = None


def _run(
    work: Path,
    requests: PromptRequests,
    loading: Loading,
    references: list[Writer],
    facts: dict[str, Any],
    config: SamplerConfig,
    progress: Progress,
) -> bool:
    """Run a loading's processes; whether there was anything to do. The first one gets `facts`."""
    devices: list[str | None] = [*config.devices] or [None]
    counts, finished = share_out(work, requests, loading, len(devices))
    first, total = next_chunk_number(work), sum(counts) + finished
    jobs: list[tuple[Path, Path]] = []
    for number, (device, count) in enumerate(zip(devices, counts, strict=True)):
        if count:
            env = {**cpu_settings(), **loading.env, **({VISIBLE_DEVICES: device} if device else {})}
            job = work / f"job-{number}.json"
            write_json(
                job,
                {
                    "model": loading.model,
                    "writers": [writer_facts(writer) for writer in [*loading.writers, *references]],
                    **(facts if not jobs else {"samplings": [], "fit": None}),
                    "vllm": loading.vllm,
                    "env": env,
                    "requests": requests_path(work, number).name,
                    "prompts": count,
                    "chunk": config.chunk,
                    "first_number": first + number,
                    "every_number": len(devices),
                    "ray": config.engine and config.engine.ray.model_dump(),
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

    run_together("sampler.ray_child" if config.engine else "sampler.vllm_child", jobs, on_line)
    return bool(jobs)


def _log(work: Path, number: int) -> Path:
    folder = work.parent.parent
    suffix = f"-{number}" if number else ""
    return run_of(folder) / "logs" / f"{folder.name}-sampler{suffix}.log"
