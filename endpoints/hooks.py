"""Telling one command or webhook what has happened."""

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from email.message import Message
from http.client import HTTPException, InvalidURL
from pathlib import Path
from typing import IO, Any

from endpoints.children import child
from endpoints.config import FromEnvironment
from endpoints.hook_config import Hook, filled
from endpoints.log_end import tail
from endpoints.said import message_of, shortened, without_secrets
from rounds.errors import UserError

FACTS_VARIABLE = "PREFLOOP_PROMOTION"


class HookFailed(Exception):
    """It did not work; the message says why in one line, without secrets."""


def check_hook(where: str, hook: Hook) -> None:
    """Raise UserError for a program that is not there, and a variable that is not set."""
    if hook.command is not None:
        if shutil.which(hook.command[0]) is None:
            raise UserError(
                f"{where}.command: no program {hook.command[0]} here (looked in the current folder "
                "for a path, else in PATH)"
            )
        return
    _address(where, hook)
    _headers(where, hook)


def tell(hook: Hook, facts: dict[str, Any], log: Path) -> None:
    """One attempt. A command's output goes to `log`. Raises HookFailed where it did not work."""
    if hook.command is not None:
        _run(hook, facts, log)
    else:
        _post(hook, facts)


def _run(hook: Hook, facts: dict[str, Any], log: Path) -> None:
    words = ["" if word is None else str(word) for word in filled(hook.command, facts)]
    words[0] = shutil.which(words[0]) or words[0]
    with child(words, log, {FACTS_VARIABLE: json.dumps(facts)}) as process:
        try:
            status = process.wait(hook.timeout)
        except subprocess.TimeoutExpired:
            raise HookFailed(f"did not end within {hook.timeout:g} s (log: {log})") from None
    if status:
        said = shortened(tail(log).splitlines()[-1]) if tail(log) else ""
        raise HookFailed(f"ended with status {status}{said and f': {said}'} (log: {log})")


def _post(hook: Hook, facts: dict[str, Any]) -> None:
    address, headers = _address("on_promotion", hook), _headers("on_promotion", hook)
    hidden = [
        value for name, value in headers.items() if not isinstance(hook.headers[name], str)
    ] + ([address] if isinstance(hook.webhook, FromEnvironment) else [])
    body = json.dumps(facts if hook.body is None else filled(hook.body, facts)).encode()
    request = urllib.request.Request(address, body, method="POST")
    for name, value in {"Content-Type": "application/json", **headers}.items():
        request.add_header(name, value)
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=hook.timeout):
            return
    except urllib.error.HTTPError as error:
        said = message_of(_body(error))
        why = f"answered {error.code}{said and f': {said}'}"
    except InvalidURL:  # its message quotes the address
        why = "has an address with a blank or a control character in it"
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        why = shortened(str(reason)) or type(error).__name__
    raise HookFailed(without_secrets(why, *hidden))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A POST that is sent elsewhere would arrive as a GET, and seem to have worked."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> None:
        """No request."""


def _body(error: urllib.error.HTTPError) -> Any:
    try:
        text = error.read(10_000).decode(errors="replace")
    except (OSError, HTTPException):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def _address(where: str, hook: Hook) -> str:
    if isinstance(hook.webhook, FromEnvironment):
        return _variable(f"{where}.webhook.env", hook.webhook.env)
    return str(hook.webhook)


def _headers(where: str, hook: Hook) -> dict[str, str]:
    return {
        name: value
        if isinstance(value, str)
        else _variable(f"{where}.headers.{name}.env", value.env)
        for name, value in hook.headers.items()
    }


def _variable(where: str, name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise UserError(f"{where}: environment variable {name} is not set")
    return value
