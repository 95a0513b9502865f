"""What Prefect's page is told of a round under way: lines now and then, and one number."""

import logging
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

import flows.progress_artifact
import flows.telling
from flows.display import Display
from flows.progress_artifact import ProgressArtifact, progress_artifact
from flows.telling import Telling
from rounds.report import STAGES


class Log:
    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []

    def log(self, level: int, message: str) -> None:
        self.lines.append((level, message))


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """The log of the flow run that is under way."""
    log = Log()
    monkeypatch.setattr(flows.telling, "get_run_logger", lambda: log)
    return log


def test_a_stage_says_when_it_begins_and_ends_and_little_between(log: Log, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    shown: list[int] = []
    report = Telling().stage("judge", lambda done, total, note="": shown.append(done))
    for done in range(1001):
        report(done, 1000)
        now[0] += 0.5
    said = [message.partition(",")[0] for _, message in log.lines]
    assert said == [f"judge: {done}/1000" for done in (0, *range(100, 1001, 100))]
    assert len(shown) == 1001


def test_a_stage_that_does_not_move_says_so_each_minute(log: Log, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    report = Telling().stage("endpoint", lambda done, total, note="": None)
    for _ in range(130):
        report(0, 0, "starting desk")
        now[0] += 1
    assert log.lines == [(logging.INFO, "endpoint: starting desk")] * 3


def test_a_quick_stage_says_two_lines(log: Log):
    report = Telling().stage("pairs", lambda done, total, note="": None)
    for done in range(1, 101):
        report(done, 100)
    report(100, 100)
    assert [message for _, message in log.lines] == ["pairs: 1/100", "pairs: 100/100"]


def test_warnings_are_warnings_in_the_log(log: Log, capsys: pytest.CaptureFixture[str]):
    with Display(Telling(), alone=True) as display:
        display.title("round 1 of demo")
        display.warn("2 prompts left out")
        display.stage("pairs")(1, 1)
        logging.getLogger("prefloop").info("judge: reused: 40 rows")
    assert log.lines == [
        (logging.INFO, "round 1 of demo"),
        (logging.WARNING, "2 prompts left out"),
        (logging.INFO, "pairs: 1/1"),
        (logging.INFO, "judge: reused: 40 rows"),
    ]
    assert capsys.readouterr() == ("", ""), "nobody sits before it"


def test_outside_of_a_flow_run_nothing_is_told():
    Telling().say("hello")


HALF_JUDGED = round((STAGES.index("judge") + 0.5) * 100 / len(STAGES), 1)


class Sent:
    """Prefect's artifacts, as they were sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fails: bool = False) -> None:
        self.updates: list[tuple[float, str]] = []
        self.fails = fails
        monkeypatch.setattr(flows.progress_artifact, "EVERY", 0.01)
        monkeypatch.setattr(flows.progress_artifact, "create_progress_artifact", self.create)
        within = SimpleNamespace(get=lambda: "a flow run")
        monkeypatch.setattr(flows.progress_artifact, "FlowRunContext", within)
        monkeypatch.setattr(flows.progress_artifact, "update_progress_artifact", self.update)

    def create(self, **_: Any) -> Any:
        return uuid4()

    def update(self, _: Any, progress: float, description: str) -> None:
        self.updates.append((progress, description))
        if self.fails:
            raise ConnectionError


def test_the_number_is_of_the_whole_round_and_never_falls(monkeypatch: pytest.MonkeyPatch):
    sent = Sent(monkeypatch)
    artifact = ProgressArtifact(uuid4(), "demo round 1", STAGES)
    for stage, done in (("prompts", 1), ("judge", 50), ("sample", 100), ("trial", 3)):
        artifact.note(stage, done, 100)
        time.sleep(0.05)
    artifact.note("sample held-out", 0, 0, "loading")
    artifact.ends("finished, 8 pairs, promoted", finished=True)
    percents = [percent for percent, _ in sent.updates]
    assert percents == sorted(percents) and percents[-1] == 100
    assert (HALF_JUDGED, "demo round 1: judge 50 of 100") in sent.updates
    assert sent.updates[-1] == (100, "demo round 1: finished, 8 pairs, promoted")


def test_a_round_that_stops_leaves_its_number_and_says_why(monkeypatch: pytest.MonkeyPatch):
    sent = Sent(monkeypatch, fails=True)  # each update fails: it stops nothing
    with (
        pytest.raises(ValueError),
        progress_artifact("k", "t", STAGES, lambda: ("stopped at judge: no", False)) as artifact,
    ):
        assert artifact is not None
        artifact.note("judge", 1, 2)
        time.sleep(0.1)  # for an update, which fails
        raise ValueError
    assert sent.updates[-1] == (HALF_JUDGED, "t: stopped at judge: no")


def test_a_server_that_is_gone_holds_up_nothing(monkeypatch: pytest.MonkeyPatch):
    sent = Sent(monkeypatch)
    monkeypatch.setattr(flows.progress_artifact, "LAST", 0.1)
    monkeypatch.setattr(sent, "update", lambda *_, **__: time.sleep(5))
    monkeypatch.setattr(flows.progress_artifact, "update_progress_artifact", sent.update)
    began = time.monotonic()
    artifact = ProgressArtifact(uuid4(), "t", STAGES)
    for done in range(100):
        artifact.note("judge", done, 100)
    artifact.ends("stopped", finished=False)
    assert time.monotonic() - began < 2


def test_no_artifact_is_no_reason_to_stop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    sent = Sent(monkeypatch)
    monkeypatch.setattr(flows.progress_artifact, "create_progress_artifact", None)
    with progress_artifact("k", "t", STAGES, lambda: ("stopped", False)) as artifact:
        assert artifact is None
    assert not sent.updates


def test_without_a_flow_run_prefect_is_not_asked(monkeypatch: pytest.MonkeyPatch):
    Sent(monkeypatch)
    monkeypatch.setattr(
        flows.progress_artifact, "FlowRunContext", SimpleNamespace(get=lambda: None)
    )
    with progress_artifact("k", "t", STAGES, lambda: ("stopped", False)) as artifact:
        assert artifact is None
