"""What an export holds, what may be exported, and what it never overwrites."""

import json
from pathlib import Path
from typing import Any

import pytest
from builders import begun, user
from datasets import load_dataset
from exports import pair_row, round_of, some_pairs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from flows.cli import app
from preferences.export import export
from preferences.preference import Preference, RawRow
from preferences.read import read_preferences
from preferences.write import json_line, openai_fault, openai_row
from rounds.errors import UserError
from rounds.folder import selected_rounds
from rounds.rows import Pair
from texts.normal import plain
from texts.rendered import rendered_messages

pytestmark = pytest.mark.long


def is_no_template(text: str) -> bool:
    """Hypothesis tries the marks of chat templates that stand in our own source."""
    try:
        return rendered_messages(text) is None
    except (UserError, ValueError):
        return False


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
TEXT = TEXT.filter(plain).filter(is_no_template)
ODD = st.sampled_from(["Line\nand \r\n line", "\u2028\u2029\x85", "\x00 \x1e", '"}\\', "x" * 9000])
SAID = TEXT | ODD.map("a{}".format)
SHAPES = {
    "trl": "trl_conversational",
    "openai": "openai",
    "ultrafeedback": "ultrafeedback_binarized",
}
SCORE = st.none() | st.floats(allow_nan=False, allow_infinity=False, width=32)


@st.composite
def prompts(draw: st.DrawFn) -> list[dict[str, str]]:
    """System turn or none, any number of earlier turns, the user's at the end."""
    said = draw(st.lists(st.tuples(SAID, SAID), max_size=2))
    system = [{"role": "system", "content": draw(SAID)}] if draw(st.booleans()) else []
    before = [
        {"role": role, "content": text}
        for turn in said
        for role, text in zip(("user", "assistant"), turn, strict=True)
    ]
    return [*system, *before, *user(draw(SAID))]


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    chosen, rejected = draw(st.tuples(SAID, SAID).filter(lambda two: two[0] != two[1]))
    scores = {name: draw(SCORE) for name in ("score_chosen", "score_rejected", "margin")}
    return pair_row(draw(prompts()), chosen, rejected, **scores)


def loaded(folder: Path, cache: Path) -> dict[str, list[RawRow]]:
    """Every split of a data set, as `datasets` reads it."""
    found = load_dataset(str(folder), cache_dir=str(cache))
    return {split: rows.to_list() for split, rows in found.items()}


def read_back(form: str, row: RawRow) -> dict[str, Any]:
    """Prompt, sides and scores of an exported row."""
    if form == "openai":
        sides = row["preferred_output"], row["non_preferred_output"]
        return {"prompt": row["input"]["messages"], "chosen": sides[0], "rejected": sides[1]}
    scores = {name: row[name] for name in ("score_chosen", "score_rejected")}
    if form == "trl":
        return {name: row[name] for name in ("prompt", "chosen", "rejected")} | scores
    assert row["prompt"] == row["chosen"][-2]["content"] and row["messages"] == row["chosen"]
    sides = {side: row[side][-1:] for side in ("chosen", "rejected")}
    return {"prompt": row["chosen"][:-1], **sides, **scores}


@pytest.mark.parametrize("form", ["trl", "openai", "ultrafeedback"])
@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=st.lists(pairs(), min_size=1, max_size=20))
def test_export_then_import_is_the_identity(
    tmp_path_factory: pytest.TempPathFactory, form: str, rows: list[Pair]
):
    folder = tmp_path_factory.mktemp("run")
    export([round_of(folder / "demo", rows)], form, folder / "out", "prefloop export")
    ((_, there),) = loaded(folder / "out", folder / "cache").items()
    expected = [{name: row[name] for name in read_back(form, there[0])} for row in rows]
    assert [read_back(form, row) for row in there] == expected
    imported = read_preferences(str(folder / "out"), "data")
    assert imported.shape == SHAPES[form]
    assert [said._replace(where="") for said in imported.rows] == [
        Preference(
            row["prompt"],
            row["chosen"][0]["content"],
            row["rejected"][0]["content"],
            *([None, None] if form == "openai" else [row["score_chosen"], row["score_rejected"]]),
            {"trl": row["pair_id"], "ultrafeedback": row["prompt_id"], "openai": None}[form],
        )
        for row in rows
    ]


