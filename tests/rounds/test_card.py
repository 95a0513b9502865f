"""A run folder is a Hugging Face dataset: every table loads, and its card says how it came."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from builders import (
    POLICY,
    REFUSED,
    begun,
    both,
    candidate_row,
    finished,
    prompt_row,
    scored,
    stamped,
)
from datasets import load_dataset
from exports import round_of, some_pairs
from hypothesis import given
from hypothesis import strategies as st
from judges import answered
from scripted import honest_judge

from flows.command import same_command
from judge.config import JudgeConfig, RubricFiles
from judge.stage import judge_candidates
from preferences.export import export
from rounds.card_text import fenced
from rounds.finish import finish_round
from rounds.folder import policy_history, read_manifest, write_round_start
from rounds.ids import text_hash
from rounds.schema import TABLES
from rounds.settings import locate
from rounds.stages import run_stage
from rounds.tables import write_rows
from rounds.weights import Policy
from viewer.report import leave_report

pytestmark = pytest.mark.long


@pytest.mark.parametrize("table", TABLES)
def test_the_card_makes_every_table_of_every_round_a_dataset(run_dir: Path, tmp_path: Path, table):
    for number in (1, 2):
        finished(run_dir, number)
    cache = str(tmp_path / "cache")
    rows = load_dataset(str(run_dir), table, split="round_0002", cache_dir=cache)
    assert rows.column_names == [column.name for column in TABLES[table]]
    counts = {"prompts": 2, "candidates": 6, "verdicts": 4, "pairs": 1, "dropped": 1}
    assert len(rows) == counts[table]


def test_pairs_load_as_trl_wants_them(run_dir: Path, tmp_path: Path):
    finished(run_dir)
    rows = load_dataset(str(run_dir), split="round_0001", cache_dir=str(tmp_path / "cache"))
    assert rows[0]["prompt"] == [{"role": "user", "content": "kept 1"}]
    assert rows[0]["chosen"] == [{"role": "assistant", "content": "good"}]


def test_a_round_without_a_pair_does_not_keep_the_others_from_loading(
    run_dir: Path, tmp_path: Path
):
    finished(run_dir, 1)
    folder = begun(run_dir, 2, **{table: [] for table in TABLES})
    stamped(folder)
    finish_round(folder, "name: demo\n", None, REFUSED)
    rows = load_dataset(str(run_dir), "pairs", split="round_0001", cache_dir=str(tmp_path / "c"))
    assert len(rows) == 1
    assert "| 2 | 0 | `p0` | 0 | 0 |  |  | none trained |" in (run_dir / "README.md").read_text()


def test_a_run_without_any_pair_still_loads_its_other_tables(run_dir: Path, tmp_path: Path):
    folder = begun(run_dir, **{table: [] for table in TABLES} | {"prompts": [prompt_row()]})
    stamped(folder)
    finish_round(folder, "name: demo\n", None, REFUSED)
    rows = load_dataset(str(run_dir), "prompts", split="round_0001", cache_dir=str(tmp_path / "c"))
    assert len(rows) == 1


PAIRWISE = "Which is better?\n```\n---\n===\n{prompt} {a} {b}\n# not a heading\n"
CONFIG: dict[str, Any] = {
    "name": "demo",
    "policy": {"model": "org/small"},
    "endpoints": {
        "desk": {"model": "gpt-judge", "serve": None},
        "gold": {"serve": {"model": "org/judge"}},
    },
    "sampler": {"also": {"hot": {"n": 2}}},
    "judge": {"strategy": "screen_confirm", "channel": "json", "tau": 0.7},
}
COMMAND = "prefloop run demo.yaml --rounds 2 --set 'judge.tau=0.8'"


def judged(run_dir: Path, number: int, pairwise: str = PAIRWISE) -> Path:
    """A finished round whose judge compared by `pairwise` and did not use its other rubrics."""
    prompt = prompt_row(f"Q{number}")
    a, b = candidate_row(prompt, "good"), candidate_row(prompt, "bad", 1)
    held_out = prompt_row(f"H{number}", "gate")
    c, d = candidate_row(held_out, "good", policy="p1"), candidate_row(held_out, "bad")
    named = {"rubric_hash": text_hash(pairwise)}
    at_gate = {"rubric_hash": text_hash("Gate?"), "judge_id": "gold/1234"}
    verdicts = [
        *(row | named for row in both(a, b, "a", "a")),
        *(row | at_gate for row in both(c, d, "a", "a")),
        scored(a, 7) | {"rubric_hash": None},
    ]
    tables = {table: [] for table in TABLES} | {"verdicts": verdicts}
    folder = begun(run_dir, number, **tables)
    policy = (policy_history(run_dir) or {"current": POLICY})["current"]
    facts = {"policy": policy, "initial": POLICY, "seed": 0, "command": COMMAND}
    write_round_start(folder, facts)
    stamped(folder)
    texts = {"pointwise": "How good?", "pairwise": pairwise}
    partial = {"left_out": 7, "limit": "calls"}
    run_stage(folder, "judge", "k", lambda: {"rubrics": texts, "partial": partial})
    run_stage(folder, "judge_held_out", "k", lambda: {"rubrics": {"pairwise": "Gate?"}})
    trained = Policy(str(folder / "policy"), None, f"p{number}")
    promoted = {"promoted": number == 1, "reasons": ["as it is"]}
    finish_round(folder, yaml.safe_dump(CONFIG), trained, promoted)
    return folder


def test_the_card_says_how_the_data_came(run_dir: Path):
    judged(run_dir, 1)
    judged(run_dir, 2, "Other.")
    card = (run_dir / "README.md").read_text()
    for said in (
        "Round 1 is partial: 7 prompts were not judged, `judge.budget.calls` was used up.",
        "- The first policy: `org/small`, id `p0`.",
        "- In place after round 2: the one trained in round 1, id `p1`.",
        "from `hot`",
        "- `desk/m` (`gpt-judge`)",
        "- at the gate: `gold/1234` (`org/judge`)",
        "strategy `screen_confirm`, channel `json`, tau `0.7`",
        f"Round 1, 2 made by:\n\n```text\n{COMMAND}\n```",
        f"`judge.rubrics.pairwise`, hash `{text_hash(PAIRWISE)}`, round 1:\n\n````text\n{PAIRWISE}",
        f"`gate.judge.rubrics.pairwise`, hash `{text_hash('Gate?')}`, round 1, 2:",
        "transformers ",
    ):
        assert said in card
    assert "How good?" not in card, "a rubric that no verdict rests on"
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["tags"][:4] == ["trl", "dpo", "preference", "synthetic"]
    assert front["size_categories"] == ["n<1K"] and "license" not in front


def test_the_manifest_holds_the_rubrics_and_the_command(run_dir: Path):
    facts = read_manifest(judged(run_dir, 1))
    assert facts["command"] == COMMAND and facts["gate_judge_id"] == "gold/1234"
    names = [(rubric["name"], rubric["text"]) for rubric in facts["rubrics"]]
    assert names == [
        ("judge.rubrics.pairwise", PAIRWISE),
        ("gate.judge.rubrics.pairwise", "Gate?"),
    ]


def test_the_judge_stage_leaves_its_rubrics_to_the_manifest(
    run_dir: Path, tmp_path: Path, endpoint, desk
):
    mine = locate("prefloop:prompts/pairwise.txt").read_text() + "Be kind.\n"
    (tmp_path / "mine.txt").write_text(mine)
    folder = answered(run_dir, (3, 9))
    config = JudgeConfig(endpoint="desk", rubrics=RubricFiles(pairwise=str(tmp_path / "mine.txt")))
    judge_candidates(folder, config, desk(endpoint(honest_judge)))
    for table in ("pairs", "dropped"):
        write_rows(folder, table, [])
    stamped(folder)
    finish_round(folder, "name: demo\n", None, REFUSED)
    texts = {rubric["name"]: rubric["text"] for rubric in read_manifest(folder)["rubrics"]}
    assert texts == {
        "judge.rubrics.pointwise": locate("prefloop:prompts/pointwise.txt").read_text(),
        "judge.rubrics.pairwise": mine,
    }


def test_the_command_of_a_deployment_is_one_that_can_be_typed():
    command = same_command("a b.yaml", 2, "runs", ["judge.tau=0.8", "x=[1, 2]"])
    assert shlex.split(command) == [
        *("prefloop", "run", "a b.yaml", "--rounds", "2", "--runs-dir", "runs"),
        *("--set", "judge.tau=0.8", "--set", "x=[1, 2]"),
    ]


def test_drops_are_counted_by_reason_and_round(run_dir: Path):
    finished(run_dir, 1)
    round_of(run_dir, some_pairs(1, 2), 2)
    card = (run_dir / "README.md").read_text()
    assert "| reason | round 1 | round 2 |\n|---|---|---|\n| abstain:flip | 1 | 0 |" in card


def test_the_card_of_an_export_speaks_of_its_rounds_alone(run_dir: Path, tmp_path: Path):
    folders = [judged(run_dir, 1), round_of(run_dir, some_pairs(1200, 2), 2)]
    export(folders[1:], "trl", tmp_path / "out", "prefloop export x")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "Exported by:\n\n```text\nprefloop export x\n```" in card
    assert PAIRWISE not in card and "round 1" not in card
    assert "size_categories:\n- 1K<n<10K" in card and "| `chosen_source` |" in card


@given(st.text("`~\n a"))
def test_no_text_closes_its_fence(text: str):
    lines = fenced(text).split("\n")
    fence = lines[0].removesuffix("text")
    closing = [
        line for line in lines[1:] if re.fullmatch(rf" {{0,3}}{fence[0]}{{{len(fence)},}} *", line)
    ]
    assert closing == [lines[-1]]


def test_what_is_not_for_the_hub_is_named(run_dir: Path):
    finished(run_dir, 1), finished(run_dir, 2)
    ignored = (run_dir / ".gitignore").read_text().splitlines()
    for name in ("journal.sqlite*", "logs/", "index/", "rounds/*/policy/", "rounds/0003/"):
        assert name in ignored


def test_the_card_shows_the_plots_that_a_report_left(run_dir: Path):
    folder = finished(run_dir)
    assert "## Plots" not in (run_dir / "README.md").read_text()
    report = leave_report(folder)
    card = (run_dir / "README.md").read_text()
    plots = sorted(path.name for path in (run_dir / "plots").iterdir())
    assert plots and all(f"](plots/{name})" in card for name in plots)
    drawn = (run_dir / "plots" / plots[0]).read_text()
    assert "var(--" not in drawn and "#1c1e21" in drawn, "a file of its own has colours of its own"
    assert report == folder / "report.html" and "From prompts to pairs" in report.read_text()
