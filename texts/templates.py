"""How chat templates write turns: the marks of each family, and whose turn each of them opens.

Two kinds. Marks that are tokens of a tokenizer (<|im_start|>, [INST]) mean nothing else. Labels
("Human:", "### Instruction:") are words that anybody may write: they are marks only where the text
as a whole is a dialogue.
"""

import re
from typing import NamedTuple

ROLE_OF = {
    **dict.fromkeys(
        ("system", "developer", "system prompt", "[system_prompt]", "\u7cfb\u7edf"), "system"
    ),
    **dict.fromkeys(
        ("user", "human", "prompter", "user message", "\u7528\u6237", "\u95ee"), "user"
    ),
    **dict.fromkeys(
        ("instruction", "instruct", "input", "[inst]", "reserved_106", "reserved_102"), "user"
    ),
    **dict.fromkeys(
        ("assistant", "model", "ai", "bot", "gpt", "chatbot", "yayi", "\u52a9\u624b", "\u7b54"),
        "assistant",
    ),
    **dict.fromkeys(
        ("falcon", "output", "response", "[/inst]", "reserved_107", "reserved_103"), "assistant"
    ),
}
"""The role in chat messages by what templates call it, in lower case."""

EDGES = (
    r"\s|</?s>|<[be]os>|<(?:BOS|EOS)_TOKEN>|\[[gs]MASK\]|<sop>|\]~!b\[|<\|bom\|>|<sep>"
    r"|<\|(?:begin_?of_?text|start_?of_?text|end_?of_?text|bos|eos|eom|EOT|separator)\|>"
    r"|<[|\uff5c](?:begin|end)\u2581of\u2581sentence[|\uff5c]>|<end_of_utterance>"
    r"|</?longcat_s>|BEGINNING OF CONVERSATION:"
)
"""What templates and tokenizers put at the edges of a text or a turn: no part of what was said."""

_LINE = r"[ \t]*(?:\n+|\Z)"
_REST = r"[ \t]*\n*"


class Family(NamedTuple):
    """The marks of one family of templates, as patterns."""

    name: str
    opening: re.Pattern[str]
    """Opens a turn; its group `role` says whose."""
    closing: str | None = None
    """What ends every turn but an open one; None where a turn ends with the next one."""
    may_end: str = ""
    """What may stand at the end of a turn besides."""
    before: str | None = None
    """Whose the text before the first mark is, where there may be any."""
    within_lines: bool = False
    """Whether marks stand anywhere in a line: only where none of the assistant's begins one."""


def _family(
    name: str,
    opening: str,
    closing: str | None = None,
    may_end: str = "",
    before: str | None = None,
    within_lines: bool = False,
) -> Family:
    pattern = re.compile(opening, re.IGNORECASE | re.MULTILINE)
    return Family(name, pattern, closing, may_end, before, within_lines)


BARRED = "system|user|human|prompter|assistant|model|bot|yayi"

