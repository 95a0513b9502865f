"""SIGKILL in the middle of sampling, of judging and of training: nothing is lost or asked twice."""

import re
import sqlite3
from collections import Counter
from pathlib import Path

import pytest
from small_run import GOLD_PAIRS, kill_when, run, two_rounds, write_config

from rounds.folder import round_dir
from rounds.schema import deterministic
from rounds.tables import read_rows
from rounds.weights import weights_hash

pytestmark = pytest.mark.slow


def test_a_round_killed_three_times_equals_one_that_was_not(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
):
    killed = tmp_path
    config = write_config(killed)
    run_dir = killed / "runs" / "small"
    folder = round_dir(run_dir, 1)

    kill_when(
        killed, config, lambda: list(folder.glob("work/sample-*/chunk-00001.parquet")), "sampling"
    )
    assert not (folder / "candidates.parquet").exists()
    sampled = first_chunk(folder).stat().st_mtime_ns

    after_gold = 2 * GOLD_PAIRS + 20
    kill_when(killed, config, lambda: journalled(run_dir).total() > after_gold, "judging", False)
    assert read_rows(folder, "verdicts", ["gold"]) and not read_rows(folder, "verdicts", ["train"])
    assert first_chunk(folder).stat().st_mtime_ns == sampled, "a finished chunk was sampled again"
    log = run_dir / "logs" / "serve-desk.log"
    before = len(log.read_text())
    answered = journalled(run_dir)

    kill_when(
        killed,
        config,
        lambda: list(folder.glob("work/train-*/checkpoints/checkpoint-*")),
        "training",
        own_server=False,
    )
    run(killed, "run", str(config), own_server=False)

    calm = two_rounds(tmp_path_factory)
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
    asked = Counter(NONCE.findall(log.read_text()[before:]))
    assert asked, "the server's log shows no request"
    assert answered + asked == journalled(run_dir), "an answer written down was asked for again"


def first_chunk(folder: Path) -> Path:
    """Its folder is named anew by each process that works on the run."""
    return next(folder.glob("work/sample-*/chunk-00000.parquet"))


NONCE = re.compile(r"details: prompt: .*?\[A ([0-9a-f]{8})\]")
"""The fence of a question, from the request as vLLM's server logged it. No two questions share
one, but for those that are repeated on purpose to see whether the judge says the same.
"""


def journalled(run_dir: Path) -> Counter[str]:
    """The fences of the questions whose replies were written down, usable or not."""
    path = run_dir / "journal.sqlite"
    if not path.exists():
        return Counter()
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        try:
            both = "SELECT request FROM answers UNION ALL SELECT request FROM failed"
            requests = [request for (request,) in db.execute(both)]
        except sqlite3.OperationalError:  # the tables are not there yet
            return Counter()
    return Counter(re.findall(r"\[A ([0-9a-f]{8})\]", request)[0] for request in requests)
