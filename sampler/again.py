"""A share of the candidates drawn once more from seed and weights."""

from collections.abc import Iterator
from math import ceil
from pathlib import Path

from endpoints.open import Endpoints
from rounds.checks import Looked
from rounds.folder import policy_of, read_round_start, run_of
from rounds.ids import digest
from rounds.rows import CANDIDATES, PROMPTS, Candidate
from rounds.stages import Progress, work_dir
from rounds.tables import iter_rows
from sampler.chunks import ChunkReader
from sampler.config import SamplerConfig
from sampler.requests import PromptRequest, PromptRequests, train_requests
from sampler.vllm_parent import sample_with_vllm
from sampler.writers import Writer, writers_of_round

DRAWN = ("text", "token_ids", "finish_reason")


def check_drawn_again(
    looked: Looked,
    folder: Path,
    config: SamplerConfig,
    endpoints: Endpoints,
    share: float,
    progress: Progress,
) -> None:
    """Draw the candidates of a share of the answered train prompts again, chosen by hash, and
    compare texts and tokens. `folder` is a copy of the round, which this may write into.

    Starts the sampler's own child. What an endpoint wrote, or what revises that, is left out.
    """
    start = read_round_start(folder)
    policy = policy_of(run_of(folder), start["policy"])
    writers = [
        writer
        for writer in writers_of_round(folder, config, policy, endpoints)
        if writer.policy is None or writer.policy.served is None
    ]
    here = {writer.name for writer in writers if writer.policy is not None}
    writers = [one for one in writers if one.revises is None or one.revises in here | {"reference"}]
    names = {writer.name for writer in writers if writer.policy is not None}
    others = {row["source"] for row in iter_rows(folder, CANDIDATES, ["train"], ["source"])} - names
    for name in sorted(others):
        looked.leave_out(f"candidates of {name}: not drawn from weights that are here")
    if "current" not in names:
        looked.leave_out("the policy in place is an endpoint's model")
        return
    chosen = _chosen(folder, share)

    def requests() -> Iterator[PromptRequest]:
        asked = train_requests(folder, writers, start["seed"])
        return (request for request in asked if request.prompt_id in chosen)

    drawn = _draw(folder, requests, config, progress, writers)
    columns = ["candidate_id", "prompt_id", "source", *DRAWN]
    for row in iter_rows(folder, CANDIDATES, ["train"], columns):
        if row["prompt_id"] in chosen and row["source"] in names:
            again = drawn.get(row["candidate_id"])
            looked.must(again is not None, CANDIDATES, row["candidate_id"], "is not drawn again")
            if again is not None and (what := _difference(row, again)):
                looked.fault(CANDIDATES, row["candidate_id"], what)


def _draw(
    folder: Path,
    requests: PromptRequests,
    config: SamplerConfig,
    progress: Progress,
    writers: list[Writer],
) -> dict[str, Candidate]:
    work = work_dir(folder, "again", "1")
    (run_of(folder) / "logs").mkdir(exist_ok=True)
    sample_with_vllm(work, requests, writers, config, progress)
    chunks = ChunkReader(work)
    rows = (row for request in requests() for row in chunks.candidates(request.prompt_id))
    return {row["candidate_id"]: row for row in rows}


def _chosen(folder: Path, share: float) -> set[str]:
    rows = iter_rows(folder, PROMPTS, ["train"], ["prompt_id", "set_aside"])
    answered = [row["prompt_id"] for row in rows if row["set_aside"] is None]
    by_hash = sorted(answered, key=lambda name: digest("again", name))
    return set(by_hash[: ceil(share * len(answered))])


def _difference(row: Candidate, again: Candidate) -> str | None:
    """What is drawn otherwise, if anything."""
    if all(row[name] == again[name] for name in DRAWN):  # type: ignore[literal-required]
        return None
    tokens, others = row["token_ids"] or [], again["token_ids"] or []
    both = enumerate(zip(tokens, others, strict=False))  # one of them may end before the other
    shorter = min(len(tokens), len(others))
    same = next((place for place, (one, other) in both if one != other), shorter)
    return f"is drawn otherwise from token {same} of {len(tokens)} on"
