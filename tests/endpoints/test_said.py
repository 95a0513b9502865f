"""What an endpoint said is shown short, on one line, and without a key."""

from typing import Any

import httpx2
import openai
import pytest

from endpoints.said import (
    LONGEST,
    is_address,
    shortened,
    what_it_said,
    without_login,
    without_secrets,
)


def refused(status: int, body: Any) -> openai.APIStatusError:
    response = httpx2.Response(status, request=httpx2.Request("POST", "http://x/v1"))
    return openai.APIStatusError("whatever", response=response, body=body)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"message": "no such model", "type": "x"}, "400: no such model"),
        ("no such\nmodel", "400: no such model"),
        ({"detail": "Not Found"}, "400: Not Found"),
        ({"detail": [{"loc": ["a"], "msg": "too long"}, {"msg": "too short"}]},
         "400: a: too long; too short"),
        ({"error": {"code": 7}}, "400: {'code': 7}"),
        ("<html><h1>Bad</h1> gateway</html>", "400: Bad gateway"),
        (None, "400"),
        ({}, "400"),
    ],
)  # fmt: skip
def test_the_message_of_a_body_of_any_shape(body: Any, said: str):
    assert what_it_said(refused(400, body)) == said


def test_what_is_long_is_cut():
    text = what_it_said(refused(500, "word " * 1000))
    assert len(text) < LONGEST + 20 and text.endswith("...")
    assert shortened("short") == "short"


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: my-own-secret. You can",
        "Authorization: Bearer abcdef123456",
        "key sk-proj-abcDEF123_456 is not known",
        "gsk_abcdef123456 is not known",
    ],
)
def test_no_key_is_shown(text: str):
    shown = without_secrets(text, "my-own-secret")
    assert "***" in shown
    assert not any(secret in shown for secret in ("my-own", "abcdef", "abcDEF"))


def test_an_address_is_shown_without_its_login():
    assert without_login("http://me:secret@host:1/v1") == "http://host:1/v1"
    assert without_login("http://host:1/v1") == "http://host:1/v1"


@pytest.mark.parametrize(
    ("text", "can"),
    [
        ("http://127.0.0.1:8000/v1", True),
        ("https://user:pass@host/v1", True),
        ("http://[::1]:80/v1", True),
        ("http://localhost:PORT/v1", False),
        ("http://[::1/v1", False),
        ("http://host:99999/v1", False),
        ("host:8000/v1", False),
        ("ftp://host/v1", False),
        ("http:///v1", False),
        ("", False),
        ("http://a/v1,http://b/v1", False),
        ("http://a/v1 http://b/v1", False),
    ],
)
def test_an_address_that_nobody_can_ask_is_known(text: str, can: bool):
    assert is_address(text) is can
