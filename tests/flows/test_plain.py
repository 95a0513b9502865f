"""Stages with Prefect, without it, and where it is lost: the same functions, tried again alike."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

import flows.failures
from endpoints.children import ChildFailed, ChildKilled
from endpoints.reply import EndpointAway, EndpointLost
from flows import plain
from rounds.disk import DiskFull
from rounds.errors import UserError

pytestmark = pytest.mark.slow  # importing Prefect takes seconds


@pytest.fixture(autouse=True)
def no_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain._Prefect, "wanted", False)
    monkeypatch.setattr(plain.time, "sleep", lambda seconds: None)
    display = SimpleNamespace(warn=lambda sentence: None)
    monkeypatch.setattr(flows.failures, "current", lambda: SimpleNamespace(display=display))


def failing(
    error: Exception, times: int, options: dict[str, Any]
) -> tuple[Callable[[], Any], list]:
    tries: list[int] = []

    def work() -> str:
        tries.append(1)
        if len(tries) <= times:
            raise error
        return "done"

    return plain.task(name="x", **options)(work), tries


@pytest.mark.parametrize("options", [flows.failures.ASKS, flows.failures.STARTS])
@pytest.mark.parametrize("error", [EndpointLost("gone"), ChildKilled("by SIGKILL")])
def test_what_came_from_outside_is_tried_again_in_every_stage(options, error):
    stage, tries = failing(error, 2, options)
    assert stage() == "done" and len(tries) == 3


def test_a_training_that_failed_by_itself_is_not_begun_again():
    stage, tries = failing(ChildFailed("status 1"), 1, flows.failures.STARTS)
    with pytest.raises(ChildFailed):
        stage()
    assert len(tries) == 1
    stage, tries = failing(ChildFailed("status 1"), 1, flows.failures.ASKS)
    assert stage() == "done", "a port that was taken"


@pytest.mark.parametrize("error", [EndpointAway("long"), UserError("x"), DiskFull(Path(), "y")])
def test_what_was_waited_for_or_is_the_users_is_not(error):
    stage, tries = failing(error, 1, flows.failures.ASKS)
    with pytest.raises(type(error)):
        stage()
    assert len(tries) == 1


def test_every_stage_that_asks_or_starts_is_tried_again():
    import flows.tasks

    stages = [one for one in vars(flows.tasks).values() if isinstance(one, plain.Stage)]
    tried = {one._options["name"] for one in stages if "retries" in one._options}
    assert tried == {
        *("trial", "deal-prompts", "sample", "gold", "judge", "health", "train"),
        *("sample-held-out", "sample-suites", "judge-held-out"),
    }


def test_a_stage_that_runs_beside_others_is_waited_for():
    stage, _ = failing(EndpointLost("gone"), 1, flows.failures.ASKS)
    assert stage.submit().result() == "done"


def test_a_flow_that_prefect_cannot_end_is_finished_plainly(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(plain, "through_prefect", iter([True, False]).__next__)

    def lost(*_: Any) -> None:
        raise httpx.ConnectError("refused")

    assert plain.flow_or_plain(lost, otherwise=lambda error: str(error)) == "refused"


def test_the_works_own_error_is_not_hidden_by_one_of_prefects(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(plain, "through_prefect", iter([True, False]).__next__)

    def lost(*_: Any) -> None:
        try:
            raise EndpointLost("the judge")
        except EndpointLost:
            raise httpx.ConnectError("refused") from None

    with pytest.raises(EndpointLost, match="the judge"):
        plain.flow_or_plain(lost, otherwise=str)


def test_while_prefect_answers_its_errors_are_raised(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(plain, "through_prefect", lambda: True)

    def fails(*_: Any) -> None:
        raise OSError("of the work")

    with pytest.raises(OSError, match="of the work"):
        plain.flow_or_plain(fails, otherwise=str)