TOKEN_FAMILIES = (
    _family(
        "ChatML",
        rf"<\|im_start\|>(?P<role>\w+)(?:<\|im_sep\|>{_REST}|{_LINE})",
        r"<\|im_end\|>",
    ),
    _family("Kimi", r"<\|im_(?P<role>system|user|assistant)\|>\w*<\|im_middle\|>", r"<\|im_end\|>"),
    _family(
        "Llama 3",
        rf"<\|start_header_id\|>[ \n]?(?P<role>\w+)[ \n]?<\|end_header_id\|>{_REST}",
        r"<\|eot_id\|>",
    ),
    _family("Llama 4", rf"<\|header_start\|>(?P<role>\w+)<\|header_end\|>{_REST}", r"<\|eot\|>"),
    _family("Gemma", rf"<start_of_turn>(?P<role>\w+){_LINE}", r"<end_of_turn>"),
    _family("Gemma 4", rf"<\|turn>(?P<role>\w+){_LINE}", r"<turn\|>"),
    _family(
        "gpt-oss",
        r"<\|start\|>(?P<role>\w+)(?:(?:<\|channel\|>final)?<\|message\|>|\n?\Z)",
        r"<\|(?:end|return)\|>",
    ),
    _family(
        "Granite",
        rf"<\|start_of_role\|>(?P<role>\w+)<\|end_of_role\|>{_REST}",
        r"<\|end_of_text\|>",
    ),
    _family(
        "Command R",
        rf"<\|START_OF_TURN_TOKEN\|><\|(?P<role>\w+?)_TOKEN\|>{_REST}",
        r"<\|END_OF_TURN_TOKEN\|>",
    ),
    _family("MiniMax", rf"\]~b\](?P<role>\w+){_LINE}", r"\[e~\["),
    _family(
        "MiniMax 1",
        rf"<beginning_of_sentence>(?P<role>\w+)(?: \w+=\w+)?{_LINE}",
        r"<end_of_sentence>",
    ),
    _family("Seed", rf"<seed:bos>(?P<role>\w+){_LINE}", r"<seed:eos>"),
    _family(
        "Apertus",
        rf"<\|(?P<role>system|developer|user|assistant)_start\|>{_REST}",
        r"<\|\w+_end\|>",
    ),
    _family(
        "OpenChat",
        rf"(?:\A|(?<=<\|end_of_turn\|>))(?:GPT4 Correct |Code )?(?P<role>\w+):{_REST}",
        r"<\|end_of_turn\|>",
    ),
    _family("Ling", rf"<role>(?P<role>\w+)</role>{_REST}", may_end=r"<\|role_end\|>"),
    _family(
        "EXAONE",
        rf"\[\|(?P<role>system|user|human|assistant|ai)\|\]:?{_REST}",
        may_end=r"\[\|endofturn\|\]",
    ),
    _family(
        "<|user|> and <|assistant|>",
        rf"<[|\uff5c](?:hy_)?(?P<role>{BARRED})[|\uff5c]>:?{_REST}",
        may_end=r"<\|(?:end|im_end|eot_id|end_of_turn|endofturn)\|>|<eo[ha]>",
        before="system",
    ),
    _family(
        "Llama 2 or Mistral",
        rf"(?P<role>\[/?INST\]|\[SYSTEM_PROMPT\]){_REST}",
        may_end=r"\[/SYSTEM_PROMPT\]",
    ),
    _family(
        "SteerLM",
        rf"<(?:extra_id_|SPECIAL_1)[01]>(?P<role>\w+){_LINE}",
        may_end=r"<(?:extra_id_|SPECIAL_1)1>",
        before="user",
    ),
    _family("Baichuan", rf"<(?P<role>reserved_10[2367])>{_REST}", before="system"),
)
"""In the order in which they are tried."""

_WHO = "system|user|human|prompter|assistant|ai|bot|chatbot|falcon"
_HEADING = rf"{_WHO}|instruction|input|response|system prompt|user message"

LABEL_FAMILIES = (
    _family(
        "Human: and Assistant: in a line",
        rf"(?-i:(?:\A|(?<=\s))(?P<role>System|Human|User|Assistant|AI|Bot):){_REST}",
        within_lines=True,
    ),
    _family(
        "User: and Assistant:",
        rf"(?:^|(?<=>))[ \t]*<?(?P<role>{_WHO}|instruct|output)>?:{_REST}",
        before="system",
    ),
    _family(
        "Human: and Assistant:",
        rf"(?:\A|\n\n)[ \t]*(?P<role>Human|Assistant):{_REST}",
        before="system",
    ),
    _family(
        "USER: and ASSISTANT:",
        r"(?-i:(?:^|(?<=[\s>]))(?:\[Round \d+\] )?(?P<role>SYSTEM|USER|ASSISTANT):)" + _REST,
        before="system",
    ),
    _family(
        "USER: and GPT:", rf"(?-i:(?:^|(?<=[\s>]))(?P<role>USER|GPT):){_REST}", before="system"
    ),
    _family(
        "### Instruction: and ### Response:",
        rf"(?:^|(?=###[ ]?\w+:))(?<!#)###[ ]?(?P<role>{_HEADING})(?::{_REST}|{_LINE})",
        before="system",
    ),
    _family("## User and ## Assistant", rf"^##?[ ](?P<role>{_WHO}):?{_LINE}"),
    _family(
        "**User:** and **Assistant:**",
        rf"^(?:\*\*|\[)(?P<role>{_WHO})(?::\*\*|\*\*:|\]:?){_REST}",
    ),
    _family(
        "\u7528\u6237 and \u52a9\u624b",
        rf"^(?P<role>\u7cfb\u7edf|\u7528\u6237|\u52a9\u624b)[:\uff1a]{_REST}",
        before="system",
    ),
    _family(  # ChatGLM 2
        "[Round 1] and \u95ee",
        rf"^(?:\[Round \d+\]\n+(?=\u95ee)|(?=\u7b54))(?P<role>[\u95ee\u7b54])[:\uff1a]{_REST}",
    ),
)
"""Of those that read a text without a flaw, the first one is taken."""
