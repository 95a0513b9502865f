"""Waiting for batches, and bringing what they answered into the journal."""

import asyncio
from collections.abc import Set

from endpoints.batch_end import BatchContext, batch_failed, collect
from endpoints.waits import LOG
from rounds.stages import Progress

ENDED = ("completed", "failed", "expired", "cancelled")
POLL = 1.0, 60.0
"""Seconds between two looks at a batch: the first, and the most that they grow to."""


async def wait_for_batches(
    context: BatchContext, missing: Set[str], progress: Progress, stops: bool
) -> None:
    """Wait for every submitted batch that holds a call of `missing`, and keep its answers.

    However a batch ends, what it answered is kept. Raises BatchFailed where one failed, if it
    `stops`; else the rest is left alone, and said.
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
                ended = await collect(context, batch, remote)
                if ended.state == "failed" and stops:
                    raise batch_failed(context.name, ended)
                if ended.why:
                    LOG.warning(
                        "endpoint %s: %s; the others are asked one by one", context.name, ended.why
                    )
                open_batches.remove(batch)
                ended_calls += len(batch.keys & missing)
                done += len(batch.keys & missing)
            elif remote.request_counts is not None:
                done += remote.request_counts.completed
            progress(min(done, len(missing)), len(missing), f"batch {remote.status}")
        if open_batches:
            await asyncio.sleep(seconds)
            seconds = min(longest, seconds * 1.5)
