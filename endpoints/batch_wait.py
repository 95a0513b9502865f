"""Waiting for batches, and bringing what they answered into the journal."""

import asyncio
from collections.abc import Set
from typing import Any, NamedTuple

import openai
from openai.types import Batch as Remote

from endpoints.batch_file import bodies_of, completions
from endpoints.config import EndpointConfig
from endpoints.journal import Journal
from endpoints.ledger import Batch, Ledger
from endpoints.reply import cost_of, prune, read_reply
from rounds.stages import Progress

PRICE = 0.5
"""Of a call's price."""
ENDED = ("completed", "failed", "expired", "cancelled")
POLL = 1.0, 60.0
"""Seconds between two looks at a batch: the first, and the most that they grow to."""


class BatchContext(NamedTuple):
    """What batches are of, and where their answers go. `asked`: bodies by request key."""

    name: str
    config: EndpointConfig
    model_id: str
    journal: Journal
    ledger: Ledger
    client: openai.AsyncOpenAI
    asked: dict[str, dict[str, Any]]


async def wait(desk: BatchContext, missing: Set[str], progress: Progress) -> None:
    """Wait for every submitted batch that holds a call of `missing`, and keep its answers.

    However a batch ends, what it answered is kept; the rest is left alone.
    """
    waited = [
        batch
        for batch in desk.ledger.batches()
        if batch.state == "submitted" and batch.keys & missing
    ]
    ended = 0
    seconds, longest = POLL
    while waited:
        done = ended
        for batch in list(waited):
            remote = await desk.client.batches.retrieve(batch.batch_id)
            if remote.status in ENDED:
                await _collect(desk, batch, remote)
                waited.remove(batch)
                ended += len(batch.keys & missing)
                done += len(batch.keys & missing)
            elif remote.request_counts is not None:
                done += remote.request_counts.completed
            progress(min(done, len(missing)), len(missing), f"batch {remote.status}")
        if waited:
            await asyncio.sleep(seconds)
            seconds = min(longest, seconds * 1.5)


async def _collect(desk: BatchContext, batch: Batch, remote: Remote) -> None:
    """Write a batch's answers down, and that they are, together."""
    bodies, output = desk.asked, ""
    if remote.output_file_id:
        output = (await desk.client.files.content(remote.output_file_id)).text
    found = {key: raw for key, raw in completions(output).items() if key in batch.keys}
    if not found.keys() <= bodies.keys():  # paid for, though nobody asks any more
        sent = await desk.client.files.content(remote.input_file_id)
        bodies = bodies_of(sent.text) | bodies
    with desk.ledger.at_once():
        for key, raw in found.items():
            prune(raw)
            cost = cost_of(raw, desk.config) * PRICE
            failed = read_reply(key, bodies[key], raw, cost).failure is not None
            desk.journal.put(key, desk.name, desk.model_id, bodies[key], raw, cost, failed)
        desk.ledger.put(batch._replace(state="done"))
