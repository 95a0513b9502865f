"""Events of rounds are events of Prefect's, and the automation that ships takes each of them."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from builders import begun, finished
from small_run import ROOT

import flows.events
import flows.loop
from flows.events import tell_finished, tell_round
from flows.loop import telling_stops
from flows.shown import tell_waiting
from rounds.errors import UserError, Waiting, WorkFailed
from rounds.files import read_json
from rounds.stopped import noting_stops

pytestmark = pytest.mark.slow


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The events of a flow run."""
    events: list[dict[str, Any]] = []
    within = SimpleNamespace(get=lambda: "a flow run")
    monkeypatch.setattr(flows.events, "FlowRunContext", within)
    monkeypatch.setattr(flows.events, "emit_event", lambda **given: events.append(given))
    return events


def test_a_finished_round_is_promoted_refused_or_just_finished(told, run_dir: Path):
    metrics = read_json(finished(run_dir) / "metrics.json")
    for change in ({"train": {}, "promoted": True}, {"train": {}, "promoted": False}, {}):
        tell_finished("demo", {**metrics, **{"train": None}, **change})
    names = [event["event"] for event in told]
    assert names == [f"prefloop.round.{how}" for how in ("promoted", "refused", "finished")]
    assert told[0]["resource"]["prefect.resource.id"] == "prefloop.run.demo"
    assert told[0]["payload"]["reasons"] == metrics["reasons"]
    assert told[0]["payload"]["counts"]["pairs"] == 1


def test_what_stops_a_run_is_told_with_its_stage(told, run_dir: Path):
    folder = begun(run_dir, 1)
    with pytest.raises(WorkFailed), telling_stops("x") as found:
        found(run_dir)
        with noting_stops(folder, "judge"):
            raise WorkFailed("the judge is away")
    with pytest.raises(UserError), telling_stops("x") as found:
        found(run_dir)
        raise UserError("no such file")  # the stop of the run before is not this one's
    with pytest.raises(UserError), telling_stops({"name": "wrong", "sampler": 3}):
        raise UserError("sampler: 3")
    said = [(event["payload"]["run"], event["payload"]["stage"]) for event in told]
    assert said == [("demo", "judge"), ("demo", "start"), ("wrong", "start")]
    assert {event["event"] for event in told} == {"prefloop.round.stopped"}
    assert [event["payload"]["round"] for event in told] == [1, 1, 0]
    assert told[0]["payload"]["reason"] == "the judge is away"


def test_a_round_that_waits_says_what_for(told, run_dir: Path):
    folder = begun(run_dir)
    with pytest.raises(Waiting), noting_stops(folder, "gate"):
        raise Waiting("3 more labels", "label with `x`", {"n": 3})
    tell_waiting(folder)
    (event,) = told
    assert event["event"] == "prefloop.round.waiting"
    assert event["payload"]["missing"] == {"n": 3} and event["payload"]["then"] == "label with `x`"


def test_a_server_that_takes_none_stops_nothing(told, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(flows.events, "emit_event", None)
    tell_round("stopped", "demo", 1)
    monkeypatch.setattr(flows.events, "FlowRunContext", SimpleNamespace(get=lambda: None))
    monkeypatch.setattr(flows.events, "emit_event", lambda **_: told.append({}))
    tell_round("stopped", "demo", 1)
    assert not told, "and none is started for it"


def notify() -> ModuleType:
    spec = spec_from_file_location("notify_example", ROOT / "examples" / "notify.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_automation_is_one_of_prefects_and_takes_each_event(told):
    from prefect.server.events.schemas.automations import AutomationCreate
    from prefect.server.events.schemas.events import ReceivedEvent

    example = notify()
    made = example.automation(uuid4())
    taken = AutomationCreate.model_validate(made.model_dump(mode="json", exclude={"id"}))
    payload = {"reason": "away", "then": "go on"}
    for happening in (*example.TOLD, "finished"):
        tell_round(happening, "demo", 3, **payload)
    triggers = taken.trigger
    covered = []
    for event in told:
        received = ReceivedEvent(**event, id=uuid4(), occurred="2026-11-29T11:00:00Z")
        covered.append(triggers.covers(received) and triggers.expects(received.event))
    assert covered == [True] * len(example.TOLD) + [False]
    other = {**told[0], "resource": {"prefect.resource.id": "prefect.flow-run.x"}}
    assert not triggers.covers(ReceivedEvent(**other, id=uuid4(), occurred="2026-11-29T11:00:00Z"))


def test_its_message_says_which_round_what_and_why():
    from prefect.server.utilities.user_templates import render_user_template_sync

    example = notify()
    for payload, why in (({"reason": "away"}, "away"), ({"reasons": ["a", "b"]}, "a; b"), ({}, "")):
        event = {
            "event": "prefloop.round.stopped",
            "payload": {"run": "demo", "round": 3, **payload},
        }
        subject = render_user_template_sync(example.SUBJECT, {"event": event})
        assert subject == "demo, round 3: stopped"
        assert render_user_template_sync(example.BODY, {"event": event}) == why