def test_all_rounds_of_an_export_are_imported(run_dir: Path, tmp_path: Path):
    folders = [round_of(run_dir, some_pairs(2, number), number) for number in (1, 2)]
    export(folders, "ultrafeedback", tmp_path / "out", "prefloop export")
    rows = list(read_preferences(str(tmp_path / "out"), "data").rows)
    assert [said.chosen for said in rows] == ["good 0", "good 1", "good 0", "good 1"]


def test_each_round_is_a_split_and_a_round_without_a_pair_is_left_out(
    run_dir: Path, tmp_path: Path
):
    folders = [round_of(run_dir, some_pairs(count, n), n) for n, count in ((1, 2), (2, 0), (3, 1))]
    found = export(folders, "trl", tmp_path / "out", "prefloop export")
    assert (found.pairs, found.empty) == (3, [2])
    rows = loaded(tmp_path / "out", tmp_path / "cache")
    assert {split: len(of) for split, of in rows.items()} == {"round_0001": 2, "round_0003": 1}
    row = rows["round_0003"][0]
    assert row["chosen"] == [{"role": "assistant", "content": "good 0"}]
    assert [row[name] for name in ("pair_id", "round", "judge_id", "policy_id")] == [
        *("0", 3, "desk/m", "p0")
    ]
    assert (row["chosen_source"], row["rejected_source"]) == ("current", "hot")


def test_openai_takes_one_file_of_all_rounds(run_dir: Path, tmp_path: Path):
    folders = [round_of(run_dir, some_pairs(2, number), number) for number in (1, 2)]
    export(folders, "openai", tmp_path / "out", "prefloop export")
    lines = (tmp_path / "out" / "train.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {
            "input": {"messages": user(prompt), "tools": [], "parallel_tool_calls": True},
            "preferred_output": [{"role": "assistant", "content": f"good {i}"}],
            "non_preferred_output": [{"role": "assistant", "content": f"bad {i}"}],
        }
        for prompt, i in [("Q1.0?", 0), ("Q1.1?", 1), ("Q2.0?", 0), ("Q2.1?", 1)]
    ]


def test_no_text_can_end_a_json_line():
    hostile = "a\nb\rc\x85d\u2028e\u2029f\x1eg\x0bh"
    line = json_line(openai_row(pair_row(user(hostile), hostile, "no")))
    assert len(line.splitlines()) == 1
    assert json.loads(line)["input"]["messages"][0]["content"] == hostile


FINE = openai_row(pair_row(user("Why?"), "Because.", "No."))
SAYS = {"role": "assistant", "content": "Because."}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"score": 1}, "its keys are not"),
        ({"input": {"messages": user("Why?")}}, "input has other keys"),
        ({"input": {**FINE["input"], "messages": []}}, "no messages"),
        ({"input": {**FINE["input"], "messages": [*user("Why?"), SAYS]}}, "ends with a message"),
        (
            {"input": {**FINE["input"], "messages": [{"role": "tool", "content": "x"}]}},
            "input, message 1: role 'tool' is none of",
        ),
        (
            {"input": {**FINE["input"], "messages": [{**user("x")[0], "name": "ann"}]}},
            "input, message 1: a message has a role and a content",
        ),
        ({"preferred_output": [SAYS, SAYS]}, "preferred_output has 2 messages"),
        ({"preferred_output": []}, "preferred_output has 0 messages"),
        ({"non_preferred_output": user("No.")}, "non_preferred_output is a message of the user"),
        ({"non_preferred_output": [{**SAYS, "content": " "}]}, "the assistant says nothing"),
        ({"non_preferred_output": [{**SAYS, "content": None}]}, "the assistant says nothing"),
        ({"preferred_output": [{**SAYS, "content": "\ud800"}]}, "half a character"),
        ({"non_preferred_output": [SAYS]}, "both outputs are the same"),
    ],
)
def test_the_rules_of_openais_format(change: dict[str, Any], fault: str):
    assert openai_fault(FINE) is None
    assert fault in str(openai_fault({**FINE, **change}))


def test_a_row_that_openai_would_refuse_is_named_and_nothing_is_replaced(
    run_dir: Path, tmp_path: Path
):
    good = round_of(run_dir, some_pairs(1))
    export([good], "openai", tmp_path / "out", "prefloop export")
    before = (tmp_path / "out" / "train.jsonl").read_bytes()
    odd = pair_row([{"role": "system", "content": ""}, *user("Why?")], "a", "b")
    bad = round_of(run_dir, [*some_pairs(2), odd], 2)
    with pytest.raises(UserError, match=r"0002/pairs.parquet, row 3: input, message 1: the system"):
        export([good, bad], "openai", tmp_path / "out", "prefloop export")
    assert (tmp_path / "out" / "train.jsonl").read_bytes() == before
    with pytest.raises(UserError):
        export([bad], "openai", tmp_path / "new", "prefloop export")
    assert not (tmp_path / "new").exists()


