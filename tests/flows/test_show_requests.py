"""`prefloop show --requests`: from a pair to both calls of its judge, word for word."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from builders import begun, candidate_row, prompt_row
from scripted import honest_judge
from typer.testing import CliRunner

from flows.cli import app
from judge.config import JudgeConfig
from judge.stage import judge_candidates
from pairs.config import PairsConfig
from pairs.stage import build_pairs
from rounds.show import traced_pairs
from viewer.pages import page


@pytest.fixture
def judged(run_dir: Path, endpoint, desk):
    """A round with one pair, judged by a scripted endpoint, which is returned."""
    prompt = prompt_row("What is [b]bold[/b]?")
    answers = [candidate_row(prompt, f"quality {n} [red]", n) for n in (1, 9)]
    folder = begun(run_dir, prompts=[prompt], candidates=answers)
    (run_dir / "run.yaml").write_text("name: demo\n")
    at = endpoint(honest_judge)
    judge_candidates(folder, JudgeConfig(endpoint="desk"), desk(at))
    build_pairs(folder, PairsConfig())
    return at


def shown(run_dir: Path, *more: str) -> str:
    done = CliRunner().invoke(app, ["show", str(run_dir), "1", *more])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_each_verdict_of_a_pair_has_its_request_and_its_reply(run_dir: Path, judged):
    (row,) = map(json.loads, shown(run_dir, "--requests", "--json").splitlines())
    calls = [verdict["call"] for verdict in row["verdicts"]]
    assert len(calls) == len(judged.requests) == 4
    for call in calls:
        sent = {"model": call["model"], "messages": call["messages"], **call["parameters"]}
        assert sent in judged.requests
        assert call["endpoint"] == "desk" and call["cost"] == 0
    replies = [call["reply"]["choices"][0]["message"]["content"] for call in calls]
    assert replies == [verdict["raw_text"] for verdict in row["verdicts"]]
    pairwise = [
        call
        for call in calls
        if "verdict" in call["parameters"]["response_format"]["json_schema"]["name"]
    ]
    assert len({json.dumps(call["messages"]) for call in pairwise}) == 2, "both orders"


def test_one_pair_on_a_terminal(run_dir: Path, judged):
    (row,) = map(json.loads, shown(run_dir, "--json").splitlines())
    printed = shown(run_dir, "--pair", row["pair_id"], "--requests")
    for request in judged.requests:
        for message in request["messages"]:
            assert message["content"] in printed
    assert printed.count('parameters {"response_format"') == 4
    assert '"temperature": 0.0' in printed and "stop, 10 tokens read, 3 written, cost 0" in printed
    assert "request to desk" not in shown(run_dir, "--pair", row["pair_id"])


def test_without_its_journal_a_run_says_so(run_dir: Path, judged):
    for path in run_dir.glob("journal.sqlite*"):
        path.unlink()
    done = CliRunner().invoke(app, ["show", str(run_dir), "1", "--requests"])
    assert done.exit_code == 2 and "journal.sqlite: no journal here" in done.stderr


HOSTILE = "Winner:A: :on: [/dim] [red] \\ \x1b[31m\r\x07 half \ud800 end\\"


def rewritten(run_dir: Path, change) -> None:
    """Let `change` rewrite the reply of every call in the journal."""
    with closing(sqlite3.connect(run_dir / "journal.sqlite")) as db, db:
        for key, reply in db.execute("SELECT key, answer FROM answers").fetchall():
            changed = json.dumps(change(json.loads(reply)))
            db.execute("UPDATE answers SET answer = ? WHERE key = ?", (changed, key))


def test_what_a_model_wrote_is_text_and_moves_no_terminal(run_dir: Path, judged):
    def hostile(reply):
        reply["choices"][0]["message"] |= {"content": HOSTILE, "reasoning_content": "so [/x]"}
        reply["choices"][0]["finish_reason"] = "[/x]"
        return reply

    rewritten(run_dir, hostile)
    printed = shown(run_dir, "--requests")
    expected = HOSTILE.replace("\x1b", r"\x1b").replace("\r", r"\x0d").replace("\x07", r"\x07")
    assert printed.count("reply " + expected.replace("\ud800", r"\ud800") + "\n") == 4
    assert printed.count("reasoning_content so [/x]\n") == 4 and "[/x], 10 tokens read" in printed
    (row,) = map(json.loads, shown(run_dir, "--requests", "--json").splitlines())
    for verdict in row["verdicts"]:
        assert verdict["call"]["reply"]["choices"][0]["message"]["content"] == HOSTILE


@pytest.mark.parametrize(
    "reply", [{"choices": []}, {"error": "[/x]"}, {"choices": [{}]}, {"choices": [1, 2]}]
)
def test_a_reply_of_another_form_is_shown_as_it_came(run_dir: Path, judged, reply: dict):
    rewritten(run_dir, lambda old: reply)
    printed = shown(run_dir, "--requests")
    assert (
        printed.count(f"reply {json.dumps(reply)}\n") == 4 and "of another form, cost 0" in printed
    )


def test_names_that_look_like_markup_are_shown(run_dir: Path, judged, capsys):
    (row,) = traced_pairs(run_dir, 1, dropped=False, pair=None)
    for verdict in row["verdicts"]:
        verdict["criteria"] = [{"name": "[/honest]", "value": 2.0}]
        verdict["flags"], verdict["reason"] = ["[/flag]"], "[/why]"
    page([row])
    printed = capsys.readouterr().out
    assert printed.count(", [/honest] 2 ([/why]) (escaped: [/flag])") == 4
