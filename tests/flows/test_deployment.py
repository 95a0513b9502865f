"""A deployment on a real Prefect server: pulled from git each time, it keeps its rounds in one
folder, is named and tagged by them, tells its log what happens, and is refused by name where it is
wrong."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml
from pools import Api, prefect_server
from scripted import varied_policy
from small_run import ROOT, environment, write_namesakes

pytestmark = pytest.mark.slow

DEPLOY = """
import contextlib, json, sys
from pathlib import Path
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import *
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Scheduled
from flows.deployment import Wish, deployment_of
from flows.load import load_config

class Pull:
    def to_pull_step(self):
        return json.loads(sys.argv[1])

config = load_config("hosted.yaml")
made = deployment_of(Wish(config, sys.argv[2], 1, None, "0 2 * * *", "UTC"))
object.__setattr__(made, "storage", Pull())
with get_client(sync_client=True) as client:
    from prefect.client.schemas.actions import WorkPoolCreate
    with contextlib.suppress(Exception):
        client.create_work_pool(WorkPoolCreate(name="tests", type="process"))
    made.apply(work_pool_name="tests")
"""


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """The server that the slow tests share, or one of this test's own."""
    shared = os.environ.get("PREFLOOP_TEST_PREFECT")
    with nullcontext(Api(shared)) if shared else prefect_server(tmp_path / "server") as api:
        yield api


def taken(api: Api, deployment: str, home: Path, **parameters: Any) -> tuple[dict[str, Any], str]:
    """A flow run of the deployment, as a worker runs it: in a folder that is then removed."""
    created = api.start("prefloop", deployment, **parameters)
    with tempfile.TemporaryDirectory(suffix="prefect", dir=home) as clone:
        done = subprocess.run(
            [sys.executable, "-m", "prefect.engine", created],
            cwd=clone,
            env=environment(home)
            | {"PREFECT_API_URL": api.url, "TMPDIR": str(home)}
            | {"XDG_DATA_HOME": str(home / "data"), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=300,
        )
    return api.run(created), done.stdout + done.stderr


def project(folder: Path, policy: str, name: str) -> None:
    """A project in git, whose folders and files are called as prefloop's are."""
    folder.mkdir()
    write_namesakes(folder)
    (folder / "prompts").mkdir()
    lines = [json.dumps({"prompt": f"Question {number}?"}) for number in range(24)]
    (folder / "prompts" / "train.jsonl").write_text("\n".join(lines))
    tree = {
        "name": name,
        "policy": {"endpoint": "policy"},
        "prompts": {"train": "prompts/train.jsonl", "gate": 0, "test": 0, "per_round": 4},
        "endpoints": {"policy": {"base_url": policy, "model": "m"}},
        "judge": {"endpoint": "python:judge.py:score"},
        "trainer": None,
    }
    (folder / "hosted.yaml").write_text(yaml.safe_dump(tree))
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *words], cwd=folder, check=True)


def deploy(folder: Path, url: str, home: Path, pull: dict[str, Any], name: str) -> None:
    subprocess.run(
        [sys.executable, "-P", "-c", DEPLOY, json.dumps(pull), name],
        cwd=folder,
        env=environment(home) | {"PREFECT_API_URL": url, "PYTHONPATH": str(ROOT)},
        check=True,
        timeout=120,
    )


def test_a_deployment_pulled_from_git_counts_its_rounds_in_one_folder(
    api: Api, endpoint, tmp_path: Path
):
    name = tmp_path.name.replace("_", "-")[-30:]
    home, repo = tmp_path / "home", tmp_path / "repo"
    home.mkdir()
    project(repo, endpoint(varied_policy).base_url, name)
    clone = {"prefect.deployments.steps.git_clone": {"repository": str(repo), "branch": "main"}}
    deploy(repo, api.url, home, clone, name)

    run, said = taken(api, name, home, config="hosted.yaml")
    assert run["state_name"] == "Completed", said
    assert (run["name"], run["tags"]) == (f"{name} round 1", [name])
    kept = home / "data" / "prefloop" / "runs" / name
    tree = yaml.safe_load((kept / "run.yaml").read_text())
    tree["judge"]["endpoint"] = "python:judge.py:score"  # run.yaml has its place in the clone
    tree["sampler"]["n"] = 2
    run, said = taken(api, name, home, config=tree, rounds=2)
    assert run["name"] == f"{name} rounds 2 to 3" and run["state_name"] == "Completed", said
    assert [path.name for path in sorted(kept.glob("rounds/*"))] == ["0001", "0002", "0003"]
    metrics = json.loads((kept / "rounds" / "0003" / "metrics.json").read_text())
    assert metrics["counts"]["candidates"] == 8, "4 prompts, one field changed"
    log = api.lines(run["id"])
    for line in (f"round 3 of {name}", "sample: 4/4", "round 3: ", "verdicts: "):
        assert any(line in message for _, message in log), line
    assert all(level < 40 for level, _ in log)
    artifacts = api.post("/artifacts/filter", {"artifacts": {"key": {"like_": f"prefloop-{name}"}}})
    shown = {(each["type"], each["key"].rpartition("-")[2]) for each in artifacts}
    assert {("progress", "progress"), ("table", "round"), ("markdown", "pairs")} <= shown
    done = [each for each in artifacts if each["type"] == "progress"]
    assert len(done) == 3 and all(each["data"] == 100 for each in done)

    run, said = taken(api, name, home, config="gone.yaml")
    log = api.lines(run["id"])
    assert run["state_name"] == "Failed" and "gone.yaml: no such config" in run["state"]["message"]
    assert [message for level, message in log if level >= 40] == [
        f"gone.yaml: no such config (shipped ones, by name: {shipped()})"
    ]
    assert "Traceback" not in said + "".join(message for _, message in log)

    found = api.post("/deployments/filter", {"deployments": {"name": {"any_": [name]}}})
    create = f"/deployments/{found[0]['id']}/create_flow_run"
    assert "foo" in api.ask(create, {"parameters": {"foo": 1}}).text
    assert "'rounds'" in api.ask(create, {"parameters": {"rounds": 0}}).text


def shipped() -> str:
    return ", ".join(sorted(path.stem for path in (ROOT / "examples").glob("*.yaml")))
