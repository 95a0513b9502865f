"""What the gate promotes and refuses: python benchmarks/gate_errors.py [REPEATS] [--prompts N]

[--run RUN] takes the verdicts of a real run's gate and test prompts: how often the judge abstained
and called a tie, and how long answers were. Without it these are made up, and that is said. The
truth is planted in each of REPEATS (200) rounds of N (200) gate prompts, and the gate's own
functions decide:

- an untrained copy: the win rate is 1/2; promoting it is the error whose rate is stated
- reversed pairs: it loses
- a constant reply: the same answer to everything; it loses, and is short
- only longer: the judge takes the longer answer, and at equal length there is nothing in it;
  refused by gate.length_controlled
- lost a suite: it wins, and scores less on a regression suite; refused by gate.suites
- better: it wins 65 of 100, and should be promoted

Then, for true win rates, how many of the judge's calls a sequential gate saves, and what it costs:
how often each of the two promotes.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gate.config import GateConfig
from gate.rules import other_rules, win_rate_rule
from gate.suite_config import Suite
from gate.suites import suite_figures
from gate.win_rate import early_rate, length_controlled_rate, win_rate
from rounds.contests import ABSTAIN, LOSS, TIE, WIN
from rounds.early import Early, stopped, worth
from rounds.folder import finished_rounds
from rounds.rows import CANDIDATES, HELD_OUT, VERDICTS, SuiteAnswer
from rounds.tables import read_rows
from rounds.verdicts import comparisons, settle

MADE_UP = {"abstain": 0.05, "tie": 0.15, "lengths": (400.0, 120.0)}
SUITE_PROMPTS = 40


class Judge(NamedTuple):
    """How the verdicts of a gate fall: shares of abstentions and ties, and lengths of answers."""

    abstain: float
    tie: float
    mean_length: float
    deviation: float
    source: str


class Planted(NamedTuple):
    """A policy as it is planted: what it wins of what is decided, how much longer it answers (in
    deviations), how much of that alone wins, and what it scores on a suite; in place is 0.8."""

    name: str
    wins: float
    longer: float = 0.0
    by_length: bool = False
    suite: float = 0.8
    promoted: bool = False


POLICIES = (
    Planted("an untrained copy", 0.5),
    Planted("trained on reversed pairs", 0.3),
    Planted("a constant reply", 0.1, longer=-2.0),
    Planted("only longer", 0.5, longer=1.0, by_length=True),
    Planted("lost a suite", 0.65, suite=0.4),
    Planted("better", 0.65, promoted=True),
)


def judge_of(run: Path | None) -> Judge:
    """The judge of a run's held-out verdicts, or one that is made up."""
    if run is None:
        mean, deviation = MADE_UP["lengths"]
        return Judge(MADE_UP["abstain"], MADE_UP["tie"], mean, deviation, "made up (no run given)")
    outcomes, lengths = Counter[str](), list[int]()
    for folder in finished_rounds(run):
        lengths += [len(row["text"]) for row in read_rows(folder, CANDIDATES, HELD_OUT)]
        for rows in comparisons(read_rows(folder, VERDICTS, HELD_OUT)).values():
            outcomes[settle(rows).outcome] += 1
    decided = max(1, outcomes.total() - outcomes["abstain"])
    return Judge(
        outcomes["abstain"] / max(1, outcomes.total()),
        outcomes["tie"] / decided,
        float(np.mean(lengths)),
        float(np.std(lengths)) or 1.0,
        f"{outcomes.total()} comparisons of {run}",
    )


def contests(
    planted: Planted, judge: Judge, n: int, drawn: np.random.Generator
) -> tuple[list[str], list[int]]:
    """The outcomes of n gate prompts, and how much longer each of the new answers is."""
    spread = judge.deviation * np.sqrt(2)
    longer_by = drawn.normal(planted.longer * judge.deviation, spread, n)
    chance = np.full(n, planted.wins)
    if planted.by_length:  # as the length-controlled fit has it: the log-odds go with the length
        chance = 1 / (1 + np.exp(-1.5 * np.tanh(longer_by / spread)))
    tie = min(judge.tie, 2 * planted.wins, 2 * (1 - planted.wins))
    outcomes = []
    for p in chance:
        if drawn.random() < judge.abstain:
            outcomes.append(ABSTAIN)
            continue
        tied = min(tie, 2 * p, 2 * (1 - p))
        outcomes.append(
            str(drawn.choice([WIN, TIE, LOSS], p=[p - tied / 2, tied, 1 - p - tied / 2]))
        )
    return outcomes, [round(by) for by in longer_by]


