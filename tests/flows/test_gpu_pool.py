"""Two work pools with a worker each: the GPU stages are done in one of them and the rest in the
other; what is killed on either side is taken up again, and nothing is asked twice."""

import json
import os
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from leases import wait_for
from pools import FINAL, Api, Worker, prefect_server
from prefect.runner.storage import LocalStorage
from prefect.settings import PREFECT_API_URL, temporary_settings
from scripted import varied_policy
from scripted_run import answers_all, write_scripted
from small_run import marked, run, two_rounds, write_config

from flows.deployment import Wish, deployment_of, gpu_deployment_of
from flows.load import load_config
from rounds.claims import claim_path, read_claim
from rounds.files import read_json
from rounds.folder import round_dir
from rounds.schema import deterministic
from rounds.tables import read_rows
from rounds.weights import weights_hash

pytestmark = pytest.mark.slow

DESK = {"max_in_flight": 2, "timeout": 600}
TABLES = ("prompts", "candidates", "verdicts", "pairs", "dropped")


class Pools(NamedTuple):
    """The server and a worker of each pool."""

    api: Api
    main: Worker
    gpu: Worker


@pytest.fixture
def pools(tmp_path: Path) -> Iterator[Pools]:
    """They end with the test, and all they have started has ended before."""
    mark = tmp_path.name
    with prefect_server(tmp_path / "server") as api:
        both = Pools(
            api,
            Worker(api, "main", tmp_path / "main", f"{mark}-main"),
            Worker(api, "gpu", tmp_path / "gpu", f"{mark}-gpu"),
        )
        try:
            yield both
        finally:
            for worker in both[1:]:
                worker.end()
    for worker in both[1:]:
        assert marked(worker.mark) == []


class Held:
    """A policy that counts what it is asked, and does not answer beyond `most` until it may."""

    def __init__(self, most: int) -> None:
        self.most, self.may = most, threading.Event()
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()

    def __call__(self, body: dict[str, Any]) -> Any:
        if "response_format" in body:
            return answers_all(body)
        what = json.dumps([body["messages"], body.get("seed")])
        self.asked[what] += 1
        if self.asked.total() > self.most:
            self.may.wait()
        self.answered[what] += 1
        return varied_policy(body)


def deployed(api: Api, folder: Path, config: Path, name: str) -> None:
    """Both deployments, as `prefloop deploy --gpu-pool` makes them."""
    runs = str(folder / "runs")
    wish = Wish(load_config(str(config)), name, 1, runs, None, "UTC", "gpu")
    with temporary_settings({PREFECT_API_URL: api.url}):
        here = LocalStorage(path=str(folder))
        deployment_of(wish, storage=here).apply(work_pool_name="main")
        gpu_deployment_of(wish, storage=here).apply(work_pool_name="gpu")


def written_down(run_dir: Path, held: Held, least: int) -> dict[str, int]:
    """What the policy has answered and the journal has, once that is so much, and how often each
    was asked by then: what is in flight when a stage is killed is asked a second time."""
    found: set[str] = set()

    def enough() -> bool:
        journal = sqlite3.connect(f"file:{run_dir}/journal.sqlite?mode=ro", uri=True)
        with closing(journal):
            for (request,) in journal.execute("select request from answers"):
                body = json.loads(request)
                found.add(json.dumps([body["messages"], body.get("seed")]))
        return len(found & set(held.answered)) >= least

    wait_for(enough, 60)
    return {what: held.asked[what] for what in found & set(held.answered)}


def rows(folder: Path, table: str) -> list[list[Any]]:
    """What a round's table says that is the same each time."""
    names = deterministic(table)
    return [[row[name] for name in names] for row in read_rows(folder, table)]


def borrower(run_dir: Path, number: int, token: int = 1) -> int:
    """The process that works under what was lent; 0 where none has begun."""
    return read_claim(run_dir, token, number).pid


