"""Strategies by name: which candidates of a prompt are compared, and by how many calls.

Each is `async (judge, prompt, candidates) -> verdict rows`; the rows of purpose confirm are what a
pair may be made of.
"""

from collections.abc import Awaitable, Callable

from judge.asking.rows import Judge
from judge.config import Select
from judge.strategies.listwise import listwise
from judge.strategies.pairwise import pairwise
from judge.strategies.random_pair import random_pair
from judge.strategies.round_robin import round_robin
from judge.strategies.screen_confirm import screen_confirm
from judge.strategies.tournament import tournament
from rounds.tables import Row

Strategy = Callable[[Judge, Row, list[Row]], Awaitable[list[Row]]]

STRATEGIES: dict[str, Strategy] = {
    "screen_confirm": screen_confirm,
    "listwise": listwise,
    "tournament": tournament,
    "random_pair": random_pair,
    "round_robin": round_robin,
    "pairwise": pairwise,
}


def most_calls(strategy: str, n: int, select: Select, jury: int) -> int:
    """Calls that a prompt with n candidates takes at most, appeals not counted."""
    confirm = 2 * jury * min(select.pairs * select.tries, n // 2)
    return {
        "screen_confirm": n + confirm,
        "listwise": 2 + confirm,
        "tournament": 2 * jury * (n // 2 + 2 * ((n + 1) // 2) - 1),
        "random_pair": 2 * jury,
        "round_robin": n * (n - 1) * jury,
        "pairwise": 2 * jury,
    }[strategy]
