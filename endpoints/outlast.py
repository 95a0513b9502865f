"""Work at an endpoint that outlasts its being away: begun again until it ends."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import openai

from endpoints.config import EndpointConfig
from endpoints.reply import EndpointAway
from endpoints.serve import LiveEndpoint
from endpoints.waits import Waits
from rounds.stages import Progress

PROBE = 5.0
"""Seconds between two tries while the endpoint is away, each with its own retries."""

Result = TypeVar("Result")


def client_of(config: EndpointConfig, live: LiveEndpoint) -> openai.AsyncOpenAI:
    """The client of work that is more than chat completions; to be closed."""
    return openai.AsyncOpenAI(
        base_url=live.base_url,
        api_key=live.api_key,
        timeout=config.timeout,
        max_retries=config.max_retries,
        default_headers=live.headers,
    )


async def outlast(
    name: str,
    config: EndpointConfig,
    work: Callable[[Progress], Awaitable[Result]],
    progress: Progress,
) -> Result:
    """What `work` returns, which is called again after it raised EndpointAway.

    Its reports of progress show that the endpoint is there. Raises EndpointAway once that has been
    away for as long as it is waited for.
    """
    waits, clock = Waits(name), asyncio.get_running_loop().time
    away_since: float | None = None

    def there(done: int, total: int, note: str = "") -> None:
        nonlocal away_since
        away_since = None
        waits.there()
        progress(done, total, note)

    try:
        while True:
            try:
                return await work(there)
            except EndpointAway as error:
                away_since = away_since or clock()
                left = away_since + config.wait_for - clock()
                if left <= 0:
                    raise
                waits.away(left, str(error))
                await asyncio.sleep(min(PROBE, left))
    finally:
        waits.there()
