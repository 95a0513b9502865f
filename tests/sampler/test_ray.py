"""The sampler on a real Ray cluster of three nodes, real vLLM in every worker."""

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest
import yaml
from builders import begun, prompt_row
from ray_cluster import RayCluster, command_of, kill_driver, ray_cluster

from endpoints.children import ChildFailed, ChildKilled
from endpoints.open import Endpoints
from rounds.errors import UserError
from rounds.folder import write_round_start
from rounds.schema import deterministic
from rounds.settings import locate
from rounds.tables import read_rows
from rounds.weights import Policy, local_policy, weights_hash
from sampler.config import SamplerConfig
from sampler.stage import sample

pytestmark = [pytest.mark.slow, pytest.mark.long]

POLICY = local_policy(locate("prefloop:starter/policy"))
LINES = locate("prefloop:prompts/starter/train.jsonl").read_text().splitlines()
NONE = Endpoints({}, Path("logs"))
PROMPTS = [prompt_row(json.loads(line)["prompt"]) for line in LINES[:96]]
"""So many that no worker has drawn the last before a node or a driver can be killed."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    """The head, which holds no worker, and three nodes that hold one each."""
    with ray_cluster({"num_cpus": 0}, *[{"num_cpus": 1}] * 3) as started:
        yield started


def config(cluster: RayCluster | None, workers: int = 1, **given: Any) -> SamplerConfig:
    tree = yaml.safe_load(locate("prefloop:examples/starter.yaml").read_text())["sampler"]
    tree["vllm"] |= {"max_model_len": 1024, "max_num_seqs": 4}
    if cluster is not None:
        ray = {"address": cluster.address, "workers": workers, "resources": {"CPU": 1}}
        given["engine"] = {"ray": ray}
    return SamplerConfig.model_validate({**tree, "n": 2, "chunk": 3, **given})


def started(run_dir: Path, policy: Policy = POLICY) -> Path:
    folder = begun(run_dir, prompts=PROMPTS)
    write_round_start(folder, {"policy": policy._asdict(), "initial": policy._asdict(), "seed": 0})
    return folder


def columns(folder: Path) -> list[list[Any]]:
    names = deterministic("candidates")
    return [[row[name] for name in names] for row in read_rows(folder, "candidates")]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[list[Any]]:
    """What one process of this machine draws."""
    folder = started(tmp_path_factory.mktemp("alone") / "runs" / "a")
    sample(folder, config(None), POLICY, 0, NONE)
    return columns(folder)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_candidates_are_those_of_one_process(
    cluster: RayCluster, alone: list[list[Any]], tmp_path: Path, workers: int
):
    folder = started(tmp_path / "runs" / "a")
    notes: list[str] = []

    def progress(done: int, total: int, note: str = "") -> None:
        notes.append(note)

    sample(folder, config(cluster, workers), POLICY, 0, NONE, progress=progress)
    assert columns(folder) == alone
    assert any(f"{workers} of {workers} workers" in note for note in notes), notes
    log = (folder.parent.parent / "logs" / "0001-sampler.log").read_text()
    assert log.count("Initializing a V1 LLM engine") == workers
    assert gone(cluster)


def test_a_node_dies_under_way(cluster: RayCluster, alone: list[list[Any]], tmp_path: Path):
    """A real one: SIGKILL to its raylet, the worker and all else, with chunks of it open."""
    folder = started(tmp_path / "runs" / "a")
    killed: list[psutil.Process] = []

    def kill() -> None:
        # whom, is found out first: that takes as long as some chunks do
        until = time.monotonic() + 300
        while len(workers := cluster.actors()) < 3:
            assert time.monotonic() < until, "no workers"
            time.sleep(0.1)
        victim = next(n for n in (3, 2, 1) if set(cluster.processes(n)) & set(workers))
        chunks_there(folder, 1)
        killed.extend(cluster.processes(victim))
        cluster.kill_node(victim)

    killer = threading.Thread(target=kill)
    killer.start()
    sample(folder, config(cluster, 3), POLICY, 0, NONE)
    killer.join()
    cluster.add_node()
    assert killed and not any(process.is_running() for process in killed)
    assert columns(folder) == alone
    log = (folder.parent.parent / "logs" / "0001-sampler.log").read_text()
    assert "is dead, on node 127.0.0.1" in log
    assert gone(cluster)


def test_a_killed_driver_draws_open_chunks_again_and_no_others(
    cluster: RayCluster, alone: list[list[Any]], tmp_path: Path
):
    folder = started(tmp_path / "runs" / "a")

    def kill() -> None:
        chunks_there(folder, 3)
        kill_driver("sampler.ray_child")

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(ChildKilled):
        sample(folder, config(cluster, 2), POLICY, 0, NONE)
    killer.join()
    assert gone(cluster), "the workers of a driver that was killed go on"
    written = {path: path.stat().st_mtime_ns for path in folder.glob("work/sample-*/chunk-*")}
    assert len(written) >= 3 and not (folder / "candidates.parquet").exists()
    sample(folder, config(cluster, 2), POLICY, 0, NONE)
    assert columns(folder) == alone
    assert {path: path.stat().st_mtime_ns for path in written} == written
    (asked,) = folder.glob("work/sample-*/requests-0.jsonl")
    in_written = {row["prompt_id"] for path in written for row in pq.read_table(path).to_pylist()}
    asked_again = {json.loads(line)["prompt_id"] for line in asked.read_text().splitlines()}
    assert not asked_again & in_written and len(asked_again) + len(in_written) == len(PROMPTS)


def test_workers_that_always_die_end_the_stage(cluster: RayCluster, tmp_path: Path):
    folder = started(tmp_path / "runs" / "a")
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.2):
            for process in cluster.actors():
                if "SamplingWorker.load" in " ".join(command_of(process)):
                    process.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with pytest.raises(ChildFailed, match="a worker has died 3 times with no chunk drawn"):
            sample(folder, config(cluster, 1), POLICY, 0, NONE)
    finally:
        over.set()
        killer.join()
    assert gone(cluster)


def test_what_a_worker_finds_wrong_is_one_message(cluster: RayCluster, tmp_path: Path):
    folder = started(tmp_path / "runs" / "a")
    also = {"last": {"policy": "previous", "sampling": {"temperature": -1}}}
    with pytest.raises(UserError, match=r"^sampler.also.last.sampling: .*temperature"):
        sample(folder, config(cluster, 1, also=also), POLICY, 0, NONE)
    assert gone(cluster)


def test_weights_that_a_node_does_not_have_are_sent_there(
    cluster: RayCluster,
    alone: list[list[Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """The path of the weights leads to them from the driver's folder, and from no worker's."""
    (tmp_path / "weights").symlink_to(POLICY.model)
    monkeypatch.chdir(tmp_path)
    elsewhere = local_policy(Path("/proc/self/cwd/weights"))
    assert elsewhere.policy_id == POLICY.policy_id
    folder = started(tmp_path / "runs" / "a", elsewhere)
    sample(folder, config(cluster, 2), elsewhere, 0, NONE)
    assert columns(folder) == alone
    log = (folder.parent.parent / "logs" / "0001-sampler.log").read_text()
    assert "/proc/self/cwd/weights is not on node 127.0.0.1" in log
    in_cache = Path(cluster.folder, f"prefloop-weights-{os.getuid()}").iterdir()
    assert [path.name for path in in_cache] == [weights_hash(Path(POLICY.model))]


def test_what_draws_is_no_part_of_the_stage(tmp_path: Path):
    """A stage that one machine has finished is not done again on a cluster, which is not asked."""
    folder = started(tmp_path / "runs" / "a")
    facts = sample(folder, config(None), POLICY, 0, NONE)
    ray = {"address": "127.0.0.1:1", "workers": 2, "resources": {"CPU": 1}}
    assert sample(folder, config(None, engine={"ray": ray}), POLICY, 0, NONE) == facts


def chunks_there(folder: Path, wanted: int) -> None:
    """Wait until so many chunks are on disk."""
    until = time.monotonic() + 300
    while len(list(folder.glob("work/sample-*/chunk-*"))) < wanted:
        assert time.monotonic() < until, "no chunks"
        time.sleep(0.02)


def gone(cluster: RayCluster) -> bool:
    """Whether no worker is left, once Ray has had time to end them."""
    until = time.monotonic() + 60
    while cluster.actors() and time.monotonic() < until:
        time.sleep(0.2)
    return not cluster.actors()
