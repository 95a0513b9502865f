"""Asking an endpoint: one bounded stream of calls, each answered once and written down once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

from endpoints.attempts import Connection, NoAnswer, send
from endpoints.budget import Amounts, Budget
from endpoints.config import EndpointConfig
from endpoints.descriptors import calls_at_once
from endpoints.dialect import PLAIN, Dialect, spoken
from endpoints.journal import Journal, request_key
from endpoints.line import lines_to
from endpoints.pace import Pace
from endpoints.refusals import ParameterRefused
from endpoints.reply import (
    Ask,
    EndpointLost,
    EndpointRefuses,
    Reply,
    prune_logprobs,
    read_reply,
)
from endpoints.serve import LiveEndpoint
from endpoints.settled import dialects_spoken, forget, recall
from endpoints.several import Roll
from endpoints.standing import Standing
from endpoints.together import Together
from endpoints.usage import cost_of, most_usage, usage_of
from endpoints.waits import Waits
from rounds.errors import UserError

LATER = 3
"""Turns of the event loop that the accounts of an answer wait: the calls that its place lets
through are sent in these, so that the endpoint is at work meanwhile."""


@asynccontextmanager
async def asking(
    name: str,
    config: EndpointConfig,
    live: LiveEndpoint,
    journal: Journal,
    budget: Budget | None = None,
    tally: Counter[str] | None = None,
    usable: Collection[str] = (),
    dialect: Dialect | None = None,
    unusable: dict[str, Reply] | None = None,
) -> AsyncIterator[Ask]:
    """Yields `ask(body, rubric, repeat=0, near="") -> Reply`, paced as the config says.

    A body is sent, and kept in the journal, as the endpoint takes it: in `dialect`, or in the one
    that was settled for it. What it answered before that was settled is not asked again.

    Of several servers a call goes to the one with the fewest open, and calls with the same `near`
    to the same one where it can: they begin with the same words.

    Answers in the journal cost nothing. A paid reply that is no answer is kept apart, and asked
    again by the next stream, but for those of an earlier one that are handed on in `unusable`,
    where this stream's are added; `usable` names failures that the caller can use as answers, such
    as a truncated text. Where the budget is exhausted a call that is not in the journal is not
    sent: its failure is "budget". `tally` counts calls (as sent), from_journal, retries, http_429,
    timeouts and server_errors.

    However the stream ends, calls that are open are waited for, so that what they cost is kept.
    Raises EndpointLost when the endpoint refuses connections or the key, says 429 to the end, or
    fails call after call (endpoints/standing.py): going on would only fill the round with
    abstentions. A request that it has rejected before does not count: a round that is continued
    meets its rejected requests again without the answers between them. Raises ParameterRefused
    where it refuses an argument of the first call that it decides on (if it was tried out before:
    of so many that it would be lost), or at any time the log-probabilities that are asked for, and
    UserError where it does not give the usage that a budget needs.
    """
    budget = budget or Budget(None, None, None)
    tally = Counter() if tally is None else tally
    underway: dict[str, asyncio.Future[Reply]] = {}
    unusable = {} if unusable is None else unusable
    blamed: list[ParameterRefused] = []
    kept = Together(journal)
    spoken_in = [dialect] if dialect else dialects_spoken(journal.folder, name, config)
    servers, standing = len(live.addresses), Standing()
    reports = False  # of what a call used: one that now and then does not is estimated
    wanted = calls_at_once(name, config.max_in_flight * servers)
    async with wanted as room, lines_to(live, config.timeout) as lines:
        open_calls = {"max_in_flight": max(1, room // servers)}
        pace = Pace(config.model_copy(update=open_calls), servers)
        settled = dialect is None and bool(recall(journal.folder, name, config).asked)
        roll = Roll(name, config, live.model, lines, pace)
        shared = pace, Waits(name), tally, roll, settled
        connection = Connection(name, config, live, lines, *shared)

        def failed(key: str, error: NoAnswer) -> Reply:
            known = error.rejected and journal.reject(key)
            if error.failure == "content_filter":  # it answers, this it will not
                standing.answered()
                pace.doubt(False)
            elif not known:
                if error.parameter:
                    blamed.append(ParameterRefused(name, error.parameter, str(error)))
                state = standing.failed(error.refused, pace.open)
                pace.doubt(state != "answers")
                if state == "lost" and error.parameter:
                    raise connection.end(blamed[-1])
                if state == "lost":
                    raise connection.lost(
                        f"{standing.in_a_row} calls in a row failed, each after its retries; "
                        f"the last: {error}",
                        EndpointRefuses if standing.refused == standing.in_a_row else EndpointLost,
                    )
            return Reply(key, "", error.failure, detail=str(error))

        def count(reply: Reply) -> Reply:
            nonlocal reports
            reports |= reply.prompt_tokens > 0 and not reply.estimated
            if budget.wants_usage and reply.estimated and not reports:
                raise connection.end(
                    UserError(
                        f"endpoint {name} ({live.shown}) does not report what a "
                        "call used, so that a budget of tokens or cost cannot be kept; limit the "
                        "budget's calls, or set estimates: true in it"
                    )
                )
            budget.spend(reply)
            return reply

        async def call(key: str, body: dict[str, Any], near: str) -> Reply:
            most = most_usage(body)
            amounts = Amounts(most.prompt + most.completion, cost_of(most, config.price))
            if limit := await budget.admit(amounts):
                return Reply(key, "", "budget", detail=f"the budget's {limit} are used up")
            try:
                raw = await send(connection, body, near)
            except NoAnswer as error:
                reply = failed(key, error)
            else:
                standing.answered()
                for _ in range(LATER):
                    await asyncio.sleep(0)
                prune_logprobs(raw)
                usage = usage_of(raw, body)
                cost = cost_of(usage, config.price)
                reply = read_reply(key, body, raw, cost, True, usage)
                good = reply.failure is None or reply.failure in usable
                await kept.put(key, name, live.model_id, body, raw, cost, not good, usage[:2])
                if not good:
                    unusable[key] = reply._replace(paid_now=False)
            finally:
                budget.ended(amounts)
            return count(reply)

        def ended(key: str, done: asyncio.Future[Reply]) -> None:
            underway.pop(key, None)
            if done.cancelled():
                return
            # whoever asked may be gone; the stream has its own report
            if isinstance(done.exception(), ParameterRefused) and dialect is None:
                forget(journal.folder, name, config)  # the next run asks what it takes now

        async def ask(body: dict[str, Any], rubric: str, repeat: int = 0, near: str = "") -> Reply:
            ways = ways_to_ask(name, live.model_id, body, rubric, repeat, spoken_in)
            key, body = ways[0]
            if key in unusable:
                return count(unusable[key])
            for known, one in ways:
                if (entry := journal.get(known)) is not None:
                    tally["from_journal"] += 1
                    return count(read_reply(known, one, entry.completion, entry.cost))
            if key not in underway:  # the same question twice at once is one call
                underway[key] = asyncio.ensure_future(call(key, body, near))
                underway[key].add_done_callback(lambda done: ended(key, done))
            # shielded: when another call's failure ends the stream, this one is on its way
            return await asyncio.shield(underway[key])

        try:
            yield ask
        finally:
            pace.close(EndpointLost(f"endpoint {name}: the stream has ended"))
            await asyncio.gather(*underway.values(), return_exceptions=True)
            connection.waits.reached(pace.answers, pace.refusals, pace.last_answer - pace.began)
        if blamed and settled and not pace.has_answered:  # all that there was to ask
            forget(journal.folder, name, config)
            raise blamed[-1]


def from_journal(
    name: str, model_id: str, journal: Journal, dialects: Collection[Dialect] = (PLAIN,)
) -> Ask:
    """An `ask` that never sends anything: what was never answered has the failure not_asked.

    Of `dialects`, in which it may have been asked, the first that has an answer counts.

    A paid reply that was no answer comes back as the failure that it was.
    """

    async def ask(body: dict[str, Any], rubric: str, repeat: int = 0, near: str = "") -> Reply:
        ways = ways_to_ask(name, model_id, body, rubric, repeat, dialects)
        for kept in (journal.get, journal.failed):
            for key, one in ways:
                if (entry := kept(key)) is not None:
                    return read_reply(key, one, entry.completion, entry.cost)
        return Reply(ways[0][0], "", "not_asked")

    return ask


def ways_to_ask(
    name: str,
    model_id: str,
    body: dict[str, Any],
    rubric: str,
    repeat: int,
    dialects: Collection[Dialect],
) -> list[tuple[str, dict[str, Any]]]:
    """A call in each of the dialects, in their order: its key in the journal, and its body."""
    bodies = [spoken(body, dialect) for dialect in dialects]
    return [(request_key(name, model_id, one, rubric, repeat), one) for one in bodies]
