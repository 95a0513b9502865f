"""Who is told of a promotion: once it has worked, and as often as it takes."""

import json
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from builders import finished
from pydantic import ValidationError
from scripted import Raw, Scripted

import flows.promotions
from endpoints.hook_config import Hook
from endpoints.hooks import check_hook
from flows.promotions import tell_promotion
from flows.secrets import refuse_secrets
from rounds.errors import UserError
from rounds.folder import read_manifest
from rounds.promotion import read_told
from rounds.seal import SEAL, write_sealed

pytestmark = pytest.mark.long

PROMOTED = {"promoted": True, "reasons": ["better"], "metrics": {}}


class Display:
    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.told: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def tell(self, message: str) -> None:
        self.told.append(message)


class Config:
    def __init__(self, *hooks: dict[str, Any]) -> None:
        self.on_promotion = [Hook.model_validate(hook) for hook in hooks]


class Webhook:
    """Answers with a status, and keeps what it was sent."""

    def __init__(self) -> None:
        self.status, self.sent = 200, list[Any]()
        self.headers: dict[str, str | None] = {}

    def __call__(self, method: str, path: str, data: bytes) -> Raw:
        self.sent.append((method, path, json.loads(data) if data else None))
        return Raw(self.status, '{"error": {"message": "not now"}}', headers=self.headers)


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows.promotions, "FIRST_WAIT", 0.001)


@pytest.fixture
def at(endpoint) -> Scripted:
    scripted = endpoint(lambda body: "")
    scripted.other = Webhook()
    return scripted


def told(run_dir: Path, *hooks: dict[str, Any], retry: bool = True) -> Display:
    display = Display()
    tell_promotion(Config(*hooks), run_dir, display, retry)  # type: ignore[arg-type]
    return display


def adapter_loader(at: Scripted, **given: Any) -> dict[str, Any]:
    """vLLM's own way to take an adapter up while it runs."""
    body = {"lora_name": "policy", "lora_path": "{policy}", "load_inplace": True}
    address = at.base_url.replace("/v1", "/v1/load_lora_adapter")
    return {"webhook": address, "body": body, **given}


def test_a_webhook_is_told_once_of_each_promotion(run_dir: Path, at):
    hook = adapter_loader(at)
    finished(run_dir, 1)
    assert not told(run_dir, hook).told and not at.other.sent, "nothing was promoted yet"
    folder = finished(run_dir, 2, PROMOTED)
    assert told(run_dir, hook).told == [
        f"on_promotion: webhook {at.base_url.removesuffix('/v1')} was told of p2"
    ]
    expected = {"lora_name": "policy", "lora_path": str(folder / "policy"), "load_inplace": True}
    assert at.other.sent == [("POST", "/v1/load_lora_adapter", expected)]
    told(run_dir, hook)
    finished(run_dir, 3)
    told(run_dir, hook)
    assert len(at.other.sent) == 1
    finished(run_dir, 4, PROMOTED)
    told(run_dir, hook)
    assert len(at.other.sent) == 2


def test_a_round_that_left_the_weights_as_they_were_is_not_the_one_that_is_told(run_dir: Path, at):
    finished(run_dir, 1, PROMOTED)
    folder = finished(run_dir, 2)
    manifest = read_manifest(folder) or {}
    unsealed = {name: value for name, value in manifest.items() if name != SEAL}
    same = manifest["trained"] | {"policy_id": "p1"}
    write_sealed(folder / "manifest.json", unsealed | {"trained": same})
    told(run_dir, {"webhook": at.base_url + "/hook"})
    ((_, _, sent),) = at.other.sent
    assert (sent["policy_id"], sent["round"]) == ("p1", 1)


def test_what_answers_no_http_and_what_is_no_address_fail_like_any_other(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
):
    finished(run_dir, 1, PROMOTED)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def garbage() -> None:
            there, _ = server.accept()
            with there:
                there.recv(65536)
                there.sendall(b"\x15\x03\x01 no HTTP\r\n")

        answering = threading.Thread(target=garbage)
        answering.start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}/hook"
        (warning,) = told(run_dir, {"webhook": address}, retry=False).warnings
        answering.join()
    assert "no HTTP; the promotion stands" in warning
    monkeypatch.setenv("MY_HOOK", f"{address}/secret-path with a blank")
    (warning,) = told(run_dir, {"webhook": {"env": "MY_HOOK"}}, retry=False).warnings
    assert "an address with a blank" in warning and "secret-path" not in warning


def test_without_a_body_all_facts_are_sent(run_dir: Path, at):
    folder = finished(run_dir, 1, PROMOTED)
    told(run_dir, {"webhook": at.base_url + "/hook"})
    ((_, _, sent),) = at.other.sent
    assert sent == {
        **{"run": "demo", "run_dir": str(run_dir), "round": 1, "policy": str(folder / "policy")},
        **{"base": None, "policy_id": "p1", "served": None},
        **{"win_rate": None, "low": None, "high": None, "n": None},
    }


