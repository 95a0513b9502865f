"""One prompt's verdicts to one row: a pair, or what was considered and why it is none.

The label is the judge's confirmed outcome and nothing else. Where the judge did not settle a
comparison the row has no chosen and no rejected.
"""

from typing import Any

from rounds.ids import digest
from rounds.settle import comparisons, settle
from rounds.tables import Row


def considered(
    number: int, prompt: Row, candidates: dict[str, Row], verdicts: list[Row]
) -> tuple[Row, str | None]:
    """The prompt's row and the reason it is not a pair, or None.

    `candidates` are the prompt's candidates by id, `verdicts` its verdict rows.
    """
    compared = comparisons(verdicts)
    if not compared:
        return _undecided(number, prompt, list(candidates), verdicts), _why_not_compared(
            candidates, verdicts
        )
    (a, b), rows = next(iter(compared.items()))
    settled = settle(rows)
    if settled.outcome not in ("a", "b"):
        reason = "tie" if settled.outcome == "tie" else f"abstain:{settled.reason}"
        return _undecided(number, prompt, [a, b], verdicts), reason
    chosen, rejected = (a, b) if settled.outcome == "a" else (b, a)
    scores = {row["candidate_a"]: row["score"] for row in verdicts if row["kind"] == "pointwise"}
    high, low = scores.get(chosen), scores.get(rejected)
    row = _undecided(number, prompt, [a, b], verdicts) | {
        "chosen": _answer(candidates[chosen]),
        "rejected": _answer(candidates[rejected]),
        "chosen_id": chosen,
        "rejected_id": rejected,
        "score_chosen": high,
        "score_rejected": low,
        "margin": None if high is None or low is None else high - low,
    }
    return row, None


def _undecided(number: int, prompt: Row, ids: list[str], verdicts: list[Row]) -> Row:
    judges = [row["judge_id"] for row in verdicts]
    return {
        "pair_id": digest("pair", prompt["prompt_id"], sorted(ids)),
        "prompt_id": prompt["prompt_id"],
        "round": number,
        "prompt": prompt["messages"],
        **dict.fromkeys(("chosen", "rejected", "chosen_id", "rejected_id")),
        "candidate_ids": ids,
        **dict.fromkeys(("score_chosen", "score_rejected", "margin", "policy_id")),
        "judge_id": judges[-1] if judges else None,
        "verdict_ids": [row["verdict_id"] for row in verdicts],
    }


def _why_not_compared(candidates: dict[str, Row], verdicts: list[Row]) -> str:
    if not candidates:
        return "not_sampled"
    if not verdicts:
        ended = [row for row in candidates.values() if row["finish_reason"] != "length"]
        if len(ended) < 2:
            return "cut_off"
        written = [row for row in ended if row["text"].strip()]
        return "empty" if len(written) < 2 else "identical"
    if sum(row["outcome"] == "scored" for row in verdicts) < 2:
        return f"abstain:{next(row['reason'] for row in verdicts if row['reason'])}"
    return "no_margin"


def _answer(candidate: Row) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": candidate["text"]}]
