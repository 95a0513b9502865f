"""One prompt's verdicts to rows: pairs, or what was considered and why it is none.

The label is the judge's confirmed outcome and nothing else. Where the judge did not settle a
comparison the row has no chosen and no rejected.
"""

from rounds.considered import unlabelled
from rounds.rows import Candidate, ConsideredPair, Messages, Prompt, Verdict
from rounds.verdicts import comparisons, margin, screen_scores, settle


def comparison_rows(
    number: int, prompt: Prompt, candidates: dict[str, Candidate], verdicts: list[Verdict]
) -> list[tuple[ConsideredPair, str | None]]:
    """A row for each comparison of the prompt, with the reason it is not a pair, or None.

    `number` is the round's, `candidates` are the prompt's candidates by id, `verdicts` its verdict
    rows. A prompt without a comparison gives one row that says why.
    """
    compared = comparisons(verdicts)
    if not compared:
        reason = _why_not_compared(candidates, verdicts)
        return [(unlabelled(number, prompt, list(candidates), verdicts), reason)]
    confirming = {row["verdict_id"] for rows in compared.values() for row in rows}
    selecting = [row for row in verdicts if row["verdict_id"] not in confirming]
    return [
        _comparison_row(number, prompt, candidates, ids, rows, selecting)
        for ids, rows in compared.items()
    ]


def _comparison_row(
    number: int,
    prompt: Prompt,
    candidates: dict[str, Candidate],
    ids: tuple[str, str],
    verdicts: list[Verdict],
    selecting: list[Verdict],
) -> tuple[ConsideredPair, str | None]:
    """One comparison; `selecting` are the prompt's verdicts that chose what was compared."""
    settled = settle(verdicts)
    row = unlabelled(number, prompt, list(ids), [*selecting, *verdicts])
    row["judge_id"] = settled.judge_id
    if settled.outcome not in ("a", "b"):
        return row, "tie" if settled.outcome == "tie" else f"abstain:{settled.reason}"
    chosen, rejected = ids if settled.outcome == "a" else ids[::-1]
    scores = screen_scores([*selecting, *verdicts])
    of_a = settled.probability
    row["chosen"] = _answer(candidates[chosen])
    row["rejected"] = _answer(candidates[rejected])
    row["chosen_id"] = chosen
    row["rejected_id"] = rejected
    row["score_chosen"] = scores.get(chosen)
    row["score_rejected"] = scores.get(rejected)
    row["margin"] = margin(scores, chosen, rejected)
    row["probability"] = of_a if of_a is None or settled.outcome == "a" else 1 - of_a
    row["chosen_source"] = candidates[chosen]["source"]
    row["rejected_source"] = candidates[rejected]["source"]
    return row, None


def _why_not_compared(candidates: dict[str, Candidate], verdicts: list[Verdict]) -> str:
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
    failures = [row["reason"] for row in verdicts if row["reason"]]
    if failures and len(verdicts) - len(failures) < 2:
        return f"abstain:{failures[0]}"
    return "no_margin"


def _answer(candidate: Candidate) -> Messages:
    return [{"role": "assistant", "content": candidate["text"]}]
