"""Best and worst together by matches in both orders: 3 N - 2 calls, one more for an odd N.

Candidates meet in pairs; winners play on for the best, losers for the worst. A match is decided
by the mean of both orders (probabilities where there are any); an even one goes to the candidate
that stands first, which chooses what is compared and labels nothing. Best and worst are confirmed
in both orders unless they have met.
"""

import asyncio
from typing import Literal, NamedTuple

from judge.asking.questions import both_orders, shuffle, usable
from judge.asking.rows import Judge
from judge.config import Select
from judge.strategies.strategy import Strategy
from rounds.rows import Candidate, Prompt, Verdict
from rounds.verdicts import win_probability


class Matches(NamedTuple):
    """Who won and who lost, match by match, and the verdicts."""

    winners: list[Candidate]
    losers: list[Candidate]
    verdicts: list[Verdict]


async def tournament(judge: Judge, prompt: Prompt, candidates: list[Candidate]) -> list[Verdict]:
    """All verdict rows for one prompt."""
    players = shuffle(prompt, usable(candidates))
    if len(players) < 2:
        return []
    first = await _matches(judge, prompt, players)
    left_over = players[2 * len(first.winners) :]
    (best, upper), (worst, lower) = await asyncio.gather(
        _knockout(judge, prompt, first.winners + left_over, "winners"),
        _knockout(judge, prompt, first.losers + left_over, "losers"),
    )
    rows = [*first.verdicts, *upper, *lower]  # in this order, whoever answered first
    if best is worst:
        return rows
    ends = {best["candidate_id"], worst["candidate_id"]}
    final = [row for row in rows if {row["candidate_a"], row["candidate_b"]} == ends]
    if final:
        return [row | {"purpose": "confirm"} if row in final else row for row in rows]
    return [*rows, *await both_orders(judge, prompt, best, worst)]


def most_calls(n: int, select: Select, jury: int) -> int:
    """Both orders of every match, by everyone, the last one of best and worst."""
    return 2 * jury * (n // 2 + 2 * ((n + 1) // 2) - 1)


async def _knockout(
    judge: Judge, prompt: Prompt, players: list[Candidate], goes_on: Literal["winners", "losers"]
) -> tuple[Candidate, list[Verdict]]:
    """The last one left and the verdicts on the way."""
    rows: list[Verdict] = []
    while len(players) > 1:
        matches = await _matches(judge, prompt, players)
        rows += matches.verdicts
        left_over = players[2 * len(matches.winners) :]
        players = (matches.winners if goes_on == "winners" else matches.losers) + left_over
    return players[0], rows


async def _matches(judge: Judge, prompt: Prompt, players: list[Candidate]) -> Matches:
    """Neighbours play each other. One left over does not."""
    pairs = list(zip(players[::2], players[1::2], strict=False))
    played = await asyncio.gather(*(both_orders(judge, prompt, a, b, "screen") for a, b in pairs))
    winners, losers = [], []
    for (a, b), verdicts in zip(pairs, played, strict=True):
        a_ahead = win_probability(verdicts) >= 0.5
        winners.append(a if a_ahead else b)
        losers.append(b if a_ahead else a)
    return Matches(winners, losers, [row for verdicts in played for row in verdicts])


TOURNAMENT = Strategy(tournament, most_calls)
