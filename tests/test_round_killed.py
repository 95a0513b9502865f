"""SIGKILL in the middle of sampling, of judging and of training: nothing is lost or asked twice."""

import re
import sqlite3
from pathlib import Path

import pytest
from small_run import kill_when, run, write_config

from rounds.folder import round_dir
from rounds.schema import deterministic
from rounds.tables import read_rows
from rounds.weights import weights_hash

pytestmark = pytest.mark.slow


def test_a_round_killed_three_times_equals_one_that_was_not(tmp_path: Path):
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    for folder in (calm, killed):
        folder.mkdir()
    run(calm, "run", str(write_config(calm)))
    config = write_config(killed)
    run_dir = killed / "runs" / "small"
    folder = round_dir(run_dir, 1)

    kill_when(
        killed, config, lambda: list(folder.glob("work/sample-*/chunk-00001.parquet")), "sampling"
    )
    assert not (folder / "candidates.parquet").exists()
    chunk = next(folder.glob("work/sample-*/chunk-00000.parquet"))
    sampled = chunk.stat().st_mtime_ns

    kill_when(killed, config, lambda: len(journalled(run_dir)) > 20, "judging")
    assert not (folder / "verdicts.parquet").exists()
    assert chunk.stat().st_mtime_ns == sampled, "a finished chunk was sampled again"
    log = run_dir / "logs" / "serve-desk.log"
    before = len(log.read_text())
    answered = journalled(run_dir)

    kill_when(
        killed,
        config,
        lambda: list(folder.glob("work/train-*/checkpoints/checkpoint-*")),
        "training",
    )
    run(killed, "run", str(config))

    for table in ("prompts", "candidates", "verdicts", "pairs", "dropped"):
        names = deterministic(table)
        rows = [
            [
                [row[name] for name in names]
                for row in read_rows(round_dir(where / "runs/small", 1), table)
            ]
            for where in (calm, killed)
        ]
        assert rows[0] == rows[1], table
    assert len(read_rows(folder, "pairs")) > 5
    assert weights_hash(folder / "policy") == weights_hash(
        round_dir(calm / "runs/small", 1) / "policy"
    )
    asked = NONCE.findall(log.read_text()[before:])
    assert asked, "the server's log shows no request"
    assert not set(asked) & answered, "an answer that was written down was asked for again"
    assert len(asked) == len(set(asked))
    assert answered | set(asked) == journalled(run_dir)


NONCE = re.compile(r"details: prompt: .*?\[A ([0-9a-f]{8})\]")
"""The fence of a question, from the request as vLLM's server logged it: no two are alike."""


def journalled(run_dir: Path) -> set[str]:
    """The fences of the questions whose answers were written down."""
    path = run_dir / "journal.sqlite"
    if not path.exists():
        return set()
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        try:
            requests = [request for (request,) in db.execute("SELECT request FROM answers")]
        except sqlite3.OperationalError:  # the table is not there yet
            return set()
    return {re.findall(r"\[A ([0-9a-f]{8})\]", request)[0] for request in requests}
