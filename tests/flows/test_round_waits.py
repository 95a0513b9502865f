"""A round that waits for people: it ends well for Prefect and with 3 for the shell, is told of, and
the same command goes on from it without asking anything again."""

import json
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
import yaml
from small_run import run, write_config

import flows.failures
from flows.terminal import one_message
from rounds.errors import Waiting
from rounds.folder import round_dir
from rounds.labels import append_label, labels_path, read_labels
from rounds.stages import stage_stamps
from viewer.queues import gate_queue, items, of_gate

pytestmark = pytest.mark.slow

WAITING = Waiting("round 1 waits for 3 more labels", "label with `x`, and run it again", {"n": 3})


def test_the_command_says_what_is_missing_and_exits_with_3(capsys):
    with pytest.raises(typer.Exit) as left, one_message():
        raise WAITING
    assert left.value.exit_code == 3
    assert capsys.readouterr().err.splitlines() == [
        "waiting: round 1 waits for 3 more labels",
        "Nothing is lost: label with `x`, and run it again to continue.",
    ]


def test_what_waits_has_not_failed_and_is_not_tried_again():
    def gate(folder: Path) -> dict[str, Any]:
        raise WAITING

    state = flows.failures.may_wait(gate)(Path())
    assert state.is_completed() and (state.name, state.message) == ("Waiting", str(WAITING))
    assert not flows.failures.asks_again(
        None, None, SimpleNamespace(result=lambda raise_on_failure: WAITING)
    )


def test_a_round_waits_for_people_and_the_same_command_finishes_it(tmp_path: Path):
    config = write_config(tmp_path)
    tree = yaml.safe_load(config.read_text())
    bounds = {"max_longer_chosen": None}
    tree["judge"] = {"endpoint": "python:judge.py:score", "health": {"bounds": bounds}}
    tree["endpoints"] = {}
    tree["gate"] = {"people": {"labels": "mine", "min_n": 4, "most": 6}}
    config.write_text(yaml.safe_dump(tree))
    waits = run(tmp_path, "run", str(config), status=3)
    assert "waiting: round 1 waits for 4 more labels by people; 0 of its gate" in waits.stderr
    assert "/label?queue=gate" in waits.stderr and "failed" not in waits.stderr
    run_dir = tmp_path / "runs" / "small"
    folder = round_dir(run_dir, 1)
    stamps = stage_stamps(folder)
    assert "judge_held_out" in stamps and "gate" not in stamps

    said = " ".join(run(tmp_path, "status", "runs/small").stdout.split())
    assert "waiting" in said and "4 more labels by people" in said and "gate: judge alone" in said
    state = json.loads(run(tmp_path, "status", "runs/small", "--json").stdout)["under_way"]
    assert state["waiting"]["missing"] == 4 and state["next"] == "gate"
    with sqlite3.connect(tmp_path / "prefect" / "prefect.db") as database:
        states = database.execute("select state_name, state_type from flow_run").fetchall()
    assert states == [("Waiting", "COMPLETED")] * 2, "the run and its round"

    path = labels_path(run_dir, "mine")
    asked = 0
    while True:
        gate = gate_queue(run_dir)
        assert gate is not None
        entries = of_gate(gate, read_labels(path).labels)
        if not entries:
            break
        (item,) = items(folder, "gate", entries[:1])
        given = {name: value for name, value in item.items() if name != "judge"}
        append_label(path, {**given, "verdict": "b", "shown_first": "b", "by": "ada"})
        asked += 1
    assert 4 <= asked <= 6
    done = run(tmp_path, "run", str(config))
    shown = " ".join(done.stdout.split())
    assert "gate: people alone" in shown and "kept the policy in place" in shown
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["people"]["by"] == {"ada": metrics["people"]["both"]["n"]}
    assert not metrics["promoted"] and "by the judge on" in metrics["reasons"][0]
    again = {name: metrics["seconds"][name] for name in stamps}
    assert again == {name: stamp["seconds"] for name, stamp in stamps.items()}, "nothing ran again"
    said = " ".join(run(tmp_path, "status", "runs/small").stdout.split())
    assert "under way" not in said
