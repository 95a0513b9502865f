"""What a deployment's parameters mean, and which are refused by name."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from configs import TREE

from flows.load import load_config
from flows.parameters import check_rounds, given_config, runs_folder
from rounds.errors import UserError
from rounds.settings import locate

EXAMPLES = sorted(path.stem for path in locate("prefloop:examples").glob("*.yaml"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_tree_that_was_stored_is_the_config_that_was_written(name: str):
    config = load_config(name)
    stored = config.model_dump(mode="json", exclude_unset=True)
    assert given_config(stored, None) == config == given_config(config, None)


def test_one_field_is_changed_and_the_others_stay():
    stored: dict[str, Any] = load_config("starter").model_dump(mode="json", exclude_unset=True)
    before = yaml.safe_dump(stored)
    changed = given_config({**stored, "sampler": {**stored["sampler"], "n": 2}}, None)
    assert changed.sampler.n == 2 and changed.judge == load_config("starter").judge
    assert given_config(stored, ["sampler.n=2"]) == changed
    assert yaml.safe_dump(stored) == before, "a parameter of Prefect's is not written into"


def test_a_file_is_read_where_the_run_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "demo.yaml").write_text(TREE + "  tau: 0.9\n")
    monkeypatch.chdir(tmp_path)
    assert given_config("demo.yaml", None).judge.tau == 0.9


def test_a_function_beside_the_config_is_found_in_the_folder_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "mine.py").write_text("def score(_, answer): return 1.0\n")
    tree = yaml.safe_load(TREE) | {"judge": {"endpoint": "python:mine.py:score"}}
    monkeypatch.chdir(tmp_path)
    assert given_config(tree, None).judge.endpoint == f"python:{tmp_path}/mine.py:score"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sampler": {"m": 2}}, "config: sampler.m"),
        ({"nam": "x"}, "config: nam"),
        ({"judge": {"endpoint": "nobody"}}, "no endpoint 'nobody'"),
    ],
)
def test_what_is_wrong_in_a_tree_is_named(change: dict[str, Any], said: str):
    with pytest.raises(UserError, match="^config: ") as refused:
        given_config({**yaml.safe_load(TREE), **change}, None)
    assert said in str(refused.value)


@pytest.mark.parametrize("config", [None, 3, ["starter"]])
def test_a_config_is_a_tree_or_a_name(config: Any):
    with pytest.raises(UserError, match="config: .*expected the config's tree or the name"):
        given_config(config, None)


@pytest.mark.parametrize("rounds", [0, -1, True, 1.5, "2", None])
def test_rounds_are_a_number_from_one(rounds: object):
    with pytest.raises(UserError, match="rounds: .*expected a whole number from 1"):
        check_rounds(rounds)
    check_rounds(1)


def test_rounds_are_kept_where_the_next_run_finds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    kept = tmp_path / "data" / "prefloop" / "runs"
    assert runs_folder(None, None) == kept
    assert runs_folder("runs", None) == kept / "runs"
    assert runs_folder(str(tmp_path / "mine"), None) == tmp_path / "mine"
    assert runs_folder("a", str(tmp_path / "shared")) == tmp_path / "shared" / "a"
    monkeypatch.setenv("XDG_DATA_HOME", "not/whole")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert runs_folder(None, None) == tmp_path / ".local/share/prefloop/runs"
    with pytest.raises(UserError, match="runs_base: shared is no whole path"):
        runs_folder("a", "shared")


@pytest.mark.parametrize("clone", ["tmpab12prefect", "runner_storage"])
def test_a_folder_that_prefect_removes_is_refused(
    clone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for given in ((str(tmp_path / clone / "repo" / "runs"), None), ("runs", str(tmp_path / clone))):
        with pytest.raises(UserError, match="which Prefect removes when this flow run ends"):
            runs_folder(*given)
    assert runs_folder(str(tmp_path / "prefect" / "runs"), None)  # somebody's own
