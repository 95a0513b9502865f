"""Whether an endpoint still answers, by what became of the calls that were decided last."""

from collections import deque
from typing import Literal

FAILURES = 10
"""So many failed calls without an answer between them, and most of the RECENT ones failed: then it
is in doubt whether the endpoint answers, and nothing but what is open already decides."""
RECENT = 100
"""So many refusals in a row count as FAILURES where the endpoint has answered before: it is there,
and they say something about what was asked (the longest prompts of a sorted file come together)."""


class Standing:
    """Follows the calls of a stream as they are decided: answered, or given up.

    Refusals come at once and answers take their time: where the first calls of a stream fail, or
    many at once, the answers to the others are still under way. An endpoint in doubt is lost when
    the calls that were open by then have failed as well; one answer clears it.
    """

    def __init__(self) -> None:
        self._recent: deque[bool] = deque(maxlen=RECENT)
        self._enough: int | None = None
        self._has_answered = False
        self.in_a_row = 0
        self.refused = 0

    def answered(self) -> None:
        """A call was answered."""
        self._recent.append(True)
        self._has_answered = True
        self.in_a_row, self.refused, self._enough = 0, 0, None

    def failed(self, refused: bool, still_open: int) -> Literal["answers", "in doubt", "lost"]:
        """A call was given up (`refused`: the endpoint would not take it) while others are open."""
        self._recent.append(False)
        self.in_a_row += 1
        self.refused += refused
        if self._enough is None:
            if not self._many() or 2 * sum(self._recent) >= len(self._recent):
                return "answers"
            self._enough = self.in_a_row + still_open
        return "lost" if self.in_a_row >= self._enough else "in doubt"

    def _many(self) -> bool:
        """Whether enough calls failed in a row for a doubt."""
        if self._has_answered and self.in_a_row - self.refused < FAILURES:
            return self.in_a_row >= RECENT
        return self.in_a_row >= FAILURES
