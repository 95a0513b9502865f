"""The train prompts of a round, streamed: what each comparison amounts to, looked at alone."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from pairs.build import comparison_rows
from pairs.cleaners import cleaners, first_reason
from pairs.config import PairsConfig
from pairs.contamination import Contamination
from pairs.pair import CandidatePair
from rounds.folder import read_round_start, round_number
from rounds.grouped import grouped
from rounds.rows import CANDIDATES, HELD_OUT, PROMPTS, VERDICTS, Candidate, DroppedPair, Verdict
from rounds.stages import Progress
from rounds.tables import iter_rows
from rounds.verdicts import SETTLED_BY
from texts.leaks import LeakFinder, LeakLimits

TRAIN = ("train",)

PROMPT_COLUMNS = ("prompt_id", "messages")
HELD_OUT_COLUMNS = ("prompt_id", "messages", "reference")
CANDIDATE_COLUMNS = (
    "candidate_id",
    "prompt_id",
    "index",
    "text",
    "text_hash",
    "finish_reason",
    "source",
)
TOKENS = "n_tokens"
"""A column of candidates that is read where `max_length_gap` asks for it."""
VERDICT_COLUMNS = (*SETTLED_BY, "repeat")


def decide_prompts(
    folder: Path, prompt_ids: list[str], config: PairsConfig, progress: Progress
) -> Iterator[DroppedPair]:
    """Rows of the dropped table in the order of the prompts; `reason` is null where none is found.

    Holds the rows of one prompt in memory, and the held-out prompts.
    """
    number = round_number(folder)
    start = read_round_start(folder)
    policy_id, own = start["policy"]["policy_id"], tuple(start.get("control_tokens", ()))
    held_out = iter_rows(folder, PROMPTS, HELD_OUT, HELD_OUT_COLUMNS)
    leaks = LeakFinder(held_out, leak_limits(folder, config))
    contamination = Contamination(leaks, iter_rows(folder, PROMPTS, TRAIN, PROMPT_COLUMNS))
    checks = cleaners(config, contamination, own)
    tables = zip(
        iter_rows(folder, PROMPTS, TRAIN, PROMPT_COLUMNS),
        grouped(folder, CANDIDATES, prompt_ids, TRAIN, candidate_columns(config)),
        grouped(folder, VERDICTS, prompt_ids, TRAIN, VERDICT_COLUMNS),
        strict=True,
    )
    for done, (prompt, of_prompt, verdicts) in enumerate(tables, start=1):
        candidates = {row["candidate_id"]: row for row in _sorted_candidates(of_prompt)}
        verdicts = _sorted_verdicts(verdicts, candidates)
        for row, reason in comparison_rows(number, prompt, candidates, verdicts):
            detail = None
            if row["chosen_id"] is not None and row["rejected_id"] is not None:
                chosen, rejected = candidates[row["chosen_id"]], candidates[row["rejected_id"]]
                drop = first_reason(CandidatePair(row, chosen, rejected), checks)
                reason, detail = drop or (None, None)
            yield {**row, "policy_id": policy_id, "reason": reason, "detail": detail}
        progress(done, len(prompt_ids))


def candidate_columns(config: PairsConfig) -> tuple[str, ...]:
    """What the pairs are made of, of a candidate."""
    return CANDIDATE_COLUMNS if config.max_length_gap is None else (*CANDIDATE_COLUMNS, TOKENS)


def leak_limits(folder: Path, config: PairsConfig) -> LeakLimits:
    """How close a pair of this round may come to the held-out prompts.

    Where prompts as near were left out when they were dealt, none is looked for again: beside the
    whole pool it shows which are of a pattern that many share, among those of a round it may not.
    """
    limits = config.leak_limits
    dealt: float | None = read_round_start(folder).get("near_held_out")
    if dealt is not None and limits.near is not None and dealt <= limits.near:
        return limits._replace(near=None)
    return limits


def _sorted_candidates(candidates: Iterable[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda row: (row["index"], row["candidate_id"]))


def _sorted_verdicts(verdicts: list[Verdict], candidates: Iterable[str]) -> list[Verdict]:
    """A prompt's verdicts in one order, however they lie on disk."""
    place: dict[str | None, int] = {None: -1}
    place |= {candidate_id: at for at, candidate_id in enumerate(candidates)}
    return sorted(
        verdicts,
        key=lambda row: (
            row["level"] or 0,
            place.get(row["candidate_a"], len(place)),
            place.get(row["candidate_b"], len(place)),
            row["judge_id"],
            row["shown_first"] or "",
            row["repeat"] or 0,
            row["verdict_id"],
        ),
    )
