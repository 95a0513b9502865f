"""One call over the wire: paced, tried again where that may help, given up where it cannot."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Sequence
from math import inf
from typing import Any, NamedTuple

import aiohttp
import openai

from endpoints.config import EndpointConfig
from endpoints.faults import Fault, fault_of
from endpoints.line import Line
from endpoints.models import OtherModel
from endpoints.pace import Pace
from endpoints.refusals import ParameterRefused
from endpoints.reply import (
    EndpointAway,
    EndpointBusy,
    EndpointLost,
    EndpointRefuses,
    is_completion,
)
from endpoints.said import shortened, without_secrets, without_these
from endpoints.serve import LiveEndpoint
from endpoints.several import Roll
from endpoints.usage import usage_of
from endpoints.waits import Waits, clock

RETRY_DELAY = 0.5
"""Seconds before the first retry; the Retry-After of an endpoint takes their place, but some say
less than they mean, so that retries are then spaced too, from a small beginning."""
RETRY_DELAY_TOLD = 0.02
BAD_LUCK = 4
"""429s without an answer between them by which the spacing of retries doubles."""
NO_WORD = 16
"""Characters from which on an API key is no word that an answer may hold by itself."""
FAILURES = (
    *(openai.OpenAIError, aiohttp.ClientError, OtherModel),
    *(TimeoutError, ValueError, RecursionError),
)
"""The client passes on what aiohttp says of garbage; deep garbage exhausts the JSON reader."""


class NoAnswer(Exception):
    """A call that none will come of: `failure` is content_filter or api_error.

    `refused`: the endpoint would not take it, `rejected`: because of what it asks, `parameter`: the
    argument that it names.
    """

    def __init__(
        self, failure: str, detail: str, refused: bool, rejected: bool, parameter: str = ""
    ) -> None:
        super().__init__(detail)
        self.failure, self.refused, self.rejected = failure, refused, rejected
        self.parameter = parameter


class Connection(NamedTuple):
    """An endpoint, and what all calls of it share. `lines` are those to its servers. `settled`: its
    dialect is known, so that a refusal may quote what one call says rather than blame an argument
    of all."""

    name: str
    config: EndpointConfig
    live: LiveEndpoint
    lines: Sequence[Line]
    pace: Pace
    waits: Waits
    tally: Counter[str]
    roll: Roll
    settled: bool = False

    def lost(self, why: str, kind: type[EndpointLost] = EndpointLost) -> Exception:
        """The error for an endpoint that is lost; nothing more is sent."""
        return self.end(kind(f"endpoint {self.name} ({self.live.shown}): {why}"))

    def end(self, error: Exception) -> Exception:
        """The error, which all calls that wait to be sent now end with, too."""
        self.pace.close(error)
        return error


def wire(model: str, body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A call's JSON and its request options: what `chat.completions.create` makes of arguments."""
    fields = {"model": model, **body}
    fields |= fields.pop("extra_body", None) or {}
    names = {"extra_headers": "headers", "extra_query": "params", "timeout": "timeout"}
    return fields, {names[name]: fields.pop(name) for name in names if name in fields}


