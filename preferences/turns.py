"""Chat messages out of what rows hold: texts, messages of several dialects, exchanges."""

import re
from typing import Any

from preferences.text_only import messages_beyond_text
from rounds.rows import Messages
from texts.messages import turns_fault
from texts.rendered import prompt_turns, rendered_messages

_MESSAGE = r"""\{\s*["'](?:role|content|from|value)["']\s*:"""
CHAT_AS_TEXT = re.compile(
    rf"""\s*(?:\{{\s*["'](?:messages|conversations?)["']\s*:\s*)?\[\s*{_MESSAGE}"""
    r"""|\s*\{\s*["'](?:role|from)["']\s*:\s*["'](?:system|user|human|assistant|gpt)["']\s*[,}]"""
    rf"""|\s*(?:array\(\[\s*){_MESSAGE}"""
)
"""How chat messages begin that were written into one text, as JSON or as Python prints them."""

SPEAKERS = {"human": "user", "gpt": "assistant", "chatgpt": "assistant", "bing": "assistant"}
"""The roles of sharegpt's messages ({"from", "value"}) that chat messages name otherwise."""

EXCHANGES = (
    *(("human", "assistant"), ("user", "assistant"), ("human", "gpt"), ("user", "bot")),
    *(("query", "response"), ("prompt", "response"), ("instruction", "response")),
    *(("input", "output"), ("instruction", "output"), ("question", "answer")),
)
"""The keys of one question and its answer, where a conversation is a list of such objects."""


def turns_of(value: Any) -> Messages:
    """The messages of a prompt: a text is the user's, or what a chat template wrote into it.

    Raises ValueError for what is neither a text nor chat messages.
    """
    if isinstance(value, str) and CHAT_AS_TEXT.match(value):
        raise ValueError(
            "chat messages written as a text; expected a list of them, which JSONL and parquet "
            "can hold"
        )
    return prompt_turns(value if isinstance(value, str) else chat_turns(value))


def is_rendered(value: Any) -> bool:
    """Whether a text has the marks of turns, whole or not."""
    try:
        return isinstance(value, str) and rendered_messages(value) is not None
    except ValueError:
        return True


def answer_to(prompt: Any, answer: str) -> str:
    """An answer without what belongs to the marks of a rendered prompt: the space behind
    "Assistant:", the token that ends a turn.
    """
    if not is_rendered(prompt):
        return answer
    try:
        before, whole = rendered_messages(prompt), rendered_messages(prompt + answer)
    except ValueError:
        return answer.strip()
    goes_on = before and whole and whole[:-1] == before and whole[-1]["role"] == "assistant"
    return whole[-1]["content"] if whole and goes_on else answer.strip()


def chat_turns(value: Any) -> Messages:
    """The messages of a list of them, or of a single one. Raises ValueError where it is none."""
    messages = in_roles(value)
    if wrong := messages_beyond_text(messages) or turns_fault(messages):
        raise ValueError(wrong)
    return [{"role": turn["role"], "content": turn["content"]} for turn in messages]


def in_roles(value: Any) -> Any:
    """A message as a list of one, those of sharegpt with role and content, and objects of a
    question and its answer as two messages each; else the value.
    """
    listed = [value] if isinstance(value, dict) else value
    if not isinstance(listed, list):
        return value
    exchanges = [isinstance(item, dict) and _exchange(item) for item in listed]
    if listed and all(exchanges):
        return [turn for pair in exchanges if pair for turn in _two_turns(pair)]
    return [_in_role(turn) if _is_sharegpt(turn) else turn for turn in listed]


def past_turns(value: Any) -> Messages:
    """The messages of what was said before: messages, a dialogue written in a text, or questions
    each with its answer. Raises ValueError for what does not say who spoke.
    """
    if isinstance(value, str):
        if turns := None if CHAT_AS_TEXT.match(value) else rendered_messages(value):
            return turns
        raise ValueError("a text that does not say who spoke")
    pairs = [_exchange(item) for item in value] if isinstance(value, list) else []
    if pairs and all(pairs):
        pairs = [pair for pair in pairs if pair and any(map(_is_filled, pair))]
        if not all(_is_filled(text) for pair in pairs if pair for text in pair):
            raise ValueError("a question or an answer in it is empty")
        if not pairs:
            return []
        return chat_turns([turn for pair in pairs if pair for turn in _two_turns(pair)])
    if not isinstance(value, list) or not all(isinstance(turn, dict) for turn in value):
        raise ValueError("a list that does not say who spoke")
    return chat_turns(value)


def without_system(turns: Messages) -> Messages:
    """The messages after the system turn, if there is one."""
    return turns[1:] if turns and turns[0]["role"] == "system" else turns


def ends_with(turns: Messages, last: Messages) -> bool:
    """Whether turns end with these, white space at the ends of a text aside."""
    return bool(last) and _bare(turns)[-len(last) :] == _bare(last)


def _bare(turns: Messages) -> list[tuple[str, str]]:
    return [(turn["role"], turn["content"].strip()) for turn in turns]


def _exchange(item: Any) -> tuple[Any, Any] | None:
    """A question and its answer, where an item is both."""
    if isinstance(item, list) and len(item) == 2 and all(isinstance(text, str) for text in item):
        return item[0], item[1]
    if isinstance(item, dict):
        return next(((item[q], item[a]) for q, a in EXCHANGES if item.keys() == {q, a}), None)
    return None


def _is_filled(text: Any) -> bool:
    return not isinstance(text, str) or bool(text.strip())


def _two_turns(pair: tuple[Any, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": pair[0]}, {"role": "assistant", "content": pair[1]}]


def _is_sharegpt(turn: Any) -> bool:
    return isinstance(turn, dict) and {"from", "value"} <= turn.keys() and "role" not in turn


def _in_role(turn: dict[str, Any]) -> dict[str, Any]:
    others = {name: value for name, value in turn.items() if name not in ("from", "value")}
    speaker = turn["from"]
    role = SPEAKERS.get(speaker, speaker) if isinstance(speaker, str) else speaker
    return {**others, "role": role, "content": turn["value"]}
