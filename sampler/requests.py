"""What is to be sampled, and what earlier rounds have sampled already."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from rounds.folder import finished_rounds, round_number, run_of
from rounds.ids import digest, prompt_seed
from rounds.rows import (
    CANDIDATES,
    HELD_OUT,
    PROMPTS,
    Candidate,
    Messages,
    Prompt,
    written_candidate,
)
from rounds.tables import iter_rows
from sampler.writers import Writer


class WriterRequest(NamedTuple):
    """What one writer, by name, is to do about a prompt: n answers, of indices from `first_index`.

    The prompt's candidate i draws from seed + i, whoever writes it.
    """

    writer: str
    n: int
    first_index: int


class PromptRequest(NamedTuple):
    """A prompt with what every writer is to draw for it, and the candidates that are there already:
    references, and answers that are to be revised.
    """

    prompt_id: str
    split: str
    messages: Messages
    seed: int
    writer_requests: list[WriterRequest]
    existing: list[Candidate]
    source: str = ""
    """Where the prompt stood, for messages."""


PromptRequests = Callable[[], Iterator[PromptRequest]]
"""Yields all requests of a stage, from the beginning, as often as it is called."""


def train_requests(folder: Path, writers: list[Writer], seed: int) -> Iterator[PromptRequest]:
    """The train prompts of a round for all of its writers. The round is part of the seed: a policy
    that stays in place must not repeat itself.
    """
    purpose = f"round {round_number(folder)}"
    writer_requests = [
        WriterRequest(writer.name, writer.n, writer.first_index)
        for writer in writers
        if writer.policy
    ]
    references = [writer for writer in writers if writer.policy is None]
    for row in iter_rows(folder, PROMPTS, ["train"]):
        existing = [
            _reference_candidate(row, row["reference"], writer)
            for writer in references
            if row["reference"]
        ]
        yield _prompt_request(row, seed, purpose, writer_requests, existing)


def held_out_requests(folder: Path, seed: int) -> list[PromptRequest]:
    """The gate and test prompts, one answer each; the same seed whenever a policy answers them."""
    once = [WriterRequest("current", 1, 0)]
    held_out = iter_rows(folder, PROMPTS, HELD_OUT)
    return [_prompt_request(row, seed, "held-out", once, []) for row in held_out]


def candidate_id(request: PromptRequest, writer: Writer, index: int) -> str:
    """The id of a candidate, known before it is sampled."""
    assert writer.policy is not None, "a reference is not sampled"
    drawn_from = [request.seed, index, *writer.sampling_key]
    return digest("candidate", request.prompt_id, writer.policy.policy_id, *drawn_from)


def reading_id(prompt: str, policy_id: str, text: str) -> str:
    """The id of how likely a policy finds a text, by its hash, as the answer to a prompt."""
    return digest("reading", prompt, policy_id, text)


def requests_hash(requests: Iterable[PromptRequest]) -> str:
    """A hash of all that is requested, taken as it comes."""
    total = hashlib.sha256()
    for request in requests:
        existing = [row["text_hash"] for row in request.existing]
        parts = request.prompt_id, request.split, request.seed, request.writer_requests, existing
        total.update(digest(*parts).encode())
    return total.hexdigest()[:16]


def already_sampled(
    folder: Path, candidate_ids: set[str], include_this_round: bool
) -> list[Candidate]:
    """The held-out answers of these ids from earlier rounds, and from this one if told to."""
    earlier = finished_rounds(run_of(folder))
    sampled: dict[str, Candidate] = {}
    for round_dir in [*earlier, *([folder] if include_this_round else [])]:
        for row in iter_rows(round_dir, CANDIDATES, HELD_OUT):
            if row["candidate_id"] in candidate_ids:
                sampled[row["candidate_id"]] = row
    return list(sampled.values())


def held_out_aside(rounds: Iterable[Path]) -> dict[str, str]:
    """The held-out prompts that any of these rounds set aside and no policy answered there, with
    the reason: they stay aside. What one policy alone left unanswered, the next is asked.
    """
    columns = ["prompt_id", "set_aside"]
    found: dict[str, str] = {}
    for folder in rounds:
        rows = iter_rows(folder, PROMPTS, HELD_OUT, columns)
        aside = {row["prompt_id"]: row["set_aside"] for row in rows if row["set_aside"]}
        if aside:
            candidates = iter_rows(folder, CANDIDATES, HELD_OUT, ["prompt_id"])
            answered = {row["prompt_id"] for row in candidates}
            found |= {name: why for name, why in aside.items() if name not in answered}
    return found


def _prompt_request(
    row: Prompt,
    run_seed: int,
    purpose: str,
    writer_requests: list[WriterRequest],
    existing: list[Candidate],
) -> PromptRequest:
    seed = prompt_seed(run_seed, purpose, row["prompt_id"])
    asked = row["prompt_id"], row["split"], row["messages"], seed
    return PromptRequest(*asked, writer_requests, existing, row["source"])


def _reference_candidate(row: Prompt, reference: str, writer: Writer) -> Candidate:
    name = digest("candidate", row["prompt_id"], writer.name, reference)
    place = row["split"], writer.first_index, reference
    candidate = written_candidate(name, row["prompt_id"], *place, "reference")
    return {**candidate, "source": writer.name}
