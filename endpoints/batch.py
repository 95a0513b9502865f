"""OpenAI's Batch API: calls at half price, answered within a day, before the stage asks them.

Nothing is submitted twice. A batch is written down before it is created, and carries the hash of
its file as metadata: after a kill in between it is found at the endpoint again.
"""

from collections.abc import Iterable
from typing import Any, Literal

import openai

from endpoints.batch_asked import Asked
from endpoints.batch_end import BatchContext, batch_failed
from endpoints.batch_file import BatchFile, batch_files
from endpoints.batch_ledger import Batch, BatchLedger
from endpoints.batch_wait import wait_for_batches
from endpoints.client import ways_to_ask
from endpoints.config import EndpointConfig
from endpoints.faults import AWAY
from endpoints.journal import Journal
from endpoints.outlast import client_of, outlast
from endpoints.reply import EndpointAway, EndpointLost
from endpoints.said import what_it_said, without_login, without_secrets
from endpoints.serve import LiveEndpoint
from endpoints.settled import dialects_spoken
from rounds.errors import UserError
from rounds.stages import Progress

MARK = "prefloop"

AfterFailure = Literal["stop", "ask", "submit"]


async def answer_by_batch(
    name: str,
    config: EndpointConfig,
    live: LiveEndpoint,
    journal: Journal,
    questions: Iterable[tuple[dict[str, Any], str]],
    progress: Progress,
    after_failure: AfterFailure = "stop",
) -> None:
    """Bring the answers to `questions` (body, rubric) into the journal by batches, and wait.

    Questions are read as a stream; in memory are the keys of those without an answer, some 400
    bytes each, and one batch.

    What is in the journal is not asked, and what was in a batch before is not submitted again: if
    that batch is still open it is waited for. Unusable replies and the few failed lines of a batch
    that completed are left for ordinary calls. What a batch that failed did not answer is left for
    them with `ask`, submitted again by the next run with `submit`, and ends this one with `stop`.

    Raises BatchFailed there; UserError where the endpoint takes no batches, EndpointLost where it
    stops answering, once that has been so for as long as it is waited for. The next call then goes
    on.
    """

    asked = _as_asked(name, config, live, journal, questions)

    async def work(there: Progress) -> None:
        await _answer_by_batch(name, config, live, journal, asked, there, after_failure)

    await outlast(name, config, work, progress)


async def _answer_by_batch(
    name: str,
    config: EndpointConfig,
    live: LiveEndpoint,
    journal: Journal,
    asked: Asked,
    progress: Progress,
    after_failure: AfterFailure,
) -> None:
    ledger = BatchLedger(journal, name)
    async with client_of(config, live) as client:
        try:
            await _find_planned(client, ledger)
            unanswered = asked.unanswered()
            missing = set(unanswered)
            failed = [batch for batch in ledger.batches() if batch.state == "failed"]
            submitted = _keys(batch for batch in ledger.batches() if batch.state != "failed")
            for batch in failed:
                if batch.keys & missing - submitted and after_failure == "stop":
                    raise batch_failed(name, batch)
            if after_failure == "ask":
                submitted |= _keys(failed)
            new = asked.bodies([key for key in unanswered if key not in submitted])
            for file in batch_files(live.model, new, len(failed)):
                await _submit(client, ledger, file)
            context = BatchContext(name, config, live.model_id, journal, ledger, client, asked)
            await wait_for_batches(context, missing, progress, after_failure != "ask")
        except openai.APIStatusError as error:
            said = without_secrets(what_it_said(error), *live.secrets)
            if error.status_code in (400, 404, 405, 422):
                raise UserError(f"endpoint {name} takes no batches: {said}") from error
            kind = EndpointAway if error.status_code in AWAY else EndpointLost
            raise kind(f"endpoint {name} ({without_login(live.base_url)}): {said}") from error
        except openai.APIConnectionError as error:
            where = f"endpoint {name} ({without_login(live.base_url)})"
            raise EndpointAway(f"{where}: {error}") from error


def _as_asked(
    name: str,
    config: EndpointConfig,
    live: LiveEndpoint,
    journal: Journal,
    questions: Iterable[tuple[dict[str, Any], str]],
) -> Asked:
    """The body of each call by its key: in the dialect in which it was answered or is in a batch
    already, else in the one of now."""
    dialects = dialects_spoken(journal.folder, name, config)
    batches = BatchLedger(journal, name).batches()
    under_way = _keys(batch for batch in batches if batch.state != "failed")
    asked = Asked(journal)
    for body, rubric in questions:
        ways = ways_to_ask(name, live.model_id, body, rubric, 0, dialects)
        known = (way for way in ways if way[0] in under_way or journal.get(way[0]) is not None)
        asked.put(*next(known, ways[0]))
    return asked


def _keys(batches: Iterable[Batch]) -> frozenset[str]:
    return frozenset[str]().union(*(batch.keys for batch in batches))


async def _find_planned(client: openai.AsyncOpenAI, ledger: BatchLedger) -> None:
    """Settle what was planned when the process ended: it was created, or it never was."""
    planned = {batch.digest: batch for batch in ledger.batches() if batch.state == "planned"}
    if not planned:
        return
    async for remote in client.batches.list(limit=100):
        batch = planned.pop((remote.metadata or {}).get(MARK, ""), None)
        if batch is not None:
            ledger.put(batch._replace(state="submitted", batch_id=remote.id))
    for batch in planned.values():
        ledger.drop(batch)


async def _submit(client: openai.AsyncOpenAI, ledger: BatchLedger, file: BatchFile) -> None:
    batch = Batch(file.digest, "planned", "", file.keys)
    ledger.put(batch)
    sent = await client.files.create(
        file=(f"{MARK}-{file.digest[:12]}.jsonl", file.content), purpose="batch"
    )
    # not retried: an attempt without an answer may have created the batch
    remote = await client.with_options(max_retries=0).batches.create(
        input_file_id=sent.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={MARK: file.digest},
    )
    ledger.put(batch._replace(state="submitted", batch_id=remote.id))
