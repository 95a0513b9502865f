"""What the judge has said in a round that has no pairs yet: it stopped, or is under way."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rounds.considered import unlabelled
from rounds.grouped import grouped
from rounds.rows import (
    CANDIDATES,
    PROMPTS,
    VERDICTS,
    Candidate,
    ConsideredPair,
    Prompt,
    Verdict,
)
from rounds.tables import iter_rows
from rounds.verdicts import CandidateIds, comparisons, settle

SPLITS = {"train": ("train",), "gold": ("gold",), "health": ("train", "health")}
"""Splits of the verdicts that are shown, in order, each with those that its candidates are in."""

PROMPTS_OF = {"train": "train", "gold": "gold", "health": "train"}


class JudgedPair(ConsideredPair):
    """What the judge said of two answers, or of one prompt's answers that it compared no two of.

    `stands` says in words what that amounts to.
    """

    kept: bool
    reason: str | None
    stands: str
    candidates: list[Candidate]
    other_candidates: list[Candidate]
    verdicts: list[Verdict]


def judged_so_far(folder: Path, number: int, prefix: str = "") -> Iterator[JudgedPair]:
    """The comparisons that are in the round's table of verdicts: of its labels, then of the gold
    set, then of the tests of its judge. Those whose pair_id begins with `prefix`.
    """
    for split, of_candidates in SPLITS.items():
        judged = {row["prompt_id"] for row in iter_rows(folder, VERDICTS, [split], ["prompt_id"])}
        prompts = {
            row["prompt_id"]: row
            for row in iter_rows(folder, PROMPTS, [PROMPTS_OF[split]])
            if row["prompt_id"] in judged
        }
        tables = zip(
            prompts.values(),
            grouped(folder, CANDIDATES, list(prompts), of_candidates),
            grouped(folder, VERDICTS, list(prompts), [split]),
            strict=True,
        )
        for prompt, candidates, verdicts in tables:
            rows = _of_prompt(number, split, prompt, candidates, verdicts)
            yield from (row for row in rows if row["pair_id"].startswith(prefix))


def _of_prompt(
    number: int,
    split: str,
    prompt: Prompt,
    candidates: list[Candidate],
    verdicts: list[Verdict],
) -> Iterator[JudgedPair]:
    compared: list[tuple[str, CandidateIds, list[Verdict]]] = [
        (purpose, ids, rows)
        for purpose in dict.fromkeys(row["purpose"] for row in verdicts)
        for ids, rows in comparisons(verdicts, purpose).items()
        if purpose != "screen" or rows[0]["kind"] == "pairwise"
    ]
    of_comparisons = {row["verdict_id"] for _, _, rows in compared for row in rows}
    others = [row for row in verdicts if row["verdict_id"] not in of_comparisons]
    if not compared:
        ids = [row["candidate_id"] for row in candidates if row["split"] == prompt["split"]]
        yield _row(number, prompt, candidates, ids, others, "no two were compared")
    for purpose, (a, b), rows in compared:
        settled = settle(rows)
        label = {"train": "", "gold": "gold set, ", "health": f"test of the judge ({purpose}), "}
        won = {"a": "decided", "b": "decided", "tie": "a tie"}.get(settled.outcome)
        stands = label[split] + (won or f"undecided: {settled.reason}")
        row = _row(number, prompt, candidates, [a, b], [*others, *rows], stands)
        if settled.outcome in ("a", "b"):
            chosen, rejected = (a, b) if settled.outcome == "a" else (b, a)
            row["chosen_id"], row["rejected_id"] = chosen, rejected
        row["judge_id"], row["probability"] = settled.judge_id, settled.probability
        yield row


def _row(
    number: int,
    prompt: Prompt,
    candidates: list[Candidate],
    ids: Sequence[str],
    verdicts: list[Verdict],
    stands: str,
) -> JudgedPair:
    named = set(ids)
    return {
        **unlabelled(number, prompt, list(ids), verdicts),
        "kept": False,
        "reason": None,
        "stands": stands,
        "candidates": [row for row in candidates if row["candidate_id"] in named],
        "other_candidates": [row for row in candidates if row["candidate_id"] not in named],
        "verdicts": verdicts,
    }
