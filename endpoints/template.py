"""Text files to chat messages, with everything foreign fenced.

A template is one text file: the system message, a line of three or more equals signs, the user
message. Placeholders are `{name}`. Candidate text is hostile input (prompt injection, special
tokens, fake verdicts), so it enters a message only through `fence`, and substitution is one pass:
nothing inside a substituted value is looked at again.
"""

import hashlib
import hmac
import re
from typing import NamedTuple

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
SPECIAL = re.compile(
    "<(?=[|\uff5c]"
    r"|/?(?:s|pad|unk|bos|eos|mask|think|start_of_turn|end_of_turn|begin_of_text)>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|[AB](?: |\])))"
)
INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e01ef\x00-\x08\x0b-\x1f\x7f]"
)


class Template(NamedTuple):
    """A parsed template file."""

    system: str
    user: str
    text: str


def parse_template(text: str, allowed: set[str]) -> Template:
    """Split a template file and check that its placeholders are exactly `allowed`.

    Raises ValueError naming the unknown or missing placeholder, or the missing divider.
    """
    parts = re.split(r"(?m)^={3,}[ \t]*\n", text, maxsplit=1)
    if len(parts) != 2:
        raise ValueError("no line of '===' between the system and the user message")
    found = set(PLACEHOLDER.findall(text))
    if found != allowed:
        wrong = sorted(found - allowed) or sorted(allowed - found)
        kind = "unknown" if found - allowed else "missing"
        raise ValueError(f"{kind} placeholder {{{wrong[0]}}}; it takes {_braced(allowed)}")
    return Template(parts[0].strip(), parts[1].strip(), text)


def fill(template: Template, values: dict[str, str]) -> list[dict[str, str]]:
    """Messages with every placeholder substituted once, in one pass."""

    def substitute(part: str) -> str:
        return PLACEHOLDER.sub(lambda match: values[match.group(1)], part)

    return [
        {"role": "system", "content": substitute(template.system)},
        {"role": "user", "content": substitute(template.user)},
    ]


def nonce(secret: bytes, *content: str) -> str:
    """Eight hex digits, the same for the same content, unknown to who wrote the content."""
    message = b"".join(len(part.encode()).to_bytes(8, "big") + part.encode() for part in content)
    return hmac.new(secret, message, hashlib.sha256).hexdigest()[:8]


def fence(label: str, text: str, key: str) -> str:
    """Candidate text between two lines that it cannot forge: it does not know `key`."""
    return f"[{label} {key}]\n{neutralize(text)}\n[/{label} {key}]"


def neutralize(text: str) -> str:
    """The text as a judge may safely see it: no chat-template tokens, nothing invisible.

    Only the judge's view changes; what is stored and trained on is the text as sampled.
    """
    return SPECIAL.sub(lambda match: match.group(0) + "\\", INVISIBLE.sub("", text))


def _braced(names: set[str]) -> str:
    return ", ".join("{" + name + "}" for name in sorted(names))
