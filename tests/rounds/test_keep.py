"""What of finished rounds may go, what never goes, and what is said where it is missed."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from builders import both, candidate_row, finished, prompt_row
from typer.testing import CliRunner

from endpoints.journal import Journal
from endpoints.shed import shed_calls
from rounds.check_files import check_policy
from rounds.checks import Looked
from rounds.errors import UserError
from rounds.files import read_json, write_json
from rounds.folder import round_dir
from rounds.keep import Keep, removable, remove, rounds_without_calls
from rounds.removed import read_removed, removed_weights
from rounds.tables import write_rows
from rounds.weights import local_policy


def weights(folder: Path, text: str) -> dict[str, Any]:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_text(text * 100)
    return local_policy(folder)._asdict()


def run_of_rounds(run_dir: Path, *promoted: bool) -> None:
    """Finished rounds that trained a policy each; the promoted ones follow one another."""
    initial = weights(run_dir.parent.parent / "initial", "initial")
    in_place = initial
    for number, yes in enumerate(promoted, 1):
        folder = round_dir(run_dir, number)
        facts = weights(folder / "policy", f"of round {number}")
        trained = facts | {"model": str((folder / "policy").relative_to(run_dir))}
        policy, in_place = in_place, trained if yes else in_place
        write_json(
            folder / "manifest.json",
            {
                "round": number,
                "policy": policy,
                "initial": initial,
                "trained": trained,
                "in_place": in_place,
                "decision": {"promoted": yes, "reasons": []},
            },
        )


def left(run_dir: Path) -> list[int]:
    return sorted(int(path.parent.name) for path in run_dir.glob("rounds/*/policy"))


@pytest.mark.parametrize(
    ("keep", "stay"),
    [
        (Keep(), [1, 2, 3, 4, 5]),
        (Keep(refused=1), [1, 3, 4, 5]),
        (Keep(refused=0), [1, 3, 4]),
        (Keep(promoted=1), [2, 4, 5]),
        (Keep(promoted=0, refused=0), [4]),
        (Keep(promoted=7, refused=7), [1, 2, 3, 4, 5]),
    ],
)
def test_the_last_so_many_stay_and_the_one_in_place_always(run_dir: Path, keep: Keep, stay):
    run_of_rounds(run_dir, True, False, True, True, False)
    before = {
        folder: (folder / "manifest.json").read_bytes() for folder in run_dir.glob("rounds/*")
    }
    freed = remove(run_dir, removable(run_dir, keep))
    assert left(run_dir) == stay and (freed > 0) == (len(stay) < 5)
    assert {f: (f / "manifest.json").read_bytes() for f in before} == before
    assert remove(run_dir, removable(run_dir, keep)) == 0


def test_what_something_rests_on_stays(run_dir: Path):
    run_of_rounds(run_dir, True, True, True, True)
    rests = read_json(round_dir(run_dir, 2) / "manifest.json")["trained"]
    adapter = {"model": rests["model"], "adapter": "rounds/0004/policy", "policy_id": "x"}
    manifest = round_dir(run_dir, 4) / "manifest.json"
    write_json(manifest, read_json(manifest) | {"in_place": adapter | {"served": None}})
    config = {"sampler": {"also": {"old": {"model": str(round_dir(run_dir, 1) / "policy")}}}}
    going = removable(run_dir, Keep(promoted=0, refused=0), config)
    assert [one.round for one in going] == [3]
    start = round_dir(run_dir, 5) / "work" / "start.json"
    third = read_json(round_dir(run_dir, 3) / "manifest.json")["trained"]
    write_json(start, {"policy": third, "initial": third})
    assert removable(run_dir, Keep(promoted=0), config) == []


def test_a_removal_that_was_killed_is_finished(run_dir: Path):
    run_of_rounds(run_dir, False, True)
    (going,) = removable(run_dir, Keep(refused=0))
    remove(run_dir, [going])
    going.folder.mkdir()
    (going.folder / "model.safetensors").write_text("half")
    remove(run_dir, removable(run_dir, Keep()))
    assert left(run_dir) == [2] and len(read_removed(run_dir)["policies"]) == 1


def test_what_was_removed_is_said_and_is_no_fault(run_dir: Path):
    run_of_rounds(run_dir, False, True)
    remove(run_dir, removable(run_dir, Keep(refused=0)))
    folder = round_dir(run_dir, 1) / "policy"
    with pytest.raises(UserError, match="the weights of round 1 .* were removed by keep on"):
        local_policy(folder)
    facts = read_json(round_dir(run_dir, 1) / "manifest.json")["trained"]
    looked = Looked()
    check_policy(looked, run_dir, "trained", facts)
    assert looked.n_faults == 0 and "removed by keep" in looked.not_covered[0]
    assert removed_weights(round_dir(run_dir, 2) / "policy") is None


def with_calls(run_dir: Path) -> None:
    """Two finished rounds with four calls each, one of which is of both, and one of no round."""
    with Journal(run_dir / "journal.sqlite") as journal:
        for number in (1, 2):
            folder = finished(run_dir, number)
            prompt = prompt_row()
            one, other = candidate_row(prompt, "x"), candidate_row(prompt, "y", 1)
            rows = [*both(one, other, "a", "a"), *both(one, other, "a", "a")]
            names = [f"{number}-{place}" for place in range(3)] + ["shared"]
            for row, name in zip(rows, names, strict=True):
                row |= {"request_key": name, "verdict_id": f"{number}{name}"}
                journal.put(name, "desk", "m", {"messages": []}, {"choices": []}, 0.0)
            write_rows(folder, "verdicts", rows)
        journal.put("gold", "desk", "m", {"messages": []}, {"choices": []}, 0.0)


def test_calls_of_old_rounds_go_and_no_others(run_dir: Path):
    with_calls(run_dir)
    folders = rounds_without_calls(run_dir, Keep(journal=1))
    assert [folder.name for folder in folders] == ["0001"]
    assert shed_calls(run_dir, folders, really=False)[0] == 3
    assert shed_calls(run_dir, folders)[0] == 3
    with sqlite3.connect(run_dir / "journal.sqlite") as db:
        keys = {key for (key,) in db.execute("SELECT key FROM answers")}
    assert keys == {"2-0", "2-1", "2-2", "shared", "gold"}
    assert rounds_without_calls(run_dir, Keep(journal=1)) == []
    assert rounds_without_calls(run_dir, Keep()) == []


def test_the_command_says_what_would_go_and_removes_it(run_dir: Path):
    from flows.cli import app

    run_of_rounds(run_dir, True, False, True)
    (run_dir / "run.yaml").write_text("name: demo\nkeep: {promoted: all, refused: 0}\n")

    def said(*arguments: str) -> str:
        done = CliRunner(env={"COLUMNS": "150"}).invoke(app, ["gc", str(run_dir), *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    first = said("--dry-run")
    assert "would go" in first and "round 2" in first and left(run_dir) == [1, 2, 3]
    assert '"bytes": ' in said("--json") and left(run_dir) == [1, 3]
    assert "nothing" in said()
    assert "round 1" in said("--promoted", "1") and left(run_dir) == [3]
