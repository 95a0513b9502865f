"""How the judge did in a round, as figures: what its health is read from.

Rates are {"value", "low", "high", "n"} with Wilson's interval at 95 %, other figures stand beside
their n. Where there was no case a figure is None, never 0.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from judge.health.agreement import repeat_agreement, second_judge_agreement, triad_counts
from judge.health.tallies import CallTally, ComparisonTally, OrderTally, ScreenTally
from judge.inputs import JudgedPrompt
from rounds.rates import rate
from rounds.rows import Candidate, Verdict
from rounds.tables import by_prompt
from rounds.usage import USAGE_COLUMNS, usage_totals
from rounds.verdicts import SETTLED_BY, CandidateIds, Settled, comparisons, settle_one_judge

CANDIDATE_COLUMNS = ("candidate_id", "prompt_id", "text")
VERDICT_COLUMNS = (*SETTLED_BY, *USAGE_COLUMNS, "repeat", "flags")
"""The columns that are read of a round's tables."""


def measure(
    labelled: Iterable[JudgedPrompt],
    tests: list[Verdict],
    planted: list[Candidate],
    anchors: list[Verdict],
) -> dict[str, Any]:
    """The measures of a round's judge, as numbers that JSON can hold.

    `labelled` are the train prompts with their verdicts, each read once and let go: what is kept
    grows by a few numbers for each call. `tests` are the verdict rows of the split health,
    `planted` the candidate rows of that split, and `anchors` the first round's verdict rows on the
    questions that were asked again.
    """
    tests_of = by_prompt(tests)
    compared, screened = ComparisonTally(), ScreenTally()
    ordered, calls = OrderTally(), CallTally()
    triads, flags, prompts = Counter[str](), Counter[str](), Counter[str]()
    tested: list[Verdict] = []
    labels: dict[CandidateIds, Settled] = {}
    for judged in labelled:
        verdicts = [row for row in judged.verdicts if not row["repeat"]]
        tests_here = tests_of.pop(judged.prompt["prompt_id"], [])
        decided_before = compared.decided
        settled = compared.add(
            verdicts, {row["candidate_id"]: len(row["text"]) for row in judged.candidates}
        )
        prompts["judged"] += bool(verdicts)
        prompts["labelled"] += compared.decided > decided_before
        screened.add(verdicts)
        # of the judge that is asked first: an appeal would hide how often it flips
        ordered.add([row for row in verdicts if not row["level"]])
        calls.add(verdicts)
        triads += triad_counts([*verdicts, *tests_here])
        flags.update(kind for row in verdicts for kind in _flag_kinds(row))
        if tests_here:
            tested += verdicts
            labels |= settled
    for tests_elsewhere in tests_of.values():
        triads += triad_counts(tests_elsewhere)
    stable, repeats = repeat_agreement(tested, _with_purpose(tests, "repeat"))
    unchanged, asked_again = repeat_agreement(anchors, _with_purpose(tests, "anchor"))
    return {
        "yield": rate(prompts["labelled"], prompts["judged"]),
        "comparisons": compared.comparisons(),
        "failures": calls.failures(),
        **ordered.measures(),
        **compared.lengths(),
        "margins": compared.margins(),
        "screen": screened.measures(),
        "probabilities": calls.probabilities(),
        "stability": rate(stable, repeats),
        "drift": rate(asked_again - unchanged, asked_again),
        "cyclic_triads": {
            **rate(triads["cyclic"], triads["cyclic"] + triads["ordered"]),
            "set_aside": triads["set_aside"],
        },
        "second_judge": second_judge_agreement(labels, tests),
        "canaries": _canary_measures(planted, tests),
        "flags": dict(sorted(flags.items())),
        "usage": calls.usage(prompts["judged"], compared.decided),
        "tests": usage_totals(tests),
    }


def _with_purpose(rows: list[Verdict], purpose: str) -> list[Verdict]:
    return [row for row in rows if row["purpose"] == purpose]


def _canary_measures(planted: list[Candidate], tests: list[Verdict]) -> dict[str, Any]:
    """How often a worthless text is preferred: over all, and by the text's name.

    chosen: of the comparisons readable in both orders. single: of the readable verdicts.
    """
    names = {row["candidate_id"]: row["policy_id"].removeprefix("canary/") for row in planted}
    by_name: dict[str, list[list[Verdict]]] = {}
    for (_, canary), verdicts in comparisons(tests, "canary").items():
        by_name.setdefault(names[canary], []).append(verdicts)
    every = [verdicts for of_name in by_name.values() for verdicts in of_name]
    rates = {name: _canary_rates(by_name[name]) for name in sorted(by_name)}
    return {**_canary_rates(every), "names": rates}


def _canary_rates(compared: list[list[Verdict]]) -> dict[str, Any]:
    """The rates over comparisons with a canary, which is b in each."""
    readable = [row["outcome"] for rows in compared for row in rows if row["outcome"] != "abstain"]
    settled = [
        settle_one_judge(rows)
        for rows in compared
        if all(row["outcome"] != "abstain" for row in rows)
    ]
    in_both_orders = [label.outcome for label in settled if label.reason != "one_order_only"]
    return {
        "chosen": rate(in_both_orders.count("b"), len(in_both_orders)),
        "single": rate(readable.count("b"), len(readable)),
    }


def _flag_kinds(row: Verdict) -> set[str]:
    """What was escaped in the judge's view of a row, wherever in the question it stood."""
    return {flag.partition(":")[2] for flag in row["flags"] or ()}
