"""The train prompts of a round, streamed: what each comparison amounts to, looked at alone."""

from collections.abc import Iterator
from pathlib import Path

from pairs.build import considered
from pairs.cleaners import cleaners, first_reason
from pairs.config import PairsConfig
from pairs.contamination import Contamination
from pairs.pair import CandidatePair
from rounds.folder import round_number, round_start
from rounds.grouped import grouped
from rounds.rows import CANDIDATES, PROMPTS, VERDICTS
from rounds.stages import Progress
from rounds.tables import Row, iter_rows
from texts.leaks import LeakFinder

TRAIN = ("train",)
HELD_OUT = ("gate", "test")
PROMPT = ("prompt_id", "messages")
HELD_OUT_PROMPT = ("prompt_id", "messages", "reference")
CANDIDATE = ("candidate_id", "prompt_id", "index", "text", "text_hash", "finish_reason", "source")
VERDICT = (
    "verdict_id",
    "prompt_id",
    "kind",
    "candidate_a",
    "candidate_b",
    "shown_first",
    "outcome",
    "reason",
    "score",
    "probability",
    "judge_id",
    "purpose",
    "level",
    "threshold",
    "ranking",
    "repeat",
)


def decide_prompts(
    folder: Path, prompt_ids: list[str], config: PairsConfig, progress: Progress
) -> Iterator[Row]:
    """Rows of the dropped table in the order of the prompts; `reason` is null where none is found.

    Holds the rows of one prompt in memory, and the held-out prompts.
    """
    number = round_number(folder)
    policy = round_start(folder)["policy"]["policy_id"]
    held_out = LeakFinder(iter_rows(folder, PROMPTS, HELD_OUT, HELD_OUT_PROMPT), config.held_out)
    known = Contamination(held_out, iter_rows(folder, PROMPTS, TRAIN, PROMPT))
    checks = cleaners(config, known)
    prompts = iter_rows(folder, PROMPTS, TRAIN, PROMPT)
    sampled = grouped(folder, CANDIDATES, prompt_ids, TRAIN, CANDIDATE)
    judged = grouped(folder, VERDICTS, prompt_ids, TRAIN, VERDICT)
    for done, (prompt, answers, verdicts) in enumerate(zip(prompts, sampled, judged, strict=True)):
        by_id = {row["candidate_id"]: row for row in _in_order(answers)}
        for row, reason in considered(number, prompt, by_id, _told(verdicts, by_id)):
            detail = None
            if reason is None:
                pair = CandidatePair(row, by_id[row["chosen_id"]], by_id[row["rejected_id"]])
                reason, detail = first_reason(pair, checks) or (None, None)
            yield {**row, "policy_id": policy, "reason": reason, "detail": detail}
        progress(done + 1, len(prompt_ids))


def _in_order(answers: list[Row]) -> list[Row]:
    return sorted(answers, key=lambda row: (row["index"], row["candidate_id"]))


def _told(verdicts: list[Row], answers: dict[str, Row]) -> list[Row]:
    """A prompt's verdicts in one order, however they lie on disk."""
    place: dict[str | None, int] = {None: -1}
    place |= {name: at for at, name in enumerate(answers)}
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