def test_a_killed_stage_and_a_killed_worker_are_taken_up_again(
    pools: Pools, endpoint, tmp_path: Path
):
    held = Held(6)
    policy = endpoint(held).base_url
    config = write_scripted(tmp_path, policy, DESK)
    run_dir = tmp_path / "runs" / "demo"
    deployed(pools.api, tmp_path, config, "demo")
    parent = pools.api.start("prefloop", "demo")

    wait_for(lambda: held.asked.total() > 6 or pools.api.run(parent)["state_type"] == "FAILED", 600)
    stage, before = borrower(run_dir, 1), written_down(run_dir, held, 5)
    os.kill(stage, signal.SIGKILL)
    held.most = 11
    wait_for(lambda: held.asked.total() > 11, 600)
    before = written_down(run_dir, held, 7) | before
    assert len(before) > 6
    assert borrower(run_dir, 2) not in (0, stage)
    pools.gpu.end(signal.SIGKILL)
    os.kill(borrower(run_dir, 2), signal.SIGKILL)
    held.may.set()
    another = Worker(pools.api, "gpu", tmp_path / "another", pools.gpu.mark)
    try:
        ended = pools.api.ended(parent)
        assert ended["state_name"] == "Completed", pools.api.logs(parent)
    finally:
        another.end()

    sent = pools.api.stages("demo")
    assert [one["work_pool_name"] for one in sent] == ["gpu"] * 3
    assert ended["work_pool_name"] == "main"
    assert sent[0]["state_type"] == "CRASHED" and sent[2]["state_type"] == "COMPLETED"
    said = pools.api.logs(parent)
    assert "asking again" in said and "sample: 6/6" in said
    assert {what: held.asked[what] for what in before} == before, "asked again"
    folder = round_dir(run_dir, 1)
    assert sorted(path.name for path in (run_dir / ".lease").iterdir()) == ["00000001.json"]

    alone = tmp_path / "alone"
    alone.mkdir()
    run(alone, "run", str(write_scripted(alone, policy, DESK)))
    for table in TABLES[:-1]:
        assert rows(folder, table) == rows(round_dir(alone / "runs" / "demo", 1), table), table
    assert read_json(folder / "manifest.json")["fence"] == 1


def test_when_the_round_is_killed_its_stage_stops_and_the_next_goes_on(
    pools: Pools, endpoint, tmp_path: Path
):
    held = Held(6)
    config = write_scripted(tmp_path, endpoint(held).base_url, DESK)
    run_dir = tmp_path / "runs" / "demo"
    deployed(pools.api, tmp_path, config, "demo")
    first = pools.api.start("prefloop", "demo")
    wait_for(lambda: held.asked.total() > 6, 600)
    before = written_down(run_dir, held, 5)
    os.kill(read_claim(run_dir, 1).pid, signal.SIGKILL)
    assert pools.api.ended(first)["state_type"] == "CRASHED"
    stage = borrower(run_dir, 1)
    assert Path(f"/proc/{stage}").exists(), "what it does is of use while nobody else comes"

    second = pools.api.start("prefloop", "demo")
    wait_for(lambda: claim_path(run_dir, 2).exists(), 600)
    wait_for(lambda: not Path(f"/proc/{stage}").exists(), 120)
    held.may.set()
    assert pools.api.ended(second)["state_name"] == "Completed", pools.api.logs(second)
    states = [one["state_type"] for one in pools.api.stages("demo")]
    assert len(states) == 2 and states[0] != "RUNNING" and states[1] == "COMPLETED"
    assert {what: held.asked[what] for what in before} == before, "asked again"
    assert read_json(round_dir(run_dir, 1) / "manifest.json")["fence"] == 2


CHILDREN = ("sampler.vllm_child", "trainer.train_child", "vllm.entrypoints")
"""What the stages start: sampling, training, and the server of the judge."""


def test_a_real_round_samples_and_trains_in_the_gpu_pool_and_is_the_same(
    pools: Pools, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
):
    config = str(write_config(tmp_path))
    said = run(
        tmp_path,
        *("deploy", config, "--pool", "main", "--gpu-pool", "gpu", "--runs-dir", "runs"),
        PREFECT_API_URL=pools.api.url,
    ).stdout
    assert "GPU       prefloop-gpu-stage/small, to the work pool gpu" in said
    assert "note      desk: its model server starts where the rest runs" in said
    parent = pools.api.start("prefloop", "small")
    seen: set[tuple[str, str]] = set()

    def ended() -> bool:
        for pool, worker in (("main", pools.main), ("gpu", pools.gpu)):
            lines = "\n".join(marked(worker.mark))
            seen.update((pool, child) for child in CHILDREN if child in lines)
        time.sleep(0.5)
        return pools.api.run(parent)["state_type"] in FINAL

    wait_for(ended, 1500)
    assert pools.api.run(parent)["state_name"] == "Completed", pools.api.logs(parent)
    assert seen == {("gpu", CHILDREN[0]), ("gpu", CHILDREN[1]), ("main", CHILDREN[2])}
    sent = pools.api.stages("small")
    assert [one["name"].rpartition(": ")[2] for one in sent] == [
        *("trial", "sample", "train", "sample held-out")
    ]
    assert {one["work_pool_name"] for one in sent} == {"gpu"}

    folder = round_dir(tmp_path / "runs" / "small", 1)
    calm = round_dir(two_rounds(tmp_path_factory) / "runs" / "small", 1)
    for table in TABLES:
        assert rows(folder, table) == rows(calm, table), table
    assert weights_hash(folder / "policy") == weights_hash(calm / "policy")