def suite_of(planted: Planted, drawn: np.random.Generator, config: GateConfig) -> dict[str, Any]:
    """The figures of a suite, the policy in place answering from three seeds."""
    rows: list[SuiteAnswer] = []
    for number in range(SUITE_PROMPTS):
        for policy, share, seeds in (("old", 0.8, 3), ("new", planted.suite, 1)):
            for index in range(seeds):
                right = drawn.random() < share
                row: Any = {
                    "prompt_id": str(number),
                    "messages": [],
                    "reference": "yes",
                    "policy_id": policy,
                    "index": index,
                    "text": "yes" if right else "no",
                }
                rows.append(row)
    suite = Suite(prompts="suite.jsonl", score="exact")
    score = lambda messages, answer, reference: float(answer == reference)  # noqa: E731
    return suite_figures(suite, score, rows, "new", "old", (1 - config.confidence) / 2)


def refusals(
    config: GateConfig,
    outcomes: Sequence[str],
    longer_by: Sequence[int],
    suite: dict[str, Any] | None,
) -> list[str]:
    """The rules that refuse; none where it is promoted."""
    measured: dict[str, Any] = {}
    if config.sequential:
        rule = Early(0, config.bar, config.confidence)
        stop = stopped([worth(one) for one in outcomes], rule, len(outcomes))
        assert stop is not None
        asked = outcomes[: stop.asked]
        rate = early_rate(asked, config.confidence, stop.horizon, abstain_loses=True)
        measured["early"] = {**stop._asdict(), "error_rate": rule.error_rate}
    else:
        rate = win_rate(outcomes, config.confidence, abstain_loses=True)
    measured["decision"] = rate._asdict()
    if config.length_controlled:
        controlled = length_controlled_rate(outcomes, longer_by, config.confidence, True)
        measured["decision"]["length_controlled"] = controlled
    if suite is not None:
        measured["suites"] = {"s": suite}
    rules = [win_rate_rule(config, measured), *other_rules(config, measured, None)]
    return [rule.rule for rule in rules if not rule.holds]


def main(repeats: int, prompts: int, run: Path | None) -> None:
    """Print both tables."""
    judge = judge_of(run)
    suites = {"s": Suite(prompts="suite.jsonl", score="exact")}
    gates = {
        "fixed": GateConfig(),
        "sequential": GateConfig(sequential=True),
        "at equal length": GateConfig(length_controlled=True),
        "with a suite": GateConfig(suites=suites),
    }
    print(
        f"judge: {judge.source}; {judge.abstain:.1%} abstained, {judge.tie:.1%} tied; {repeats} "
        f"repeats, {prompts} gate prompts; promoted of them, by gate:"
    )
    print(f"{'policy':28}" + "".join(f"{name:>18}" for name in gates))
    drawn = np.random.default_rng(0)
    for planted in POLICIES:
        promoted = Counter[str]()
        for _ in range(repeats):
            outcomes, longer_by = contests(planted, judge, prompts, drawn)
            suite = suite_of(planted, drawn, gates["with a suite"])
            for name, config in gates.items():
                found = suite if config.suites else None
                promoted[name] += not refusals(config, outcomes, longer_by, found)
        shares = "".join(f"{promoted[name] / repeats:>18.1%}" for name in gates)
        print(f"{planted.name:28}{shares}", flush=True)
    stated = Early(0, 0.5, 0.95).error_rate
    print(f"stated error rate of promoting an untrained copy, abstentions aside: {stated:.1%}")
    print(
        f"{'true win rate':14}{'promoted fixed':>16}{'sequential':>12}{'calls saved, median':>22}"
    )
    rule = Early(0, 0.5, 0.95)
    for wins in (0.5, 0.55, 0.6, 0.7):
        fixed, early, saved = 0, 0, []
        for _ in range(repeats):
            outcomes, _ = contests(Planted("", wins), judge._replace(abstain=0.0), prompts, drawn)
            fixed += not refusals(gates["fixed"], outcomes, [], None)
            stop = stopped([worth(one) for one in outcomes], rule, prompts)
            assert stop is not None
            early += stop.decision == "promote"
            saved.append(1 - stop.asked / prompts)
        print(
            f"{wins:<14}{fixed / repeats:>16.1%}{early / repeats:>12.1%}"
            f"{float(np.median(saved)):>22.0%}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("repeats", type=int, nargs="?", default=200)
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--run", type=Path)
    given = parser.parse_args()
    main(given.repeats, given.prompts, given.run)
