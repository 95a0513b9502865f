"""The calls that are open, and those among them that hang.

A call that hangs holds its place until it times out: at 200 ms an answer, 64 places and 60 s, five
in a thousand take them all. It is not sent a second time meanwhile, for it may still be answered
and paid; another call gets a place beside it.
"""

from typing import NamedTuple

OVERTAKEN = 5
"""A call hangs that so many times `most` answers came since it was sent. Where everything is slow
nothing is overtaken, and nothing is sent beside it."""
MOST_HANGING = 2
"""Times `most`, how many may hang without counting."""


class Place(NamedTuple):
    """An open call: its number, how many answers there were when it was sent, and the number of its
    server."""

    number: int
    answers: int
    lane: int = 0


class Places:
    """The open calls of an endpoint, of which `most` may be open at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[int, Place] = {}
        self._hanging: set[int] = set()
        self._taken = self._answers = 0

    def __len__(self) -> int:
        return len(self._open) + len(self._hanging)

    @property
    def counted(self) -> int:
        """Open calls without those that hang."""
        return len(self._open)

    def take(self) -> Place:
        """A call is sent."""
        self._taken += 1
        place = self._open[self._taken] = Place(self._taken, self._answers)
        return place

    def leave(self, place: Place) -> None:
        """It is no longer open."""
        self._open.pop(place.number, None)
        self._hanging.discard(place.number)

    def answered(self) -> None:
        """One was answered, which those sent long before it were not."""
        self._answers += 1
        while self._open and len(self._hanging) < MOST_HANGING * self._most:
            oldest = next(iter(self._open.values()))
            if self._answers - oldest.answers <= OVERTAKEN * self._most:
                break
            self._hanging.add(self._open.pop(oldest.number).number)
