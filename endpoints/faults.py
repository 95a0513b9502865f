"""What a failed attempt means: try again, give this call up, or give the endpoint up."""

import math
import time
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Literal, NamedTuple

import aiohttp
import openai

from endpoints.models import OtherModel
from endpoints.refusals import refused_parameter
from endpoints.said import what_it_said

REJECTED = (400, 413, 422)
"""Statuses that speak of the request, such as one that is too long for the model."""
NO_ACCESS = (401, 402, 403, 404)
NAMES_ARGUMENTS = (400, 403, 404, 422)
"""Statuses of servers for an argument that they do not take (a 403: confident-ai/deepeval#2184)."""
FORM = "response_format"
"""What some answer with a 500 (ikawrakow/ik_llama.cpp#778)."""
WORTH_ANOTHER_TRY = (408, 409)
AWAY = (502, 503, 504, *range(520, 526), 529, 530)
"""What gateways say for a server that is not there (Cloudflare's 52x and 530 among them), and
Anthropic's word for one that is overloaded."""


Kind = Literal["gone", "no_access", "content_filter", "rejected", "final", "busy", "again"]


class Fault(NamedTuple):
    """`kind`: what to do. `wait`: the Retry-After in seconds. `counted`: its name in the tally.
    `parameter`: the argument that a rejection names. `away`: that no endpoint may be there."""

    kind: Kind
    detail: str
    wait: float | None = None
    counted: str = ""
    parameter: str = ""
    away: bool = False


def fault_of(error: Exception, body: dict[str, Any]) -> Fault:
    """The meaning of what sending a call or reading its reply raised."""
    if isinstance(error, openai.APIStatusError):
        return _of_status(error, body)
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        # a certificate that is wrong stays wrong
        return Fault("gone", str(error), away=not isinstance(error, aiohttp.ClientSSLError))
    if isinstance(error, TimeoutError):
        whole = "" if isinstance(error, aiohttp.SocketTimeoutError) else "whole "
        return Fault("again", f"no {whole}answer in time", counted="timeouts")
    if isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError):
        return Fault("again", str(error) or type(error).__name__)
    if isinstance(error, OtherModel):
        return Fault("no_access", str(error))
    if isinstance(error, UnicodeEncodeError):
        return Fault("final", f"cannot be sent: {error}")
    return Fault("again", f"no completion: {error}")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the endpoint asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as
    a date; None where it says nothing that can be read."""
    waits = (headers.get("retry-after-ms"), 0.001), (headers.get("retry-after"), 1.0)
    for text, unit in waits:
        if text is None:
            continue
        try:
            seconds = float(text) * unit
        except ValueError:
            try:
                date = parsedate_to_datetime(text)
                date = date if date.tzinfo else date.replace(tzinfo=UTC)
                seconds = date.timestamp() - time.time()
            except (ValueError, OverflowError):
                continue
        if math.isfinite(seconds):
            return max(seconds, 0.0)
    return None


def _of_status(error: openai.APIStatusError, body: dict[str, Any]) -> Fault:
    status, detail = error.status_code, what_it_said(error)
    if status == 429 and "insufficient_quota" in (error.code, error.type):
        return Fault("no_access", f"the account's quota is used up: {detail}", counted="http_429")
    if status == 429 and "request too large" in detail.lower():
        return Fault("rejected", detail, counted="http_429")  # above the limit all by itself
    if status == 429:
        return Fault("busy", detail, retry_after(error.response.headers), "http_429")
    parameter = refused_parameter(detail, body) if error.code != "content_filter" else ""
    if parameter and (status in NAMES_ARGUMENTS or (status in (500, 501) and parameter == FORM)):
        return Fault("rejected", detail, parameter=parameter)
    if status >= 500 or status in WORTH_ANOTHER_TRY:
        counted = "server_errors" if status >= 500 else ""
        wait = retry_after(error.response.headers)
        return Fault("again", detail, wait, counted, away=status in AWAY)
    if status in NO_ACCESS:
        return Fault("no_access", detail)
    if error.code == "content_filter":
        return Fault("content_filter", detail)
    return Fault("rejected" if status in REJECTED else "final", detail)
