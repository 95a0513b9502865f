"""`prefloop verify` finds what a forger did, and names the row."""

import json
import shutil
from pathlib import Path

import pytest
from scripted import scripted
from typer.testing import CliRunner
from verified import (
    checks,
    edit,
    edit_manifest,
    edit_replies,
    failed,
    hashes_put_right,
    judge_script,
    recounted,
    table_bytes,
    two_finished_rounds,
)

from flows.cli import app
from rounds.checks import OK
from rounds.files import read_json, write_json
from rounds.folder import round_dir
from rounds.ids import text_hash
from rounds.rows import HELD_OUT
from rounds.tables import read_rows, table_path, write_rows


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("honest")
    with scripted(judge_script) as at:
        return two_finished_rounds(home / "runs" / "demo", at.base_url)


@pytest.fixture
def run_dir(honest: Path, tmp_path: Path) -> Path:
    """A copy of the run beside its first policy, to forge."""
    shutil.copytree(honest.parent, tmp_path / "runs")
    return tmp_path / "runs" / "demo"


def test_an_honest_run_passes_and_is_left_as_it_was(run_dir: Path):
    before = dict(table_bytes(run_dir))
    found = checks(run_dir)
    assert {check.state for check in found} == {OK}, [one for one in found if one.state != OK]
    assert [check.n for check in found if check.name == "verdicts"] == [28, 28]
    assert [check.n for check in found if check.name == "derived"] == [8, 8]
    assert dict(table_bytes(run_dir)) == before


def first_pair(run_dir: Path, number: int = 1) -> tuple[Path, dict]:
    folder = round_dir(run_dir, number)
    return folder, dict(read_rows(folder, "pairs")[0])


def only(row_id: str, column: str, **change: object):
    """A change of the one row whose `column` is `row_id`."""
    return lambda rows: [row | change if row[column] == row_id else row for row in rows]


def test_bytes_that_are_not_the_manifests(run_dir: Path):
    folder, pair = first_pair(run_dir)
    edit(folder, "pairs", only(pair["pair_id"], "pair_id", margin=99.0), fix_hashes=False)
    found = failed(run_dir, 1)
    assert found["files"] == [("pairs.parquet", None)]
    assert found["derived"] == [("pairs", pair["pair_id"])]


def test_a_swapped_pair(run_dir: Path):
    folder, pair = first_pair(run_dir)
    swapped = {
        "chosen": pair["rejected"],
        "rejected": pair["chosen"],
        "chosen_id": pair["rejected_id"],
        "rejected_id": pair["chosen_id"],
    }
    edit(folder, "pairs", only(pair["pair_id"], "pair_id", **swapped))
    row = [("pairs", pair["pair_id"])]
    assert failed(run_dir, 1) == {"pairs": row, "derived": row}


def test_an_edited_reply_in_the_journal(run_dir: Path):
    folder, pair = first_pair(run_dir)
    name = pair["verdict_ids"][-1]
    (row,) = [one for one in read_rows(folder, "verdicts") if one["verdict_id"] == name]
    edit_replies(run_dir, row["request_key"], lambda answer: answer.replace("tie", "A"))
    assert failed(run_dir, 1) == {}
    other = "B" if row["shown_first"] == row["outcome"] else "A"
    old = "A" if other == "B" else "B"
    edit_replies(
        run_dir,
        row["request_key"],
        lambda answer: answer.replace(f'\\"verdict\\": \\"{old}', f'\\"verdict\\": \\"{other}'),
    )
    assert failed(run_dir, 1) == {"verdicts": [("verdicts", name)]}


def test_an_edited_candidate_text(run_dir: Path):
    folder, pair = first_pair(run_dir)
    name = pair["chosen_id"]
    edit(folder, "candidates", only(name, "candidate_id", text="worth 9, and more"))
    found = failed(run_dir, 1)
    assert found["ids"] == [("candidates", name)] and ("pairs", pair["pair_id"]) in found["pairs"]


