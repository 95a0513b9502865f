"""A run is taken over from an owner that gives no sign of life, and one that wakes is told."""

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest
from leases import claimed_elsewhere, facts_of, owner, said, wait_for

from rounds import claims, lent
from rounds.at_work import gone, holder
from rounds.errors import Busy, LeaseLost
from rounds.files import write_json
from rounds.lock import refuse_if_busy, run_lock

SHORT = 0.6


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children end at once, and who lost a lease is not waited for."""
    monkeypatch.setattr(lent, "CHILDREN_END", 0.0)


def test_the_token_only_grows(run_dir: Path):
    tokens = []
    for _ in range(3):
        with run_lock(run_dir) as lease:
            tokens.append(lease.claim.token)
    assert tokens == [1, 2, 3]
    assert os.listdir(run_dir / claims.FOLDER) == ["00000003.json"], "older claims are removed"


def test_a_run_without_its_claims_counts_on_from_its_manifests(run_dir: Path):
    write_json(run_dir / "rounds" / "0001" / "manifest.json", {"fence": 41})
    with run_lock(run_dir) as lease:
        assert lease.claim.token == 42


def test_of_two_that_start_at_once_one_works(run_dir: Path):
    with owner(run_dir, 60) as one, owner(run_dir, 60) as other:
        lines = sorted([said(one), said(other)])
        assert lines[0].startswith("Busy") and "is working on this run" in lines[0]
        assert lines[1].startswith("held ")


def test_an_owner_beats(run_dir: Path):
    with run_lock(run_dir, SHORT):
        first = facts_of(run_dir)["beat"]
        wait_for(lambda: facts_of(run_dir)["beat"] != first)


def test_an_owner_on_another_machine_is_left_alone_while_it_beats(run_dir: Path):
    claimed_elsewhere(run_dir, 60)
    with pytest.raises(Busy, match="process 77 on elsewhere is working"), run_lock(run_dir):
        pass
    with pytest.raises(Busy):
        refuse_if_busy(run_dir)
    assert holder(run_dir) == "77 on elsewhere" and gone(run_dir) is None


def test_a_silent_owner_that_beats_again_is_left_alone(run_dir: Path):
    claimed_elsewhere(run_dir, 60)
    old = time.time() - 1000
    os.utime(claims.claim_path(run_dir, 1), (old, old))
    with owner(run_dir, 60) as waiting:
        wait_for(lambda: waiting.poll() is None and time.time() > old + 1001)
        claim = claims.read_claim(run_dir, 1)
        claims.write_claim(run_dir, claim._replace(beat=claim.beat + 1))
        assert said(waiting).startswith("Busy")


def test_an_owner_on_another_machine_is_taken_over_after_its_lease(run_dir: Path):
    claimed_elsewhere(run_dir, SHORT, flow_runs=["a"], left=["b"])
    time.sleep(SHORT / 4)  # more than three beats
    started = time.monotonic()
    with run_lock(run_dir) as lease:
        assert SHORT <= time.monotonic() - started < 3 * SHORT
        assert lease.claim.token == 2 and lease.claim.left == ("b", "a")
    assert lease.claim.contested is False


def test_a_clock_that_is_wrong_takes_nothing_over_sooner(run_dir: Path):
    claimed_elsewhere(run_dir, SHORT)
    for hours in (-5, 5):
        at = time.time() + hours * 3600
        os.utime(claims.claim_path(run_dir, claims.newest(run_dir)), (at, at))
        started = time.monotonic()
        with run_lock(run_dir, SHORT):
            assert time.monotonic() - started >= SHORT
        claimed_elsewhere(run_dir, SHORT)


def test_who_died_is_named(run_dir: Path):
    with owner(run_dir, 60) as process:
        assert said(process) == "held 1"
        assert holder(run_dir) == str(process.pid) and gone(run_dir) is None
        process.kill()
        process.wait()
    assert holder(run_dir) is None
    assert str(gone(run_dir)).startswith(f"{process.pid}, last seen 20")
    with run_lock(run_dir):
        pass
    assert gone(run_dir) is None


def test_a_copy_of_a_run_under_way_knows_no_flow_runs_of_its_own(run_dir: Path, tmp_path: Path):
    with run_lock(run_dir) as lease:
        lease.note(flow_runs=("one",))
        assert claims.read_claim(run_dir, 1).flow_runs == ("one",)
        copy = Path(shutil.copytree(run_dir, tmp_path / "copy"))
        assert claims.read_claim(copy, 1).flow_runs == ()


def test_a_process_of_an_earlier_version_is_left_alone(run_dir: Path):
    run_dir.mkdir(parents=True)
    lines = (
        "import fcntl",
        f"file = open('{run_dir}/.lock', 'a+')",
        "file.write('4242')",
        "file.flush()",
        "fcntl.flock(file, fcntl.LOCK_EX)",
    )
    with owner(run_dir.parent / "other", 60, before="\n".join(lines)) as old:
        assert said(old) == "held 1"
        assert holder(run_dir) == "4242"
        with pytest.raises(Busy, match="process 4242 is working"), run_lock(run_dir):
            pass
    with run_lock(run_dir):
        pass


def stop(process: "subprocess.Popen[str]") -> None:
    """Stop an owner, and wait until it is no more taken for being at work."""
    process.send_signal(signal.SIGSTOP)
    time.sleep(SHORT / 4)


WRITES = """
from rounds.files import write_text
number = 0
while True:
    number += 1
    write_text(run_dir / "mine.txt", f"{lease.claim.token} {number}")
    time.sleep(0.001)
