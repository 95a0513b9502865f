"""Special tokens of chat templates: the one list, for dropping and for escaping.

In a text that is trained on they would end or open turns, so a candidate that holds one is dropped,
and a prompt that holds one is malformed. In a text that a model reads they are broken up behind
their first character. What ordinary text may hold ([PREFIX], <AI>) is only broken up; a tokenizer
at hand says which of those are its own (own_tokens.py).
"""

import re
from typing import NamedTuple


class ChatToken(NamedTuple):
    """The first character of some tokens, and a pattern of the rest."""

    first: str
    rest: str
    escaped_only: bool = False


MISTRAL = "INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|CALL_ID"
ONE_BAR = '(?:turn|channel|think|tool|tool_call|tool_response|image|audio|video|")'
FIM = "prefix|suffix|middle|pad|repo|begin|hole|end"
FALCON = "TITLE|ABSTRACT|INTRODUCTION|SUMMARY|COMMENT|ANSWER|QUESTION|DOMAIN|PREFIX|SUFFIX|MIDDLE"
JUPYTER = "start|text|code|output|script"

TOKENS = (
    # ChatML, Llama 3, DeepSeek and many others; what only begins like one is no token yet
    ChatToken("<", "[|\uff5c][^\\s<>|\uff5c]{2,60}[|\uff5c]>"),
    ChatToken("<", "/?[|\uff5c]DSML[|\uff5c]"),  # DeepSeek
    ChatToken("<", "[|\uff5c]", escaped_only=True),
    ChatToken("<", rf"\|{ONE_BAR}(?:\|?>)"),  # Gemma 4
    ChatToken("<", rf"{ONE_BAR}\|>"),
    ChatToken("<", r"[a-z_]{2,30}\|>", escaped_only=True),
    ChatToken("<", r"/?(?:s|bos|eos|pad|unk|mask|begin_of_text)>"),  # SentencePiece
    ChatToken("<", r"(?:sop|eop|eoh|eoa|eod|eosys|\u7528\u6237)>"),  # GLM, InternLM, MiniCPM
    ChatToken("<", r"(?:BOS|EOS|PAD|UNK|EOD)_TOKEN>"),  # Command R
    ChatToken("<", r"(?:BOS|EOS|EOT|EOD|PAD|UNK|MASK|SEP|CLS|sep|cls|AI)>", escaped_only=True),
    ChatToken("<", r"/?(?:start|end)_of_(?:turn|image|audio|utterance)>"),  # Gemma, Idefics
    ChatToken("<", r"/?(?:start|end)_function_(?:call|response|declaration)>"),  # FunctionGemma
    ChatToken("<", r"(?:image_soft_token|fake_token_around_image|IMG_CONTEXT)>"),
    ChatToken(
        "<", r"(?:extra_id|reserved|unused|SPECIAL|TOKENS_UNUSED)_?\d{1,4}>"
    ),  # T5 and others
    ChatToken("<", r"/?seed:[a-z_/]{2,30}>"),  # Seed-OSS
    ChatToken("<", r"/?(?:minimax|longcat)[:_][a-z_]{2,30}>"),
    ChatToken("<", r"(?:beginning|end)_of_sentence>"),  # MiniMax
    ChatToken("<", r"</?SYS>>"),  # Llama 2
    ChatToken("<", r"role>(?:SYSTEM|HUMAN|ASSISTANT|OBSERVATION)</role>"),  # Ling
    ChatToken("<", rf"fim[_-](?:{FIM})>"),  # code models
    ChatToken("<", rf"(?:file_sep|gh_stars|empty_output|jupyter_(?:{JUPYTER}))>"),
    ChatToken("<", r"(?:issue_(?:start|comment|closed)|commit_(?:before|msg|after))>"),
    ChatToken("<", r"(?:PRE|SUF|MID|REPO|reponame|repo_name|filename)>", escaped_only=True),
    # Mistral; a judge is shown no beginning of one either
    ChatToken("[", rf"/?(?:{MISTRAL})\]"),
    ChatToken("[", rf"/?(?:{MISTRAL})", escaped_only=True),
    ChatToken("[", r"ARGS\](?!\.\.\.)"),  # with dots it is the usage of a command
    ChatToken("[", r"(?:ARGS|PREFIX|MIDDLE|SUFFIX|IMG|IMG_BREAK|IMG_END)\]", escaped_only=True),
    ChatToken("[", r"/?(?:AUDIO|BEGIN_AUDIO|TRANSCRIBE|MODEL_SETTINGS)\]", escaped_only=True),
    ChatToken("[", r"(?:BOS|EOS|EOT|PAD|UNK|CLS|SEP|MASK|@BOS@)\]", escaped_only=True),  # BERT
    ChatToken("[", r"/?[gs]MASK\]"),  # GLM
    ChatToken("[", r"UNUSED_TOKEN_\d{1,4}\]"),  # InternLM
    ChatToken("[", r"\|[A-Za-z_]{2,30}\|\]"),  # EXAONE, Baize
    ChatToken("[", r"e~\["),  # MiniMax
    ChatToken("]", r"~!?b[\[\]]"),
    ChatToken(">", rf">(?:{FALCON})<<"),
    ChatToken("|", r"\|\|(?:IP_ADDRESS|EMAIL_ADDRESS|PHONE_NUMBER)\|\|\|"),  # Pythia
    ChatToken("<", r"mask:\d{1,3}>"),  # ERNIE
    ChatToken("]", r"(?:!p~\[|<\]minimax\[>\[)"),
    # calls of tools, which nobody was offered
    ChatToken("<", r"/?(?:tool_(?:calls?|responses?|result)|TOOLCALL|TOOL_CALL|AVAILABLE_TOOLS)>"),
    # thoughts, which an answer of a model that has them may hold
    ChatToken("<", r"/?(?:mm:)?think>", escaped_only=True),
    ChatToken("[", r"/?THINK\]", escaped_only=True),
    ChatToken("\u25c1", r"/?think\u25b7", escaped_only=True),  # Kimi
)

CHAT_TOKENS = re.compile(
    "|".join(re.escape(token.first) + token.rest for token in TOKENS if not token.escaped_only)
)
"""A whole token: what holds it is dropped."""

CHAT_TOKEN_STARTS = re.compile(
    "|".join(f"{re.escape(token.first)}(?={token.rest})" for token in TOKENS)
)
"""The first character of a token, or of what begins like one; a backslash behind it breaks it."""