def test_an_export_is_replaced_whole(run_dir: Path, tmp_path: Path):
    folders = [round_of(run_dir, some_pairs(1, number), number) for number in (1, 2)]
    out = tmp_path / "out"
    export(folders, "trl", out, "prefloop export")
    (out / ".prefloop-export" / "data").mkdir(parents=True)  # an export was killed here
    (out / ".prefloop-export" / "data" / "round_0009.parquet").touch()
    export(folders[1:], "trl", out, "prefloop export")
    assert loaded(out, tmp_path / "cache").keys() == {"round_0002"}
    export(folders, "openai", out, "prefloop export")
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert files == {"README.md", "train.jsonl"}


@pytest.mark.parametrize("name", ["train.jsonl", "README.md", "data/round_0001.parquet", "x.txt"])
def test_what_no_export_wrote_is_not_touched(run_dir: Path, tmp_path: Path, name: str):
    folder = round_of(run_dir, some_pairs(1))
    theirs = tmp_path / "out" / name
    theirs.parent.mkdir(parents=True)
    theirs.write_text("mine")
    with pytest.raises(UserError, match=f"out: holds {name}, which no export wrote"):
        export([folder], "trl", tmp_path / "out", "prefloop export")
    assert theirs.read_text() == "mine"
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == [theirs]


def cut_off(folder: Path, out: Path) -> Path:
    """What an export leaves that moved its data and could not move its card."""
    (out / "README.md").mkdir(parents=True)
    with pytest.raises(UserError, match="cannot be written"):
        export([folder], "openai", out, "prefloop export")
    (out / "README.md").rmdir()
    assert (out / "train.jsonl").exists() and (out / ".prefloop-export").is_dir()
    return out


def test_what_an_export_that_was_cut_off_left_is_replaced(run_dir: Path, tmp_path: Path):
    folder = round_of(run_dir, some_pairs(1))
    out = cut_off(folder, tmp_path / "out")
    (out / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"holds notes.txt"):
        export([folder], "trl", out, "prefloop export")
    (out / "notes.txt").unlink()
    odd = pair_row([{"role": "system", "content": ""}, *user("Why?")], "a", "b")
    with pytest.raises(UserError, match="the system"):
        export([round_of(run_dir, [odd], 2)], "openai", out, "prefloop export")
    export([folder], "trl", out, "prefloop export")
    assert sorted(path.name for path in out.iterdir()) == ["README.md", "data"]


@pytest.mark.parametrize("name", ["train.jsonl", "README.md", "data/round_0001.parquet"])
def test_beside_what_was_cut_off_a_users_file_is_not_touched(
    run_dir: Path, tmp_path: Path, name: str
):
    folder = round_of(run_dir, some_pairs(1))
    theirs = cut_off(folder, tmp_path / "out") / name
    theirs.parent.mkdir(exist_ok=True)
    theirs.write_text("mine")
    with pytest.raises(UserError, match=f"holds {name}, which no export wrote"):
        export([folder], "trl", tmp_path / "out", "prefloop export")
    assert theirs.read_text() == "mine"


def test_an_empty_staging_folder_makes_nothing_ours(run_dir: Path, tmp_path: Path):
    folder, out = round_of(run_dir, some_pairs(1)), tmp_path / "out"
    (out / ".prefloop-export").mkdir(parents=True)
    (out / "train.jsonl").write_text("mine")
    with pytest.raises(UserError, match=r"holds train.jsonl"):
        export([folder], "trl", out, "prefloop export")
    assert (out / "train.jsonl").read_text() == "mine"


@pytest.mark.parametrize("name", ["notes.txt", "train.jsonl", "data/round_0099.parquet"])
def test_a_file_that_the_card_does_not_name_is_not_touched(
    run_dir: Path, tmp_path: Path, name: str
):
    folder, out = round_of(run_dir, some_pairs(1)), tmp_path / "out"
    export([folder], "trl", out, "prefloop export")
    (out / name).write_text("mine")
    with pytest.raises(UserError, match=f"holds {name}, which no export wrote"):
        export([folder], "trl", out, "prefloop export")
    assert (out / name).read_text() == "mine"


