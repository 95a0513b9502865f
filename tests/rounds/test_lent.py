"""What is lent to a process elsewhere: good for one, fenced as an owner's lease is, and good no
more when it is taken back or the run is taken over."""

import fcntl
import time
from pathlib import Path

import pytest
from leases import claimed_elsewhere

from endpoints import supervise
from rounds import lease, lent
from rounds.claims import FOLDER, claim_path, newest, read_claim
from rounds.errors import LeaseLost, UserError
from rounds.fence import environment
from rounds.files import write_text
from rounds.lent import Borrower, borrowed, lend, take_back
from rounds.lock import run_lock
from rounds.stages import work_dir


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is waited for."""
    monkeypatch.setattr(lent, "CHILDREN_END", 0.0)
    monkeypatch.setattr(lease, "LETS_GO", 60.0)


def test_a_borrower_writes_under_a_name_of_its_own_and_the_lender_goes_on(run_dir: Path):
    folder = run_dir / "rounds" / "0001"
    with run_lock(run_dir) as held:
        write_text(work_dir(folder, "train", "k") / "before", "chunk")
        claim = lend(held)
        assert claim == "00000001-0001.json" and newest(run_dir) == 1
        with borrowed(run_dir, claim, 60):
            work = work_dir(folder, "train", "k")
            assert work.name == "train-k-1-1" and (work / "before").exists()
            assert environment()["PREFLOOP_LEASE"].endswith(claim)
        write_text(run_dir / "of-lender", "written")
        assert read_claim(run_dir, 1, 1).released
        take_back(held)
        assert not held.claim.contested, "it had ended"
        assert work_dir(folder, "train", "k").name == "train-k-1"
    assert [path.name for path in (run_dir / FOLDER).iterdir()] == ["00000001.json"]


def test_what_is_taken_back_writes_nothing(run_dir: Path):
    with run_lock(run_dir) as held:
        claim = lend(held)
        with pytest.raises(LeaseLost, match="was taken back"), borrowed(run_dir, claim, 60):
            write_text(run_dir / "before", "written")
            take_back(held)
            noted = held.claim.contested
            write_text(run_dir / "after", "written")
        assert noted, "whoever writes next keeps it out first"
        assert lend(held) == "00000001-0002.json" and not held.claim.contested
    assert (run_dir / "before").exists() and not (run_dir / "after").exists()


def test_of_two_that_were_sent_a_stage_the_last_one_writes(run_dir: Path):
    with run_lock(run_dir) as held:
        first, second = lend(held), lend(held)
        with pytest.raises(LeaseLost), borrowed(run_dir, first, 60):
            pass
        with borrowed(run_dir, second, 60):
            write_text(run_dir / "x", "written")
        with pytest.raises(LeaseLost, match="has begun already"), borrowed(run_dir, second, 60):
            pass


def test_of_two_that_begin_at_once_one_works(run_dir: Path):
    with run_lock(run_dir) as held:
        claim = lend(held)
        with claim_path(run_dir, 1, 1).open() as first:
            fcntl.flock(first, fcntl.LOCK_EX)  # it has looked, and not yet said who it is
            with pytest.raises(LeaseLost, match="has begun"), borrowed(run_dir, claim, 60):
                write_text(run_dir / "x", "written")
    assert not (run_dir / "x").exists()


def test_who_takes_the_run_over_ends_what_was_lent_under_it(run_dir: Path):
    with pytest.raises(LeaseLost), run_lock(run_dir, 0.3) as held:
        claim = lend(held)
        with borrowed(run_dir, claim, 60):
            claimed_elsewhere(run_dir, 60)
            write_text(run_dir / "late", "written")
    assert not (run_dir / "late").exists()


def test_the_next_owner_removes_what_was_lent_and_notes_that_a_borrower_may_live(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
):
    replaced = list[Path]()
    monkeypatch.setattr(lent, "replace_databases", replaced.append)
    claimed_elsewhere(run_dir, 0.1)
    path = claim_path(run_dir, 1, 1)
    path.write_text('{"token": 1, "lent": 1, "pid": 78, "host": "far", "boot": "b", "lease": 60}')
    owner = claim_path(run_dir, 1)  # it ended in order; who borrowed from it is at work
    owner.write_text(owner.read_text().replace('"released": false', '"released": true'))
    with run_lock(run_dir):
        assert replaced == [run_dir]
        assert [path.name for path in (run_dir / FOLDER).iterdir()] == ["00000002.json"]


def test_a_borrower_without_a_sign_of_life_is_gone_by_the_lenders_clock(run_dir: Path):
    with run_lock(run_dir) as held:
        claim = lend(held)
        watched = Borrower(held, claim)
        assert not watched.is_gone(), "nobody has begun"
        with borrowed(run_dir, claim, 60):
            assert not watched.is_gone()
        assert watched.is_gone(), "it has ended"
        path = claim_path(run_dir, 1, 1)
        path.write_text('{"pid": 78, "host": "far", "boot": "b", "lease": 0.2, "beat": 1}')
        assert not watched.is_gone()
        time.sleep(0.3)
        assert watched.is_gone() and watched.who == "78 on far"


def test_one_that_runs_and_never_says_who_it_is_is_gone_as_well(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
):
    with run_lock(run_dir) as held:
        watched, now = Borrower(held, lend(held)), time.monotonic()
        for passed, runs, gone in ((900, False, False), (1000, True, False), (1030, True, True)):
            monkeypatch.setattr(lent, "monotonic", lambda at=now + passed: at)
            assert watched.is_gone(runs) == gone


def test_a_run_that_cannot_be_seen_here_is_one_message(tmp_path: Path):
    with (
        pytest.raises(UserError, match="must see the runs under the same path"),
        borrowed(tmp_path / "runs" / "demo", "00000001-0001.json", 60),
    ):
        pass


@pytest.mark.parametrize(
    ("own", "there", "over"),
    [
        ("00000007.json", ["00000007.json", "00000007-0002.json", ".x.tmp"], False),
        ("00000007.json", ["00000008.json"], True),
        ("00000007-0002.json", ["00000007.json", "00000007-0002.json"], False),
        ("00000007-0002.json", ["00000007.json", "00000007-0003.json"], True),
        ("00000007-0002.json", ["00000007.json"], True),
        ("00000007-0002.json", ["00000007-0002.json", "00000008.json"], True),
    ],
)
def test_a_supervisor_ends_its_child_when_what_it_works_under_is_over(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, own: str, there: list[str], over: bool
):
    (run_dir / FOLDER).mkdir(parents=True)
    for name in there:
        (run_dir / FOLDER / name).touch()
    monkeypatch.setenv("PREFLOOP_LEASE", str(run_dir / FOLDER / own))
    assert supervise.taken_over() == over
