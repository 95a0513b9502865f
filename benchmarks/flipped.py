"""A judge that errs on purpose: python benchmarks/flipped.py RATE[,honest] ARGS

Runs the `prefloop` command, for benchmarks/bad_judge.py alone. Of the comparisons that confirm a
pair, and of the gate's, RATE are turned round, in both orders, so that nothing shows: which ones
follows from their candidates. An honest judge gives 1 - RATE as the probability of each verdict.
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


def errs(row: Verdict, rate: float) -> bool:
    """Whether the comparison that a row belongs to is one of those turned round."""
    pair = sorted([str(row["candidate_a"]), str(row["candidate_b"])])
    return int(digest("flipped", *pair)[:8], HEX) / HEX**8 < rate


def flipped(row: Verdict, rate: float, honest: bool) -> Verdict:
    """The row as the erring judge gives it."""
    outcome, probability = row["outcome"], row["probability"]
    if outcome not in OTHER:
        return row
    if errs(row, rate):
        outcome = OTHER[outcome]
        probability = None if probability is None else 1 - probability
    if honest:
        probability = 1 - rate if outcome == "a" else rate
    return row | {"outcome": outcome, "probability": probability}


def main() -> None:
    """Replace what gives the verdicts, then do what the command line says."""
    rate, _, honest = sys.argv.pop(1).partition(",")
    both_orders = judge.strategies.confirm.both_orders

    async def erring(*given: Any) -> list[Verdict]:
        return [flipped(row, float(rate), bool(honest)) for row in await both_orders(*given)]

    judge.strategies.confirm.both_orders = judge.held_out.both_orders = erring
    app()


if __name__ == "__main__":
    main()
