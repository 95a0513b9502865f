"""Questions about an article, each with one right answer: asked for, and checked on arrival.

The right answer has to stand in the article word for word: what the writer made up is no question.
"""

import random
from collections.abc import Iterator
from string import ascii_uppercase
from typing import Any, NamedTuple

from endpoints.reply import Reply
from judge.asking.json_object import Found, KeyTwice, object_within, whole_object
from judge.asking.thinking import after_thinking
from rounds.ids import digest
from rounds.rows import Messages
from texts.normal import prompt_text, words

KEY = "questions"
WRONG = 3
"""Wrong answers beside the right one."""

MOST_WORDS = 12
"""Words of an answer: a whole sentence could only be copied."""

Drafts = list[tuple[str, str, list[str]]]
"""Questions as they were written: question, right answer, wrong answers."""


class Written(NamedTuple):
    """A question that holds, with its options by letter, and the letter of the right one."""

    question: str
    options: dict[str, str]
    right: str


def writing_form(n: int) -> dict[str, Any]:
    """`response_format` for `n` questions."""
    text = {"type": "string"}
    wrong = {"type": "array", "items": text, "minItems": WRONG, "maxItems": WRONG}
    one = {
        "type": "object",
        "properties": {"question": text, "answer": text, "wrong": wrong},
        "required": ["question", "answer", "wrong"],
        "additionalProperties": False,
    }
    schema = {
        "type": "object",
        "properties": {KEY: {"type": "array", "items": one, "minItems": n, "maxItems": n}},
        "required": [KEY],
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": KEY, "strict": True, "schema": schema}}


def read_written(text: str, n: int) -> Drafts | str:
    """The `n` questions of a reply, or the reason why it has none (not_json, off_menu,
    two_verdicts)."""
    start = after_thinking(text)
    found: Found | str
    try:
        found = whole_object(text, start)
    except KeyTwice:
        return "two_verdicts"
    except (ValueError, RecursionError):
        found = object_within(text, start, {KEY}, "")
    if isinstance(found, str):
        return found
    value = found.value
    listed = value.get(KEY) if isinstance(value, dict) and value.keys() == {KEY} else None
    if not isinstance(listed, list) or len(listed) != n or not all(map(_is_question, listed)):
        return "off_menu"
    return [(one["question"], one["answer"], one["wrong"]) for one in listed]


def which_hold(drafts: Drafts, messages: Messages) -> list[bool]:
    """Of each question, whether it holds in the article that the prompt `messages` shows.

    Its right answer is short and stands there, the question does not give it away, no option is
    empty or another again, and it is not asked twice. Spelling, case and marks do not count.
    """
    article = _spaced(prompt_text(messages))
    seen: set[str] = set()
    held = []
    for question, answer, wrong in drafts:
        asked, right = _spaced(question), _spaced(answer)
        options = {right, *map(_spaced, wrong)}
        held.append(
            asked not in seen
            and len(options) == 1 + WRONG
            and not any(not option.strip() for option in (asked, *options))
            and len(words(answer)) <= MOST_WORDS
            and right in article
            and right not in asked
        )
        seen.add(asked)
    return held


def enough(held: list[bool]) -> bool:
    """Whether at least half of the questions hold, and two."""
    return sum(held) >= max(2, (len(held) + 1) // 2)


def with_options(drafts: Drafts, held: list[bool], prompt_id: str) -> list[Written]:
    """The questions that hold, their options in an order that follows from prompt and question."""
    return list(_with_options(drafts, held, prompt_id))


def why_not(reply: Reply, n: int) -> str | None:
    """Why a reply is no list of `n` questions, whatever they are about."""
    if reply.failure is not None:
        return reply.failure
    read = read_written(reply.text, n)
    return read if isinstance(read, str) else None


def _with_options(drafts: Drafts, held: list[bool], prompt_id: str) -> Iterator[Written]:
    for (question, answer, wrong), holds in zip(drafts, held, strict=True):
        if holds:
            texts = [answer, *wrong]
            random.Random(digest("options", prompt_id, question)).shuffle(texts)
            options = dict(zip(ascii_uppercase, texts, strict=False))
            yield Written(question, options, ascii_uppercase[texts.index(answer)])


def _is_question(value: Any) -> bool:
    if not isinstance(value, dict) or value.keys() != {"question", "answer", "wrong"}:
        return False
    wrong = value["wrong"]
    texts = [value["question"], value["answer"], *(wrong if isinstance(wrong, list) else [None])]
    return len(texts) == 2 + WRONG and all(isinstance(text, str) for text in texts)


def _spaced(text: str) -> str:
    """The words of a text between spaces: one stands in another where it is a part of it."""
    return f" {' '.join(words(text))} "
