"""Several servers of one endpoint: all serve one model, and what fails at one is asked of another.

A server that is not there, or fails call after call, is left out and tried again after pauses that
grow. Before it is asked for the first time in a stream, and when it comes back, it has to list the
model that the others list.
"""

import logging
from collections.abc import Sequence

from endpoints.config import EndpointConfig
from endpoints.faults import Fault
from endpoints.line import Line
from endpoints.models import Card, OtherModel, cards_in, difference
from endpoints.pace import Pace
from endpoints.said import without_login

LOG = logging.getLogger("prefloop")
FAILS = 3
"""Calls in a row that fail at a server, while another is there, before it is left out."""
MOVES = ("gone", "no_access", "again", "busy")
"""What may be another server's answer: what the request itself is refused for is not."""


class Roll:
    """Which servers of an endpoint take part in a stream."""

    def __init__(
        self, name: str, config: EndpointConfig, model: str, lines: Sequence[Line], pace: Pace
    ) -> None:
        self._name, self._config, self._model = name, config, model
        self._lines, self._pace = lines, pace
        self._first: tuple[int, Card] | None = None
        self.several = len(lines) > 1

    async def prove(self, server: int) -> None:
        """Ask a server for its models. Raises as a call does, and OtherModel."""
        cards = cards_in(await self._lines[server].models())
        if cards is None:  # it has no such list; its answers have to do
            return
        if self._model not in cards:
            raise OtherModel(f"{self._model} is not among its models ({', '.join(cards)})")
        card = cards[self._model]
        place, first = self._first = self._first or (server, card)
        if differs := difference(first, card):
            raise OtherModel(f"it serves another model than {self._address(place)}: {differs}")

    def goes_elsewhere(self, server: int, fault: Fault, sent: float, tried: set[int]) -> bool:
        """Whether a call that was `sent` to a server and failed is asked of another now: one that
        is there and that it has not `tried`. A server that is at fault is left out.
        """
        if not self.several or fault.kind not in MOVES:
            return False
        lane = self._pace.lanes[server]
        tried.add(server)
        silent = lane.last_answer <= sent
        told = fault.wait or 0.0
        lane.failures += fault.kind == "again" and silent
        gone = fault.kind in ("gone", "no_access") or (fault.away and silent)
        fails = lane.failures >= FAILS or told > self._config.max_retry_after
        if gone or (fails and self._pace.others({server})):
            self._leave_out(server, fault.detail, told)
        return self._pace.others(tried)

    def of_all(self, fault: Fault) -> Fault:
        """What a fault means that a call met at every server that is there: while one of them is,
        what would end the endpoint only makes the call be tried again.
        """
        if self.several and not self._pace.all_away and fault.kind in ("gone", "no_access"):
            return fault._replace(kind="again", away=False)
        return fault

    def is_back(self, server: int) -> None:
        """Say that a server takes part again."""
        if self.several:
            LOG.warning("endpoint %s: %s is there again", self._name, self._address(server))

    def _leave_out(self, server: int, why: str, told: float) -> None:
        lane = self._pace.lanes[server]
        if lane.away_since is None:
            where = self._address(server)
            LOG.warning("endpoint %s: %s is left out for now (%s)", self._name, where, why)
        lane.proven = False
        self._pace.away(self._config.time_away, server)
        if told > self._config.max_retry_after:
            self._pace.pause(server, told)

    def _address(self, server: int) -> str:
        return without_login(self._lines[server].address)
