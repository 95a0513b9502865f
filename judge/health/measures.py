"""How the judge did in a round, as figures: what its health is read from.

Rates are {"value", "low", "high", "n"} with Wilson's interval at 95 %, other figures stand beside
their n. Where there was no case a figure is None, never 0.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from judge.health.agreement import circles, second_judge, unchanged
from judge.health.tallies import (
    CallTally,
    ComparisonTally,
    OrderTally,
    Pair,
    ScreenTally,
    length_measures,
)
from judge.inputs import JudgedPrompt
from judge.labels import SETTLED_BY as SETTLED
from rounds.rates import rate
from rounds.tables import Row, by_prompt
from rounds.usage import USAGE_COLUMNS as CALLS
from rounds.usage import totals
from rounds.verdicts import Settled, by_judge, comparisons

OF_CANDIDATES = ("candidate_id", "prompt_id", "text")
OF_VERDICTS = (*SETTLED, *CALLS, "repeat", "flags")
"""The columns that are read of a round's tables."""


def measure(
    labelled: Iterable[JudgedPrompt], tests: list[Row], planted: list[Row], anchors: list[Row]
) -> dict[str, Any]:
    """The measures of a round's judge, as numbers that JSON can hold.

    `labelled` are the train prompts with their verdicts, each read once and let go: what is kept
    grows by a call's key and a few numbers. `tests` are the verdict rows of the split health,
    `planted` the candidate rows of that split, and `anchors` the first round's verdict rows on the
    questions that were asked again.
    """
    tests_of = by_prompt(tests)
    decided, screen, order, traffic = ComparisonTally(), ScreenTally(), OrderTally(), CallTally()
    triads, flags, prompts = Counter[str](), Counter[str](), Counter[str]()
    tested: list[Row] = []
    labels: dict[Pair, Settled] = {}
    for subject in labelled:
        train = [row for row in subject.verdicts if not row["repeat"]]
        about = tests_of.pop(subject.prompt["prompt_id"], [])
        before = decided.n
        settled = decided.add(
            train, {row["candidate_id"]: len(row["text"]) for row in subject.candidates}
        )
        prompts["judged"] += bool(train)
        prompts["labelled"] += decided.n > before
        screen.add(train)
        # of the judge that is asked first: an appeal would hide how often it flips
        order.add([row for row in train if not row["level"]])
        traffic.add(train)
        triads += circles([*train, *about])
        flags.update(kind for row in train for kind in _kinds(row))
        if about:
            tested += train
            labels |= settled
    for about in tests_of.values():
        triads += circles(about)
    stable, repeats = unchanged(tested, _purpose(tests, "repeat"))
    held, asked_again = unchanged(anchors, _purpose(tests, "anchor"))
    return {
        "yield": rate(prompts["labelled"], prompts["judged"]),
        "comparisons": decided.comparisons(),
        "failures": traffic.failures(),
        **order.measures(),
        **length_measures(decided.longer_by),
        "margins": decided.margins(),
        "screen": screen.measures(),
        "probabilities": traffic.probabilities(),
        "stability": rate(stable, repeats),
        "drift": rate(asked_again - held, asked_again),
        "cyclic_triads": {
            **rate(triads["cyclic"], triads["cyclic"] + triads["ordered"]),
            "set_aside": triads["set_aside"],
        },
        "second_judge": second_judge(labels, tests),
        "canaries": _canaries(planted, tests),
        "flags": dict(sorted(flags.items())),
        "usage": traffic.usage(prompts["judged"], decided.n),
        "tests": totals(tests),
    }


def _purpose(rows: list[Row], purpose: str) -> list[Row]:
    return [row for row in rows if row["purpose"] == purpose]


def _canaries(planted: list[Row], tests: list[Row]) -> dict[str, Any]:
    """How often a worthless text is preferred: over all, and by the text's name.

    chosen: of the comparisons readable in both orders. single: of the readable verdicts.
    """
    names = {row["candidate_id"]: row["policy_id"].removeprefix("canary/") for row in planted}
    groups: dict[str, list[list[Row]]] = {}
    for (_, worthless), rows in comparisons(tests, "canary").items():
        groups.setdefault(names[worthless], []).append(rows)

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


def _kinds(row: Row) -> set[str]:
    """What was escaped in the judge's view of a row, wherever in the question it stood."""
    return {flag.partition(":")[2] for flag in row["flags"] or ()}
