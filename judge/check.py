"""A judge tried out before a round is paid for: a few canned pairs, or the gold set."""

import asyncio
from collections import Counter
from pathlib import Path
from statistics import fmean
from typing import Any

from endpoints.open import Endpoints
from judge.config import JudgeConfig
from judge.dry import CANNED
from judge.forget import forget_unreadable
from judge.health.examine import ask_gold, gold_facts
from judge.health.gold import read_gold
from judge.health.gold_lines import GoldPair
from judge.panel import RunJournal
from rounds.errors import UserError
from rounds.rows import Verdict
from rounds.stages import Progress, silent
from rounds.verdicts import settle

PAIRS_SHOWN = 5


def check_judge(
    journal: Path,
    seed: int,
    config: JudgeConfig,
    endpoints: Endpoints,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Ask the jury the gold set, or the canned pairs where there is none, in both orders.

    Returns counts: calls, failures by reason, comparisons, flips, those undecided in one
    order, readable verdicts and how many of them came with a probability; how many pairs with a
    better answer were decided `right`; tokens a call and seconds; the first `pairs` with their
    texts, their label and their verdicts;
    `gold` with its measures and the threshold, or the reason why it gives none. Answers are kept in
    the journal: round 1 pays nothing for them again.
    """
    pairs = read_gold(config.gold.path if config.gold else CANNED, "judge.gold.path")
    rows, seconds = asyncio.run(
        ask_gold(RunJournal(journal, seed), config, endpoints, pairs, 0, progress)
    )
    verdicts = [row for of_pair in rows for row in of_pair]
    forget_unreadable(journal, verdicts, "judge check")  # a judge that is mended is asked again
    calls = [row for row in verdicts if row["request_key"]]
    readable = [row for row in verdicts if not row["reason"]]
    comparisons = [settle(of_pair) for of_pair in rows]
    return {
        "pairs": [
            {
                "prompt": pair.prompt[-1]["content"],
                "a": pair.a,
                "b": pair.b,
                "label": pair.label,
                "outcome": settled.outcome,
                "reason": settled.reason,
                "verdicts": of_pair,
            }
            for pair, settled, of_pair in zip(pairs[:PAIRS_SHOWN], comparisons, rows, strict=False)
        ],
        "right": _right(pairs, [settled.outcome for settled in comparisons]),
        "calls": len(calls),
        "failures": dict(Counter(row["reason"] for row in verdicts if row["reason"])),
        "comparisons": len(comparisons),
        "flips": sum(settled.reason == "flip" for settled in comparisons),
        "undecided_in_one_order": sum(
            settled.reason == "undecided_in_one_order" for settled in comparisons
        ),
        "readable": len(readable),
        "probabilities": sum(row["probability"] is not None for row in readable),
        "prompt_tokens": fmean([row["prompt_tokens"] for row in calls] or [0]),
        "completion_tokens": fmean([row["completion_tokens"] for row in calls] or [0]),
        "seconds": seconds,
        "gold": _gold(config, pairs, verdicts) if config.gold else None,
    }


def _right(pairs: list[GoldPair], outcomes: list[str]) -> dict[str, int]:
    """Of the pairs with a better answer: how many there are, are decided, and decided rightly."""
    known = [(pair.label, said) for pair, said in zip(pairs, outcomes, strict=True)]
    known = [(label, said) for label, said in known if label != "tie"]
    decided = [(label, said) for label, said in known if said in ("a", "b")]
    right = sum(label == said for label, said in decided)
    return {"known": len(known), "decided": len(decided), "right": right}


def _gold(config: JudgeConfig, pairs: list[GoldPair], rows: list[Verdict]) -> dict[str, Any]:
    try:
        return gold_facts(config, pairs, rows)
    except UserError as error:
        return {"fault": str(error)}
