"""A gate that people and the judge decide together: it waits, goes on, and says what each says."""

from pathlib import Path

import pytest
from builders import begun, both, candidate_row, prompt_row
from labelled import given

from gate.config import GateConfig
from gate.stage import decide
from rounds.errors import UserError, Waiting
from rounds.labels import append_label, labels_path
from rounds.stages import stage_stamps
from rounds.status import round_state, state_lines, state_text
from rounds.stopped import noting_stops, read_stop
from rounds.win_rate_lines import win_rate_lines

NEW, OLD, FIRST = "new", "old", "first"


def contested(run_dir: Path, orders: list, text: str = "{policy} {number}") -> Path:
    """Gate prompts with the judge's outcomes of new against old."""
    tables: dict[str, list] = {"prompts": [], "candidates": [], "verdicts": []}
    for number, outcomes in enumerate(orders):
        prompt = prompt_row(f"gate {number}", "gate")
        rows = [
            candidate_row(prompt, text.format(policy=policy, number=number), 0, policy)
            for policy in (NEW, OLD, FIRST)
        ]
        tables["prompts"].append(prompt)
        tables["candidates"] += rows
        tables["verdicts"] += both(rows[0], rows[1], *outcomes)
    folder = begun(run_dir, **tables)
    (run_dir / "run.yaml").write_text("name: demo\n")
    return folder


def config(**people) -> GateConfig:
    return GateConfig(people={"labels": "gate", "min_n": 10, "most": 20, **people})


def settled(folder: Path, gate: GateConfig) -> dict:
    with noting_stops(folder, "gate"):
        return decide(folder, gate, NEW, OLD, FIRST)


def say(folder: Path, verdict: str, count: int) -> None:
    """Label every gate prompt up to so many of the order."""
    from rounds.contests import contests_between
    from rounds.drawn import draw_order
    from rounds.tables import read_rows

    tables = (read_rows(folder, name) for name in ("prompts", "candidates", "verdicts"))
    order = draw_order(contests_between(*tables, NEW, OLD), 0)
    for drawn in order[:count]:
        one = drawn.contest
        path = labels_path(folder.parent.parent, "gate")
        append_label(path, given(one.prompt, one.new, one.other, verdict, chance=0.5))


def test_a_round_waits_for_people_and_goes_on_when_they_have_said_enough(run_dir: Path):
    folder = contested(run_dir, [("a", "a")] * 40)
    with pytest.raises(Waiting) as waits:
        settled(folder, config())
    assert "round 1 waits for 10 more labels by people" in str(waits.value)
    assert f"`prefloop inspect {run_dir}`, page /label?queue=gate" in waits.value.then
    stop = read_stop(folder)
    assert stop is not None and stop["waiting"] is not None
    assert (stop["waiting"]["missing"], stop["waiting"]["page"]) == (10, "/label?queue=gate")
    assert "gate" not in stage_stamps(folder)
    say(folder, "a", 9)
    with pytest.raises(Waiting, match="waits for 1 more label by people"):
        settled(folder, config())
    say(folder, "a", 10)
    found = settled(folder, config())
    assert found["promoted"] and read_stop(folder) is None
    (reason,) = found["reasons"]
    assert "on 40 gate prompts and people on 10 of them (look 1 of 5, interval at 99.0%)" in reason
    assert reason.endswith("the lower end of its interval exceeds 0.5")
    people = found["metrics"]["people"]
    assert [people[who]["n"] for who in ("judge", "people", "both")] == [40, 10, 10]
    assert len(people["label_ids"]) == 10 and people["by"] == {"ada": 10}


def test_status_says_that_it_waits_for_what_and_how_to_go_on(run_dir: Path):
    folder = contested(run_dir, [("a", "a"), ("b", "b")] * 20)
    say(folder, "tie", 12)
    with pytest.raises(Waiting):
        settled(folder, config())
    state = round_state(folder)
    assert (state["waiting"]["look"], state["waiting"]["missing"]) == (2, 3)
    assert "; waiting at gate: round 1 waits for" in state_text(state)
    lines = dict(state_lines(state))
    assert "waits for 3 more" in lines["waiting"] and "/label?queue=gate" in lines["to go on"]
    assert lines["gate: people alone"].startswith("0.500 [0.405, 0.595] n=12 labels: ada 12")
    assert "look 2 of 5" in lines["gate: judge and people (decides)"]


def test_people_overrule_a_judge_that_leans(run_dir: Path):
    folder = contested(run_dir, [("a", "a")] * 40)
    say(folder, "b", 20)
    found = settled(folder, config())
    assert not found["promoted"]
    assert "the upper end of its interval does not exceed 0.5" in found["reasons"][0]
    assert found["metrics"]["gate"]["win_rate_vs_previous"]["value"] == 1.0
    lines = dict(win_rate_lines(found["metrics"]))
    assert lines["gate: judge alone"].startswith("1.000 [")
    assert "gate: win rate vs previous (reported)" in lines
    assert "gate: judge and people (decides)" in lines


def test_what_stays_unclear_is_refused_in_the_end_and_says_so(run_dir: Path):
    folder = contested(run_dir, [("a", "a"), ("b", "b")] * 20)
    say(folder, "tie", 20)
    found = settled(folder, config())
    assert not found["promoted"]
    assert "after the last look the interval still holds 0.5" in found["reasons"][0]


def test_a_decision_follows_the_labels_and_not_what_else_is_in_their_file(run_dir: Path):
    folder = contested(run_dir, [("a", "a")] * 40)
    say(folder, "a", 10)
    assert settled(folder, config())["promoted"]
    key = stage_stamps(folder)["gate"]["key"]
    other = prompt_row("elsewhere")
    rows = candidate_row(other, "x"), candidate_row(other, "y", 1)
    append_label(labels_path(run_dir, "gate"), given(other, *rows, "a"))
    settled(folder, config())
    assert stage_stamps(folder)["gate"]["key"] == key
    say(folder, "b", 10)
    assert not settled(folder, config())["promoted"]


def test_a_wrong_line_of_labels_is_the_users_error(run_dir: Path):
    folder = contested(run_dir, [("a", "a")] * 4)
    labels_path(run_dir, "gate").parent.mkdir()
    labels_path(run_dir, "gate").write_text("[]\n")
    with pytest.raises(UserError, match=r"labels/gate\.jsonl, line 1: not an object"):
        settled(folder, config())


def test_weights_that_did_not_change_ask_nobody(run_dir: Path):
    folder = contested(run_dir, [("a", "a")] * 4)
    found = decide(folder, config(), NEW, NEW, FIRST)
    assert not found["promoted"] and "left the weights" in found["reasons"][0]


@pytest.mark.parametrize(
    ("people", "message"),
    [
        ({"min_n": 30}, "most: 20 is less than min_n, 30"),
        ({"labels": ".."}, "no name; expected letters"),
        ({"labels": ""}, "no name"),
        ({"min_n": 0}, "greater than or equal to 1"),
        ({"min": 3}, "Extra inputs"),
    ],
)
def test_a_config_that_cannot_be_is_refused(people: dict, message: str):
    with pytest.raises(ValueError, match=message):
        config(**people)
