"""How the judge did in a round, as figures: what its health is read from.

Rates are {"value", "low", "high", "n"} with Wilson's interval at 95 %, other figures stand beside
their n. Where there was no case a figure is None, never 0.
"""

from collections import Counter
from statistics import fmean, pstdev
from typing import Any

from judge.agreement import cyclic_triads, second_judge, unchanged
from judge.length import length_measures
from judge.order import order_measures
from judge.usage import failures, probabilities, usage
from rounds.interval import rate
from rounds.settle import Settled, by_judge, comparisons, reverses, screen_scores, settle
from rounds.tables import Row, by_prompt
from rounds.usage import totals

MARGIN_BINS = 10


def measure(
    prompts: list[Row], candidates: list[Row], verdicts: list[Row], anchors: list[Row]
) -> dict[str, Any]:
    """The measures of a round's judge, as numbers that JSON can hold.

    `verdicts` are the round's rows of the splits train (the labels) and health (the tests);
    `anchors` are the first round's verdict rows on the questions that were asked again.
    """
    train = [row for row in verdicts if row["split"] == "train" and not row["repeat"]]
    tests = [row for row in verdicts if row["split"] == "health"]
    by_id = {row["candidate_id"]: row for row in candidates}
    labels = {pair: settle(rows) for pair, rows in comparisons(train).items()}
    looked = screen_scores(train)
    decided = {
        pair: one
        for pair, one in labels.items()
        if one.outcome in ("a", "b") and not reverses(looked, pair, one.outcome)
    }
    won = [pair if one.outcome == "a" else pair[::-1] for pair, one in decided.items()]
    judged = {row["prompt_id"] for row in prompts if row["split"] == "train"}
    judged &= {row["prompt_id"] for row in train}
    labelled = {by_id[a]["prompt_id"] for a, _ in decided}
    stable, repeats = unchanged(train, _purpose(tests, "repeat"))
    held, asked_again = unchanged(anchors, _purpose(tests, "anchor"))
    return {
        "yield": rate(len(labelled & judged), len(judged)),
        "comparisons": _outcomes(list(labels.values()), len(decided)),
        "failures": failures(train),
        # of the judge that is asked first: an appeal would hide how often it flips
        **order_measures([row for row in train if not row["level"]]),
        **length_measures(won, {name: len(row["text"]) for name, row in by_id.items()}),
        "margins": _margins(list(decided.values())),
        "screen": _screen(train),
        "probabilities": probabilities(train),
        "stability": rate(stable, repeats),
        "drift": rate(asked_again - held, asked_again),
        "cyclic_triads": cyclic_triads([*train, *tests]),
        "second_judge": second_judge(labels, tests),
        "canaries": _canaries(by_id, tests),
        "flags": _flags(train),
        "usage": usage(train, len(judged), len(decided)),
        "tests": totals(tests),
    }


def _purpose(rows: list[Row], purpose: str) -> list[Row]:
    return [row for row in rows if row["purpose"] == purpose]


def _outcomes(settled: list[Settled], decided: int) -> dict[str, Any]:
    reasons = Counter(one.reason for one in settled if one.outcome == "abstain")
    return {
        "n": len(settled),
        "decided": decided,
        "reversed": sum(one.outcome in ("a", "b") for one in settled) - decided,
        "tie": sum(one.outcome == "tie" for one in settled),
        "abstain": dict(sorted(reasons.items())),
    }


def _margins(decided: list[Settled]) -> dict[str, Any]:
    """Histogram of |2p - 1| from 0 to 1, where there are probabilities."""
    given = [one.probability for one in decided if one.probability is not None]
    bins = Counter(min(int(abs(2 * p - 1) * MARGIN_BINS), MARGIN_BINS - 1) for p in given)
    counts = [bins[place] for place in range(MARGIN_BINS)] if given else None
    return {"counts": counts, "n": len(given)}


def _screen(rows: list[Row]) -> dict[str, Any]:
    """Mean and deviation of the scores, and prompts whose best score is not one candidate's."""
    scored = [row for row in rows if row["kind"] == "pointwise" and row["score"] is not None]
    of_prompts = [[row["score"] for row in group] for group in by_prompt(scored).values()]
    several = [scores for scores in of_prompts if len(scores) > 1]
    scores = [row["score"] for row in scored]
    return {
        "no_unique_best": rate(sum(one.count(max(one)) > 1 for one in several), len(several)),
        "mean": fmean(scores) if scores else None,
        "deviation": pstdev(scores) if scores else None,
        "n": len(scores),
    }


def _canaries(by_id: dict[str, Row], tests: list[Row]) -> dict[str, Any]:
    """How often a worthless text is preferred: over all, and by the text's name.

    chosen: of the comparisons readable in both orders. single: of the readable verdicts.
    """
    groups: dict[str, list[list[Row]]] = {}
    for (_, worthless), rows in comparisons(tests, "canary").items():
        name = str(by_id[worthless]["policy_id"]).removeprefix("canary/")
        groups.setdefault(name, []).append(rows)

    def chosen(asked: list[list[Row]]) -> dict[str, Any]:
        both = [rows for rows in asked if all(row["outcome"] != "abstain" for row in rows)]
        settled = [by_judge(rows) for rows in both]
        said = [row["outcome"] for rows in asked for row in rows if row["outcome"] != "abstain"]
        complete = [one.outcome for one in settled if one.reason != "one_order_only"]
        return {
            "chosen": rate(complete.count("b"), len(complete)),
            "single": rate(said.count("b"), len(said)),
        }

    everything = [rows for asked in groups.values() for rows in asked]
    return {**chosen(everything), "names": {name: chosen(groups[name]) for name in sorted(groups)}}


def _flags(rows: list[Row]) -> dict[str, int]:
    """Rows by what was escaped in the judge's view of them, wherever in the question it stood."""
    kinds = Counter(
        kind for row in rows for kind in {flag.partition(":")[2] for flag in row["flags"] or ()}
    )
    return dict(sorted(kinds.items()))
