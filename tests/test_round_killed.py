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

    kill_when(killed, config, lambda: journalled(run_dir) > 20, "judging")
    assert not (folder / "verdicts.parquet").exists()
    assert chunk.stat().st_mtime_ns == sampled, "a finished chunk was sampled again"
    log = run_dir / "logs" / "serve-desk.log"
    before = len(log.read_text())
    answered = keys(run_dir)

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
    assert answered <= keys(run_dir)
    asked_later = prompts_in(log.read_text()[before:])
    asked_before = prompts_in(log.read_text()[:before])
    assert asked_later, "the server's log shows no request"
    assert len(asked_later) == len(set(asked_later))
    # what both lives of the server saw was in flight at the kill, and so never written down
    again = set(asked_later) & set(asked_before)
    assert len(asked_before) - len(again) >= len(answered)


def journalled(run_dir: Path) -> int:
    return len(keys(run_dir))


def keys(run_dir: Path) -> set[str]:
    """Keys of the answers written down."""
    path = run_dir / "journal.sqlite"
    if not path.exists():
        return set()
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        try:
            return {key for (key,) in db.execute("SELECT key FROM answers")}
        except sqlite3.OperationalError:  # the table is not there yet
            return set()


def prompts_in(log: str) -> list[str]:
    """The prompts of the requests that vLLM's server logged."""
    return re.findall(r"prompt: (['\"].*?['\"]), (?:params|prompt_token_ids)", log)
