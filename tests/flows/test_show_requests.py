"""`prefloop show --requests`: from a pair to both calls of its judge, word for word."""

import json
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
    page = shown(run_dir, "--pair", row["pair_id"], "--requests")
    for request in judged.requests:
        for message in request["messages"]:
            assert message["content"] in page
    assert page.count('parameters {"response_format"') == 4
    assert '"temperature": 0.0' in page and "stop, 10 tokens read, 3 written, cost 0" in page
    assert "request to desk" not in shown(run_dir, "--pair", row["pair_id"])


def test_without_its_journal_a_run_says_so(run_dir: Path, judged):
    for path in run_dir.glob("journal.sqlite*"):
        path.unlink()
    done = CliRunner().invoke(app, ["show", str(run_dir), "1", "--requests"])
    assert done.exit_code == 2 and "journal.sqlite: no journal here" in done.stderr
