"""Waiting for a fine-tuning job: its status and what it says meanwhile, and its curves."""

import asyncio
import re
from contextlib import suppress
from typing import Any

import openai
from openai.types.fine_tuning import FineTuningJob

from endpoints.said import shortened
from endpoints.tuning_ledger import Job, TuningLedger
from rounds.stages import Progress

ENDED = ("succeeded", "failed", "cancelled")
POLL = 1.0, 60.0
"""Seconds between two looks at a job: the first, and the most that they grow to."""
READY_SECONDS = 600.0
"""A model that has just been made is not found for some minutes; longer is not waited."""
NOT_YET = (404, 409, 425, 429)
STEP = re.compile(r"[Ss]tep (\d+)/(\d+)")
MOST_EVENTS = 10_000


async def wait_for_job(
    client: openai.AsyncOpenAI, ledger: TuningLedger, job: Job, progress: Progress
) -> FineTuningJob:
    """The job when it has ended. A status that is not known, such as paused, is waited out.

    The job goes on at the endpoint whatever becomes of this process. Raises LeaseLost where another
    process has taken the run over.
    """
    seconds, longest = POLL
    while True:
        ledger.get(job.digest)  # refused to who has lost the run
        remote = await client.fine_tuning.jobs.retrieve(job.job_id)
        if remote.status in ENDED:
            return remote
        said = await _last_said(client, job.job_id)
        done, total = map(int, step.groups()) if (step := STEP.search(said)) else (0, 0)
        progress(done, total, f"job {job.job_id} {remote.status}{said and f': {said}'}")
        await asyncio.sleep(seconds)
        seconds = min(longest, seconds * 1.5)


async def wait_until_ready(client: openai.AsyncOpenAI, model: str, progress: Progress) -> None:
    """Wait until the model that was made is found where chats are asked for.

    A chat without messages is refused by every endpoint once it has found the model: nothing is
    generated and nothing is paid.
    """
    seconds, longest = POLL
    clock = asyncio.get_running_loop().time
    until = clock() + READY_SECONDS
    body = {"model": model, "messages": [], "max_tokens": 1}
    while clock() < until:
        try:
            await client.with_options(max_retries=0).post(
                "/chat/completions", cast_to=str, body=body
            )
            return
        except openai.APIStatusError as error:
            if error.status_code not in NOT_YET and error.status_code < 500:
                return
        except openai.APIConnectionError:
            pass
        progress(0, 0, f"{model} is not there yet")
        await asyncio.sleep(seconds)
        seconds = min(longest, seconds * 1.5)


async def job_curves(client: openai.AsyncOpenAI, job_id: str) -> list[dict[str, float]]:
    """Step and loss of a job's metrics, as far as its events have them, in the order of steps."""
    points: dict[int, float] = {}
    with suppress(openai.OpenAIError):  # the model is made, and these only describe it
        looked = 0
        async for event in client.fine_tuning.jobs.list_events(job_id, limit=100):
            data: Any = event.data
            if isinstance(data, dict) and isinstance(data.get("step"), int):
                loss = data.get("train_loss")
                if isinstance(loss, int | float):
                    points[data["step"]] = float(loss)
            if (looked := looked + 1) >= MOST_EVENTS:
                break
    return [{"step": step, "loss": points[step]} for step in sorted(points)]


async def _last_said(client: openai.AsyncOpenAI, job_id: str) -> str:
    with suppress(openai.OpenAIError):
        events = await client.fine_tuning.jobs.list_events(job_id, limit=1)
        return shortened(events.data[0].message)[:80] if events.data else ""
    return ""
