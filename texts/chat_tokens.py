"""Special tokens of chat templates: the one list, for dropping and for escaping.

In a text that is trained on they would end or open turns, so a candidate that holds one is dropped.
In a text that a model reads they are broken up behind their first character.
"""

import re
from typing import NamedTuple


class ChatToken(NamedTuple):
    """The first character of some tokens, and a pattern of the rest."""

    first: str
    rest: str
    escaped_only: bool = False


MISTRAL = "INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS"

TOKENS = (
    # ChatML, Llama 3, DeepSeek and many others; what only begins like one is no token yet
    ChatToken("<", "[|\uff5c][^\\s<>|\uff5c]{2,60}[|\uff5c]>"),
    ChatToken("<", "[|\uff5c]", escaped_only=True),
    ChatToken("<", r"/?(?:s|bos|eos|pad|unk|mask|begin_of_text)>"),  # SentencePiece
    ChatToken("<", r"(?:sop|eop|eoh|eoa|eod)>"),  # GLM, InternLM
    ChatToken("<", r"(?:BOS|EOS|PAD|UNK|EOD)_TOKEN>"),  # Command R
    ChatToken("<", r"/?(?:start|end)_of_(?:turn|image)>"),  # Gemma
    ChatToken("<", r"(?:extra_id|reserved|unused)_?\d{1,4}>"),  # T5, Baichuan, Gemma
    ChatToken("<", r"seed:[a-z_/]{2,30}>"),  # Seed-OSS
    ChatToken("<", r"</?SYS>>"),  # Llama 2
    # Mistral; a judge is shown no beginning of one either
    ChatToken("[", rf"/?(?:{MISTRAL})\]"),
    ChatToken("[", rf"/?(?:{MISTRAL})", escaped_only=True),
    ChatToken("[", r"/?gMASK\]"),  # GLM
    ChatToken("[", r"UNUSED_TOKEN_\d{1,4}\]"),  # InternLM
    ChatToken("[", r"\|[a-z_]{2,30}\|\]"),  # EXAONE
    # thoughts and calls of tools, which an answer of a model that has them may hold
    ChatToken("<", r"/?think>", escaped_only=True),
    ChatToken("[", r"/?THINK\]", escaped_only=True),
    ChatToken("<", r"/?tool_(?:call|response)>", escaped_only=True),
)

CHAT_TOKENS = re.compile(
    "|".join(re.escape(token.first) + token.rest for token in TOKENS if not token.escaped_only)
)
"""A whole token: what holds it is dropped."""

CHAT_TOKEN_STARTS = re.compile(
    "|".join(f"{re.escape(token.first)}(?={token.rest})" for token in TOKENS)
)
"""The first character of a token, or of what begins like one; a backslash behind it breaks it."""
