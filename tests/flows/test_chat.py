"""Talking to a policy at an endpoint: streaming, turns, /new, and what is said where it fails."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from builders import REFUSED, finished
from scripted import Raw, Scripted
from typer.testing import CliRunner

from flows.cli import app
from rounds.folder import read_manifest
from rounds.seal import SEAL, write_sealed
from rounds.weights import Policy

pytestmark = pytest.mark.long


def streamed(text: str) -> Raw:
    """A chat completion in pieces of one character, as server-sent events."""
    events = [
        {
            "id": "x",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": "m",
            "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}],
        }
        for piece in text
    ]
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    return Raw(200, body, "text/event-stream")


def echo(body: dict[str, Any]) -> Raw:
    assert body["stream"] is True
    return streamed(f"{body['model']} heard {body['messages'][-1]['content']}")


def run_at(run_dir: Path, at: Scripted, served: str = "desk") -> None:
    """A run whose second round made a model at an endpoint that was refused."""
    for number, decision in ((1, {**REFUSED, "promoted": True}), (2, REFUSED)):
        folder = finished(run_dir, number, decision)
        manifest = read_manifest(folder) or {}
        manifest.pop(SEAL)
        facts = Policy(f"ft:{number}", None, f"desk/ft:{number}", served=served)._asdict()
        manifest["trained"] = facts
        if number == 1:
            manifest["in_place"] = manifest["policy"] = manifest["initial"] = facts
        else:
            manifest["in_place"] = (read_manifest(run_dir / "rounds" / "0001") or {})["in_place"]
        write_sealed(folder / "manifest.json", manifest)
    tree = {
        "name": "demo",
        "endpoints": {"desk": {"base_url": at.base_url, "model": "m"}},
        "sampler": {"sampling": {"temperature": 0.5, "max_tokens": 9}},
    }
    (run_dir / "run.yaml").write_text(yaml.safe_dump(tree))


def chat(run_dir: Path, typed: str, *more: str, status: int = 0) -> Any:
    result = CliRunner().invoke(app, ["chat", str(run_dir), *more], input=typed)
    assert result.exit_code == status, result.output + repr(result.exception)
    return result


def test_lines_are_answered_one_by_one_in_one_conversation(run_dir: Path, endpoint):
    at = endpoint(echo)
    run_at(run_dir, at)
    said = chat(run_dir, "first\n\nsecond\n/new\nthird\n/quit\nnever\n")
    assert said.stdout == "ft:1 heard first\nft:1 heard second\nft:1 heard third\n"
    assert "policy desk/ft:1, in place" in said.stderr
    turns = [[turn["content"] for turn in body["messages"]] for body in at.requests]
    assert turns == [["first"], ["first", "ft:1 heard first", "second"], ["third"]]
    assert {body["temperature"] for body in at.requests} == {0.5}


def test_a_round_names_the_policy_that_it_trained(run_dir: Path, endpoint):
    run_at(run_dir, endpoint(echo))
    said = chat(run_dir, "hi\n", "2")
    assert said.stdout == "ft:2 heard hi\n"
    assert "desk/ft:2, trained in round 2 and refused" in said.stderr
    assert "round 3 is not there" in chat(run_dir, "", "3", status=2).stderr


def test_where_there_is_no_answer_it_says_so_in_one_line(run_dir: Path, endpoint):
    refusal = Raw(400, json.dumps({"error": {"message": "too long for the context"}}))
    run_at(run_dir, endpoint(lambda body: refusal))
    said = chat(run_dir, "hi\nagain\n", status=1).stderr
    assert said.count("400: too long for the context") == 1


def test_what_a_model_says_moves_no_cursor(run_dir: Path, endpoint):
    run_at(run_dir, endpoint(lambda body: streamed("a\x1b[2Jb")))
    assert chat(run_dir, "hi\n").stdout == "a\\x1b[2Jb\n"


def test_a_run_without_a_finished_round_has_nobody_to_talk_to(run_dir: Path):
    run_dir.mkdir(parents=True)
    (run_dir / "run.yaml").write_text("name: demo\nsampler: {}\nendpoints: {}\n")
    assert "no round is finished yet" in chat(run_dir, "", status=2).stderr