def test_an_edited_text_with_its_hash_and_its_pair_fixed_up_as_well(run_dir: Path):
    folder, pair = first_pair(run_dir)
    name, text = pair["chosen_id"], "worth 9 for question 0, answer 0, and more"
    change = only(name, "candidate_id", text=text, text_hash=text_hash(text))
    edit(folder, "candidates", change)
    said = [{"role": "assistant", "content": text}]
    edit(folder, "pairs", only(pair["pair_id"], "pair_id", chosen=said))
    found = failed(run_dir, 1)
    asked = [row for row in read_rows(folder, "verdicts") if name == row["candidate_a"]]
    assert "verdicts" in found, "nobody was asked about this text"
    assert {row for _, row in found["verdicts"]} & {row["verdict_id"] for row in asked}


def test_a_candidate_moved_to_another_prompt(run_dir: Path):
    folder = round_dir(run_dir, 1)
    rows = read_rows(folder, "candidates", ["train"])
    name, other = rows[0]["candidate_id"], rows[2]["prompt_id"]
    edit(folder, "candidates", only(name, "candidate_id", prompt_id=other))
    found = failed(run_dir, 1)
    assert found["candidates"] == found["ids"] == [("candidates", name)]


def test_a_pair_with_one_order(run_dir: Path):
    folder, pair = first_pair(run_dir)
    gone = pair["verdict_ids"][-1]
    edit(
        folder,
        "verdicts",
        lambda rows: [row for row in rows if row["verdict_id"] != gone],
    )
    ids = [name for name in pair["verdict_ids"] if name != gone]
    edit(folder, "pairs", only(pair["pair_id"], "pair_id", verdict_ids=ids))
    recounted(folder)
    found = failed(run_dir, 1)
    assert found["pairs"] == [("pairs", pair["pair_id"])]
    assert found["verdicts"] == [("verdicts", gone)]
    assert ("pairs", pair["pair_id"]) in found["derived"]


def test_a_deleted_verdict(run_dir: Path):
    folder = round_dir(run_dir, 1)
    gone = read_rows(folder, "verdicts", ["train"])[0]["verdict_id"]
    edit(folder, "verdicts", lambda rows: [row for row in rows if row["verdict_id"] != gone])
    recounted(folder)
    assert failed(run_dir, 1)["verdicts"] == [("verdicts", gone)]


def test_an_altered_score_and_an_altered_outcome(run_dir: Path):
    folder = round_dir(run_dir, 1)
    scored = next(row for row in read_rows(folder, "verdicts") if row["score"] is not None)
    edit(folder, "verdicts", only(scored["verdict_id"], "verdict_id", score=8.5))
    found = failed(run_dir, 1)
    assert found["verdicts"] == [("verdicts", scored["verdict_id"])]
    tie = next(row for row in read_rows(folder, "verdicts", ["gate"]) if row["split"] == "gate")
    outcome = "b" if tie["outcome"] == "a" else "a"
    edit(folder, "verdicts", only(tie["verdict_id"], "verdict_id", outcome=outcome))
    assert failed(run_dir, 1)["gate verdicts"] == [("verdicts", tie["verdict_id"])]


def test_a_dropped_row_moved_to_the_pairs(run_dir: Path):
    folder = round_dir(run_dir, 1)
    tie = read_rows(folder, "dropped")[0]
    sides = {
        row["candidate_id"]: row["text"]
        for row in read_rows(folder, "candidates", ["train"])
        if row["prompt_id"] == tie["prompt_id"]
    }
    (a, b) = sides
    moved = {name: value for name, value in tie.items() if name not in ("reason", "detail")}
    moved |= {"chosen_id": a, "rejected_id": b}
    moved |= {
        side: [{"role": "assistant", "content": sides[of]}]
        for side, of in (("chosen", a), ("rejected", b))
    }
    edit(folder, "dropped", lambda rows: [row for row in rows if row != tie])
    edit(folder, "pairs", lambda rows: [*rows, moved])
    recounted(folder)
    row = [("pairs", tie["pair_id"])]
    assert failed(run_dir, 1) == {"pairs": row, "derived": row}


