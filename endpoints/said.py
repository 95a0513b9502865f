"""What an endpoint said when it refused: short, on one line, without secrets."""

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:  # a plan reads this and asks nobody
    import openai

LONGEST = 400
"""Characters that are shown of it."""
SECRET = re.compile(r"(?i)(bearer\s+|\b(?:sk|pk|rk|gsk|xai|hf|key|api)[-_])[\w.~+/=*-]{6,}")
"""Keys as providers write them; some repeat the key that they refuse."""


def what_it_said(error: "openai.APIStatusError") -> str:
    """The status, the message of the body, whatever shape it has, and the argument it blames."""
    text = message_of(error.body)
    said = f"{error.status_code}: {text}" if text else str(error.status_code)
    return f"{said} (param: {error.param})" if error.param and error.param not in said else said


def message_of(body: Any) -> str:
    """What a body gives as the reason, shortened; of a web page its words."""
    return shortened(re.sub(r"<[^>]*>", " ", _message(body) or ""))


def shortened(text: str) -> str:
    """A text as one line of at most LONGEST characters."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST].rstrip()}..."


def without_secrets(text: str, *secrets: str) -> str:
    """A text without the endpoint's secrets, and without what looks like one."""
    return SECRET.sub(r"\1***", without_these(text, secrets))


def without_these(text: str, secrets: Iterable[str]) -> str:
    """A text without these, as they are and as JSON and addresses write them."""
    for secret in secrets:
        if len(secret) > 6:
            for written in {secret, json.dumps(secret)[1:-1], quote(secret, safe="")}:
                text = text.replace(written, "***")
    return text


def is_address(text: str) -> bool:
    """Whether a text is one address that HTTP can ask: a scheme, a host, and a port if any."""
    try:
        parts = urlsplit(text)
        plain = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of a port that is no number, or half of a bracket
        return False
    return plain and not re.search(r"\s|,https?:", text)


def without_login(url: str) -> str:
    """An address without the name and the password that may stand in it."""
    return re.sub(r"//[^/@]*@", "//", url)


def _message(body: Any) -> str | None:
    """What the body gives as the reason: OpenAI's error.message, or a field of another name."""
    if isinstance(body, str):
        return body or None
    if isinstance(body, list):  # FastAPI's detail: what is wrong with each argument
        parts = [part for part in map(_message, body) if part]
        return "; ".join(parts) or None
    if not isinstance(body, dict):
        return None
    if isinstance(place := body.get("loc"), list) and isinstance(body.get("msg"), str):
        return f"{'.'.join(map(str, place))}: {body['msg']}"
    for name in ("error", "message", "detail", "msg", "reason", "title", "errors"):
        if (found := _message(body.get(name))) is not None:
            return found
    return str(body) if body else None
