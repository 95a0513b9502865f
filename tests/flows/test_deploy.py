"""What `prefloop deploy` and `prefloop serve` put on a server, and what they refuse before that."""

from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.utilities.schema_tools.validation import validate

from flows.deployment import (
    Wish,
    check_placing,
    check_server,
    deployment_of,
    gpu_deployment_of,
)
from flows.load import load_config
from rounds.errors import UserError

pytestmark = pytest.mark.slow

WISH = Wish(load_config("starter"), "nightly", 2, None, "0 2 * * *", "Europe/Berlin")


def test_the_config_is_the_parameter_and_each_key_of_it_is_checked_by_the_server():
    made = deployment_of(WISH)
    assert (made.name, made.flow_name, made.tags) == ("nightly", "prefloop", ["starter"])
    (schedule,) = made.schedules
    assert (schedule.schedule.cron, schedule.schedule.timezone) == ("0 2 * * *", "Europe/Berlin")
    schema = made._parameter_openapi_schema.model_dump(exclude_unset=True)
    assert validate(made.parameters, schema) == []
    config = made.parameters["config"]
    assert "sampler" in config and "runs_dir" not in made.parameters
    for wrong, named in (
        ({"config": {**config, "sampler": {"n": 3, "m": 1}}}, "'m' was unexpected"),
        ({"config": config, "foo": 1}, "'foo' was unexpected"),
        ({"config": config, "rounds": 0}, "0 is less than"),
    ):
        said = str(validate(wrong, schema)) + "".join(
            str(below.message) for error in validate(wrong, schema) for below in error.context
        )
        assert named in said
    assert validate({"config": "starter", "set": ["sampler.n=2"]}, schema) == []


def test_a_schedule_that_is_none_is_refused_in_a_line():
    for change, why in (({"cron": "0 2 * *"}, "Invalid cron"), ({"timezone": "Mars"}, "Mars")):
        with pytest.raises(UserError, match="no schedule") as refused:
            deployment_of(WISH._replace(**change))
        assert why in str(refused.value) and "\n" not in str(refused.value)
    assert deployment_of(WISH._replace(cron=None)).schedules == []


def test_where_no_server_is_named_it_says_how_to_have_one():
    with temporary_settings({PREFECT_API_URL: None}), pytest.raises(UserError) as refused:
        check_server()
    said = str(refused.value)
    assert "prefect server start" in said and "prefect config set PREFECT_API_URL=" in said


def test_a_folder_that_does_not_stay_is_refused_when_it_is_deployed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(UserError, match="which Prefect removes"):
        deployment_of(WISH._replace(runs_dir=str(tmp_path / "tmp1prefect" / "runs")))


def test_the_flow_is_found_by_the_name_that_nobody_else_has(monkeypatch: pytest.MonkeyPatch):
    import prefloop
    from flows.loop import run_loop

    assert prefloop.run_loop is run_loop
    assert not hasattr(prefloop, "run_lop")
    monkeypatch.setattr(prefloop, "foreign_package", lambda: "the package judge is another's")
    with pytest.raises(ImportError, match="the package judge is another's"):
        _ = prefloop.run_loop


def test_gpu_stages_go_to_a_deployment_of_the_same_name():
    wish = WISH._replace(gpu_pool="gpu", runs_dir="/shared/runs")
    made, stages = deployment_of(wish), gpu_deployment_of(wish)
    assert made.parameters["gpu_stages"] == f"{stages.flow_name}/{stages.name}"
    assert (stages.name, stages.tags, stages.schedules) == ("nightly", ["starter"], None)
    schema = made._parameter_openapi_schema.model_dump(exclude_unset=True)
    assert validate(made.parameters, schema) == []
    schema = stages._parameter_openapi_schema.model_dump(exclude_unset=True)
    given = {
        "round": "/shared/runs/x/rounds/0001",
        "stage": "sample",
        "lease": "00000001-0001.json",
    }
    assert validate(given, schema) == []
    assert "gpu_stages" not in deployment_of(WISH).parameters
    assert check_placing(wish, "prefloop") == "desk: its model server starts where the rest runs"


def test_gpu_stages_without_a_shared_folder_or_a_gpu_are_refused():
    wish = WISH._replace(gpu_pool="gpu")
    with pytest.raises(UserError, match="--gpu-pool gpu: .* name that folder with --runs-dir"):
        check_placing(wish, "prefloop")
    with pytest.raises(UserError, match="--gpu-pool gpu: is the pool of the rest as well"):
        check_placing(wish._replace(runs_dir="/shared/runs"), "gpu")
    mirrored = wish.config.model_copy(update={"mirror": "s3://bucket/folder"})
    with pytest.raises(UserError, match="a mirror does not do, it gets whole rounds"):
        check_placing(wish._replace(config=mirrored), "prefloop")
    hosted = wish._replace(config=load_config("hosted_policy"), runs_dir="/shared/runs")
    with pytest.raises(UserError, match="no stage of this config needs a GPU"):
        check_placing(hosted, "prefloop")
