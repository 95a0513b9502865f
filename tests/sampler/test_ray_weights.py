"""Weights that are brought to a node: its cache, who uses it, and what goes."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rounds.settings import locate
from rounds.weights import weights_hash
from sampler import ray_weights
from sampler.ray_weights import cache, placed, put_files, take

POLICY = locate("prefloop:starter/policy")
NAME = weights_hash(POLICY)


@pytest.fixture(autouse=True)
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node with an empty cache, and blocks of which a file has several."""
    monkeypatch.setattr(ray_weights, "cache", lambda: tmp_path / "cache")
    monkeypatch.setattr(sys.modules[__name__], "cache", lambda: tmp_path / "cache")
    monkeypatch.setattr(ray_weights, "BLOCK", 10_000)
    monkeypatch.setattr(ray_weights, "_in_use", {})


class Store:
    """What `put` gives: a reference that is awaited, as Ray's are."""

    def __init__(self) -> None:
        self.read = 0

    def put(self, block: bytes) -> Any:
        store = self

        class Reference:
            def __await__(self) -> Any:
                store.read += 1
                return block
                yield

        return Reference()


def test_weights_arrive_as_they_are_and_once():
    store = Store()
    files = put_files(POLICY, store.put)
    assert max(map(len, files.values())) > 1
    hashes = {"/nowhere/policy": NAME}
    assert placed("/nowhere/policy", hashes) is None
    assert placed(str(POLICY), hashes) == str(POLICY), "what is there is taken from there"
    asyncio.run(take(NAME, files))
    here = placed("/nowhere/policy", hashes)
    assert here == str(cache() / NAME) and weights_hash(Path(here)) == NAME
    read = store.read
    asyncio.run(take(NAME, files))
    assert store.read == read > len(files)


def test_a_taking_that_was_cut_off_is_done_again():
    (cache() / f"{NAME}.part").mkdir(parents=True)
    (cache() / f"{NAME}.part" / "config.json").write_text("{")
    assert placed("/nowhere/policy", {"/nowhere/policy": NAME}) is None
    asyncio.run(take(NAME, put_files(POLICY, Store().put)))
    assert [path.name for path in cache().iterdir()] == [NAME]
    assert weights_hash(cache() / NAME) == NAME


def test_weights_go_that_no_process_uses_any_more():
    files = put_files(POLICY, Store().put)
    held = cache() / "0123456789abcdef"
    held.mkdir(parents=True)
    (cache() / "left").mkdir()
    hold = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], 0), fcntl.LOCK_SH)"
    command = [sys.executable, "-c", f"{hold}; print(flush=True); input()", str(held)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        asyncio.run(take(NAME, files))
        assert sorted(path.name for path in cache().iterdir()) == [held.name, NAME]
        other.communicate()
    asyncio.run(take("fedcba9876543210", files))
    assert sorted(path.name for path in cache().iterdir()) == [NAME, "fedcba9876543210"]
