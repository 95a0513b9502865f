"""Which writers one loading of weights serves, and what each of its processes is told."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from rounds.files import json_text
from sampler.chunks import finished_prompts
from sampler.requests import PromptRequest, PromptRequests
from sampler.writers import Writer


class Loading(NamedTuple):
    """Writers that one loading of weights serves: the same base, engine arguments and env."""

    model: str
    vllm: dict[str, Any]
    env: dict[str, str]
    writers: list[Writer]

    @property
    def names(self) -> list[str]:
        """Its writers' names."""
        return [writer.name for writer in self.writers]


def loadings(writers: list[Writer]) -> list[Loading]:
    """The writers with weights on this machine, grouped; LoRA adapters share their base."""
    groups: list[Loading] = []
    for writer in writers:
        if writer.policy is None or writer.policy.served is not None:
            continue
        wanted = (writer.policy.model, writer.vllm, writer.env)
        same = next((loading for loading in groups if loading[:3] == wanted), None)
        if same is None:
            groups.append(same := Loading(*wanted, []))
        same.writers.append(writer)
    return groups


def share_out(
    work: Path, requests: PromptRequests, loading: Loading, processes: int
) -> tuple[list[int], int]:
    """Write the requests that are left, one by one in turn, to requests-N.jsonl for process N.

    Returns how many prompts each has got, and how many are finished.
    """
    done = finished_prompts(work, loading.names)
    counts, finished = [0] * processes, 0
    with ExitStack() as stack:
        files = [
            stack.enter_context(requests_path(work, number).open("w", encoding="utf-8"))
            for number in range(processes)
        ]
        for request in requests_for(requests, loading):
            if request.prompt_id in done:
                finished += 1
                continue
            number = sum(counts) % processes
            files[number].write(json_text(request._asdict()) + "\n")
            counts[number] += 1
    return counts, finished


def requests_path(work: Path, process: int) -> Path:
    """The requests of one process, a line each."""
    return work / f"requests-{process}.jsonl"


def requests_for(requests: PromptRequests, loading: Loading) -> Iterator[PromptRequest]:
    """What is requested of this loading's writers, and the texts that they revise."""
    names = set(loading.names)
    revised = {writer.revises for writer in loading.writers}
    for request in requests():
        writer_requests = [one for one in request.writer_requests if one.writer in names]
        if writer_requests:
            existing = [row for row in request.existing if row["source"] in revised]
            yield request._replace(writer_requests=writer_requests, existing=existing)


def fit_facts(
    work: Path, requests: PromptRequests, groups: list[Loading], stop: bool, answered: list[str]
) -> dict[str, Any]:
    """What the first process is told of all loadings and prompts, which it looks at beforehand."""
    path = work / "prompts.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for request in requests():
            facts = request._replace(existing=[])._asdict()
            file.write(json_text(facts) + "\n")
    described = [
        {
            "vllm": loading.vllm,
            "writers": [writer_facts(writer) for writer in loading.writers],
        }
        for loading in groups
    ]
    return {"loadings": described, "requests": path.name, "stop": stop, "answered": answered}


def writer_facts(writer: Writer) -> dict[str, Any]:
    """A writer as a job file tells it."""
    parts = {"policy": writer.policy, "constitution": writer.constitution}
    return {
        **writer._asdict(),
        **{name: part._asdict() if part else None for name, part in parts.items()},
    }
