"""A run at its mirror: manifests last, checked on arrival, resumed, and started from elsewhere."""

import json
import shutil
import sqlite3
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from mirrors import Killed, everything, run_of_rounds, store_of

from endpoints.journal import Journal
from rounds.errors import UserError
from rounds.finish import follow_manifests
from rounds.folder import finished_rounds, policy_history
from rounds.mirror import store as store_module
from rounds.mirror.address import check_address, check_writable, open_store, whole_address
from rounds.mirror.carried import SCRATCH, snapshot
from rounds.mirror.fetch import fetch_run, fetch_weights, may_be_fetched
from rounds.mirror.files import entry_of, etag_of, holds
from rounds.mirror.send import send_run
from rounds.mirror.store import MirrorDamaged, MirrorFailed, put, put_new, read
from rounds.mirror.there import MirrorConflict, place_of, rounds_here, rounds_there
from rounds.stages import silent

TABLES = ("candidates", "dropped", "pairs", "prompts", "verdicts")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch):
    """No wait between two tries."""
    monkeypatch.setattr(store_module, "WAITS", (0.0, 0.0))


@pytest.fixture
def address(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


def elsewhere(run_dir: Path) -> Path:
    """The same run's folder on another machine."""
    return run_dir.parent.parent / "other" / run_dir.name


def fetched(address: Path, run_dir: Path, **given: Any) -> Path:
    store, other = store_of(address, run_dir, **given), elsewhere(run_dir)
    fetch_run(store, other, rounds_there(store), silent)
    return other


def test_all_of_a_round_is_sent_and_its_manifest_last(run_dir: Path, address: Path):
    store = store_of(address, run_of_rounds(run_dir))
    sent = send_run(store, run_dir, silent)
    place = place_of(2, rounds_here(run_dir)[2])
    assert sorted(everything(address / "demo" / place)) == sorted(
        [*(f"{table}.parquet" for table in TABLES), "metrics.json", "mirror.json", "report.html"]
        + ["policy/config.json", "policy/model.safetensors"]
    )
    round_2 = store.files.puts[store.files.puts.index("manifest.json") + 1 :]
    assert round_2.index("mirror.json.tmp") == len(TABLES) + 4  # after all that it lists
    manifest = address / "demo" / "rounds/0002/manifest.json"
    assert manifest.read_bytes() == (run_dir / "rounds/0002/manifest.json").read_bytes()
    state = json.loads((address / "demo/state.json").read_text())
    assert state["after_round"] == 2
    assert sorted(state["files"]) == ["journal.sqlite", "labels/me.jsonl", "run.yaml", "trial.json"]
    assert (sent.rounds, sent.files, sent.lost) == ([1, 2], 2 * (len(TABLES) + 4) + 4, [])
    assert not (run_dir / SCRATCH).exists()


def test_what_is_there_is_not_sent_again(run_dir: Path, address: Path):
    send_run(store_of(address, run_of_rounds(run_dir)), run_dir, silent)
    store = store_of(address, run_dir)
    again = send_run(store, run_dir, silent)
    assert (again.rounds, again.files, again.size) == ([], 0, 0)
    with Journal(run_dir / "journal.sqlite") as journal:
        journal.put("new", "desk", "m", {"messages": []}, {"choices": []}, 0.0)
    before = {path.name for path in (address / "demo/state").rglob("journal.sqlite")}
    assert send_run(store_of(address, run_dir), run_dir, silent).files == 1
    after = list((address / "demo/state").rglob("journal.sqlite"))
    assert before == {"journal.sqlite"} and len(after) == 1  # the one before is gone


@pytest.mark.parametrize("part", [0.5, 1.0])
def test_a_sending_killed_anywhere_goes_on_where_it_was(run_dir: Path, tmp_path: Path, part: float):
    run_of_rounds(run_dir, rounds=1)
    whole = store_of(tmp_path / "whole", run_dir)
    send_run(whole, run_dir, silent)
    for kill in range(len(whole.files.puts)):
        address, count = tmp_path / f"killed_{kill}", 0

        def meddle(what: str, here: Path, there: Path, done: bool, kill: int = kill) -> None:
            nonlocal count
            if done and count == kill:
                data = there.read_bytes()
                there.write_bytes(data[: int(len(data) * part)])
                raise Killed
            count += done

        with pytest.raises(Killed):
            send_run(store_of(address, run_dir, meddle), run_dir, silent)
        shutil.rmtree(elsewhere(run_dir), ignore_errors=True)
        store = store_of(address, run_dir)
        if rounds_there(store) == rounds_here(run_dir):  # what is there is there whole
            assert finished_rounds(fetched(address, run_dir))
        send_run(store, run_dir, silent)
        files = everything(address / "demo")
        left = {name for name in files if name.endswith(".tmp")}
        assert {n: d for n, d in files.items() if n not in left} == everything(
            tmp_path / "whole/demo"
        )
        assert len([name for name in store.files.puts if ".json" not in name]) <= len(
            [name for name in whole.files.puts if ".json" not in name]
        )
        if kill > 5 and part == 1.0:
            assert "candidates.parquet" not in store.files.puts


def test_a_file_that_arrives_damaged_is_sent_again(run_dir: Path, address: Path):
    damaged: set[str] = set()

    def meddle(what: str, here: Path | None, there: Path, done: bool) -> None:
        if done and here is not None and there.name not in damaged:
            damaged.add(there.name)
            there.write_bytes(there.read_bytes()[::-1] + b"x")

    store = store_of(address, run_of_rounds(run_dir, rounds=1), meddle)
    send_run(store, run_dir, silent)
    assert store.files.puts.count("pairs.parquet") == 2 and "journal.sqlite" in damaged
    other = fetched(address, run_dir)
    assert everything(other / "rounds/0001") == {
        name: data
        for name, data in everything(run_dir / "rounds/0001").items()
        if not name.startswith("logs/")
    }


def test_of_the_same_size_and_other_bytes_is_damaged_too(run_dir: Path, address: Path):
    def meddle(what: str, here: Path | None, there: Path, done: bool) -> None:
        if done and there.name == "verdicts.parquet":
            there.write_bytes(there.read_bytes()[::-1])

    store = store_of(address, run_of_rounds(run_dir), meddle)
    with pytest.raises(MirrorFailed, match=r"verdicts\.parquet: it did not arrive as it was sent"):
        send_run(store, run_dir, silent)
    assert rounds_there(store) == {} and store.files.puts.count("verdicts.parquet") == 3
    assert len(finished_rounds(run_dir)) == 2 and not (run_dir / SCRATCH).exists()


def test_what_fails_for_a_while_is_tried_again(run_dir: Path, address: Path):
    failures = 2

    def meddle(what: str, here: Path | None, there: Path, done: bool) -> None:
        nonlocal failures
        if failures and there.name == "metrics.json":
            failures -= 1
            raise ConnectionError("reset by peer")

    send_run(store_of(address, run_of_rounds(run_dir, 1), meddle), run_dir, silent)
    assert rounds_there(store_of(address, run_dir)) == rounds_here(run_dir)


def test_a_run_starts_elsewhere_with_all_but_older_weights(run_dir: Path, address: Path):
    run_of_rounds(run_dir, rounds=3)
    send_run(store_of(address, run_dir), run_dir, silent)
    other, told = elsewhere(run_dir), []
    assert may_be_fetched(other)
    store = store_of(address, run_dir)
    got = fetch_run(store, other, rounds_there(store), lambda *given: told.append(given))
    assert got == [1, 2, 3] and told[-1][0] == told[-1][1] and not (other / SCRATCH).exists()
    follow_manifests(other)
    assert rounds_here(other) == rounds_here(run_dir)
    assert policy_history(other) == policy_history(run_dir)
    assert (other / "rounds/0001/policy/model.safetensors").read_bytes() == bytes([1]) * 3000
    assert not (other / "rounds/0002/policy").exists()  # refused, and asked for by nobody
    assert (other / "labels/me.jsonl").exists() and (other / "run.yaml").exists()
    with Journal(other / "journal.sqlite") as journal:
        assert all(journal.get(str(key)) for key in range(3))
    assert fetch_weights(store, other, rounds_there(store), [1, 3], silent) == [3]
    assert (other / "rounds/0003/policy/config.json").read_text() == '{"of": 3}'
    assert not may_be_fetched(other)
    assert send_run(store_of(address, other), other, silent).files == 0  # and the same is here
    with pytest.raises(UserError, match="has no round 9"):
        fetch_weights(store, other, rounds_there(store), [9], silent)


def test_any_file_system_of_fsspec_will_do(run_dir: Path):
    store = open_store("memory://somewhere/x", run_of_rounds(run_dir))
    check_writable(store)
    assert send_run(store, run_dir, silent).rounds == [1, 2]
    assert send_run(store, run_dir, silent, verify=True).files == 0
    fetch_run(store, elsewhere(run_dir), rounds_there(store), silent)
    assert rounds_here(elsewhere(run_dir)) == rounds_here(run_dir)
    assert put_new(store, "rounds/0002/manifest.json", b"x") == rounds_here(run_dir)[2]
    store.files.rm("/somewhere", recursive=True)


def test_a_killed_fetch_goes_on(run_dir: Path, address: Path):
    send_run(store_of(address, run_of_rounds(run_dir)), run_dir, silent)
    other, got = elsewhere(run_dir), list[str]()
    left = 0

    def meddle(what: str, here: Path | None, there: Path, done: bool) -> None:
        nonlocal left
        if what == "get" and done:
            if left == 0:
                here.write_bytes(here.read_bytes()[:10])
                raise Killed
            left -= 1
            got.append("/".join(there.parts[-2:]))

    kills = 0
    for _ in range(20):
        left = 3
        try:
            fetched(address, run_dir, meddle=meddle)
            break
        except Killed:
            kills += 1
            assert may_be_fetched(other)
            for folder in finished_rounds(other):  # whole, or not there
                assert (folder / "pairs.parquet").exists() and (folder / "report.html").exists()
    assert kills >= 4 and len(got) == len(set(got))  # nothing was fetched twice
    assert rounds_here(other) == rounds_here(run_dir) and (other / "journal.sqlite").exists()


PLACES = {
    "pairs.parquet": "rounds/0001/*/pairs.parquet",
    "report.html": "rounds/0002/*/report.html",
    "model.safetensors": "rounds/0001/*/policy/model.safetensors",
    "mirror.json": "rounds/0002/*/mirror.json",
    "manifest.json": "rounds/0002/manifest.json",
    "journal.sqlite": "state/*/journal.sqlite",
    "state.json": "state.json",
}


@pytest.mark.parametrize("how", ["cut", "turned", "removed"])
@pytest.mark.parametrize("name", PLACES)
def test_a_damaged_mirror_is_named_and_mended(run_dir: Path, address: Path, name: str, how: str):
    if (name, how) in (("manifest.json", "removed"), ("state.json", "removed")):
        pytest.skip("a round, or a state, that is not there")
    store = store_of(address, run_of_rounds(run_dir))
    send_run(store, run_dir, silent)
    (path,) = (address / "demo").glob(PLACES[name])
    data = path.read_bytes()
    if how == "removed":
        path.unlink()
    else:
        path.write_bytes(data[: len(data) // 2] if how == "cut" else data[:-9] + b"#########")
    with pytest.raises(MirrorDamaged, match=name.replace(".", r"\.")):
        fetched(address, run_dir)
    damaged_round = {"rounds/0001": 0, "rounds/0002": 1}.get(PLACES[name][:11], 2)
    assert len(finished_rounds(elsewhere(run_dir))) <= damaged_round
    assert not (elsewhere(run_dir) / "journal.sqlite").exists()
    if (name, how) == ("manifest.json", "turned"):  # to its own machine it is another round
        with pytest.raises(MirrorConflict, match="round 2 there"):
            send_run(store, run_dir, silent, verify=True)
        return
    assert send_run(store, run_dir, silent, verify=True).lost == []
    assert len(finished_rounds(fetched(address, run_dir))) == 2


def test_what_is_damaged_there_and_no_longer_here_is_said(run_dir: Path, address: Path):
    store = store_of(address, run_of_rounds(run_dir))
    send_run(store, run_dir, silent)
    shutil.rmtree(run_dir / "rounds/0002/policy")  # as one who needs the room does
    assert send_run(store, run_dir, silent, verify=True).lost == []
    (path,) = (address / "demo").glob("rounds/0002/*/policy/model.safetensors")
    path.write_bytes(b"other")
    (lost,) = send_run(store, run_dir, silent, verify=True).lost
    assert lost.endswith("/policy/model.safetensors") and lost.startswith("rounds/0002/")


def test_two_machines_that_both_went_on_are_refused(run_dir: Path, address: Path):
    send_run(store_of(address, run_of_rounds(run_dir)), run_dir, silent)
    other = fetched(address, run_dir)
    run_of_rounds_more(run_dir, 3, b"here")
    run_of_rounds_more(other, 3, b"there")
    send_run(store_of(address, other), other, silent)
    before = everything(address)
    with pytest.raises(MirrorConflict, match=r"round 3 there \(finished .*two machines went on"):
        send_run(store_of(address, run_dir), run_dir, silent)
    assert everything(address) == before and len(finished_rounds(run_dir)) == 3


def test_a_machine_that_stayed_behind_is_refused(run_dir: Path, address: Path):
    send_run(store_of(address, run_of_rounds(run_dir)), run_dir, silent)
    other = fetched(address, run_dir)
    run_of_rounds_more(other, 3, b"there")
    send_run(store_of(address, other), other, silent)
    with pytest.raises(MirrorConflict, match=r"has not \(round 3\): another machine went on"):
        send_run(store_of(address, run_dir), run_dir, silent)


def test_of_two_that_finish_at_once_one_is_let_through(run_dir: Path, address: Path):
    send_run(store_of(address, run_of_rounds(run_dir)), run_dir, silent)
    other = fetched(address, run_dir)
    run_of_rounds_more(run_dir, 3, b"here")
    run_of_rounds_more(other, 3, b"there")
    raced = False

    def meddle(what: str, here: Path | None, there: Path, done: bool) -> None:
        nonlocal raced
        if not raced and there.name == "report.html" and "0003" in there.parts and done:
            raced = True  # both found no round 3 and are sending one
            send_run(store_of(address, other), other, silent)

    with pytest.raises(MirrorConflict, match="round 3 there"):
        send_run(store_of(address, run_dir, meddle), run_dir, silent)
    assert raced and rounds_there(store_of(address, run_dir)) == rounds_here(other)
    third = run_dir.parent.parent / "third" / "demo"
    store = store_of(address, other)
    fetch_run(store, third, rounds_there(store), silent)  # no file of the loser is in it
    assert (third / "rounds/0003/report.html").read_bytes() == b"there"


def run_of_rounds_more(run_dir: Path, number: int, report: bytes) -> None:
    """One round more, which is another one for another report."""
    folder = run_dir / f"rounds/{number:04d}"
    shutil.copytree(run_dir / "rounds/0002", folder)
    facts = json.loads((folder / "manifest.json").read_text())
    text = json.dumps({**facts, "round": number, "command": report.decode()})
    (folder / "manifest.json").write_text(text)
    (folder / "report.html").write_bytes(report)


def test_a_manifest_that_is_there_is_never_written_over(run_dir: Path, address: Path):
    store = store_of(address, run_dir)
    assert put_new(store, "rounds/0001/manifest.json", b"mine and more") == b"mine and more"
    assert put_new(store, "rounds/0001/manifest.json", b"other") == b"mine and more"
    put(store, "x", b"mine and")  # what a killed writer left
    assert put_new(store, "x", b"mine and more") == b"mine and more"
    assert read(store, "y") is None


def test_a_folder_with_an_own_round_under_way_is_not_fetched_into(run_dir: Path):
    assert may_be_fetched(run_dir)
    (run_dir / "logs").mkdir(parents=True)
    assert may_be_fetched(run_dir)
    (run_dir / "rounds/0001/work").mkdir(parents=True)
    assert not may_be_fetched(run_dir)


def test_the_journal_is_copied_while_it_is_written_to(run_dir: Path, tmp_path: Path):
    run_of_rounds(run_dir, 1)
    with Journal(run_dir / "journal.sqlite") as journal:
        journal.put("kept", "desk", "m", {"messages": []}, {"choices": []}, 0.0)  # in the WAL
        with journal.at_once():
            journal.put("under way", "desk", "m", {"messages": []}, {"choices": []}, 0.0)
            snapshot(run_dir / "journal.sqlite", tmp_path / "copy.sqlite")
    with sqlite3.connect(tmp_path / "copy.sqlite") as copy:
        assert copy.execute("SELECT count(*) FROM answers").fetchone() == (4,)
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_an_etag_of_s3_proves_what_arrived_and_another_is_read_back(
    run_dir: Path, tmp_path: Path, address: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "file"
    file.write_bytes(b"hello")
    assert etag_of(file, "x") == "5d41402abc4b2a76b9719d911017c592"
    monkeypatch.setattr("rounds.mirror.files.PART", 3)
    # md5(md5(hel) + md5(lo)), with the number of parts
    assert etag_of(file, "x-2") == "554a2f6105cc700b8cc987b5ddfb8102-2"
    store = store_of(address, run_dir)
    put(store, "file", b"HELLO")
    said, entry = {"size": 5, "ETag": f'"{etag_of(file, "x")}"'}, entry_of(file)
    assert holds(store, store.path("file"), said, entry, file)
    assert not holds(store, store.path("file"), {**said, "ETag": '"encrypted"'}, entry, file)
    assert not holds(store, store.path("file"), {"size": 5}, entry, file)
    put(store, "file", b"hello")
    assert holds(store, store.path("file"), {**said, "ETag": '"encrypted"'}, entry, file)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("", "names no place"),
        ("s3://", "names no place"),
        ("s3://key:secret@bucket/x", "holds what may be a key"),
        ("s3://key@bucket/x", "holds what may be a key"),
        ("https://host/x?sig=secret", "holds what may be a key"),
        ("s3://bucket/x[1]", "takes for a pattern"),
    ],
)
def test_an_address_with_a_key_is_refused_without_saying_it(address: str, why: str):
    with pytest.raises(ValueError, match=why) as raised:
        check_address(address)
    assert "secret" not in str(raised.value)


def test_a_folder_of_this_machine_gets_its_whole_path(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert whole_address("backups/x") == str(tmp_path / "backups/x")
    assert whole_address("s3://bucket/x") == "s3://bucket/x"


def test_an_address_that_nothing_opens_is_refused(run_dir: Path):
    with pytest.raises(UserError, match="mirror: nowhere://x/y: .*Protocol"):
        open_store("nowhere://x/y", run_dir)


@pytest.mark.skipif(find_spec("adlfs") is not None, reason="adlfs is installed")
def test_a_store_whose_package_is_not_here_is_named(run_dir: Path):
    with pytest.raises(UserError, match="needs a package that is not here: .*adlfs"):
        open_store("abfs://container/x", run_dir)


def test_the_runs_own_folder_is_no_mirror(run_dir: Path):
    for place in (run_dir.parent, run_dir, run_dir / "mirror"):
        with pytest.raises(UserError, match="lies in the run's own folder"):
            open_store(str(place), run_dir)


def test_a_mirror_that_cannot_be_written_is_found_before_anything_is_sent(
    run_dir: Path, tmp_path: Path
):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(MirrorFailed, match="Not a directory"):
        check_writable(open_store(f"file://{tmp_path}/file", run_dir))
    check_writable(store_of(tmp_path / "mirror", run_dir))
    assert everything(tmp_path / "mirror") == {}
