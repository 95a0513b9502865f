"""A round that stopped says where, why and what continues it, until it goes on."""

from pathlib import Path

import pytest
from builders import begun, stamped

from rounds.errors import Stopped, UserError, WorkFailed
from rounds.stages import run_stage, stage_stamps
from rounds.status import round_state, run_status, state_lines, state_text
from rounds.stopped import notes_stops, noting_stops, read_stop

BOUND = {
    "name": "max_failures",
    "description": "calls that fail (not_json 30)",
    "value": 1.0,
    "n": 30,
    "limit": 0.2,
    "side": "most",
    "crossed": True,
}


def started(run_dir: Path, text: str = "name: demo\n") -> Path:
    folder = begun(run_dir)
    (run_dir / "run.yaml").write_text(text)
    return folder


def stop(folder: Path, error: BaseException, stage: str = "judge") -> None:
    with pytest.raises(type(error)), noting_stops(folder, stage):
        raise error


@pytest.mark.parametrize(
    ("error", "reason", "then"),
    [
        (UserError("judge.tau: none"), "judge.tau: none", "put that right and run the same"),
        (WorkFailed("endpoint desk: gone"), "endpoint desk: gone", "run the same command again"),
        (Stopped("out"), "out", "change the config"),
        (Stopped("out", "mend the judge"), "out", "mend the judge"),
        (KeyError("x"), "KeyError: 'x'", "run the same command again"),
        (KeyboardInterrupt(), "stopped by hand", "run the same command again"),
    ],
)
def test_every_kind_of_end_is_kept_with_what_to_do(run_dir: Path, error, reason: str, then: str):
    folder = started(run_dir)
    stamped(folder)
    stop(folder, error)
    kept = read_stop(folder)
    assert kept is not None
    assert (kept["stage"], kept["reason"]) == ("judge", reason)
    assert kept["then"].startswith(then) and kept["at"].endswith("+00:00")
    state = run_status(run_dir)["under_way"]
    assert state["stopped"] == kept and state["next"] == "judge"
    shown = dict(state_lines(state))
    assert shown["stopped"].endswith(reason) and shown["to go on"] == kept["then"]
    assert stage_stamps(folder).keys() == {"prompts", "sample"}, "it is no stamp of a stage"


def test_a_stage_that_ends_well_goes_on_from_it(run_dir: Path):
    folder = started(run_dir)

    @notes_stops("train")
    def work(folder: Path, fails: bool) -> int:
        if fails:
            raise WorkFailed("NaN")
        return 7

    with pytest.raises(WorkFailed):
        work(folder, True)
    assert (read_stop(folder) or {})["stage"] == "train"
    assert work(folder, fails=False) == 7
    assert read_stop(folder) is None


@pytest.mark.parametrize("stages", [("trial", "sample"), ("sample", "trial")])
def test_what_ends_well_beside_the_trial_hides_no_stop(run_dir: Path, stages: tuple[str, str]):
    failing, beside = stages
    folder = started(run_dir)
    stop(folder, UserError("trainer.args: no"), failing)
    with noting_stops(folder, beside):
        pass
    assert (read_stop(folder) or {})["stage"] == failing
    with noting_stops(folder, failing):
        pass
    assert read_stop(folder) is None


def test_the_bounds_are_shown_with_which_one_was_broken(run_dir: Path):
    folder = started(run_dir)
    within = {**BOUND, "name": "max_flips", "value": 0.1, "crossed": False, "description": "turn"}
    stop(folder, Stopped("out of bounds", bounds=[BOUND, within]), "health")
    shown = dict(state_lines(round_state(folder)))
    assert shown["bound max_failures"] == (
        "1.000 of 30, at most 0.2 BROKEN: calls that fail (not_json 30)"
    )
    assert shown["bound max_flips"] == "0.100 of 30, at most 0.2: turn"


@pytest.mark.parametrize(
    ("config", "stamps", "following"),
    [
        ("trainer: null", ("judge", "health", "pairs"), "finish"),
        ("trainer: {}", ("judge", "health", "pairs"), "train"),
        ("name: demo", ("judge",), "health"),
        ("judge: {gold: {path: x}}", (), "gold"),
        ("judge: {gold: null}", (), "judge"),
    ],
)
def test_the_next_stage_is_one_that_the_config_has(
    run_dir: Path, config: str, stamps: tuple[str, ...], following: str
):
    folder = started(run_dir, config)
    stamped(folder)
    labels = {"verdicts": 0, "outcomes": {}, "abstained": {}, "kept": 1}
    for stage in stamps:
        run_stage(folder, stage, "k", lambda: labels)
    assert round_state(folder)["next"] == following
    assert f"next {following}" in state_text(round_state(folder))


def test_a_round_without_a_pair_trains_nothing(run_dir: Path):
    folder = started(run_dir)
    stamped(folder)
    for stage in ("judge", "health", "pairs"):
        facts = {"verdicts": 0, "outcomes": {}, "abstained": {}, "kept": 0}
        run_stage(folder, stage, "k", lambda facts=facts: facts)
    assert round_state(folder)["next"] == "finish"


def test_a_judge_out_of_bounds_is_not_done_though_it_was_measured(run_dir: Path):
    folder = started(run_dir)
    stamped(folder)
    labels = {"verdicts": 0, "outcomes": {}, "abstained": {}}
    for stage in ("judge", "health"):
        run_stage(folder, stage, "k", lambda: labels)
    stop(folder, Stopped("out of bounds"), "health")
    state = round_state(folder)
    assert state["done"] == ["prompts", "sample", "judge"] and state["next"] == "health"
