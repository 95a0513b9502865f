"""Two ways of judging against each other: the same labelled pairs by both."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from endpoints.budget import Budget
from endpoints.concurrency import map_concurrently
from endpoints.open import Endpoints
from judge.asking.questions import both_orders
from judge.asking.rows import Judge
from judge.asking.rubric import load_rubrics
from judge.config import JudgeConfig
from judge.health.examine import gold_facts
from judge.health.gold import decided_rightly, gold_rows, measure_gold, outcomes_on
from judge.health.gold_lines import GoldPair
from judge.panel import RunJournal, panel
from rounds.errors import UserError
from rounds.paired import INTERVAL, TEST, mcnemar, paired_difference
from rounds.rates import rate
from rounds.rows import Prompt, Verdict
from rounds.stages import Progress, silent
from rounds.tables import by_prompt
from rounds.usage import usage_totals
from rounds.verdicts import settle

LOWEST = 0.5


def compare_ways(
    journal: Path,
    seed: int,
    ways: Sequence[JudgeConfig],
    endpoints: Endpoints,
    pairs: list[GoldPair],
    progress: Progress = silent,
) -> dict[str, Any]:
    """Ask the jury of each of two ways about every pair in both orders, and compare what they say.

    Returns {"pairs": those that both were asked about, "left_out": those the budget (that of the
    first way, for both together) left, "limit": which limit that was, "traffic": how calls were
    answered, "ways": the measures of each, "agreement": the paired difference, second minus first,
    of the shares that agree with the label (a tie may agree, an abstention does not), "accuracy":
    that of the shares that are right when decided, "split": McNemar's test on the former}. Replies
    are kept in the journal: who asks again, or judges round 1 so, pays nothing for them.
    """
    budget, traffic = Budget(**ways[0].budget.model_dump()), Counter[str]()
    run_journal = RunJournal(journal, seed)
    asked = asyncio.run(_ask(run_journal, ways, endpoints, pairs, budget, traffic, progress))
    both = [
        place
        for place, of_pair in enumerate(asked)
        if not any(row["reason"] == "budget" for rows in of_pair for row in rows)
    ]
    shared = [pairs[place] for place in both]
    measured = []
    for number, way in enumerate(ways):
        rows = [row for place in both for row in asked[place][number]]
        measured.append(_measures(way, shared, rows))
    agrees = [one.pop("agrees") for one in measured]
    right = [one.pop("right") for one in measured]
    return {
        "pairs": len(shared),
        "left_out": len(pairs) - len(shared),
        "limit": budget.refused if len(shared) < len(pairs) else None,
        "traffic": dict(traffic),
        "ways": measured,
        "agreement": paired_difference(*agrees),
        "accuracy": paired_difference(*right),
        "split": mcnemar(*agrees),
        "interval": INTERVAL,
        "test": TEST,
    }


async def _ask(
    journal: RunJournal,
    ways: Sequence[JudgeConfig],
    endpoints: Endpoints,
    pairs: list[GoldPair],
    budget: Budget,
    traffic: Counter[str],
    progress: Progress,
) -> list[list[list[Verdict]]]:
    """Of each pair, of each way, the verdict rows: one stream of calls, so that a budget ends both
    at the same pairs.
    """
    prompts, candidates = gold_rows(pairs)
    answers = by_prompt(candidates)
    names = list(dict.fromkeys(name for way in ways for name in way.jury))
    async with panel(
        journal, ways[0], endpoints, names, budget=budget, traffic=traffic
    ) as everyone:
        jurors = dict(zip(names, everyone.jury, strict=True))
        judges = [
            Judge(way, load_rubrics(way), everyone.secret, [jurors[name] for name in way.jury])
            for way in ways
        ]

        async def ask(prompt: Prompt) -> list[list[Verdict]]:
            a, b = answers[prompt["prompt_id"]]
            calls = [both_orders(judge, prompt, a, b, "gold") for judge in judges]
            return list(await asyncio.gather(*calls))

        return await map_concurrently(prompts, ask, progress)


def _measures(config: JudgeConfig, pairs: list[GoldPair], rows: list[Verdict]) -> dict[str, Any]:
    """What one way does on the pairs, at its own threshold; `fault` where it has none."""
    fault = None
    try:
        tau = float(gold_facts(config, pairs, rows)["tau"])
    except UserError as error:
        tau, fault = LOWEST, str(error)
    at = [row | {"threshold": tau} for row in rows]
    outcomes, measures = outcomes_on(pairs, at), measure_gold(pairs, at)
    agrees = [outcome == pair.label for pair, outcome in zip(pairs, outcomes, strict=True)]
    settled = [settle(of_pair) for of_pair in by_prompt(at).values()]
    return {
        "tau": tau,
        "fault": fault,
        "agreement": rate(sum(agrees), len(agrees)),
        "accuracy": measures["accuracy"],
        "decided": measures["yield"],
        "kappa": measures["kappa"],
        "abstained": dict(
            sorted(Counter(one.reason for one in settled if one.outcome == "abstain").items())
        ),
        "flips": sum(one.reason == "flip" for one in settled),
        "failures": dict(sorted(Counter(row["reason"] for row in rows if row["reason"]).items())),
        "usage": usage_totals(rows),
        "agrees": agrees,
        "right": decided_rightly(pairs, outcomes),
    }
