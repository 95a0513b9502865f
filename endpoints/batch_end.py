"""What a batch that has ended brought, and why it did not bring the rest."""

from collections import Counter
from typing import NamedTuple

import openai
from openai.types import Batch as Remote

from endpoints.batch_asked import Asked
from endpoints.batch_file import bodies_of, completions, failed_lines
from endpoints.batch_ledger import Batch, BatchLedger
from endpoints.config import EndpointConfig
from endpoints.journal import Journal
from endpoints.reply import prune_logprobs, read_reply
from endpoints.said import shortened, without_secrets
from endpoints.usage import cost_of, usage_of
from rounds.errors import Stopped

PRICE = 0.5
"""Of a call's price."""
FEW, FEW_SHARE = 10, 0.05
"""Failed calls of a completed batch that are asked one by one: so many, or this share of all. With
more the batch counts as failed."""
REASONS = 3
"""Different reasons that are shown."""


class BatchFailed(Stopped):
    """A batch left calls unanswered. What it answered is kept, nothing else was asked."""

    then = "set judge.batch_failed and run the same command again"


class BatchContext(NamedTuple):
    """What batches are of, what is `asked` in them, and where their answers go."""

    name: str
    config: EndpointConfig
    model_id: str
    journal: Journal
    ledger: BatchLedger
    client: openai.AsyncOpenAI
    asked: Asked


def batch_failed(name: str, batch: Batch) -> BatchFailed:
    """The error for a batch that failed."""
    return BatchFailed(
        f"endpoint {name}: {batch.why}; these are kept, and nothing was asked at full price. With "
        "judge.batch_failed: submit the others go into a new batch, with ask they are asked one by "
        "one at full price"
    )


async def collect(context: BatchContext, batch: Batch, remote: Remote) -> Batch:
    """Write a batch's answers down, and that they are, together; the batch as it ended."""
    output = await _file(context, remote.output_file_id)
    answers = {key: raw for key, raw in completions(output).items() if key in batch.keys}
    bodies = dict(context.asked.bodies([*answers]))
    if not answers.keys() <= bodies.keys():  # paid for, though nobody asks any more
        bodies = bodies_of(await _file(context, remote.input_file_id)) | bodies
    ended = batch._replace(state="done")
    if failed := len(batch.keys) - len(answers):
        whole = remote.status == "completed" and failed <= max(FEW, FEW_SHARE * len(batch.keys))
        why = await _why(context, remote, output)
        answered = f"{len(answers)} of {len(batch.keys)} calls were answered"
        said = f"batch {batch.batch_id} {remote.status}{why}: {answered}"
        ended = ended._replace(state="done" if whole else "failed", why=said)
    with context.ledger.at_once():
        for key, raw in answers.items():
            prune_logprobs(raw)
            cost = cost_of(usage_of(raw, bodies[key]), context.config.price) * PRICE
            no_answer = read_reply(key, bodies[key], raw, cost).failure is not None
            context.journal.put(
                key, context.name, context.model_id, bodies[key], raw, cost, failed=no_answer
            )
        context.ledger.put(ended)
    return ended


async def _why(context: BatchContext, remote: Remote, output: str) -> str:
    """What the batch and its lines say went wrong: " (12 times 429: too many, ...)"."""
    errors = (remote.errors and remote.errors.data) or []
    whole = [": ".join(filter(None, [error.code, error.message])) for error in errors]
    lines = failed_lines(output)
    try:
        lines += failed_lines(await _file(context, remote.error_file_id))
    except openai.APIStatusError:  # it says why, the answers do not depend on it
        pass
    said = Counter(filter(None, whole)) + lines
    shown = [f"{n} times {why}" if n > 1 else why for why, n in said.most_common(REASONS)]
    more = f"; and {len(said) - REASONS} more" if len(said) > REASONS else ""
    text = without_secrets("; ".join(map(shortened, shown)) + more, context.client.api_key)
    return f" ({text})" if text else ""


async def _file(context: BatchContext, name: str | None) -> str:
    return (await context.client.files.content(name)).text if name else ""
