"""The mirror at a real S3 server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import weed
from mirrors import run_of_rounds

from rounds.mirror import store as store_module
from rounds.mirror.address import check_writable, open_store
from rounds.mirror.fetch import fetch_run
from rounds.mirror.files import entry_of, etag_of, holds
from rounds.mirror.send import send_run
from rounds.mirror.store import MirrorDamaged, MirrorFailed, Store, listing, put_new, read
from rounds.mirror.there import MirrorConflict, rounds_here, rounds_there
from rounds.stages import silent

pytestmark = pytest.mark.long
if why := weed.missing():
    pytest.skip(why, allow_module_level=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with weed.s3_server(tmp_path_factory.mktemp("s3")) as environment:
        yield environment


@pytest.fixture
def store(
    server: dict[str, str], run_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Store:
    """A store of the run's at a bucket, under a folder of the test's own."""
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(store_module, "WAITS", (0.1, 0.1))
    opened = open_store(f"s3://prefloop-tests/{tmp_path.name}", run_dir)
    if not opened.files.exists("prefloop-tests"):
        opened.files.mkdir("prefloop-tests")
    return opened


def test_a_run_goes_there_and_on_from_there(store: Store, run_dir: Path, tmp_path: Path):
    run_of_rounds(run_dir, rounds=3)
    check_writable(store)
    assert listing(store, "") == {}
    assert send_run(store, run_dir, silent).rounds == [1, 2, 3]
    assert rounds_there(store) == rounds_here(run_dir)
    assert send_run(store, run_dir, silent, verify=True).files == 0
    other = tmp_path / "other" / "demo"
    fetch_run(store, other, rounds_there(store), silent)
    assert rounds_here(other) == rounds_here(run_dir)
    assert (other / "rounds/0001/policy/model.safetensors").stat().st_size == 3000
    assert (other / "journal.sqlite").exists()


def test_damage_there_is_named_and_mended(store: Store, run_dir: Path, tmp_path: Path):
    send_run(store, run_of_rounds(run_dir), silent)
    (name,) = (n for n in listing(store, "rounds/0002") if n.endswith("/pairs.parquet"))
    path = store.path(f"rounds/0002/{name}")
    store.files.pipe_file(path, b"x" * store.files.info(path)["size"])
    other = tmp_path / "other" / "demo"
    with pytest.raises(MirrorDamaged, match=r"pairs\.parquet has other bytes than were sent"):
        fetch_run(store, other, rounds_there(store), silent)
    assert send_run(store, run_dir, silent, verify=True).files == 1
    fetch_run(store, other, rounds_there(store), silent)
    assert rounds_here(other) == rounds_here(run_dir)


def test_the_server_lets_one_manifest_through(store: Store, run_dir: Path):
    assert put_new(store, "rounds/0001/manifest.json", b"first") == b"first"
    assert put_new(store, "rounds/0001/manifest.json", b"second") == b"first"
    with pytest.raises(OSError, match="pre-conditions"):  # it is the server that refuses
        store.files.pipe_file(store.path("rounds/0001/manifest.json"), b"third", mode="create")
    assert read(store, "rounds/0001/manifest.json") == b"first"
    with pytest.raises(MirrorConflict, match="round 1 there"):
        send_run(store, run_of_rounds(run_dir, 1), silent)


def test_an_upload_in_parts_is_proven_by_its_etag(store: Store, tmp_path: Path):
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.seek(110 * 2**20)
        file.write(b"end")
    path = store.path("large")
    store.files.put_file(str(large), path)
    info = store.files.info(path)
    etag = info["ETag"].strip('"')
    assert etag.endswith("-3") and etag_of(large, etag) == etag
    assert holds(store, path, info, entry_of(large), large)
    with large.open("r+b") as file:
        file.write(b"other")
    assert not holds(store, path, info, entry_of(large), large)


def test_no_bucket_and_a_wrong_key_are_said(
    store: Store, run_dir: Path, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(MirrorFailed, match=r"writing \.probe"):
        check_writable(open_store("s3://prefloop-no-bucket/x", run_dir))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    with pytest.raises(MirrorFailed, match=r"mirror s3://prefloop-tests/x/demo: ") as raised:
        check_writable(open_store("s3://prefloop-tests/x", run_dir))
    assert "another" not in str(raised.value)