async def send(connection: Connection, body: dict[str, Any], near: str = "") -> dict[str, Any]:
    """The chat completion of a call, which goes where others with the same `near` went if it can.

    Raises NoAnswer when the call is given up, EndpointLost when the endpoint is, ParameterRefused
    where it refuses an argument before it has answered anything, or ever log-probabilities.
    A 429 uses up none of the call's retries while the endpoint answers others; when it has answered
    none for as long as `timeout` and the retries are used up, the endpoint is lost; so it is when
    it says to wait longer than `max_retry_after`. One that is away is waited for as long as
    `wait_for` says, which uses up no retry either; where others are answered meanwhile it is not
    away, and the call is tried again as after any failure. Of several servers one try is one at
    each that is there (endpoints/several.py).
    """
    pace = connection.pace
    fields, options = wire(connection.live.model, body)
    options["timeout"] = options.get("timeout") or connection.config.timeout
    estimated = pace.estimate_tokens(body)
    failed = busy = 0
    nobody_since = inf
    found_nobody = False
    tried: set[int] = set()
    while True:
        place = await pace.enter(estimated, failed + busy > 0, found_nobody, near, tried)
        sent = asyncio.get_running_loop().time()
        try:
            if not pace.lanes[place.lane].proven:
                await connection.roll.prove(place.lane)
            connection.tally["calls"] += 1
            raw = await _attempt(connection, place.lane, fields, options)
            used = usage_of(raw, body)[:2] if pace.counts_tokens else (0, 0)
            pace.answered(place, estimated, *used)
            _is_there(connection, place.lane)
            return raw
        except FAILURES as error:
            fault = fault_of(error, body)
            fault = fault._replace(detail=without_secrets(fault.detail, *connection.live.secrets))
            connection.tally.update([fault.counted] if fault.counted else [])
            # what a gateway says may be about this call alone: it counts from its first time on
            before = nobody_since if fault.kind == "again" else inf
            nobody_since = min(before, sent) if fault.away else inf
            paused = fault.kind == "busy" and pace.refused(place, fault.wait)
            if connection.roll.goes_elsewhere(place.lane, fault, sent, tried):
                connection.tally["retries"] += 1
                continue
            tried.clear()
            fault = connection.roll.of_all(fault)
            if fault.away and connection.config.time_away > 0:
                if pace.last_answer <= nobody_since:
                    _is_away(connection, place.lane, fault)
                    found_nobody = True
                    connection.tally["retries"] += 1
                    continue
                fault = fault._replace(kind="again")  # others are answered: it is not gone
            found_nobody = False
            if not connection.roll.several and not fault.away:
                _is_there(connection, place.lane)
            failed += fault.kind == "again"
            busy += fault.kind == "busy"
            _give_up(connection, fault, failed, busy)
            told = fault.wait or 0.0
            if paused:
                connection.waits.paused(told, fault.detail)
            connection.waits.failed(pace.last_answer, fault.detail)
            refused = pace.lanes[place.lane].refused_in_a_row
        finally:
            pace.leave(place)
        connection.tally["retries"] += 1
        spaced = RETRY_DELAY if fault.wait is None else RETRY_DELAY_TOLD
        # one that others are answered beside only has bad luck
        in_vain = min(busy, 1 + refused // BAD_LUCK) if busy else 0
        await pace.back_off(failed + in_vain, spaced, told)


async def _attempt(
    connection: Connection, server: int, fields: dict[str, Any], options: Any
) -> dict[str, Any]:
    text = await connection.lines[server].complete(fields, options)
    # some send back what they were sent; a key that is a mere word may be part of the answer
    secrets = [secret for secret in connection.live.secrets if len(secret) >= NO_WORD]
    text = without_these(text, secrets)
    raw = _read(text)
    if not is_completion(raw):
        raise ValueError(shortened(text))
    return raw


def _read(text: str) -> Any:
    """The JSON of a body that is paid for: marks around it and a comma too many lose nothing."""
    text = text.strip("\ufeff\x00 \t\r\n")
    try:
        return json.loads(text)
    except ValueError as error:
        last_comma = r'("(?:[^"\\]|\\.)*+")|,(?=\s*[}\]])'
        mended = re.sub(last_comma, lambda match: match[1] or "", text)
        if mended == text:
            raise
        try:
            return json.loads(mended)
        except ValueError:
            raise error from None


def _is_away(connection: Connection, server: int, fault: Fault) -> None:
    """Note that nobody is there.

    Where that has been so for too long it raises EndpointAway; NoAnswer where a gateway says so of
    an endpoint that has answered others before: these calls alone may be what it cannot take.
    """
    pace, wait_for = connection.pace, connection.config.time_away
    if fault.wait is not None and fault.wait > connection.config.max_retry_after:
        _give_up(connection, fault, 0, 0)
    seconds = pace.away(wait_for, server)
    if seconds >= wait_for:
        connection.waits.there()
        if fault.kind == "again" and pace.has_answered:
            raise NoAnswer("api_error", fault.detail, False, False)
        raise connection.lost(
            f"nothing has answered there for {seconds:.0f} s, and wait_for is {wait_for:g} s "
            f"({fault.detail}); what it answered is kept",
            EndpointAway,
        )
    connection.waits.away(wait_for - seconds, fault.detail)


def _is_there(connection: Connection, server: int) -> None:
    if connection.pace.there(server):
        connection.roll.is_back(server)
    connection.waits.there()


def _give_up(connection: Connection, fault: Fault, failed: int, busy: int) -> None:
    """Raise what ends the call; nothing where it is to be tried again."""
    kind, detail = fault.kind, fault.detail
    config, pace = connection.config, connection.pace
    now = asyncio.get_running_loop().time()
    if kind == "gone":
        raise connection.lost(detail)
    if kind == "no_access":
        raise connection.lost(detail, EndpointRefuses)
    first = not (pace.has_answered or connection.settled)
    if fault.parameter and ("logprobs" in fault.parameter or first):
        raise connection.end(ParameterRefused(connection.name, fault.parameter, detail))
    if fault.wait is not None and fault.wait > config.max_retry_after:
        raise connection.lost(
            f"it asks to wait until {clock(fault.wait)}, {fault.wait:.0f} s, and max_retry_after "
            f"is {config.max_retry_after:g} s ({detail}); what it answered is kept",
            EndpointBusy,
        )
    silent = now - pace.last_answer
    if kind == "busy":
        if busy > config.max_retries and silent > config.timeout:
            raise connection.lost(
                f"it has answered nothing but 429 for {silent:.0f} s ({detail}); what it answered "
                "before is kept, ask again later"
            )
    elif kind != "again" or failed > config.max_retries:
        failure = "content_filter" if kind == "content_filter" else "api_error"
        rejected = kind == "rejected"
        raise NoAnswer(failure, detail, kind != "again", rejected, fault.parameter)
    elif pace.doubted_since is not None and now - pace.doubted_since > config.timeout:
        raise connection.lost(f"it has answered nothing for {silent:.0f} s; the last: {detail}")
