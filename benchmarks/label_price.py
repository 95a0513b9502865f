"""What a label costs: python benchmarks/label_price.py [DATA] [--prompts N] [--draws N]

Every strategy, the code that runs in a round, against a simulated judge (simulated_judge.py) whose
faults are those of a strong and a weak judge: the strong one reproduces o1-mini's single-order
accuracy, flips and first-slot rate on JudgeBench. Qualities are normal, for 4, 8 and 16 candidates;
with DATA (AlpacaEval's candidates: JSONL, may be gzipped, of `prompt` and `candidates` with `text`
and `gpt4_turbo_preference`) also those of 8 real answers, the normal scores of the recorded
preference's ranks, ties broken at random.

Printed for each strategy: calls and input tokens for a prompt and for an accepted pair, the share
of prompts that give a pair, how often its chosen answer is truly the better one (Wilson's 95 %
interval), and how much better it is. Every strategy gets the same prompts, but for those that need
more than CALLS for all of them. Accepted is what pairs/ would keep: decided, and not against the
screen. Tokens: 700 + 500 for an answer on drawn qualities, four
characters a token of the real messages on real text. The noise of a ranking and that of a score are
assumptions, and that the probabilities of verdicts and grades are right is a third: `listwise` is
printed for a likely and for a pessimistic noise, `screen_confirm` (N = 8, drawn) also for a screen
as noisy as the weak judge's, and for a judge who is sure of each verdict and gives whole scores.
"""

import argparse
import asyncio
import math
import time
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any, NamedTuple

from simulated_judge import GRADES, Faults, Subject, latent, recorded, simulated

from judge.asking.questions import shuffle
from judge.asking.rows import Judge, Juror
from judge.asking.rubric import load_rubrics
from judge.config import JudgeConfig, Select
from judge.strategies import STRATEGIES
from pairs.build import comparison_rows
from rounds.rates import wilson
from rounds.verdicts import comparisons

JUDGES = {"strong": Faults(0.5, 0.9, 0.3, 1.0), "weak": Faults(0.8, 1.5, 0.8, 1.6)}
PESSIMISTIC = {"base": 0.8, "growth": 0.3}
CALLS = 170_000
"""A strategy that needs more for all prompts gets fewer prompts."""


class Entry(NamedTuple):
    """A strategy as it is run; `candidates` it is given, where not all."""

    name: str
    config: dict[str, Any]
    faults: dict[str, float] = {}  # noqa: RUF012 - a NamedTuple's default, never written to
    candidates: int | None = None


OTHERS = ("pairwise", "questions")
"""Strategies for two answers, and for judges that read."""
PLAIN = [Entry(name, {"strategy": name}) for name in STRATEGIES if name not in OTHERS]
PLAIN.insert(2, Entry("listwise, pessimistic", {"strategy": "listwise"}, PESSIMISTIC))
PLAIN.append(Entry("pairwise, N = 2", {"strategy": "pairwise"}, candidates=2))
TRIED = [
    Entry("screen_confirm, tries 1", {"select": Select(tries=1)}),
    Entry("screen_confirm, tau 0.5", {"tau": 0.5}),
    Entry("  both", {"select": Select(tries=1), "tau": 0.5}),
]
VARIED = [
    Entry("listwise, tries 1", {"strategy": "listwise", "select": Select(tries=1)}),
    Entry("screen_confirm, tries 3", {"select": Select(tries=3)}),
    Entry("screen_confirm, best_random", {"select": Select(rule="best_random")}),
    Entry("screen_confirm, best_sigma", {"select": Select(rule="best_sigma")}),
    Entry("screen_confirm, tau 0.6", {"tau": 0.6}),
    Entry("screen_confirm, tau 0.75", {"tau": 0.75}),
    Entry("screen_confirm, noise 1.6", {}, {"score": 1.6}),
    Entry("screen_confirm, hard", {}, {"hard": True}),
]


class Price(NamedTuple):
    """What a strategy took and gave, over some prompts."""

    prompts: int
    calls: int
    tokens: int
    gained: list[float | None]
    """For every prompt the true quality of the chosen less that of the rejected; None: no pair."""
    single: list[float]
    """The same for the first verdict of every confirmed comparison, on its own."""

    @property
    def gains(self) -> list[float]:
        """Those of the accepted pairs."""
        return [gain for gain in self.gained if gain is not None]

    @property
    def accuracy(self) -> float:
        """Share of the accepted pairs whose chosen answer is the better one."""
        return fmean(gain > 0 for gain in self.gains) if self.gains else 0.0


Case = tuple[Subject, int]
"""A prompt and the index of a draw of the judge's noise."""


