"""Which sources one loading of weights serves, and what each of its processes is told."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from sampler.chunks import finished_prompts
from sampler.requests import PromptRequest, PromptRequests
from sampler.writers import Writer


class Loading(NamedTuple):
    """Sources that one loading of weights serves: the same base, engine arguments and env."""

    model: str
    vllm: dict[str, Any]
    env: dict[str, str]
    sources: list[Writer]

    @property
    def names(self) -> list[str]:
        """Its sources' names."""
        return [source.name for source in self.sources]


def loadings(sources: list[Writer]) -> list[Loading]:
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


def share_out(
    work: Path, asked: PromptRequests, loading: Loading, processes: int
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
        for one in requests_of(asked, loading):
            if one.prompt_id in done:
                finished += 1
                continue
            number = sum(counts) % processes
            files[number].write(json.dumps(one._asdict(), ensure_ascii=False) + "\n")
            counts[number] += 1
    return counts, finished


def requests_of(asked: PromptRequests, loading: Loading) -> Iterator[PromptRequest]:
    """What is asked of this loading's sources, and the texts that they revise."""
    names = set(loading.names)
    revised = {source.revises for source in loading.sources}
    for one in asked():
        requests = [request for request in one.requests if request.source in names]
        if requests:
            known = [row for row in one.known if row["source"] in revised]
            yield one._replace(requests=requests, known=known)


def source_facts(source: Writer) -> dict[str, Any]:
    """A source as a job file tells it."""
    parts = {"policy": source.policy, "recipe": source.recipe}
    return {
        **source._asdict(),
        **{name: part._asdict() if part else None for name, part in parts.items()},
    }
