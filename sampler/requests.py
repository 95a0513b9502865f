"""What is to be sampled, and what earlier rounds have sampled already."""

from pathlib import Path
from typing import Any, NamedTuple

from rounds.folder import finished_rounds, round_number, run_of
from rounds.ids import digest, prompt_seed
from rounds.tables import Row, read_rows
from rounds.weights import Policy

HELD_OUT = ("gate", "test")


class Request(NamedTuple):
    """One prompt to be answered n times; answer i draws from seed + i."""

    prompt_id: str
    split: str
    messages: list[dict[str, str]]
    n: int
    seed: int


def train_requests(folder: Path, n: int, seed: int) -> list[Request]:
    """The train prompts of a round. The round is part of the seed: a policy that stays in place
    must not repeat itself.
    """
    purpose = f"round {round_number(folder)}"
    return [_request(row, n, seed, purpose) for row in read_rows(folder, "prompts", ["train"])]


def held_out_requests(folder: Path, seed: int) -> list[Request]:
    """The gate and test prompts, one answer each; the same seed whenever a policy answers them."""
    return [_request(row, 1, seed, "held-out") for row in read_rows(folder, "prompts", HELD_OUT)]


def candidate_id(request: Request, policy: Policy, sampling: dict[str, Any], index: int) -> str:
    """The id of a candidate, known before it is sampled."""
    drawn = [request.seed, index, sampling]
    return digest("candidate", request.prompt_id, policy.policy_id, *drawn)


def already_sampled(folder: Path, wanted: set[str], here: bool) -> list[Row]:
    """The `wanted` held-out answers of earlier rounds, and with `here` of this one as well."""
    found: dict[str, Row] = {}
    for done in [*finished_rounds(run_of(folder)), *([folder] if here else [])]:
        for row in read_rows(done, "candidates", HELD_OUT):
            if row["candidate_id"] in wanted:
                found[row["candidate_id"]] = row
    return list(found.values())


def _request(row: Row, n: int, seed: int, purpose: str) -> Request:
    drawn = prompt_seed(seed, purpose, row["prompt_id"])
    return Request(row["prompt_id"], row["split"], row["messages"], n, drawn)
