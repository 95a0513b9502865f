"""What a `ray` section may be, and whether a cluster holds the workers."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from endpoints.ray_config import RayConfig
from endpoints.ray_driver import actor_options, check_cluster, check_room, places, version_fault
from rounds.errors import UserError
from sampler.config import SamplerConfig


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"address": "10.0.0.1"}, "neither auto nor HOST:PORT"),
        ({"address": "ray://10.0.0.1:10001"}, "neither auto nor HOST:PORT"),
        ({"address": "head:99999"}, "neither auto nor HOST:PORT"),
        ({"workers": 0}, "greater than or equal to 1"),
        ({"resources": {}}, "at least 1 item"),
        ({"resources": {"GPU": 0}}, "GPU: 0 is not above 0"),
        ({"resources": {"GPU": 1.5}}, "neither a whole number nor below 1"),
    ],
)
def test_a_section_that_cannot_be_meant(wrong: dict[str, Any], said: str):
    with pytest.raises(ValidationError, match=said):
        RayConfig.model_validate(wrong)


def test_workers_have_to_fit_on_the_nodes():
    nodes = {"node a": {"CPU": 8.0, "GPU": 4.0}, "node b": {"CPU": 2.0, "GPU": 4.0}}
    config = RayConfig(workers=5, resources={"GPU": 1, "CPU": 2})
    check_room(config, nodes, "here")
    assert places(nodes["node a"], {"GPU": 0.1}) == 40
    with pytest.raises(UserError) as raised:
        check_room(config.model_copy(update={"workers": 6}), nodes, "here")
    assert str(raised.value) == (
        "here: 6 workers are wanted with CPU 2, GPU 1 each, and the cluster holds 5: "
        "node a has CPU 8, GPU 4; node b has CPU 2, GPU 4"
    )
    with pytest.raises(UserError, match="holds 0"):
        check_room(RayConfig(resources={"TPU": 1}), nodes, "here")


def test_resources_as_an_actor_takes_them():
    given = actor_options({"GPU": 2, "memory": 10, "fast_disk": 0.5})
    assert given == {"num_cpus": 0, "num_gpus": 2, "memory": 10, "resources": {"fast_disk": 0.5}}


def test_a_cluster_that_does_not_answer_is_one_message(tmp_path: Path):
    with pytest.raises(UserError, match=r"^here.address: 127.0.0.1:1: .* not answer \(.*refused"):
        check_cluster(RayConfig(address="127.0.0.1:1"), "here", tmp_path)


def test_a_cluster_that_was_here_and_is_gone_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text("127.0.0.1:1")
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    with pytest.raises(UserError, match=r"^here.address: auto: 127.0.0.1:1 does not answer"):
        check_cluster(RayConfig(), "here", tmp_path)


@pytest.mark.parametrize(
    "given, said",
    [
        ({"devices": ["0"]}, "devices: does not go with engine.ray"),
        ({"env": {"CUDA_VISIBLE_DEVICES": "0"}}, "env.CUDA_VISIBLE_DEVICES: does not go"),
        ({"vllm": {"tensor_parallel_size": 2}}, "resources.GPU: 1, and vLLM is told to use 2"),
    ],
)
def test_what_does_not_go_with_a_cluster(given: dict[str, Any], said: str):
    with pytest.raises(ValidationError, match=said):
        SamplerConfig.model_validate({"engine": {"ray": {}}, **given})


def test_ray_is_loaded_by_nobody_who_does_not_name_it():
    program = "import flows.cli, flows.round, sampler.vllm_child, sys; print('ray' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_builds_of_one_version_go_together_but_not_on_gpus_that_are_wanted():
    cpu, gpu = {"torch": "2.13.0+cpu", "ray": "2.60.0"}, {"torch": "2.13.0", "ray": "2.60.0"}
    assert version_fault(cpu, gpu, True) is None is version_fault(cpu, cpu, False)
    assert version_fault(gpu, cpu, True) == (
        "torch 2.13.0+cpu, a build for CPUs; install that for its GPU there"
    )
    assert version_fault(cpu, gpu | {"ray": "2.61.0"}, True) == (
        "ray 2.61.0, and this machine 2.60.0; install the same on all"
    )