async def priced(entry: Entry, cases: list[Case], faults: Faults) -> Price:
    """Run a strategy over the prompts, one after the other."""
    channel = "json" if entry.config.get("strategy") == "listwise" else "token"
    given = {"channel": channel, "scale": GRADES, **entry.config}
    config = JudgeConfig(endpoint="judge", **given)
    rubrics, faults = load_rubrics(config), faults._replace(**entry.faults)
    strategy = STRATEGIES[config.strategy]
    calls, tokens = 0, 0
    gained: list[float | None] = []
    single: list[float] = []
    for subject, draw in cases:
        candidates = shuffle(subject.prompt, subject.candidates)[-(entry.candidates or 0) :]
        juror = Juror("judge", simulated(subject, faults, rubrics, draw))
        judge = Judge(config, rubrics, b"", [juror], float(config.tau))
        rows = await strategy.run(judge, subject.prompt, candidates)
        calls += len(rows)
        tokens += sum(row["prompt_tokens"] for row in rows)
        quality = subject.quality
        accepted = [
            quality[pair["chosen_id"]] - quality[pair["rejected_id"]]
            for pair, reason in comparison_rows(1, subject.prompt, subject.by_id, rows)
            if reason is None and not (pair["margin"] or 0) < 0  # pairs/ drops: screen_disagrees
        ]
        assert len(accepted) < 2, "one pair a prompt is asked for"
        gained.append(accepted[0] if accepted else None)
        for (a, b), verdicts in comparisons(rows).items():
            if (outcome := verdicts[0]["outcome"]) in ("a", "b"):
                single.append((quality[a] - quality[b]) * (1 if outcome == "a" else -1))
    return Price(len(cases), calls, tokens, gained, single)


def line(entry: Entry, price: Price) -> str:
    """One row of the table."""
    pairs = len(price.gains)
    start = f"{entry.name:28}{price.prompts:7}{price.calls / price.prompts:9.2f}"
    tokens = price.tokens / price.prompts
    if not pairs:
        return f"{start}{'-':>8}{tokens:10.0f}{'-':>9}{0:8.3f}{'-':>8}"
    low, high = wilson(price.accuracy, pairs, 0.95)
    return (
        f"{start}{price.calls / pairs:8.2f}{tokens:10.0f}{price.tokens / pairs:9.0f}"
        f"{pairs / price.prompts:8.3f}{price.accuracy:8.3f}  {low:.3f}-{high:.3f}"
        f"{fmean(price.gains):7.2f}"
    )


HEAD = (
    f"{'strategy':28}{'prompts':>7}{'calls':>9}{'/pair':>8}{'tokens':>10}{'/pair':>9}{'yield':>8}"
    f"{'right':>8}  {'95 %':11}{'gain':>7}"
)


def difference(one: Price, other: Price) -> tuple[float, float]:
    """One's accuracy less the other's over the prompts that both had; half its 95 % interval.

    By the delta method for the difference of two ratios, prompt by prompt.
    """
    both = min(one.prompts, other.prompts)
    one, other = (price._replace(gained=price.gained[:both]) for price in (one, other))

    def influence(price: Price) -> list[float]:
        share = max(len(price.gains), 1) / both
        return [
            0.0 if gain is None else ((gain > 0) - price.accuracy) / share for gain in price.gained
        ]

    apart = [a - b for a, b in zip(influence(one), influence(other), strict=True)]
    return one.accuracy - other.accuracy, 1.96 * pstdev(apart) / math.sqrt(both)


def scenario(title: str, cases: list[Case], judge: str, entries: list[Entry]) -> None:
    """Print the table of one scenario, and what it comes to."""
    print(f"\n{title}, {judge} judge: {JUDGES[judge]}\n{HEAD}", flush=True)
    n, found = len(cases[0][0].candidates), {}
    for entry in entries:
        strategy = entry.config.get("strategy", "screen_confirm")
        most = STRATEGIES[strategy].most_calls(entry.candidates or n, Select(), 1)
        some = cases[: max(1, CALLS // most)]
        found[entry.name] = asyncio.run(priced(entry, some, JUDGES[judge]))
        print(line(entry, found[entry.name]), flush=True)
    default, every = found["screen_confirm"], found["round_robin"]
    single = found["random_pair"].single
    fewer = (every.calls / every.prompts) / (default.calls / default.prompts)
    points, half = (100 * value for value in difference(default, every))
    print(f"  a random pair, one order: {fmean(gain > 0 for gain in single):.3f} right")
    print(
        f"  screen_confirm: {fewer:.1f}x fewer calls than round_robin, "
        f"accuracy {points:+.1f} points [{points - half:+.1f}, {points + half:+.1f}]"
    )
    cheap = [
        name
        for name, price in found.items()
        if price.accuracy >= 0.97 and price.calls <= 4.5 * len(price.gains)
    ]
    print(f"  0.97 at no more than 4.5 calls for an accepted pair: {', '.join(cheap) or 'none'}")


def main() -> None:
    """Every scenario, the strong judge first."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "data", nargs="?", type=Path, help="AlpacaEval's candidates, JSONL, may be gzipped"
    )
    parser.add_argument("--prompts", type=int, default=3000, help="prompts of a scenario at most")
    parser.add_argument("--draws", type=int, default=3, help="judgings of the real prompts")
    options = parser.parse_args()
    real = recorded(options.data, options.prompts) if options.data else []
    begun = time.monotonic()
    for judge in JUDGES:
        for n in (4, 8, 16):
            entries = PLAIN + TRIED + (VARIED if n == 8 else [])
            cases = [(subject, 0) for subject in latent(n, options.prompts)]
            scenario(f"N = {n}, drawn qualities", cases, judge, entries)
        if real:
            cases = [(subject, draw) for draw in range(options.draws) for subject in real]
            title = f"N = 8, {len(real)} real prompts, {options.draws} draws of the noise"
            scenario(title, cases, judge, PLAIN + TRIED)
        else:
            print("\nreal prompts: skipped, no DATA given")
    print(f"\n{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
