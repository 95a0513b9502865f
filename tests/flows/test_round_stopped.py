"""A round that is stopped on purpose: before anything is trained, not tried again, and told so."""

from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

import flows.round
from endpoints.batch_end import BatchFailed
from endpoints.reply import EndpointBusy, EndpointLost, EndpointRefuses
from flows.terminal import one_message
from rounds.errors import Stopped, UserError

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
    "publish",
)
GIVEN = {"begin": Path("0001"), "measure_judge": {"tau": 0.5, "gold": None, "flip_rate": None}}


@pytest.fixture
def round_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Runs a round of stages that do nothing; a stage that is given raises. What was begun."""

    def run(**raises: Exception) -> list[str]:
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
        display = SimpleNamespace(title=print, warn=print)
        config = SimpleNamespace(name="demo", trainer={})
        session = SimpleNamespace(config=config, display=display)
        monkeypatch.setattr(flows.round, "session", lambda *_: nullcontext(session))
        monkeypatch.setattr(flows.round, "dump_config", str)
        monkeypatch.setattr(flows.round, "current", lambda: session)
        with suppress(*map(type, raises.values())):
            flows.round.run_round.fn(config, None)
        return begun

    return run


def test_a_judge_out_of_bounds_stops_the_round_before_a_pair_is_made_or_trained(round_of):
    assert round_of(examine_judge=Stopped("out of bounds")) == list(STAGES[:6])


def test_a_judge_within_its_bounds_goes_on(round_of):
    assert round_of() == list(STAGES)


def test_gold_that_gives_no_threshold_stops_the_round_before_a_label_is_paid(round_of):
    assert round_of(measure_judge=UserError("judge.tau: none")) == list(STAGES[:4])


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (Stopped("out"), False),
        (EndpointLost("gone"), True),
        (EndpointRefuses("the key"), False),
        (EndpointBusy("until 14:00"), False),
        (UserError("wrong"), False),
    ],
)
def test_only_what_may_succeed_is_tried_again(round_of, error: Exception, again: bool):
    round_of()
    state = SimpleNamespace(result=lambda raise_on_failure: error)
    assert flows.round.asks_again(None, None, state) == again


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (Stopped("the judge is out of bounds"), "change the config to continue"),
        (EndpointLost("gone"), "run the same command again to continue"),
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
