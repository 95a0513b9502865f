"""A judge that errs on purpose: python benchmarks/flipped.py RATE[,uneven][,honest] ARGS

Runs the `prefloop` command, for benchmarks/bad_judge.py alone. Of the comparisons that confirm a
pair, and of the gate's, RATE are turned round, in both orders, so that nothing shows: which ones
follows from their candidates. An uneven judge errs at RATE / 2 on half of them and three times as
often on the others, and an honest one gives the chance to be right as the probability of a verdict.
"""

import sys
from typing import Any

import judge.held_out
import judge.strategies.confirm
from flows.cli import app
from rounds.ids import digest
from rounds.rows import Verdict

OTHER = {"a": "b", "b": "a"}
HEX = 16


def drawn(row: Verdict, what: str) -> float:
    """A number from 0 to 1 for the comparison that a row belongs to, in whichever order."""
    pair = sorted([str(row["candidate_a"]), str(row["candidate_b"])])
    return int(digest(what, *pair)[:8], HEX) / HEX**8


def flipped(row: Verdict, rate: float, kind: set[str]) -> Verdict:
    """The row as the erring judge gives it."""
    outcome, probability = row["outcome"], row["probability"]
    if outcome not in OTHER:
        return row
    if "uneven" in kind:
        rate *= 0.5 if drawn(row, "easy") < 0.5 else 1.5
    if drawn(row, "flipped") < rate:
        outcome = OTHER[outcome]
        probability = None if probability is None else 1 - probability
    if "honest" in kind:
        probability = 1 - rate if outcome == "a" else rate
    return row | {"outcome": outcome, "probability": probability}


def main() -> None:
    """Replace what gives the verdicts, then do what the command line says."""
    rate, *kind = sys.argv.pop(1).split(",")
    both_orders = judge.strategies.confirm.both_orders

    async def erring(*given: Any) -> list[Verdict]:
        return [flipped(row, float(rate), set(kind)) for row in await both_orders(*given)]

    judge.strategies.confirm.both_orders = judge.held_out.both_orders = erring
    app()


if __name__ == "__main__":
    main()
