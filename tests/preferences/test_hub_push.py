"""Pushes by the real huggingface_hub to a scripted hub: an export, a run folder as it is."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import finished
from datasets import load_dataset
from exports import round_of, some_pairs
from huggingface_hub import HfApi
from scripted_hub import TOKEN, ScriptedHub, scripted_hub
from typer.testing import CliRunner

from flows.cli import app

pytestmark = pytest.mark.long

REPO = "ann/pairs"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedHub]:
    """A hub that huggingface_hub talks to, with our token, without Xet's own protocol."""
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    with scripted_hub() as started:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", started.url)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield started


def push(run_dir: Path, *more: str, status: int = 0, to: str = f"hub:{REPO}") -> str:
    """Export the run to the hub; what is said in one line when it fails, on stdout when not."""
    arguments = ["export", str(run_dir), "--format", "trl", "--to", to, *more]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == status, result.output
    return result.stderr if status else result.stdout


def test_an_export_is_pushed_and_loads_from_there(hub, run_dir: Path, tmp_path: Path):
    for number in (1, 2):
        round_of(run_dir, some_pairs(number, number), number)
    assert f"pushed to {hub.url}/datasets/{REPO}" in push(run_dir, "--private")
    assert hub.repos[REPO]["private"]
    assert set(hub.files(REPO)) - {".gitattributes"} == {
        *("README.md", "data/round_0001.parquet", "data/round_0002.parquet")
    }
    there = hub.save(REPO, tmp_path / "there")
    rows = load_dataset(str(there), split="round_0002", cache_dir=str(tmp_path / "cache"))
    assert [row["chosen"][0]["content"] for row in rows] == ["good 0", "good 1"]
    assert not list((run_dir / "exports").iterdir()), "it is on the hub"


def test_a_push_again_replaces_what_was_pushed(hub, run_dir: Path, tmp_path: Path):
    for number in (1, 2):
        round_of(run_dir, some_pairs(1, number), number)
    push(run_dir)
    push(run_dir, "--rounds", "2-")
    assert set(hub.files(REPO)) == {".gitattributes", "README.md", "data/round_0002.parquet"}


def test_a_data_set_that_no_export_made_is_not_touched(hub, run_dir: Path):
    round_of(run_dir, some_pairs(1))
    theirs = {"README.md": b"---\ntags: [theirs]\n---\n", "train.csv": b"a,b"}
    hub.repos[REPO] = {"private": False, "files": dict(theirs)}
    assert f"hub:{REPO}: holds README.md, which no export wrote" in push(run_dir, status=2)
    assert hub.files(REPO) == theirs and not (run_dir / "exports").exists()
    hub.repos[REPO]["files"] = {}
    assert f"hub:{REPO}: is public already" in push(run_dir, "--private", status=2)
    push(run_dir)


@pytest.mark.parametrize("name", ["train.jsonl", "data/round_0099.parquet", "data/mine.txt"])
def test_a_file_on_the_hub_that_the_card_does_not_name_is_not_touched(
    hub, run_dir: Path, name: str
):
    round_of(run_dir, some_pairs(1))
    push(run_dir)
    hub.files(REPO)[name] = b"mine"
    before = dict(hub.files(REPO))
    assert f"hub:{REPO}: holds {name}, which no export wrote" in push(run_dir, status=2)
    assert hub.files(REPO) == before


@pytest.mark.parametrize("name", ["train.jsonl", "data/round_0099.parquet"])
@pytest.mark.parametrize("step", ["POST .*/create", "POST .*/preupload"])
def test_a_file_that_comes_to_the_hub_during_a_push_is_not_touched(
    hub, run_dir: Path, name: str, step: str
):
    round_of(run_dir, some_pairs(1))
    push(run_dir)
    hub.meanwhile[step] = (REPO, name, b"mine")
    said = push(run_dir, "--rounds", "1", status=1)
    assert f"failed: hub:{REPO}: " in said and "the export is in" in said
    assert hub.files(REPO)[name] == b"mine"


def test_no_token_a_wrong_one_and_no_hub(
    hub, run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    round_of(run_dir, some_pairs(1))
    assert "expected hub:owner/name" in push(run_dir, status=2, to="hub:pairs")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert f"error: hub:{REPO}: the hub does not know the token" in push(run_dir, status=2)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.delenv("HF_TOKEN")
    assert f"hub:{REPO}: no token here; set HF_TOKEN" in push(run_dir, status=2)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:1")
    assert f"error: hub:{REPO}: " in (said := push(run_dir, status=2))
    assert len(said.splitlines()) == 1
    assert not hub.repos and not (run_dir / "exports").exists()


@pytest.mark.parametrize(("step", "why"), [("create", "may not write"), ("commit", "as scripted")])
def test_what_was_not_pushed_is_kept(hub, run_dir: Path, tmp_path: Path, step: str, why: str):
    round_of(run_dir, some_pairs(1))
    hub.refuse[step] = 403 if step == "create" else 400
    said = push(run_dir, status=1)
    kept = run_dir / "exports" / "ann--pairs"
    assert f"failed: hub:{REPO}: " in said and why in said and f"the export is in {kept}" in said
    assert "Nothing is lost: put that right and run the same command again to continue." in said
    assert len(load_dataset(str(kept), split="round_0001", cache_dir=str(tmp_path / "c"))) == 1
    hub.refuse.clear()
    push(run_dir)
    assert "data/round_0001.parquet" in hub.files(REPO) and not kept.exists()


@pytest.mark.parametrize("xet", [False, True])
def test_a_run_folder_is_pushed_as_it_is(
    hub, run_dir: Path, tmp_path: Path, xet: bool, monkeypatch: pytest.MonkeyPatch
):
    """By the commit of one piece, and by the pipeline that huggingface_hub has beside Xet."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", not xet)
    hub.lfs = not xet  # Xet's own server is not scripted
    finished(run_dir, 1), finished(run_dir, 2)
    left_here = (
        *("journal.sqlite", "journal.sqlite-wal", "logs/desk.log", "index/0001.npy", ".lock"),
        ".lease/00000001.json",
        *("rounds/0001/policy/model.safetensors", "rounds/0002/work/chunk.parquet"),
        *("rounds/0002/logs/train.log", "rounds/0003/prompts.parquet", "exports/x/README.md"),
    )
    for name in left_here:
        (run_dir / name).parent.mkdir(parents=True, exist_ok=True)
        (run_dir / name).write_text("stays here")
    api = HfApi(endpoint=hub.url)
    api.create_repo(REPO, repo_type="dataset")
    api.upload_folder(repo_id=REPO, repo_type="dataset", folder_path=run_dir)
    assert not set(left_here) & set(hub.files(REPO))
    assert {"README.md", "run.yaml", "policy.json", "rounds/0002/manifest.json"} <= set(
        hub.files(REPO)
    )
    there = hub.save(REPO, tmp_path / "there")
    for table, count in (("pairs", 1), ("candidates", 6), ("dropped", 1)):
        cache = str(tmp_path / "cache")
        assert len(load_dataset(str(there), table, split="round_0002", cache_dir=cache)) == count
