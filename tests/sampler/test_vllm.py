"""The sampler stage on real vLLM: sources that share a loading, processes that share prompts."""

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from builders import begun, prompt_row
from transformers import AutoTokenizer

from endpoints import supervise
from endpoints.children import ChildFailed
from endpoints.open import Endpoints
from rounds.errors import UserError
from rounds.folder import write_round_start
from rounds.rows import Prompt
from rounds.schema import deterministic
from rounds.settings import locate
from rounds.tables import read_rows
from rounds.weights import local_policy
from sampler.config import SamplerConfig
from sampler.stage import sample

pytestmark = pytest.mark.slow

POLICY = local_policy(locate("prefloop:starter/policy"))
LINES = locate("prefloop:prompts/starter/train.jsonl").read_text().splitlines()
NONE = Endpoints({}, Path("logs"))


PROMPTS = [prompt_row(json.loads(line)["prompt"]) for line in LINES[:40]]


def config(**given: Any) -> SamplerConfig:
    tree = yaml.safe_load(locate("prefloop:examples/starter.yaml").read_text())["sampler"]
    tree["vllm"] |= {"max_model_len": 1024, "max_num_seqs": 16}
    return SamplerConfig.model_validate({**tree, "n": 2, "chunk": 4, **given})


def started(run_dir: Path, *more: Prompt) -> Path:
    folder = begun(run_dir, prompts=[*PROMPTS, *more])
    write_round_start(folder, {"policy": POLICY._asdict(), "initial": POLICY._asdict(), "seed": 0})
    return folder


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A round with five sources, and the facts of its sampler stage."""
    tmp_path = tmp_path_factory.mktemp("several")
    referenced = {**prompt_row("My lamp is broken."), "reference": "Try another bulb."}
    too_long = prompt_row("It is broken. " * 400)
    folder = started(tmp_path / "runs" / "a", referenced, too_long)
    (tmp_path / "principles.txt").write_text("Be polite.\nBe brief.\n")
    also: dict[str, Any] = {
        "cold": {"sampling": {"temperature": 0, "max_tokens": 96}},
        "first": {"policy": "initial"},
        "right": {"reference": True},
        "better": {"revise": "current", "principles": str(tmp_path / "principles.txt")},
    }
    return folder, sample(folder, config(also=also), POLICY, 0, NONE)


def test_five_sources_share_one_loading(several: tuple[Path, dict[str, Any]]):
    folder, found = several
    counts = {"current": 82, "cold": 41, "first": 41, "right": 1, "better": 82}
    assert found["sources"] == counts and found["set_aside"] == 1
    log = (folder.parent.parent / "logs" / "0001-sampler.log").read_text()
    assert log.count("Initializing a V1 LLM engine") == 1
    rows = read_rows(folder, "candidates")
    tokenizer = AutoTokenizer.from_pretrained(POLICY.model)
    for row in rows:
        if row["source"] != "right":
            decoded = tokenizer.decode(row["token_ids"], skip_special_tokens=True)
            assert decoded == row["text"] and len(row["token_ids"]) == row["n_tokens"]
            assert (row["logprob"] is None) == (row["source"] == "better")
    by_id = {row["candidate_id"]: row for row in rows}
    for row in rows:
        if row["source"] == "better":
            assert by_id[row["revised_from"]]["prompt_id"] == row["prompt_id"]
    drawn = [row["text"] for row in rows if row["source"] in ("current", "first")]
    assert len(set(drawn)) > 0.9 * len(drawn), "samples of one policy repeat each other"


def test_a_value_that_vllm_refuses_is_found_before_any_weights_are_loaded(tmp_path: Path):
    folder = started(tmp_path / "runs" / "c")
    also = {"last": {"policy": "previous", "sampling": {"temperature": -1}}}
    with pytest.raises(UserError, match=r"sampler.also.last.sampling: .*temperature"):
        sample(folder, config(also=also), POLICY, 0, NONE)
    log = (folder.parent.parent / "logs" / "0001-sampler.log").read_text()
    assert "Initializing a V1 LLM engine" not in log


def test_one_of_two_processes_is_killed_and_one_process_goes_on(
    several: tuple[Path, dict[str, Any]], tmp_path: Path
):
    folder = started(tmp_path / "runs" / "b")
    killer = threading.Thread(target=kill_a_child_of, args=(folder,))
    killer.start()
    with pytest.raises(ChildFailed):
        sample(folder, config(devices=["0", "1"]), POLICY, 0, NONE)
    killer.join()
    chunks = {path: path.stat().st_mtime_ns for path in folder.glob("work/sample-*/chunk-*")}
    assert chunks and not (folder / "candidates.parquet").exists()
    sample(folder, config(), POLICY, 0, NONE)
    assert {path: path.stat().st_mtime_ns for path in chunks} == chunks
    assert len(list(folder.glob("work/sample-*/chunk-*"))) > len(chunks)
    alone = read_rows(folder, "candidates")
    ours = {row["prompt_id"] for row in PROMPTS}
    beside = [
        row
        for row in read_rows(several[0], "candidates")
        if row["source"] == "current" and row["prompt_id"] in ours
    ]
    names = deterministic("candidates")
    assert [[row[name] for name in names] for row in alone] == [
        [row[name] for name in names] for row in beside
    ]
    assert len(alone) == 80


def kill_a_child_of(folder: Path) -> None:
    """SIGKILL the process of the second share once there is a chunk."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if list(folder.glob("work/sample-*/chunk-*.parquet")):
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit():
                    try:
                        words = (entry / "cmdline").read_text().split("\0")
                    except OSError:
                        continue
                    ours = supervise.__file__ not in words and str(folder) in " ".join(words)
                    if ours and words[-2].endswith("job-1.json"):
                        os.kill(int(entry.name), signal.SIGKILL)
                        return
        time.sleep(0.02)
