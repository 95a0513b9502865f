"""Asking an endpoint: one bounded stream of calls, each answered once and written down once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar

import openai

from endpoints.config import EndpointConfig
from endpoints.journal import Journal, request_key
from endpoints.serve import Live
from rounds.errors import WorkFailed

FAILURES_IN_A_ROW = 10
"""So many failed calls without an answer between them mean that the endpoint is down, or that it
takes no such request; going on would only fill the round with abstentions."""

REJECTED = (400, 413, 422)
"""Statuses that speak of the request, such as one that is too long for the model."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class EndpointLost(WorkFailed):
    """The endpoint no longer answers. The journal has what was answered; a retry asks the rest."""


class Answer(NamedTuple):
    """A call's outcome: the text, or why there is none.

    `failure` is None or one of refused, content_filter, truncated, empty, api_error.
    """

    key: str
    text: str
    failure: str | None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    paid_now: bool = False
    detail: str = ""
    finish_reason: str = ""


Ask = Callable[..., Awaitable[Answer]]


@asynccontextmanager
async def asking(
    name: str, config: EndpointConfig, live: Live, journal: Journal
) -> AsyncIterator[Ask]:
    """Yields `ask(body, rubric, repeat=0) -> Answer`; at most `max_in_flight` calls are open.

    `body` holds chat-completion arguments without the model. Answers in the journal cost nothing.
    However the stream ends, calls that are open are waited for, so that what they cost is kept.
    Raises EndpointLost when the endpoint refuses connections or the key, or when
    FAILURES_IN_A_ROW calls failed. A request that it has rejected before does not count: a round
    that is continued meets its rejected requests again without the answers that lay between.
    """
    gate = asyncio.Semaphore(config.max_in_flight)
    underway: dict[str, asyncio.Future[Answer]] = {}
    async with openai.AsyncOpenAI(
        base_url=live.base_url,
        api_key=live.api_key,
        timeout=config.timeout,
        max_retries=config.max_retries,
        http_client=openai.DefaultAioHttpClient(),
    ) as client:
        failures_in_a_row = 0
        closing = False

        def failed(key: str, failure: str, detail: str) -> Answer:
            nonlocal failures_in_a_row
            failures_in_a_row += 1
            if failures_in_a_row >= FAILURES_IN_A_ROW:
                raise EndpointLost(
                    f"endpoint {name} ({live.base_url}): {failures_in_a_row} calls in a row "
                    f"failed, each after its retries; the last: {detail}"
                )
            return Answer(key, "", failure, detail=detail)

        async def call(key: str, body: dict[str, Any]) -> Answer:
            nonlocal failures_in_a_row
            async with gate:
                if closing:
                    raise EndpointLost(f"endpoint {name}: the stream has ended")
                try:
                    completion = await client.chat.completions.create(model=live.model, **body)
                except (openai.APIConnectionError, openai.APIStatusError) as error:
                    if _lost(error):
                        raise EndpointLost(f"endpoint {name} ({live.base_url}): {error}") from error
                    if getattr(error, "code", None) == "content_filter":
                        # it answers, this it will not: ten such prompts do not mean it is down
                        return Answer(key, "", "content_filter", detail=str(error))
                    rejected = getattr(error, "status_code", None) in REJECTED
                    if rejected and journal.reject(key):
                        return Answer(key, "", "api_error", detail=str(error))
                    return failed(key, "api_error", str(error))
                except ValueError as error:  # it says JSON and is none
                    return failed(key, "api_error", f"not JSON: {error}")
            # the client hands on whatever came: a web page, an error with status 200
            choices = getattr(completion, "choices", None)
            if not (isinstance(choices, list) and choices and hasattr(choices[0], "message")):
                return failed(key, "api_error", f"no completion: {str(completion)[:200]}")
            failures_in_a_row = 0
            raw = completion.model_dump(mode="json", exclude_none=True)
            cost = _cost(raw, config)
            journal.put(key, name, live.model_id, body, raw, cost)
            return read_answer(key, raw, cost, paid_now=True)

        async def ask(body: dict[str, Any], rubric: str, repeat: int = 0) -> Answer:
            key = request_key(name, live.model_id, body, rubric, repeat)
            if (raw := journal.get(key)) is not None:
                return read_answer(key, raw, _cost(raw, config))
            if key not in underway:  # the same question twice at once is one call
                underway[key] = asyncio.ensure_future(call(key, body))
                underway[key].add_done_callback(lambda _: underway.pop(key, None))
            # shielded: when another call's failure ends the stream, this one is on its way
            return await asyncio.shield(underway[key])

        try:
            yield ask
        finally:
            closing = True
            await asyncio.gather(*underway.values(), return_exceptions=True)


def read_answer(key: str, raw: dict[str, Any], cost: float, paid_now: bool = False) -> Answer:
    """A stored chat completion as an Answer; anything but a finished text is a failure."""
    usage = raw.get("usage") or {}
    choices = raw.get("choices") or [{}]
    message = choices[0].get("message") or {}
    text = message.get("content")
    text = text if isinstance(text, str) else ""  # some send a list of parts
    finish = choices[0].get("finish_reason") or ""
    failure = None
    if message.get("refusal"):
        failure, text = "refused", message["refusal"]
    elif finish == "content_filter":
        failure = "content_filter"
    elif finish == "length":
        failure = "truncated"
    elif not text.strip():
        failure = "empty"
    return Answer(
        key,
        text.encode(errors="replace").decode(),  # half a character cannot be written to a table
        failure,
        usage.get("prompt_tokens") or 0,
        usage.get("completion_tokens") or 0,
        cost,
        paid_now,
        finish_reason=finish,
    )


async def each(
    items: Iterable[Item],
    work: Callable[[Item], Awaitable[Result]],
    workers: int,
    on_done: Callable[[Item, Result], None],
) -> None:
    """Do `work` for every item, `workers` at a time, with no barrier between items.

    The first error ends the others and is raised as it is.
    """
    queue = iter(items)

    async def worker() -> None:
        for item in queue:
            on_done(item, await work(item))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(worker())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


def _lost(error: openai.APIError) -> bool:
    if isinstance(error, openai.APITimeoutError):
        # aiohttp's transport reports a refused connection as a timeout while connecting
        return type(error.__cause__).__name__ == "ConnectTimeout"
    if isinstance(error, openai.APIStatusError):
        return error.status_code in (401, 403, 404)
    return isinstance(error, openai.APIConnectionError)


def _cost(raw: dict[str, Any], config: EndpointConfig) -> float:
    usage = raw.get("usage") or {}
    read, written = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    return float(read * config.price.input + written * config.price.output) / 1e6
