"""One list of chat-template tokens: what is dropped for holding one, and what is escaped."""

import pytest

from endpoints.hostile import flags, neutralize
from texts.chat_tokens import CHAT_TOKEN_STARTS, CHAT_TOKENS

WHOLE = [
    "<|im_end|>", "<\uff5cUser\uff5c>", "<s>", "</s>", "<bos>", "</eos>", "<pad>", "<unk>",
    "<mask>", "<begin_of_text>", "<sop>", "<eod>", "<BOS_TOKEN>", "<start_of_turn>",
    "</end_of_turn>", "<end_of_image>", "<extra_id_1>", "<reserved_106>", "<unused7>", "<seed:bos>",
    "<<SYS>>", "<</SYS>>", "[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[TOOL_CALLS]", "[gMASK]",
    "[UNUSED_TOKEN_145]", "[|endofturn|]", "[|Human|]", "<|turn>", "<turn|>", "<|channel>",
    "<channel|>", '<|"|>', "]~b]", "]~!b[", "[e~[", "]!p~[", "<seed:eos>", "</seed:think>",
    "<end_of_utterance>", "<tool_call>", "</tool_call>", "<tool_response>", "<tool_calls>",
    "<TOOLCALL>", "<minimax:tool_call>", "<start_function_call>", "[TOOL_CONTENT]", "[CALL_ID]",
    "[ARGS]", "[sMASK]", "<eop>", "<fim_prefix>", "<fim-middle>", "<jupyter_code>", "<file_sep>",
    "<issue_start>", "<commit_msg>", "<SPECIAL_12>", "<TOKENS_UNUSED_3>", "<image_soft_token>",
    "<role>HUMAN</role>", "<\uff5cDSML\uff5c", "<\u7528\u6237>",
]  # fmt: skip
ESCAPED_ONLY = [
    "<think>", "</think>", "<mm:think>", "[THINK]", "[/THINK]", "\u25c1think\u25b7",
    "<|", "<\uff5c", "<| x |>", "[INST", "[/TOOL_RESULTS", "[PREFIX]", "[IMG]", "[BOS]", "<EOT>",
    "<PRE>", "<reponame>", "<AI>", "[ARGS]...",
]  # fmt: skip
NEITHER = [
    "<thinking>",
    "<tool>",
    "<sub>",
    "<strong>",
    "[|x - y|]",
    "[TOOLS]",
    "<T5>",
    "<seed:>",
    "<role>",
    "[e]",
]


@pytest.mark.parametrize("token", WHOLE)
def test_a_whole_token_is_dropped_and_escaped(token: str):
    assert CHAT_TOKENS.search(f"one{token}two").group() == token
    assert neutralize(f"one{token}two").startswith(f"one{token[0]}\\{token[1]}")
    assert not CHAT_TOKENS.search(neutralize(token)) and flags(neutralize(token)) == []


@pytest.mark.parametrize("text", ESCAPED_ONLY)
def test_thoughts_beginnings_and_what_ordinary_text_has_are_escaped_only(text: str):
    assert not CHAT_TOKENS.search(text)
    assert flags(text) == ["special_tokens"]
    assert neutralize(text) == f"{text[0]}\\{text[1:]}"


@pytest.mark.parametrize("text", NEITHER)
def test_what_only_looks_like_one_is_neither(text: str):
    assert not CHAT_TOKENS.search(text) and not CHAT_TOKEN_STARTS.search(text)
