"""What became of the comparisons of a stronger source with a weaker one."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from judge.config import Delta
from judge.inputs import judged_prompts
from rounds.rows import Candidate, Verdict
from rounds.verdicts import SETTLED_BY, comparisons, settle

COUNTED = ("confirmed", "reversed", "tie", "abstained", "not_compared")
"""What the judge said of a comparison: the better source has won, the worse one, neither, nothing;
and how many prompts gave none, for want of an answer or of a difference of their scores."""


def delta_counts(folder: Path, ids: Sequence[str], delta: Delta | None) -> dict[str, Any]:
    """The names of both sources and COUNTED, of the prompts `ids` of a judged round; nothing where
    there are no such two. A stream by prompt.
    """
    if delta is None:
        return {}
    counts = Counter(dict.fromkeys(COUNTED, 0))
    for judged in judged_prompts(folder, ids, ("prompt_id", "candidate_id", "source"), SETTLED_BY):
        counts.update(_outcomes(judged.candidates, judged.verdicts, delta))
    return {"delta": {**delta.model_dump(), **counts}}


def _outcomes(candidates: list[Candidate], verdicts: list[Verdict], delta: Delta) -> list[str]:
    source = {row["candidate_id"]: row["source"] for row in candidates}
    outcomes = []
    for (a, _), rows in comparisons(verdicts).items():
        outcome = settle(rows).outcome
        if outcome in ("a", "b"):
            a_is_better = source[a] == delta.better
            outcome = "confirmed" if (outcome == "a") == a_is_better else "reversed"
        outcomes.append("abstained" if outcome == "abstain" else outcome)
    return outcomes or ["not_compared"]