def test_what_fails_is_tried_again_now_and_at_the_next_start_until_it_has_worked(run_dir: Path, at):
    finished(run_dir, 1, PROMOTED)
    hook = adapter_loader(at, retries=2)
    at.other.status = 503
    (warning,) = told(run_dir, hook).warnings
    assert "answered 503: not now; the promotion stands" in warning and len(at.other.sent) == 3
    told(run_dir, hook, retry=False)
    assert len(at.other.sent) == 4
    (noted,) = read_told(run_dir).values()
    assert noted["told"] is None and noted["tries"] == 2 and noted["why"] == "answered 503: not now"
    at.other.status = 200
    assert not told(run_dir, hook, retry=False).warnings
    told(run_dir, hook, retry=False)
    assert len(at.other.sent) == 5
    (noted,) = read_told(run_dir).values()
    assert noted["told"] == "p1" and noted["why"] is None


def test_one_that_fails_keeps_no_other_from_being_told(run_dir: Path, at):
    finished(run_dir, 1, PROMOTED)
    nobody = {"webhook": "http://127.0.0.1:1/x", "retries": 0}
    display = told(run_dir, nobody, adapter_loader(at))
    assert len(display.warnings) == len(display.told) == len(at.other.sent) == 1


def test_what_is_gone_since_the_start_is_a_warning_like_any_other(run_dir: Path, at):
    finished(run_dir, 1, PROMOTED)
    display = told(
        run_dir,
        {"webhook": {"env": "GONE_SINCE"}, "retries": 0},
        {"command": ["./gone-since"], "retries": 0},
        {"command": ["./gone-since", "{policy}"], "retries": 1},
        adapter_loader(at),
    )
    unset, gone, again = display.warnings
    assert "environment variable GONE_SINCE is not set" in unset
    assert "No such file" in gone and "No such file" in again
    assert len(display.told) == 1
    log = run_dir / "logs" / "on_promotion.log"
    log.unlink()
    log.mkdir()
    (why,) = told(run_dir, {"command": ["./gone-since"], "retries": 0}).warnings
    assert "Is a directory" in why


def test_a_redirection_has_not_worked(run_dir: Path, at):
    finished(run_dir, 1, PROMOTED)
    at.other.status, at.other.headers = 302, {"Location": at.base_url + "/elsewhere"}
    assert "answered 302" in told(run_dir, adapter_loader(at, retries=0)).warnings[0]
    assert len(at.other.sent) == 1


def test_a_command_gets_the_facts_and_its_end_is_awaited(run_dir: Path, tmp_path: Path):
    finished(run_dir, 1, PROMOTED)
    out = tmp_path / "out"
    code = (
        "import json, os, sys; facts = json.loads(os.environ['PREFLOOP_PROMOTION']); "
        f"open({str(out)!r}, 'a').write(' '.join([*sys.argv[1:], facts['policy_id']]))"
    )
    told(run_dir, {"command": [sys.executable, "-c", code, "{round}", "of {run}"]})
    assert out.read_text() == "1 of demo p1"


def test_a_command_that_fails_or_hangs_is_a_warning_with_its_last_line(run_dir: Path):
    finished(run_dir, 1, PROMOTED)
    fails = {"command": [sys.executable, "-c", "raise SystemExit('no room')"], "retries": 0}
    hangs = {
        "command": [sys.executable, "-c", "import time; time.sleep(60)"],
        **{"timeout": 0.5, "retries": 0},
    }
    first, second = told(run_dir, fails, hangs).warnings
    assert "ended with status 1: no room" in first and "did not end within 0.5 s" in second


def test_secrets_come_from_the_environment_and_are_in_no_message(
    run_dir: Path, at, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOOK_KEY", "Bearer very-secret-value")
    hook = adapter_loader(at, headers={"Authorization": {"env": "HOOK_KEY"}}, retries=0)
    finished(run_dir, 1, PROMOTED)
    told(run_dir, hook)
    assert at.keys == {"Bearer very-secret-value"}
    assert "very-secret" not in json.dumps(read_told(run_dir))
    monkeypatch.delenv("HOOK_KEY")
    with pytest.raises(UserError, match="headers.Authorization.env: environment variable HOOK_KEY"):
        check_hook("on_promotion.0", Hook.model_validate(hook))
    written = {
        "on_promotion": [{"webhook": "http://x/y", "headers": {"X-Key": "sk-0123456789abc"}}]
    }
    with pytest.raises(UserError, match=r"on_promotion.0.headers.X-Key: \{env: NAME\}"):
        refuse_secrets(written)
    for beside in ({"command": ["x", "sk-0123456789abcdefgh"]}, {"body": {"token": "abc"}}):
        with pytest.raises(UserError, match="a webhook takes it as a header"):
            refuse_secrets({"on_promotion": [beside]})


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        ({}, "exactly one of command or webhook"),
        ({"command": ["x"], "body": {}}, "body and headers go with webhook"),
        ({"webhook": "localhost:80"}, "'localhost:80' is no address; write http://HOST:PORT/..."),
        ({"webhook": "http://x/", "body": {"a": ["{polcy}"]}}, r"\{polcy\} is none of .*policy"),
    ],
)
def test_what_is_wrong_in_the_config_is_said(hook: dict[str, Any], said: str):
    with pytest.raises(ValidationError, match=said):
        Hook.model_validate(hook)


def test_a_program_that_is_not_there_is_found_before_anything_is_spent():
    with pytest.raises(UserError, match="on_promotion.0.command: no program nowhere-to-be-found"):
        check_hook("on_promotion.0", Hook(command=["nowhere-to-be-found"]))
