"""Text files to chat messages, with everything foreign fenced.

A template is one text file: the system message, a line of three or more equals signs, the user
message. Placeholders are `{name}`. Candidate text is hostile input (prompt injection, special
tokens, fake verdicts), so it enters a message only through `fence`, and substitution is one pass:
nothing inside a substituted value is looked at again.
"""

import hashlib
import hmac
import re
from collections.abc import Set
from typing import NamedTuple

from endpoints.hostile import neutralize
from rounds.rows import Messages

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


class Template(NamedTuple):
    """A parsed template file."""

    system: str
    user: str
    text: str
    own: tuple[str, ...] = ()
    """Control tokens of the tokenizers at hand: broken up in what is foreign, like those of the
    one list."""


def parse_template(text: str, needed: Set[str], optional: Set[str] = frozenset()) -> Template:
    """Split a template file and check its placeholders: all of `needed`, and of `optional` any.

    Raises ValueError naming the unknown or missing placeholder, or the missing divider.
    """
    parts = re.split(r"(?m)^={3,}[ \t]*\n", text, maxsplit=1)
    if len(parts) != 2:
        raise ValueError("no line of '===' between the system and the user message")
    named = set(PLACEHOLDER.findall(text))
    unknown, missing = sorted(named - needed - optional), sorted(needed - named)
    if unknown or missing:
        wrong = f"unknown placeholder {{{unknown[0]}}}" if unknown else ""
        wrong = wrong or f"missing placeholder {{{missing[0]}}}"
        also = f", and may take {_braced(optional)}" if optional else ""
        raise ValueError(f"{wrong}; it takes {_braced(needed)}{also}")
    return Template(parts[0].strip(), parts[1].strip(), text)


def fill(template: Template, values: dict[str, str]) -> Messages:
    """Messages with every placeholder substituted once, in one pass."""

    def substitute(part: str) -> str:
        return PLACEHOLDER.sub(lambda match: values[match.group(1)], part)

    return [
        {"role": "system", "content": substitute(template.system)},
        {"role": "user", "content": substitute(template.user)},
    ]


def nonce(secret: bytes, *content: str) -> str:
    """Eight hex digits, the same for the same content, unknown to who wrote the content."""
    parts = [part.encode(errors="surrogatepass") for part in content]
    message = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hmac.new(secret, message, hashlib.sha256).hexdigest()[:8]


def fence(label: str, text: str, key: str, own: tuple[str, ...] = ()) -> str:
    """Candidate text between two lines that it cannot forge: it does not know `key`."""
    return f"[{label} {key}]\n{neutralize(text, own)}\n[/{label} {key}]"


def _braced(names: Set[str]) -> str:
    return ", ".join("{" + name + "}" for name in sorted(names))
