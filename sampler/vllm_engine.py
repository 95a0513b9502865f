"""The vLLM side seen from the parent: loadings of weights, each one or more child processes."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from endpoints.serve import cpu_settings
from rounds.errors import UserError
from rounds.files import read_json, write_json
from rounds.folder import run_of
from rounds.progress import Progress
from sampler.chunks import finished_prompts, next_number
from sampler.config import GPUS, SamplerConfig
from sampler.lineup import Source
from sampler.processes import run_together
from sampler.requests import Asked

AllAsked = Callable[[], Iterator[Asked]]
"""What a stage asks, from the beginning, as often as it is called."""


class Loading(NamedTuple):
    """Sources that one loading of weights serves: the same base, engine arguments and env."""

    model: str
    vllm: dict[str, Any]
    env: dict[str, str]
    sources: list[Source]

    @property
    def names(self) -> list[str]:
        """Its sources' names."""
        return [source.name for source in self.sources]


def loadings(sources: list[Source]) -> list[Loading]:
    """The sources with weights on this machine, grouped; LoRA adapters share their base."""
    found: list[Loading] = []
    for source in sources:
        if source.policy is None or source.policy.served is not None:
            continue
        wants = (source.policy.model, source.vllm, source.env)
        there = next((one for one in found if one[:3] == wants), None)
        if there is None:
            found.append(there := Loading(*wants, []))
        there.sources.append(source)
    return found


def sample_with_vllm(
    work: Path,
    asked: AllAsked,
    sources: list[Source],
    config: SamplerConfig,
    progress: Progress,
) -> None:
    """Have every source with weights on this machine answer, in chunks under `work`.

    One loading after the other, each on all devices. Prompts that are in a chunk already are not
    asked again: a kill costs at most one chunk of finished prompts a process.
    """
    references = [source for source in sources if source.policy is None]
    for loading in loadings(sources):
        _run(work, asked, loading, references, config, progress)
        _some_fit(work, asked, loading)


def share_out(
    work: Path, asked: AllAsked, loading: Loading, processes: int
) -> tuple[list[int], int]:
    """Write what is left to be asked, prompt by prompt in turn, to asked-N.jsonl for process N.

    Returns how many each has got, and how many prompts are finished.
    """
    done = finished_prompts(work, loading.names)
    counts, finished = [0] * processes, 0
    with ExitStack() as stack:
        files = [
            stack.enter_context((work / f"asked-{number}.jsonl").open("w", encoding="utf-8"))
            for number in range(processes)
        ]
        for one in _of_loading(asked, loading):
            if one.prompt_id in done:
                finished += 1
                continue
            number = sum(counts) % processes
            files[number].write(json.dumps(one._asdict(), ensure_ascii=False) + "\n")
            counts[number] += 1
    return counts, finished


def _run(
    work: Path,
    asked: AllAsked,
    loading: Loading,
    references: list[Source],
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
                    "sources": [_facts(source) for source in [*loading.sources, *references]],
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


def _some_fit(work: Path, asked: AllAsked, loading: Loading) -> None:
    """Raise UserError for a split of which every prompt was set aside."""
    reasons: dict[str, str] = {}
    for path in work.glob("aside-*.json"):
        facts = read_json(path)
        if set(facts["sources"]) & set(loading.names):
            reasons |= {name: why for name, why in facts["reasons"].items() if why}
    if not reasons:
        return
    some: dict[str, str | None] = {}
    for one in _of_loading(asked, loading):
        why = reasons.get(one.prompt_id)
        some[one.split] = why and some.get(one.split, why)
    for split, why in some.items():
        if why:
            also = "" if "current" in loading.names else f".also.{loading.names[0]}"
            raise UserError(
                f"no {split} prompt fits ({why}); lower max_tokens in sampler{also}.sampling or "
                f"raise max_model_len in sampler{also}.vllm"
            )


def _of_loading(asked: AllAsked, loading: Loading) -> Iterator[Asked]:
    """What is asked of this loading's sources, and the texts that they revise."""
    names = set(loading.names)
    revised = {source.revises for source in loading.sources}
    for one in asked():
        requests = [request for request in one.requests if request.source in names]
        if requests:
            known = [row for row in one.known if row["source"] in revised]
            yield one._replace(requests=requests, known=known)


def _facts(source: Source) -> dict[str, Any]:
    parts = {"policy": source.policy, "recipe": source.recipe}
    return {
        **source._asdict(),
        **{name: part._asdict() if part else None for name, part in parts.items()},
    }


def _log(work: Path, number: int) -> Path:
    folder = work.parent.parent
    which = f"-{number}" if number else ""
    return run_of(folder) / "logs" / f"{folder.name}-sampler{which}.log"
