"""Secrets in a config: refused by the key they stand at, and never shown.

A config is written into every round, into Prefect and into whatever is shared of a run. So a key
stands in the environment, or in a Prefect Secret block, and the config says where.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from rounds.errors import UserError

VALUE = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf|r8|nvapi|key|api)[-_][\w-]{16,}|\bgh[pousr]_\w{20,}|\bAKIA[0-9A-Z]{16}\b"
    r"|\bAIza[\w-]{30,}|(?i:\b(?:bearer|basic)\s+[\w.~+/=-]{8,})"
)
"""Keys as providers write them."""
RANDOM = re.compile(
    r"(?=\w*[A-Za-z])(?=\w*\d)\w{20,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
)
"""What no word and no version is: long, of letters and digits."""
WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
LONG, SHORTEST_WORDS = 20, 4
"""Letters that are no name of anything where their words are shorter than so many on average."""
SECRET_WORDS = {
    *("key", "apikey", "token", "secret", "password", "passwd", "pass", "pwd", "auth", "sig"),
    *("authorization", "cookie", "credential", "credentials", "signature", "jwt", "session"),
}
SECRET_KEYS = {"api_key", "hf_token", "hub_token", "token", "password", "secret", "authorization"}
"""Arguments that hold a secret in whatever section they stand."""
MAPS = {"extra_headers", "extra_query", "headers", "default_headers", "env"}
"""Sections whose keys are names of a user's."""


def refuse_secrets(tree: Any) -> None:
    """Raise UserError for a value of a config's tree that is a secret, or looks like one, naming
    its key and what would be right, without the value.
    """
    for path, value in _texts(tree, ()):
        if path == ("mirror",):  # which says itself where its keys belong
            continue
        where = ".".join(path)
        if fault := _fault(path, value):
            raise UserError(f"{where}: {fault} (its value is not shown)")


def _texts(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for name, part in parts:
        if isinstance(part, dict | list):
            yield from _texts(part, (*path, str(name)))
        elif isinstance(part, str):
            yield (*path, str(name)), part


def _fault(path: tuple[str, ...], value: str) -> str | None:
    name, section = path[-1], path[-2] if len(path) > 1 else ""
    if path[0] == "on_promotion" and name == "webhook" and _is_secret_address(value):
        return _instead(path, section)
    if _has_login(value):
        return (
            "holds a login or a key; leave it out of the address and give it as a header from the "
            f"environment: {_endpoint(path)}.extra_headers: {{Authorization: {{env: NAME}}}}"
        )
    random = section != "env" and RANDOM.search(value)
    if section in MAPS and (_names_secret(name) or random):
        return _instead(path, section)
    if name.replace("-", "_").lower() in SECRET_KEYS or VALUE.search(value):
        return _instead(path, section)
    return None


def _instead(path: tuple[str, ...], section: str) -> str:
    if section == "env":
        return (
            "looks like a secret; set it in the environment that prefloop runs in, which its "
            "processes get as it is, and leave it out here"
        )
    if path[0] == "on_promotion" and path[2:3] not in (("webhook",), ("headers",)):
        return (
            "looks like a secret; a command finds it in the environment that prefloop runs in, a "
            "webhook takes it as a header, {NAME: {env: NAME}}"
        )
    if path[0] == "on_promotion":
        at = ".".join(path[:-1])
        return (
            "looks like a secret; name the environment variable that holds it: "
            f"{at}.{path[-1]}: {{env: NAME}}"
        )
    if path[0] == "endpoints" or section in MAPS:
        where = _endpoint(path)
        return (
            "looks like a secret; name the environment variable that holds it: "
            f"{where}.api_key_env: NAME, or {where}.extra_headers: {{HEADER: {{env: NAME}}}}"
        )
    return "looks like a secret; set it in the environment that prefloop runs in"


def _endpoint(path: tuple[str, ...]) -> str:
    return ".".join(path[:2]) if path[0] == "endpoints" and len(path) > 1 else "endpoints.NAME"


def _has_login(value: str) -> bool:
    """Whether a text is an address with a user, a password or a key in it."""
    if "://" not in value:
        return False
    try:
        parts = urlsplit(value)
        if parts.username or parts.password:
            return True
        query = parse_qsl(parts.query, keep_blank_values=False)
    except ValueError:
        return "@" in value
    return any(_names_secret(name) for name, _ in query)


def _is_secret_address(value: str) -> bool:
    """Whether whoever has an address may post there: it has a login, a query, or a part that is no
    word, as chat services give.
    """
    if _has_login(value) or VALUE.search(value) or RANDOM.search(value) or "?" in value:
        return True
    return any(
        len(part) >= LONG and len(WORDS.findall(part)) > len(part) / SHORTEST_WORDS
        for part in re.findall(r"[A-Za-z]+", value)
    )


def _names_secret(name: str) -> bool:
    return any(word.lower() in SECRET_WORDS for word in WORDS.findall(name))


def read_secret_block(name: str) -> str:
    """The value of a Prefect Secret block. Raises UserError where there is none of that name."""
    from prefect.blocks.system import Secret

    try:
        return str(Secret.load(name).get())
    except ValueError as error:
        raise UserError(f"api_key_block: there is no Secret block {name!r} in Prefect") from error
