"""Fine-tuning jobs at an endpoint that speaks OpenAI's /files and /fine_tuning/jobs.

No job is created twice. What it trains is written down before anything is sent, and its hash is the
job's metadata, the end of its suffix and the name of its file: after a kill, or where the reply to
its creation was lost, the job is found at the endpoint again.
"""

import asyncio
from hashlib import sha256
from typing import Any, NamedTuple

import openai
from openai.types.fine_tuning import FineTuningJob

from endpoints.config import EndpointConfig
from endpoints.faults import AWAY
from endpoints.journal import Journal
from endpoints.outlast import outlast
from endpoints.reply import EndpointAway
from endpoints.said import shortened, what_it_said, without_login, without_secrets
from endpoints.serve import LiveEndpoint
from endpoints.tuning_ledger import Job, TuningLedger
from endpoints.tuning_wait import job_curves, wait_for_job, wait_until_ready
from rounds.errors import Stopped
from rounds.ids import digest
from rounds.stages import Progress

MARK = "prefloop"
"""The key of a job's metadata that holds the digest of what it trains."""
LOOK_AGAIN = 1.0, 2.0, 4.0, 8.0, 15.0
"""Seconds before each look for a job whose creation was not answered."""
MOST_LISTED = 1000
"""Jobs, or files, from the newest on, among which ours is looked for."""
LATER = (408, 409, 425, 429, 500, *AWAY)
"""Statuses of what may go through when it is sent again."""
NO_LIST = (404, 405, 501)
SUFFIX = 40
"""Characters of a suffix that every provider takes."""


class Tuning(NamedTuple):
    """A job to have: the `model` it begins from, the `method` as the API takes it, JSON lines to
    train on, a `name` for the model that comes of it. `attempt` counts jobs for the same: another
    number is another job, of which `attempts` may be begun.
    """

    model: str
    method: dict[str, Any]
    content: bytes
    seed: int
    name: str
    attempts: int = 1
    attempt: int = 1

    @property
    def digest(self) -> str:
        """What makes two jobs the same job."""
        again = [self.attempt] if self.attempt > 1 else []
        content = sha256(self.content).hexdigest()
        return digest("tuning", self.model, self.method, content, self.seed, *again)

    @property
    def suffix(self) -> str:
        """The end of the model's name: whose it is, and what it was trained on."""
        mark = self.digest[:12]
        return f"{self.name[: SUFFIX - len(mark) - 1].rstrip('-')}-{mark}"


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
    async with openai.AsyncOpenAI(
        base_url=live.base_url,
        api_key=live.api_key,
        timeout=config.timeout,
        max_retries=config.max_retries,
        default_headers=live.headers,
    ) as client:
        try:
            job = known or ledger.put(Job(tuning.digest))
            if not job.job_id:
                job = await _begun(client, ledger, job, tuning, known is not None, progress)
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


async def _begun(
    client: openai.AsyncOpenAI,
    ledger: TuningLedger,
    job: Job,
    tuning: Tuning,
    again: bool,
    progress: Progress,
) -> Job:
    """The job with its id: found at the endpoint, or uploaded and created."""
    remote = await _find_job(client, tuning)
    if remote is None and not job.file_id:
        progress(0, 0, f"uploading {len(tuning.content):,} bytes")
        found = await _find_file(client, tuning) if again else None
        job = ledger.put(
            job._replace(state="uploaded", file_id=found or await _upload(client, tuning))
        )
    remote = remote or await _create(client, ledger, job, tuning)
    progress(0, 0, f"job {remote.id} {remote.status}")
    return ledger.put(job._replace(state="created", job_id=remote.id))


def _file_name(tuning: Tuning) -> str:
    return f"{MARK}-{tuning.digest}.jsonl"


async def _find_file(client: openai.AsyncOpenAI, tuning: Tuning) -> str | None:
    """The file of an upload whose reply was lost."""
    try:
        looked = 0
        async for file in client.files.list(purpose="fine-tune"):
            whole = file.bytes == len(tuning.content) and file.status != "error"
            if file.filename == _file_name(tuning) and whole:
                return file.id
            if (looked := looked + 1) >= MOST_LISTED:
                break
    except openai.APIStatusError as error:
        if error.status_code not in NO_LIST:
            raise
    return None


async def _upload(client: openai.AsyncOpenAI, tuning: Tuning) -> str:
    sent = await client.files.create(file=(_file_name(tuning), tuning.content), purpose="fine-tune")
    return sent.id


async def _find_job(client: openai.AsyncOpenAI, tuning: Tuning) -> FineTuningJob | None:
    """The job of this tuning at the endpoint, however its creation ended; None where none is."""
    looked = 0
    async for remote in client.fine_tuning.jobs.list(limit=100):
        given = remote.model_extra or {}
        named = {given.get("user_provided_suffix"), given.get("suffix")}
        if (remote.metadata or {}).get(MARK) == tuning.digest or tuning.suffix in named:
            return remote
        if (looked := looked + 1) >= MOST_LISTED:
            break
    return None


async def _create(
    client: openai.AsyncOpenAI, ledger: TuningLedger, job: Job, tuning: Tuning
) -> FineTuningJob:
    ledger.put(job._replace(state="creating"))
    try:
        # not retried: an attempt without an answer may have created the job
        return await client.with_options(max_retries=0).fine_tuning.jobs.create(
            model=tuning.model,
            training_file=job.file_id,
            method=tuning.method,  # type: ignore[arg-type]
            seed=tuning.seed,
            suffix=tuning.suffix,
            metadata={MARK: tuning.digest},
            extra_headers={"Idempotency-Key": tuning.digest},
        )
    except (openai.APIConnectionError, openai.InternalServerError) as error:
        for seconds in LOOK_AGAIN:
            await asyncio.sleep(seconds)
            if (remote := await _find_job(client, tuning)) is not None:
                return remote
        raise error


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
