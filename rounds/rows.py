"""The rows of a round's tables: plain dicts with a type. Meanings of columns: `schema.py`."""

from collections.abc import Mapping
from typing import Any, Generic, TypedDict, TypeVar

from rounds.ids import text_hash

Messages = list[dict[str, str]]
"""Chat messages, each with its role and content."""


class Prompt(TypedDict):
    """A row of prompts.parquet."""

    prompt_id: str
    messages: Messages
    source: str
    split: str
    set_aside: str | None
    reference: str | None
    guidelines: str | None
    tags: list[str] | None


class Candidate(TypedDict):
    """A row of candidates.parquet."""

    candidate_id: str
    prompt_id: str
    split: str
    policy_id: str
    index: int
    text: str
    text_hash: str
    token_ids: list[int] | None
    n_tokens: int | None
    logprob: float | None
    finish_reason: str
    seed: int | None
    source: str
    revised_from: str | None
    critique: str | None
    prompt_token_ids: list[int] | None


class Criterion(TypedDict):
    """What a verdict says of one criterion."""

    name: str
    value: float


class Verdict(TypedDict):
    """A row of verdicts.parquet: one call of a judge."""

    verdict_id: str
    prompt_id: str
    split: str
    kind: str
    candidate_a: str | None
    candidate_b: str | None
    shown_first: str | None
    outcome: str
    reason: str | None
    score: float | None
    probability: float | None
    rationale: str | None
    raw_text: str
    judge_id: str
    rubric_hash: str | None
    request_key: str
    prompt_tokens: int
    completion_tokens: int
    cost: float
    purpose: str
    level: int
    threshold: float
    criteria: list[Criterion] | None
    shown: list[str] | None
    ranking: list[str] | None
    repeat: int
    flags: list[str]
    cached_tokens: int
    estimated: bool


class Pair(TypedDict):
    """A row of pairs.parquet: the judge confirmed which of two candidates is better."""

    pair_id: str
    prompt_id: str
    round: int
    prompt: Messages
    chosen: Messages
    rejected: Messages
    chosen_id: str
    rejected_id: str
    candidate_ids: list[str]
    score_chosen: float | None
    score_rejected: float | None
    margin: float | None
    policy_id: str
    judge_id: str
    verdict_ids: list[str]
    probability: float | None
    chosen_source: str
    rejected_source: str


class ConsideredPair(TypedDict):
    """The columns of a pair where it need not have become one: two candidates, decided or not, or
    what was not compared at all."""

    pair_id: str
    prompt_id: str
    round: int
    prompt: Messages
    chosen: Messages | None
    rejected: Messages | None
    chosen_id: str | None
    rejected_id: str | None
    candidate_ids: list[str]
    score_chosen: float | None
    score_rejected: float | None
    margin: float | None
    policy_id: str | None
    judge_id: str | None
    verdict_ids: list[str]
    probability: float | None
    chosen_source: str | None
    rejected_source: str | None


class DroppedPair(ConsideredPair):
    """A row of dropped.parquet. While a round is looked at, `reason` is None where none is found
    yet."""

    reason: str | None
    detail: str | None


class ExtraPair(TypedDict):
    """A row of extra.parquet: a pair trained on that this round did not make. One that another
    round made has all columns of a pair, one from elsewhere only what its source says."""

    pair_id: str
    prompt_id: str
    round: int | None
    prompt: Messages
    chosen: Messages
    rejected: Messages
    chosen_id: str | None
    rejected_id: str | None
    candidate_ids: list[str] | None
    score_chosen: float | None
    score_rejected: float | None
    margin: float | None
    policy_id: str | None
    judge_id: str | None
    verdict_ids: list[str] | None
    probability: float | None
    chosen_source: str | None
    rejected_source: str | None
    origin: str


class SuiteAnswer(TypedDict):
    """A row of suites.parquet: an answer to a prompt of a regression suite."""

    suite: str
    prompt_id: str
    messages: Messages
    reference: str | None
    source: str
    candidate_id: str
    policy_id: str
    index: int
    text: str
    text_hash: str
    n_tokens: int | None
    finish_reason: str
    seed: int
    logprob: float | None


AnyRow = TypeVar("AnyRow", bound=Mapping[str, Any])


class Table(str, Generic[AnyRow]):
    """The name of a table, with the type of its rows."""


PROMPTS: Table[Prompt] = Table("prompts")
CANDIDATES: Table[Candidate] = Table("candidates")
VERDICTS: Table[Verdict] = Table("verdicts")
PAIRS: Table[Pair] = Table("pairs")
DROPPED: Table[DroppedPair] = Table("dropped")
EXTRA: Table[ExtraPair] = Table("extra")
SUITES: Table[SuiteAnswer] = Table("suites")

HELD_OUT = ("gate", "test")
"""The splits that nothing is trained on."""


def written_candidate(
    candidate_id: str, prompt_id: str, split: str, index: int, text: str, writer: str
) -> Candidate:
    """The row of a text that was written and not sampled: a reference, a gold answer, a test of the
    judge. `writer` stands in for a policy's id.
    """
    return {
        "candidate_id": candidate_id,
        "prompt_id": prompt_id,
        "split": split,
        "policy_id": writer,
        "index": index,
        "text": text,
        "text_hash": text_hash(text),
        "token_ids": None,
        "n_tokens": None,
        "logprob": None,
        "finish_reason": "stop",
        "seed": None,
        "source": writer,
        "revised_from": None,
        "critique": None,
        "prompt_token_ids": None,
    }
