"""Waiting for batches, and bringing what they answered into the journal."""

import asyncio
from collections.abc import Set
from typing import Any, NamedTuple

import openai
from openai.types import Batch as Remote

from endpoints.batch_file import bodies_of, completions
from endpoints.batch_ledger import Batch, BatchLedger
from endpoints.config import EndpointConfig
from endpoints.journal import Journal
from endpoints.reply import prune_logprobs, read_reply
from endpoints.usage import cost_of, usage_of
from rounds.stages import Progress

PRICE = 0.5
"""Of a call's price."""
ENDED = ("completed", "failed", "expired", "cancelled")
POLL = 1.0, 60.0
"""Seconds between two looks at a batch: the first, and the most that they grow to."""


class BatchContext(NamedTuple):
    """What batches are of, and where their answers go. `bodies`: what is asked, by request key."""

    name: str
    config: EndpointConfig
    model_id: str
    journal: Journal
    ledger: BatchLedger
    client: openai.AsyncOpenAI
    bodies: dict[str, dict[str, Any]]


async def wait_for_batches(context: BatchContext, missing: Set[str], progress: Progress) -> None:
    """Wait for every submitted batch that holds a call of `missing`, and keep its answers.

    However a batch ends, what it answered is kept; the rest is left alone.
    """
    open_batches = [
        batch
        for batch in context.ledger.batches()
        if batch.state == "submitted" and batch.keys & missing
    ]
    ended_calls = 0
    seconds, longest = POLL
    while open_batches:
        done = ended_calls
        for batch in list(open_batches):
            remote = await context.client.batches.retrieve(batch.batch_id)
            if remote.status in ENDED:
                await _collect(context, batch, remote)
                open_batches.remove(batch)
                ended_calls += len(batch.keys & missing)
                done += len(batch.keys & missing)
            elif remote.request_counts is not None:
                done += remote.request_counts.completed
            progress(min(done, len(missing)), len(missing), f"batch {remote.status}")
        if open_batches:
            await asyncio.sleep(seconds)
            seconds = min(longest, seconds * 1.5)


async def _collect(context: BatchContext, batch: Batch, remote: Remote) -> None:
    """Write a batch's answers down, and that they are, together."""
    bodies, output = context.bodies, ""
    if remote.output_file_id:
        output = (await context.client.files.content(remote.output_file_id)).text
    answers = {key: raw for key, raw in completions(output).items() if key in batch.keys}
    if not answers.keys() <= bodies.keys():  # paid for, though nobody asks any more
        sent = await context.client.files.content(remote.input_file_id)
        bodies = bodies_of(sent.text) | bodies
    with context.ledger.at_once():
        for key, raw in answers.items():
            prune_logprobs(raw)
            cost = cost_of(usage_of(raw, bodies[key]), context.config.price) * PRICE
            failed = read_reply(key, bodies[key], raw, cost).failure is not None
            context.journal.put(key, context.name, context.model_id, bodies[key], raw, cost, failed)
        context.ledger.put(batch._replace(state="done"))
