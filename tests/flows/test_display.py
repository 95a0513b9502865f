"""What is said beside the progress of a run."""

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