def test_a_pair_that_is_left_out(run_dir: Path):
    folder, pair = first_pair(run_dir)
    edit(folder, "pairs", lambda rows: rows[1:])
    recounted(folder)
    assert failed(run_dir, 1) == {"derived": [("pairs", pair["pair_id"])]}


def test_a_held_out_prompt_in_training(run_dir: Path):
    folder, pair = first_pair(run_dir)
    held_out = next(row for row in read_rows(folder, "prompts") if row["split"] == "gate")
    near = held_out["messages"][0]["content"].replace("question 100", "tell me").upper()
    edit(
        folder,
        "pairs",
        only(pair["pair_id"], "pair_id", prompt=[{"role": "user", "content": near}]),
    )
    found = failed(run_dir, 1)
    assert found["leaks"] == [("pairs", pair["pair_id"])]


def test_a_prompt_of_two_splits(run_dir: Path):
    folder, later = round_dir(run_dir, 1), round_dir(run_dir, 2)
    gate = next(row for row in read_rows(folder, "prompts") if row["split"] == "gate")
    edit(later, "prompts", lambda rows: [{**gate, "split": "train"}, *rows])
    assert ("prompts", gate["prompt_id"]) in failed(run_dir, 2)["splits"]


def test_other_weights(run_dir: Path):
    folder = round_dir(run_dir, 1)
    (folder / "policy" / "model.safetensors").write_text("others")
    trained = read_json(folder / "manifest.json")["trained"]["policy_id"]
    assert [row for _, row in failed(run_dir, 1)["weights"]] == [trained]


def test_a_policy_that_was_not_in_place(run_dir: Path):
    folder = round_dir(run_dir, 2)
    edit_manifest(folder, lambda facts: facts.update(policy=facts["initial"]))
    assert failed(run_dir, 2)["lineage"] == [("manifest.json", "policy")]


def test_a_forged_decision(run_dir: Path):
    folder = round_dir(run_dir, 1)
    before = read_json(folder / "manifest.json")
    assert before["decision"]["promoted"]

    def refuse(facts: dict) -> None:
        facts["decision"] = {"promoted": False, "reasons": ["too weak"]}
        facts["in_place"] = facts["policy"]

    edit_manifest(folder, refuse)
    assert {row for _, row in failed(run_dir, 1)["decision"]} == {"decision"}


def test_a_win_rate_made_better_in_manifest_and_metrics(run_dir: Path):
    folder = round_dir(run_dir, 1)
    metrics = read_json(folder / "metrics.json")
    metrics["test"]["win_rate_vs_initial"]["value"] = 0.99
    write_json(folder / "metrics.json", metrics)
    edit_manifest(folder, lambda facts: facts["win_rates"].update(test=metrics["test"]))
    hashes_put_right(folder)
    assert failed(run_dir, 1) == {"decision": [("manifest.json", "win_rates.test")]}


@pytest.mark.parametrize(
    "value, faults", [(None, []), (0.99, [("manifest.json", "win_rates.test")])]
)
def test_intervals_of_an_earlier_version_are_not_covered_and_the_rest_is(
    run_dir: Path, value: float | None, faults: list[tuple[str, str]]
):
    folder = round_dir(run_dir, 1)
    metrics = read_json(folder / "metrics.json")
    for split in HELD_OUT:
        for rate in (metrics[split]["win_rate_vs_previous"], metrics[split]["win_rate_vs_initial"]):
            rate |= {"interval": "wilson", "low": 0.1, "high": 0.9}
    metrics["test"]["win_rate_vs_initial"] |= {} if value is None else {"value": value}
    write_json(folder / "metrics.json", metrics)
    edit_manifest(
        folder, lambda facts: facts["win_rates"].update({name: metrics[name] for name in HELD_OUT})
    )
    hashes_put_right(folder)
    (found,) = [one for one in checks(run_dir) if (one.round, one.name) == (1, "decision")]
    assert [(fault.table, fault.row) for fault in found.faults] == faults
    assert found.not_covered == ["the decision and intervals of a gate of an earlier version"]


