"""What is said beside the progress of a run."""

import logging

import pytest

from flows.display import Display


def test_only_a_warning_says_that_it_is_one_and_brackets_stay(capsys: pytest.CaptureFixture[str]):
    display = Display()
    display.tell("prefs[red].jsonl is of the shape graded")
    display.warn("2 [bold] prompts merged")
    assert capsys.readouterr().err.splitlines() == [
        "prefs[red].jsonl is of the shape graded",
        "warning: 2 [bold] prompts merged",
    ]


def test_what_stages_log_is_said_while_a_display_is_there(capsys: pytest.CaptureFixture[str]):
    log = logging.getLogger("prefloop")
    with Display():
        log.warning("endpoint %s: waits %d s", "desk", 60)
        log.info("nothing to say")
    assert capsys.readouterr().err == "warning: endpoint desk: waits 60 s\n"
    assert log.handlers == [] and log.propagate