def test_a_file_that_comes_during_an_export_is_not_touched(run_dir: Path, tmp_path: Path):
    folder, out = round_of(run_dir, some_pairs(1)), tmp_path / "out"

    def meanwhile(done: int, total: int) -> None:
        (out / "train.jsonl").write_text("mine")

    with pytest.raises(UserError, match=r"holds train.jsonl"):
        export([folder], "openai", out, "prefloop export", meanwhile)
    assert (out / "train.jsonl").read_text() == "mine"


@pytest.mark.parametrize("name", ["data", "data/round_0001.parquet", ".prefloop-export"])
@pytest.mark.parametrize("before", [False, True])
def test_a_link_in_the_target_is_not_followed(
    run_dir: Path, tmp_path: Path, name: str, before: bool
):
    folder, out, mine = round_of(run_dir, some_pairs(1)), tmp_path / "out", tmp_path / "mine"
    if before:
        export([folder], "trl", out, "prefloop export")
    mine.mkdir()
    for kept in ("round_0001.parquet", "files", "moving.json"):
        (mine / kept).write_text("mine")
    link = out / name
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_dir():
        link.rename(tmp_path / "aside")
    link.unlink(missing_ok=True)
    link.symlink_to(mine / link.name if link.suffix else mine)
    with pytest.raises(UserError, match=f"out: holds {name}, which no export wrote"):
        export([folder], "trl", out, "prefloop export")
    assert link.is_symlink()
    assert {path.read_text() for path in mine.iterdir()} == {"mine"}
    assert len(list(mine.iterdir())) == 3


def test_the_rounds_a_user_names(run_dir: Path):
    for number in (1, 2, 3, 5):
        round_of(run_dir, some_pairs(1, number), number)
    begun(run_dir, 6)

    def numbers(named: str | None) -> list[int]:
        return [int(folder.name) for folder in selected_rounds(run_dir, named)]

    assert numbers(None) == [1, 2, 3, 5]
    assert numbers("3") == [3] and numbers("2-3") == [2, 3] and numbers("5-") == [5]
    assert numbers("5, 1-2,1") == [1, 2, 5]
    for named, message in {
        "4": r"round 4 is not there \(finished rounds: 1, 2, 3, 5\)",
        "2-": "round 4 is not there",
        "1,9": "round 9 is not there",
        "9": "round 9 is not there",
        "7-9": "round 7 is not there",
        "5-6": "round 6 is not finished",
        "1-999999999": "round 4 is not there",
        "7-": "no round from 7 to 5",
        "3-2": "no round from 3 to 2",
        "two": "expected numbers such as 3, 2-4, 2- or 1,3-4",
        "-3": "expected numbers",
        "": "expected numbers",
    }.items():
        with pytest.raises(UserError, match=message):
            selected_rounds(run_dir, named)


def say(*arguments: str) -> str:
    """What `prefloop export` says when it refuses: one line."""
    result = CliRunner().invoke(app, ["export", *arguments])
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    return line


def test_the_command_exports_and_says_what(run_dir: Path, tmp_path: Path):
    round_of(run_dir, some_pairs(2))
    round_of(run_dir, [], 2)
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["export", str(run_dir), "--format", "trl", "--to", str(out)])
    assert result.exit_code == 0, result.output
    said = result.stdout.replace("\n", " ")
    assert "round 2 kept no pair and is left out" in said
    assert f"2 pairs in {out}: data/round_0001.parquet" in said


def test_what_a_user_can_get_wrong(run_dir: Path, tmp_path: Path):
    asked = ["--format", "trl", "--to", str(tmp_path / "out")]
    assert "no run here" in say(str(run_dir), *asked)
    run_dir.mkdir(parents=True)
    (run_dir / "run.yaml").write_text("name: demo\n")
    begun(run_dir)
    assert "no round is finished yet" in say(str(run_dir), *asked)
    round_of(run_dir, [])
    assert "no pair was kept in round 1" in say(str(run_dir), *asked)
    round_of(run_dir, some_pairs(1), 2)
    assert "round 3 is not there" in say(str(run_dir), *asked, "--rounds", "2-3")
    assert "it is for --to hub:owner/name" in say(str(run_dir), *asked, "--private")
    (tmp_path / "file").touch()
    assert "is a file" in say(str(run_dir), "--format", "trl", "--to", str(tmp_path / "file"))
    below = str(tmp_path / "file" / "below")
    assert "cannot be written" in say(str(run_dir), "--format", "trl", "--to", below)
    assert not (tmp_path / "out").exists()
