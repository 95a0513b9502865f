"""What is to be sampled, and what earlier rounds have sampled already."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from rounds.folder import finished_rounds, round_number, run_of
from rounds.ids import digest, prompt_seed
from rounds.rows import CANDIDATES, PROMPTS, written_candidate
from rounds.tables import Row, iter_rows
from sampler.writers import Writer

HELD_OUT = ("gate", "test")


class SourceRequest(NamedTuple):
    """What one source is to do about a prompt: n answers, of indices from `first` on.

    The prompt's candidate i draws from seed + i, whoever writes it.
    """

    source: str
    n: int
    first: int


class PromptRequest(NamedTuple):
    """A prompt, what is asked about it, and the candidates that nobody has to write."""

    prompt_id: str
    split: str
    messages: list[dict[str, str]]
    seed: int
    requests: list[SourceRequest]
    known: list[Row]


PromptRequests = Callable[[], Iterator[PromptRequest]]
"""What a stage asks, from the beginning, as often as it is called."""


def train_requests(folder: Path, sources: list[Writer], seed: int) -> Iterator[PromptRequest]:
    """The train prompts of a round for all of its sources. The round is part of the seed: a policy
    that stays in place must not repeat itself.
    """
    purpose = f"round {round_number(folder)}"
    requests = [
        SourceRequest(source.name, source.n, source.first) for source in sources if source.policy
    ]
    references = [source for source in sources if source.policy is None]
    for row in iter_rows(folder, PROMPTS, ["train"]):
        known = [_reference(row, source) for source in references if row["reference"]]
        yield _asked(row, seed, purpose, requests, known)


def held_out_requests(folder: Path, seed: int) -> list[PromptRequest]:
    """The gate and test prompts, one answer each; the same seed whenever a policy answers them."""
    once = [SourceRequest("current", 1, 0)]
    held_out = iter_rows(folder, PROMPTS, HELD_OUT)
    return [_asked(row, seed, "held-out", once, []) for row in held_out]


def candidate_id(asked: PromptRequest, source: Writer, index: int) -> str:
    """The id of a candidate, known before it is sampled."""
    assert source.policy is not None, "a reference is not sampled"
    drawn = [asked.seed, index, *source.drawn_by]
    return digest("candidate", asked.prompt_id, source.policy.policy_id, *drawn)


def requests_hash(asked: Iterable[PromptRequest]) -> str:
    """A hash of all that is asked, taken as it comes."""
    total = hashlib.sha256()
    for one in asked:
        known = [row["text_hash"] for row in one.known]
        total.update(digest(one.prompt_id, one.split, one.seed, one.requests, known).encode())
    return total.hexdigest()[:16]


def already_sampled(folder: Path, wanted: set[str], here: bool) -> list[Row]:
    """The `wanted` held-out answers of earlier rounds, and with `here` of this one as well."""
    found: dict[str, Row] = {}
    for done in [*finished_rounds(run_of(folder)), *([folder] if here else [])]:
        for row in iter_rows(done, CANDIDATES, HELD_OUT):
            if row["candidate_id"] in wanted:
                found[row["candidate_id"]] = row
    return list(found.values())


def _asked(
    row: Row, seed: int, purpose: str, requests: list[SourceRequest], known: list[Row]
) -> PromptRequest:
    drawn = prompt_seed(seed, purpose, row["prompt_id"])
    return PromptRequest(row["prompt_id"], row["split"], row["messages"], drawn, requests, known)


def _reference(row: Row, source: Writer) -> Row:
    name = digest("candidate", row["prompt_id"], source.name, row["reference"])
    place = row["split"], source.first, row["reference"]
    written = written_candidate(name, row["prompt_id"], *place, "reference")
    return {**written, "source": source.name}
