"""A round that is stopped on purpose: before anything is trained, not tried again, and told so."""

from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

import flows.failures
import flows.round
from endpoints.batch_end import BatchFailed
from endpoints.children import ChildFailed, ChildKilled
from endpoints.reply import EndpointBusy, EndpointLost, EndpointRefuses
from flows.config import Config
from flows.terminal import one_message
from rounds.errors import Stopped, UserError, WorkFailed

pytestmark = pytest.mark.slow  # importing Prefect takes seconds

STAGES = (
    "begin",
    "deal_prompts",
    "sample_candidates",
    "measure_judge",
    "judge_them",
    "examine_judge",
    "make_pairs",
    "train_policy",
    "answer_held_out",
    "judge_the_held_out",
    "decide_promotion",
    "finish_round",
    "let_go",
    "show_round",
    "send_to_mirror",
)
CONFIG = Config.model_validate(
    {
        "name": "demo",
        "policy": {"model": "tiny"},
        "prompts": {"train": "train.jsonl"},
        "judge": {"endpoint": "python:judge.py:score"},
    }
)
GIVEN = {"begin": Path("0001"), "measure_judge": {"tau": 0.5, "gold": None, "flip_rate": None}}


@pytest.fixture
def round_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Runs a round of stages that do nothing; a stage that is given raises. What was begun."""

    def run(due: bool = False, beside: bool = False, **raises: Exception) -> list[str]:
        begun: list[str] = []

        def stage(name: str) -> Callable[..., Any]:
            def work(*_: object) -> Any:
                begun.append(name)
                if name in raises:
                    raise raises[name]
                return GIVEN.get(name, {"kept": 1, "promoted": False})

            return work

        for name in STAGES:
            monkeypatch.setattr(flows.round, name, stage(name))
        trial = stage("trial")
        trial.submit = lambda *given: SimpleNamespace(result=lambda: trial(*given))
        monkeypatch.setattr(flows.round, "try_training", trial)
        monkeypatch.setattr(flows.round, "trial_due", lambda *_: due)
        monkeypatch.setattr(flows.round, "beside_sampling", lambda *_: beside)
        display = SimpleNamespace(title=print, warn=print)
        session = SimpleNamespace(config=CONFIG, display=display, run_dir=None, gpu_stages=None)
        monkeypatch.setattr(flows.round, "session", lambda *_: nullcontext(session))
        monkeypatch.setattr(flows.round, "shown_progress", lambda *_: nullcontext())
        for told in ("name_flow_run", "through_prefect", "load_report"):
            monkeypatch.setattr(flows.round, told, lambda *_: None)
        monkeypatch.setattr(flows.round, "dump_config", str)
        monkeypatch.setattr(flows.failures, "current", lambda: session)
        with suppress(*map(type, raises.values())):
            flows.round.run_round.fn(CONFIG, None)
        return begun

    return run


def test_a_judge_out_of_bounds_stops_the_round_before_a_pair_is_made_or_trained(round_of):
    assert round_of(examine_judge=Stopped("out of bounds")) == list(STAGES[:6])


def test_a_judge_within_its_bounds_goes_on(round_of):
    assert round_of() == list(STAGES)


def test_gold_that_gives_no_threshold_stops_the_round_before_a_label_is_paid(round_of):
    assert round_of(measure_judge=UserError("judge.tau: none")) == list(STAGES[:4])


@pytest.mark.parametrize(("beside", "place"), [(False, 1), (True, 3)])
def test_the_trial_has_passed_before_the_judge_is_asked(round_of, beside: bool, place: int):
    """Where it runs beside the sampling, its result is awaited after that."""
    expected = [*STAGES[:place], "trial", *STAGES[place:]]
    assert round_of(due=True, beside=beside) == expected
    refused = UserError("trainer.lora: refused")
    assert round_of(due=True, beside=beside, trial=refused) == expected[: place + 1]


def twice(error: WorkFailed) -> WorkFailed:
    error.twice = True
    return error


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (Stopped("out"), False),
        (EndpointLost("gone"), True),
        (EndpointRefuses("the key"), False),
        (EndpointBusy("until 14:00"), False),
        (UserError("wrong"), False),
        (ChildKilled("m was ended by SIGKILL"), True),
        (twice(ChildKilled("m was ended by SIGKILL")), True),
        (ChildFailed("m ended with status 1"), True),
        (twice(ChildFailed("m ended with status 1")), False),
    ],
)
def test_only_what_may_succeed_is_tried_again(round_of, error: Exception, again: bool):
    round_of()
    state = SimpleNamespace(result=lambda raise_on_failure: error)
    assert flows.failures.asks_again(None, None, state) == again


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (Stopped("the judge is out of bounds"), "change the config to continue"),
        (EndpointLost("gone"), "run the same command again to continue"),
        (ChildKilled("ended by SIGKILL"), "run the same command again to continue"),
        (
            ChildFailed("ended with status 1"),
            "put right what its log says and run the same command again to continue",
        ),
        (EndpointBusy("until 14:00"), "run the same command again after that to continue"),
        (BatchFailed("x"), "set judge.batch_failed and run the same command again to continue"),
    ],
)
def test_the_command_says_how_to_go_on(capsys, error: Exception, advice: str):
    with pytest.raises(typer.Exit) as left, one_message():
        raise error
    assert left.value.exit_code == 1
    said = capsys.readouterr().err.splitlines()
    assert said == [f"failed: {error}", f"Nothing is lost: {advice}."]
