"""What a node lacks of a training's inputs, and how the section is read; no cluster is needed."""

import os
import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError
from replays import round_of

import trainer.ray_inputs
from rounds.files import read_json, write_json
from rounds.settings import locate
from rounds.weights import local_policy
from trainer.config import TrainerConfig
from trainer.ray_inputs import HELP, inputs_of, missing_here

FIRST = local_policy(locate("prefloop:starter/policy"))


def config(**given: object) -> TrainerConfig:
    return TrainerConfig.model_validate(given)


def test_all_that_is_read_is_looked_for(tmp_path: Path):
    folder = round_of(tmp_path / "run", 1, 2)
    policy = FIRST._replace(model=str(shutil.copytree(FIRST.model, tmp_path / "policy")))
    job = {"round_dir": str(folder), "policy": policy._asdict(), "reference": policy._asdict()}
    told = folder / "work" / "job.json"
    write_json(told, job)
    inputs = inputs_of(told, read_json(told))
    assert len(inputs["policies"]) == 1
    assert missing_here(inputs, tmp_path) == []
    (folder / "pairs.parquet").unlink()
    (folder / "candidates.parquet").write_bytes(b"other")
    (tmp_path / "policy" / "config.json").write_text("{}")
    faults = missing_here(inputs, tmp_path)
    assert [fault.partition(str(tmp_path))[2].split()[0].split("/")[-1] for fault in faults] == [
        "candidates.parquet",
        "pairs.parquet",
        "policy",
    ]
    says = ("is another file than", "is not there", "holds other weights")
    assert all(said in fault for said, fault in zip(says, faults, strict=True))
    assert faults[-1].endswith(HELP)


def test_a_file_that_cannot_be_read_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refused(path: Path) -> str:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "job.json").touch()
    monkeypatch.setattr(trainer.ray_inputs, "file_hash", refused)
    given = {"files": {str(tmp_path / "job.json"): "0"}, "policies": []}
    [said] = missing_here(given, tmp_path)
    assert said == f"{tmp_path / 'job.json'} cannot be read (Permission denied); {HELP}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_storage_that_is_read_only_is_said(tmp_path: Path):
    tmp_path.chmod(0o500)
    assert "cannot be written to" in missing_here({"files": {}, "policies": []}, tmp_path)[0]


def test_a_storage_that_is_not_there_is_said(tmp_path: Path):
    said = missing_here({"files": {}, "policies": []}, tmp_path / "none")
    assert said == [f"{tmp_path / 'none'} cannot be written to (No such file or directory); {HELP}"]


def test_where_a_training_runs_is_no_part_of_its_key_and_how_many_share_a_batch_is():
    plain = config().keyed({"trial"})
    one, two = ({"workers": number, "resources": {"CPU": 1}} for number in (1, 2))
    assert config(ray=one).keyed({"trial"}) == plain
    there = config(ray={**two, "address": "10.0.0.1:6379", "resources": {"GPU": 1}})
    assert config(ray=two).keyed({"trial"}) == there.keyed({"trial"})
    assert config(ray=two).keyed({"trial"}) == {**plain, "ray": {"workers": 2}}
    assert (config(ray=two).processes, config().processes) == (2, 1)
    assert config(accelerate={"num_processes": 4}).processes == 4


@pytest.mark.parametrize(
    "section, says",
    [
        ({"accelerate": {"num_processes": 2}}, "leave one of them out"),
        ({"method": "openai", "openai": {}}, "ray: is not for method: openai"),
    ],
)
def test_what_does_not_go_with_ray_is_said(section: dict[str, object], says: str):
    with pytest.raises(ValidationError) as caught:
        config(ray={"workers": 2}, **section)
    assert says in str(caught.value)
