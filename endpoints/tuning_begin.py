"""Beginning a fine-tuning job: what it is to train on, and finding it before creating it."""

import asyncio
from hashlib import sha256
from typing import Any, NamedTuple

import openai
from openai.types.fine_tuning import FineTuningJob

from endpoints.tuning_ledger import Job, TuningLedger
from rounds.ids import digest
from rounds.stages import Progress

MARK = "prefloop"
"""The key of a job's metadata that holds the digest of what it trains."""
LOOK_AGAIN = 1.0, 2.0, 4.0, 8.0, 15.0
"""Seconds before each look for a job whose creation was not answered."""
MOST_LISTED = 1000
"""Jobs, or files, from the newest on, among which ours is looked for."""
NO_LIST = (404, 405, 501)
UNSURE = (408, 409)
"""Statuses below 500 after which a job may have been created all the same."""
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


async def begun(
    client: openai.AsyncOpenAI,
    ledger: TuningLedger,
    job: Job,
    tuning: Tuning,
    again: bool,
    progress: Progress,
) -> Job:
    """The job with its id: found at the endpoint, or uploaded and created."""
    remote = await _find_job(client, tuning)
    if remote is None and job.state == "creating":  # its creation was sent, and may be listed late
        remote = await _found_late(client, tuning)
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
        if (remote := await _found_late(client, tuning)) is not None:
            return remote
        raise error
    except openai.APIStatusError as error:
        if error.status_code not in UNSURE:
            ledger.put(job._replace(state="uploaded"))  # refused: there is no job to look for
        raise


async def _found_late(client: openai.AsyncOpenAI, tuning: Tuning) -> FineTuningJob | None:
    """The job whose creation was not answered, once the endpoint lists it."""
    for seconds in LOOK_AGAIN:
        await asyncio.sleep(seconds)
        if (remote := await _find_job(client, tuning)) is not None:
            return remote
    return None
