"""One prompt's verdicts to rows: pairs, or what was considered and why it is none.

The label is the judge's confirmed outcome and nothing else. Where the judge did not settle a
comparison the row has no chosen and no rejected.
"""

from typing import Any

from rounds.ids import digest
from rounds.tables import Row
from rounds.verdicts import comparisons, margin, screen_scores, settle


def considered(
    number: int, prompt: Row, candidates: dict[str, Row], verdicts: list[Row]
) -> list[tuple[Row, str | None]]:
    """A row for each comparison of the prompt, with the reason it is not a pair, or None.

    `candidates` are the prompt's candidates by id, `verdicts` its verdict rows. A prompt without
    a comparison gives one row that says why.
    """
    compared = comparisons(verdicts)
    if not compared:
        reason = _why_not_compared(candidates, verdicts)
        return [(_undecided(number, prompt, list(candidates), verdicts), reason)]
    ours = {row["verdict_id"] for rows in compared.values() for row in rows}
    others = [row for row in verdicts if row["verdict_id"] not in ours]
    return [
        _compared(number, prompt, candidates, ids, rows, others) for ids, rows in compared.items()
    ]


def _compared(
    number: int,
    prompt: Row,
    candidates: dict[str, Row],
    ids: tuple[str, str],
    rows: list[Row],
    others: list[Row],
) -> tuple[Row, str | None]:
    """One comparison; `others` are the prompt's verdicts that chose what was compared."""
    settled = settle(rows)
    undecided = _undecided(number, prompt, list(ids), [*others, *rows])
    undecided["judge_id"] = settled.judge_id
    if settled.outcome not in ("a", "b"):
        reason = "tie" if settled.outcome == "tie" else f"abstain:{settled.reason}"
        return undecided, reason
    chosen, rejected = ids if settled.outcome == "a" else ids[::-1]
    scores = screen_scores([*others, *rows])
    sure = settled.probability
    return undecided | {
        "chosen": _answer(candidates[chosen]),
        "rejected": _answer(candidates[rejected]),
        "chosen_id": chosen,
        "rejected_id": rejected,
        "score_chosen": scores.get(chosen),
        "score_rejected": scores.get(rejected),
        "margin": margin(scores, chosen, rejected),
        "probability": sure if sure is None or settled.outcome == "a" else 1 - sure,
        "chosen_source": candidates[chosen]["source"],
        "rejected_source": candidates[rejected]["source"],
    }, None


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
        **dict.fromkeys(("probability", "chosen_source", "rejected_source")),
        "judge_id": judges[-1] if judges else None,
        "verdict_ids": [row["verdict_id"] for row in verdicts],
    }


def _why_not_compared(candidates: dict[str, Row], verdicts: list[Row]) -> str:
    if not candidates:
        return "not_sampled"
    if not verdicts:
        ended = [row for row in candidates.values() if row["finish_reason"] != "length"]
        if len(ended) < 2:
            return "cut_off" if len(ended) < len(candidates) else "one_answer"
        written = [row for row in ended if row["text"].strip()]
        if len(written) < 2:
            return "empty"
        return "identical" if len({row["text_hash"] for row in written}) < 2 else "not_judged"
    failed = [row["reason"] for row in verdicts if row["reason"]]
    if failed and len(verdicts) - len(failed) < 2:
        return f"abstain:{failed[0]}"
    return "no_margin"


def _answer(candidate: Row) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": candidate["text"]}]
