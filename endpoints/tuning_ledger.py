"""Which fine-tuning jobs were begun, in the journal: noted before anything is sent, and after."""

from typing import NamedTuple

from endpoints.journal import Journal

TABLE = """
CREATE TABLE IF NOT EXISTS tunings (
    digest TEXT PRIMARY KEY,
    endpoint TEXT NOT NULL,
    state TEXT NOT NULL,
    file_id TEXT NOT NULL,
    job_id TEXT NOT NULL,
    model TEXT NOT NULL,
    trained_tokens INTEGER,
    why TEXT NOT NULL
) WITHOUT ROWID
"""
COLUMNS = "digest, state, file_id, job_id, model, trained_tokens, why"


class Job(NamedTuple):
    """A job by the digest of what it trains. `state` is planned, uploaded, creating, created,
    succeeded or failed; `model` is the model that it made, `trained_tokens` what it is billed for
    (None where the endpoint does not say), `why` the reason that it failed.
    """

    digest: str
    state: str = "planned"
    file_id: str = ""
    job_id: str = ""
    model: str = ""
    trained_tokens: int | None = None
    why: str = ""


class TuningLedger:
    """The fine-tuning jobs of one endpoint. Nothing is read or written in it for a process that
    has lost the run.
    """

    def __init__(self, journal: Journal, endpoint: str) -> None:
        self._db, self._endpoint = journal.db, endpoint
        self._db.execute(TABLE)

    def get(self, digest: str) -> Job | None:
        """The job of this digest; None where none was ever meant."""
        row = self._db.execute(
            f"SELECT {COLUMNS} FROM tunings WHERE endpoint = ? AND digest = ?",
            (self._endpoint, digest),
        ).fetchone()
        return Job(*row) if row else None

    def put(self, job: Job) -> Job:
        """Write a job down as it now is; returns it."""
        marks = ", ".join("?" * (len(job) + 1))
        self._db.execute(
            f"INSERT OR REPLACE INTO tunings (endpoint, {COLUMNS}) VALUES ({marks})",
            (self._endpoint, *job),
        )
        return job
