"""What is said of the progress of a run, and beside it."""

import logging
import os
import pty
import re
import subprocess
import sys

import pytest
from small_run import ROOT

from flows.display import Display, counts_text
from flows.speed import Speed


def test_only_a_warning_says_that_it_is_one_and_brackets_stay(capsys: pytest.CaptureFixture[str]):
    display = Display()
    display.tell("prefs[red].jsonl is of the shape graded")
    display.warn("2 [bold] prompts merged")
    assert capsys.readouterr().err.splitlines() == [
        "prefs[red].jsonl is of the shape graded",
        "warning: 2 [bold] prompts merged",
    ]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def said(*reports: tuple[float, int, int]) -> list[str]:
    """What is shown after each report of (seconds since the one before, done, total)."""
    clock = Clock()
    speed, shown = Speed(clock), []
    for seconds, done, total in reports:
        clock.now += seconds
        speed.report(done, total)
        shown.append(counts_text(done, total, speed))
    return shown


def test_no_rate_and_no_time_left_are_shown_until_they_are_known():
    assert said((0, 0, 140), (0.1, 1, 140), (1, 2, 140), (2, 3, 140)) == [
        *("0/140", "1/140", "2/140", "3/140")
    ], "some items, and not the seconds"
    assert said((0, 0, 140), (9, 1, 140), (9, 2, 140)) == [*("0/140", "1/140", "2/140")], (
        "the seconds, and not the items"
    )
    assert said((0, 0, 140), (10, 20, 140)) == ["0/140", "20/140, 2.0/s, 1 min 0 s left"]


def test_what_was_done_before_and_waiting_for_a_server_are_no_speed():
    shown = said((0, 0, 0), (90, 0, 0), (5, 100, 140), (10, 110, 140))
    assert shown == ["", "", "100/140", "110/140, 1.0/s, 30 s left"]


def test_a_count_that_begins_anew_is_measured_anew():
    shown = said((0, 0, 20), (10, 20, 20), (1, 1, 20), (2, 5, 20))
    assert shown[1:] == ["20/20, 2.0/s", "1/20", "5/20"]


def test_the_rate_is_that_of_the_last_minute():
    slow_then_fast = [(0, 0, 10_000), *[(1, place, 10_000) for place in range(1, 101)]]
    slow_then_fast += [(1, 100 + 10 * place, 10_000) for place in range(1, 121)]
    assert said(*slow_then_fast)[-1] == "1300/10000, 10.0/s, 14 min 30 s left"


def test_a_long_stage_is_told_in_hours():
    assert said((0, 0, 5000), (50, 10, 5000))[-1] == "10/5000, 0.2/s, 6 h 55 min left"


def test_in_a_log_loading_is_words_and_no_count(capsys, monkeypatch):
    monkeypatch.setattr("flows.display.QUIET_SECONDS", 0.0)
    report = Display().stage("sample")
    report(0, 0, "loading the model")
    report(0, 140)
    assert capsys.readouterr().err.splitlines() == [
        "sample: loading the model",
        "sample: 0/140",
    ]


TWO_ROUNDS = """
from flows.display import Display
from flows.terminal import print_table
with Display() as display:
    endpoint = display.stage("endpoint")
    for number in (1, 2):
        display.title(f"round {number} of demo")
        endpoint(0, 0, "starting [the] server")
        stage = display.stage("sample")
        stage(0, 0, "loading the model")
        display._bars.refresh()
        stage(0, 140)
        display.warn("look out")
        stage(140, 140)
        display.rest()
        print_table(f"demo, round {number}", [("prompts", "140")])
"""


def on_a_terminal(script: str) -> list[str]:
    """The lines that a terminal shows, wherever the cursor went."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "50"},
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    raw = b""
    while True:
        try:
            raw += os.read(ours, 4096)
        except OSError:  # the other side is closed
            break
    assert process.wait() == 0, raw
    os.close(ours)
    lines, row = [""], 0
    plain = re.sub(r"\x1b\[([\d;]*m|\?\d+[hl])", "", raw.decode())
    for part in re.split(r"(\x1b\[\d*[A-Za-z]|\r|\n)", plain):
        if part == "\x1b[1A":
            row -= 1
        elif part == "\x1b[2K":
            lines[row] = ""
        elif part == "\n":
            row += 1
            lines += [""] * (row == len(lines))
        elif part and part[0] not in "\x1b\r":
            lines[row] += part
    return [line.rstrip() for line in lines]


def test_on_a_terminal_every_round_keeps_its_bars_and_its_table():
    shown = on_a_terminal(TWO_ROUNDS)
    for number in (1, 2):
        begin = shown.index(f"round {number} of demo")
        of_round = shown[begin : begin + 8]
        assert of_round[1] == "warning: look out"
        assert of_round[2].startswith("endpoint") and of_round[2].endswith("starting [the] server")
        assert of_round[3].startswith("sample") and of_round[3].endswith("140/140")
        assert of_round[4] == f"demo, round {number}"
        assert "prompts" in of_round[6] and "140" in of_round[6]
    assert len(shown) < 20, shown


def test_what_stages_log_is_said_while_a_display_is_there(capsys: pytest.CaptureFixture[str]):
    log = logging.getLogger("prefloop")
    with Display():
        log.warning("endpoint %s: waits %d s", "desk", 60)
        log.info("judge: reused: 40 rows")
    assert capsys.readouterr().err == "warning: endpoint desk: waits 60 s\njudge: reused: 40 rows\n"
    assert log.handlers == [] and log.propagate