"""


def test_one_that_was_stopped_past_its_lease_writes_nothing_when_it_wakes(run_dir: Path):
    with owner(run_dir, SHORT, WRITES) as stopped:
        assert said(stopped) == "held 1"
        wait_for((run_dir / "mine.txt").exists)
        stopped.send_signal(signal.SIGSTOP)
        time.sleep(SHORT)
        assert holder(run_dir) is None, "it can be taken over"
        with run_lock(run_dir, SHORT) as lease:
            assert lease.claim.token == 2
            (run_dir / "mine.txt").write_text("of the new owner")
            stopped.send_signal(signal.SIGCONT)
            line = said(stopped)
            assert line.startswith(f"LeaseLost {run_dir}: process {os.getpid()} has taken this run")
            assert stopped.wait(10) == 1
            assert (run_dir / "mine.txt").read_text() == "of the new owner"
            assert holder(run_dir) == str(os.getpid())
        left = [path.name for path in run_dir.iterdir()]
        assert sorted(left) == [".lease", "mine.txt"], "nothing is left behind"


def test_one_that_only_waits_is_interrupted_when_it_wakes(run_dir: Path):
    with owner(run_dir, SHORT, "time.sleep(600)") as stopped:
        assert said(stopped) == "held 1"
        stop(stopped)
        with run_lock(run_dir, SHORT):
            stopped.send_signal(signal.SIGCONT)
            assert said(stopped).startswith("LeaseLost")


def test_one_that_wakes_before_anybody_came_goes_on(run_dir: Path):
    with owner(run_dir, SHORT) as stopped:
        assert said(stopped) == "held 1"
        stopped.send_signal(signal.SIGSTOP)
        time.sleep(2 * SHORT)
        stopped.send_signal(signal.SIGCONT)
        stopped.communicate("go on\n")
        assert stopped.returncode == 0


def test_what_it_had_begun_to_write_cannot_be_put_into_place(run_dir: Path):
    """It is stopped after it looked at the lease and before it renames."""
    before = """
import os, signal
real = os.replace
def replace(*paths):
    os.kill(os.getpid(), signal.SIGSTOP)
    real(*paths)
"""
    work = "os.replace = replace\nfrom rounds.files import write_text\n"
    work += "write_text(run_dir / 'late.txt', 'late')"
    with owner(run_dir, SHORT, work, before) as stopped:
        assert said(stopped) == "held 1"
        wait_for(lambda: [*run_dir.glob(".late.txt.*.tmp")])
        time.sleep(SHORT / 4)
        with run_lock(run_dir, SHORT):
            stopped.send_signal(signal.SIGCONT)
            assert said(stopped).startswith("LeaseLost")
        assert not (run_dir / "late.txt").exists()


def test_a_damaged_database_is_left_to_who_opens_it(run_dir: Path):
    claimed_elsewhere(run_dir, SHORT)
    (run_dir / "journal.sqlite").write_text("no database " * 100)
    time.sleep(SHORT / 4)
    with run_lock(run_dir):
        assert (run_dir / "journal.sqlite").read_text() == "no database " * 100


INSERTS = """
import sqlite3
db = sqlite3.connect(run_dir / "journal.sqlite", isolation_level=None)
db.execute("PRAGMA journal_mode=WAL")
db.execute("CREATE TABLE replies (said TEXT)")
db.execute("INSERT INTO replies VALUES ('before')")
db.execute("BEGIN IMMEDIATE")
db.execute("INSERT INTO replies VALUES ('not committed')")
print("open", flush=True)
sys.stdin.readline()
db.execute("COMMIT")
print("committed", flush=True)
sys.stdin.readline()
"""


def test_late_writes_into_a_database_go_nowhere(run_dir: Path):
    """It is stopped while it has the database locked."""
    with owner(run_dir, SHORT, INSERTS) as stopped:
        assert [said(stopped), said(stopped)] == ["held 1", "open"]
        stop(stopped)
        with run_lock(run_dir, SHORT):
            with closing(sqlite3.connect(run_dir / "journal.sqlite", timeout=0.1)) as database:
                database.execute("INSERT INTO replies VALUES ('of the new owner')")
                database.commit()
            stopped.send_signal(signal.SIGCONT)
            assert stopped.stdin is not None
            stopped.stdin.write("\n")
            stopped.stdin.flush()
            assert said(stopped) == "committed"
        with closing(sqlite3.connect(run_dir / "journal.sqlite")) as database:
            rows = database.execute("SELECT said FROM replies").fetchall()
            assert rows == [("before",), ("of the new owner",)]
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_whatever_else_seems_to_have_ended_the_work_the_lost_lease_is_named(run_dir: Path):
    with pytest.raises(LeaseLost, match="process 77 on elsewhere has taken this run over"):
        with run_lock(run_dir):
            claimed_elsewhere(run_dir, 60)
            raise RuntimeError("a child was ended by SIGTERM")
    assert claims.newest(run_dir) == 2 and facts_of(run_dir)["released"] is False


def test_a_lease_that_was_removed_is_named(run_dir: Path):
    with pytest.raises(LeaseLost, match=r"its lease \(.lease\) was removed"), run_lock(run_dir):
        shutil.rmtree(run_dir / claims.FOLDER)
        write_json(run_dir / "x.json", {})