def test_a_changed_config_in_the_manifest(run_dir: Path):
    folder, pair = first_pair(run_dir)
    edit_manifest(folder, lambda facts: facts["config"]["pairs"].update(min_margin=6.5))
    assert failed(run_dir, 1)["derived"]


def test_a_config_in_the_manifest_that_is_none(run_dir: Path):
    folder = round_dir(run_dir, 1)
    edit_manifest(folder, lambda facts: facts["config"]["pairs"].update(min_margins=1))
    assert failed(run_dir, 1) == {"config": [("manifest", "config")]}


def test_an_edited_history(run_dir: Path):
    history = read_json(run_dir / "policy.json")
    history["current"] = history["initial"]
    write_json(run_dir / "policy.json", history)
    assert failed(run_dir) == {"history": [("policy.json", None)]}


def test_a_pair_of_an_earlier_round_that_was_edited_before_it_was_trained_on_again(run_dir: Path):
    _, pair = first_pair(run_dir)
    later = round_dir(run_dir, 2)
    write_rows(later, "extra", [pair | {"origin": "round 1"}])
    recounted(later)
    assert failed(run_dir, 2) == {}
    better = [{"role": "assistant", "content": "what nobody answered"}]
    write_rows(later, "extra", [pair | {"origin": "round 1", "chosen": better}])
    recounted(later)
    assert failed(run_dir, 2) == {"extra": [("extra", pair["pair_id"])]}


def test_a_changed_rubric_in_the_manifest(run_dir: Path):
    edit_manifest(round_dir(run_dir, 1), lambda facts: facts["rubrics"][0].update(text="kind"))
    ((table, name),) = failed(run_dir, 1)["manifest"]
    assert table == "manifest.json" and name.startswith("judge.rubrics.")


def test_damaged_files_are_a_line_each_and_the_other_checks_go_on(run_dir: Path):
    folder = round_dir(run_dir, 1)
    path = table_path(folder, "pairs")
    path.write_bytes(path.read_bytes()[:100])
    (run_dir / "journal.sqlite").write_bytes(b"no database" * 1000)
    found = failed(run_dir, 1)
    assert {"files", "tables", "pairs", "verdicts", "derived"} <= found.keys()
    assert found["tables"] == [("pairs.parquet", None)]
    assert not {"ids", "candidates", "lineage", "decision"} & (found.keys() - {"ids"})
    (run_dir / "journal.sqlite").unlink()
    assert "verdicts" in failed(run_dir, 1)


@pytest.mark.parametrize("text", ["{", "[]", '{"round": "one"}'])
def test_a_manifest_that_is_none(run_dir: Path, text: str):
    (round_dir(run_dir, 1) / "manifest.json").write_text(text)
    found = failed(run_dir, 1)
    assert found["manifest"][0][0] == "manifest.json"


def test_the_command_says_a_line_a_check_and_exits_with_1_where_one_fails(run_dir: Path):
    result = CliRunner().invoke(app, ["verify", str(run_dir)])
    assert result.exit_code == 0, result.output
    assert " ok" in result.stdout and "FAILED" not in result.stdout
    folder, pair = first_pair(run_dir)
    edit(folder, "pairs", only(pair["pair_id"], "pair_id", probability=0.75))
    result = CliRunner().invoke(app, ["verify", str(run_dir), "1"])
    assert result.exit_code == 1
    assert f"FAILED pairs {pair['pair_id']}: probability" in result.stdout
    result = CliRunner().invoke(app, ["verify", str(run_dir), "1", "--json"])
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    (fault,) = next(one for one in said["checks"] if one["name"] == "derived")["faults"]
    assert fault["row"] == pair["pair_id"]
    assert CliRunner().invoke(app, ["verify", str(run_dir), "9"]).exit_code == 2
