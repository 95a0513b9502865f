"""Where a reply begins behind what its model thought aloud."""

import re

_OPENS = re.compile(
    r"[\s\ufeff]*(?:<think(?:ing)?>|<reasoning>|\[THINK\]|\u25c1think\u25b7)", re.IGNORECASE
)
_CLOSES = re.compile(r"</think(?:ing)?>|</reasoning>|\[/THINK\]|\u25c1/think\u25b7", re.IGNORECASE)
"""How models mark their thinking: most, Claude as it is asked to, some, Magistral, Kimi."""


def begins_thinking(text: str) -> bool:
    """Whether a reply opens with thinking text."""
    return _OPENS.match(text) is not None


def after_thinking(text: str) -> int:
    """Where the reply begins after thinking text; an unclosed one leaves nothing.

    Some chat templates open it in the prompt, so that the reply only closes it.
    """
    ends = [match.end() for match in _CLOSES.finditer(text)]
    return ends[-1] if ends else len(text) if begins_thinking(text) else 0
