"""Where a reply begins behind what its model thought aloud."""

import re

_TAG = r"(?:seed:)?think(?:ing)?|thoughts?|reasoning|reflection|scratchpad"
_OPENS = re.compile(
    rf"[\s\ufeff]*(?:<(?:{_TAG})>|\[THINK\]|\u25c1think\u25b7|<\|begin_of_thought\|>"
    r"|<\|START_THINKING\|>|(?:<\|start\|>assistant)?<\|channel\|>analysis|<\|channel>thought"
    r"|(?-i:analysis(?=[A-Z])))",
    re.IGNORECASE,
)
_CLOSES = re.compile(
    rf"</(?:{_TAG})>|\[/THINK\]|\u25c1/think\u25b7|<\|end_of_thought\|>|<\|END_THINKING\|>"
    r"|<\|channel\|>final(?:<\|message\|>)?|<channel\|>|(?-i:assistantfinal)",
    re.IGNORECASE,
)
"""How models mark their thinking: most, Seed, EXAONE, Claude as it is asked to, some, Magistral,
Kimi, Sky-T1, Command A, gpt-oss (also without its special tokens), Gemma."""


def begins_thinking(text: str) -> bool:
    """Whether a reply opens with thinking text."""
    return _OPENS.match(text) is not None


def after_thinking(text: str) -> int:
    """Where the reply begins after thinking text; an unclosed one leaves nothing.

    Some chat templates open it in the prompt, so that the reply only closes it.
    """
    ends = [match.end() for match in _CLOSES.finditer(text)]
    return ends[-1] if ends else len(text) if begins_thinking(text) else 0
