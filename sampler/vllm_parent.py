"""The vLLM side seen from the parent: loadings of weights, each one or more child processes."""

from pathlib import Path
from typing import Any

from endpoints.serve import cpu_settings
from rounds.errors import UserError
from rounds.files import read_json, write_json
from rounds.folder import run_of
from rounds.stages import Progress
from sampler.check import vllm_samplings
from sampler.chunks import next_number
from sampler.config import GPUS, SamplerConfig
from sampler.loadings import Loading, loadings, requests_of, share_out, source_facts
from sampler.processes import run_together
from sampler.requests import PromptRequests
from sampler.writers import Writer


def sample_with_vllm(
    work: Path,
    asked: PromptRequests,
    sources: list[Writer],
    config: SamplerConfig,
    progress: Progress,
) -> None:
    """Have every source with weights on this machine answer, in chunks under `work`.

    One loading after the other, each on all devices. Prompts that are in a chunk already are not
    asked again: a kill costs at most one chunk of finished prompts a process.
    """
    references = [source for source in sources if source.policy is None]
    # of all loadings: the first child finds what is wrong in any of them
    samplings = vllm_samplings(config, bool(sources[0].policy and sources[0].policy.served))
    for loading in loadings(sources):
        _run(work, asked, loading, references, samplings, config, progress)
        _some_fit(work, asked, loading)


def _run(
    work: Path,
    asked: PromptRequests,
    loading: Loading,
    references: list[Writer],
    samplings: list[tuple[str, Any, int]],
    config: SamplerConfig,
    progress: Progress,
) -> None:
    devices: list[str | None] = [*config.devices] or [None]
    counts, finished = share_out(work, asked, loading, len(devices))
    first, total = next_number(work), sum(counts) + finished
    jobs = []
    for number, (device, count) in enumerate(zip(devices, counts, strict=True)):
        if count:
            env = {**cpu_settings(), **loading.env, **({GPUS: device} if device else {})}
            job = work / f"job-{number}.json"
            write_json(
                job,
                {
                    "model": loading.model,
                    "sources": [source_facts(source) for source in [*loading.sources, *references]],
                    "samplings": samplings,
                    "vllm": loading.vllm,
                    "env": env,
                    "asked": f"asked-{number}.jsonl",
                    "prompts": count,
                    "chunk": config.chunk,
                    "first_number": first + number,
                    "every_number": len(devices),
                },
            )
            jobs.append((job, _log(work, number)))
    answered = [0] * len(jobs)

    def on_line(number: int, line: str) -> None:
        if line.startswith("progress "):
            _, done, _, note = line.split(" ", 3)
            answered[number] = int(done)
            progress(finished + sum(answered), total, note)

    run_together("sampler.vllm_child", jobs, on_line)


def _some_fit(work: Path, asked: PromptRequests, loading: Loading) -> None:
    """Raise UserError for a split of which every prompt was set aside."""
    reasons: dict[str, str] = {}
    for path in work.glob("aside-*.json"):
        facts = read_json(path)
        if set(facts["sources"]) & set(loading.names):
            reasons |= {name: why for name, why in facts["reasons"].items() if why}
    if not reasons:
        return
    some: dict[str, str | None] = {}
    for one in requests_of(asked, loading):
        why = reasons.get(one.prompt_id)
        some[one.split] = why and some.get(one.split, why)
    for split, why in some.items():
        if why:
            also = "" if "current" in loading.names else f".also.{loading.names[0]}"
            raise UserError(
                f"no {split} prompt fits ({why}); lower max_tokens in sampler{also}.sampling or "
                f"raise max_model_len in sampler{also}.vllm"
            )


def _log(work: Path, number: int) -> Path:
    folder = work.parent.parent
    which = f"-{number}" if number else ""
    return run_of(folder) / "logs" / f"{folder.name}-sampler{which}.log"
