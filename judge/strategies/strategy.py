"""What a strategy is: which candidates of a prompt are compared, and by how many calls."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from judge.asking.rows import Judge
from judge.config import Select
from rounds.rows import Candidate, Prompt, Verdict


class Strategy(NamedTuple):
    """A way to find the pairs of a prompt.

    `run` asks about the candidates of one prompt; of the verdict rows that it returns a pair may be
    made of those of purpose confirm. `most_calls` are the calls that it takes at most for `n`
    candidates and a jury of so many endpoints, appeals not counted. `selects` says whether it has
    scores to select by.
    """

    run: Callable[[Judge, Prompt, list[Candidate]], Awaitable[list[Verdict]]]
    most_calls: Callable[[int, Select, int], int]
    selects: bool = False
