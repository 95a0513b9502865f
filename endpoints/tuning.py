"""Fine-tuning jobs at an endpoint that speaks OpenAI's /files and /fine_tuning/jobs.

No job is created twice. What it trains is written down before anything is sent, and its hash is the
job's metadata, the end of its suffix and the name of its file: after a kill, or where the reply to
its creation was lost, the job is found at the endpoint again.
"""

from typing import NamedTuple

import openai
from openai.types.fine_tuning import FineTuningJob

from endpoints.config import EndpointConfig
from endpoints.faults import AWAY
from endpoints.journal import Journal
from endpoints.outlast import client_of, outlast
from endpoints.reply import EndpointAway
from endpoints.said import shortened, what_it_said, without_login, without_secrets
from endpoints.serve import LiveEndpoint
from endpoints.tuning_begin import Tuning, begun
from endpoints.tuning_ledger import Job, TuningLedger
from endpoints.tuning_wait import job_curves, wait_for_job, wait_until_ready
from rounds.errors import Stopped
from rounds.stages import Progress

LATER = (408, 409, 425, 429, 500, *AWAY)
"""Statuses of what may go through when it is sent again."""


class Tuned(NamedTuple):
    """A job that succeeded: its model's name, the tokens that it is billed for (None where the
    endpoint does not say), and its curves as the trainer's, {"step", "loss"}."""

    job_id: str
    model: str
    trained_tokens: int | None
    curves: list[dict[str, float]]


class TuningFailed(Stopped):
    """The job failed, was cancelled, or would not be taken. The pairs are kept."""


async def fine_tune(
    name: str,
    config: EndpointConfig,
    live: LiveEndpoint,
    journal: Journal,
    tuning: Tuning,
    progress: Progress,
) -> Tuned:
    """Have the job, and wait until it has ended and its model answers; one that was begun before is
    gone on with.

    Raises TuningFailed with the job's own reason, EndpointAway where the endpoint has been away for
    as long as it is waited for. The next call then goes on.
    """

    async def work(there: Progress) -> Tuned:
        return await _fine_tune(name, config, live, journal, tuning, there)

    return await outlast(name, config, work, progress)


async def _fine_tune(
    name: str,
    config: EndpointConfig,
    live: LiveEndpoint,
    journal: Journal,
    tuning: Tuning,
    progress: Progress,
) -> Tuned:
    ledger = TuningLedger(journal, name)
    known = ledger.get(tuning.digest)
    while known is not None and known.state == "failed":
        if tuning.attempt == tuning.attempts:
            raise _failed(name, known)
        tuning = tuning._replace(attempt=tuning.attempt + 1)
        known = ledger.get(tuning.digest)
    where = f"endpoint {name} ({without_login(live.base_url)})"
    async with client_of(config, live) as client:
        try:
            job = known or ledger.put(Job(tuning.digest))
            if not job.job_id:
                job = await begun(client, ledger, job, tuning, known is not None, progress)
            if job.state != "succeeded":
                remote = await wait_for_job(client, ledger, job, progress)
                job = ledger.put(_ended(job, remote, live))
            if job.state == "failed":
                raise _failed(name, job)
            await wait_until_ready(client, job.model, progress)
            curves = await job_curves(client, job.job_id)
            return Tuned(job.job_id, job.model, job.trained_tokens, curves)
        except openai.APIStatusError as error:
            said = without_secrets(what_it_said(error), *live.secrets)
            if error.status_code in LATER:
                raise EndpointAway(f"{where}: {said}") from error
            raise TuningFailed(
                f"{where} does not take the fine-tuning job: {said}",
                "put that right and run the same command again",
            ) from error
        except openai.APIConnectionError as error:
            raise EndpointAway(f"{where}: {error.__cause__ or error}") from error


def _ended(job: Job, remote: FineTuningJob, live: LiveEndpoint) -> Job:
    """The job as it ended, with its own reason where it failed."""
    if remote.status == "succeeded" and remote.fine_tuned_model:
        model, tokens = remote.fine_tuned_model, remote.trained_tokens
        return job._replace(state="succeeded", model=model, trained_tokens=tokens)
    error = remote.error
    said = ": ".join(filter(None, [error.code, error.message])) if error else ""
    if error and error.param:
        said += f" (param: {error.param})"
    if not said and remote.status == "succeeded":
        said = "it names no model"
    why = f"{remote.status}{said and f' ({without_secrets(shortened(said), *live.secrets)})'}"
    return job._replace(state="failed", trained_tokens=remote.trained_tokens, why=why)


def _failed(name: str, job: Job) -> TuningFailed:
    return TuningFailed(
        f"endpoint {name}: fine-tuning job {job.job_id} ended as {job.why}; the pairs are "
        "kept, the policy in place stays, and no other job is started by itself",
        "put right what it says, raise trainer.openai.attempts by one, which allows another job "
        "for the same pairs, and run the command again",
    )
