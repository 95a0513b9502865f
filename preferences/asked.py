"""What a row asks: its prompt, and what its other columns say beside it, as chat messages.

The one path from a row to messages: of preferences, of a gold set, and of prompt files.
"""

from collections.abc import Callable
from typing import Any

from preferences.columns import is_empty, is_said, texts_in
from preferences.turns import ends_with, past_turns, turns_of, without_system
from rounds.rows import Messages

QUESTIONS = ("question", "instruction", "query", "input")
"""Where the prompt stands in rows without a `prompt`, as a text; `input` may go on after one of
the others (Alpaca)."""

CONVERSATIONS = ("messages", "conversations", "conversation")
"""Where it stands as chat messages; beside a prompt, the conversation that it is the end of."""

HISTORIES = ("history", "chat_history", "conversation_history", "dialogue_history")
CONTEXT = "context"
"""Messages before the prompt, or a text that it is about."""

SYSTEMS = ("system", "system_prompt", "system_message", "system_instruction")

Parts = list[tuple[tuple[str, ...], Callable[[Messages, Any], Messages]]]

ASKED = ("prompt", *QUESTIONS, *CONVERSATIONS, *HISTORIES, CONTEXT, *SYSTEMS)
"""Columns that are read wherever they stand beside a prompt, or are a fault."""


def prompt_column(row: dict[str, Any]) -> str | None:
    """The name of the column that is the prompt, or None. Raises ValueError where several are."""
    if not is_empty(row.get("prompt")):
        return "prompt"
    questions = [name for name in QUESTIONS if not is_empty(row.get(name))]
    if len(questions) > 1 and "input" in questions:
        questions.remove("input")
    if len(questions) > 1:
        raise ValueError(f"{', '.join(questions)}: one is the prompt, and the others are empty")
    if questions:
        return questions[0]
    turns = [name for name in CONVERSATIONS if not is_empty(row.get(name))]
    if isinstance(row.get(CONTEXT), list) and not is_empty(row[CONTEXT]):
        turns.append(CONTEXT)
    return turns[0] if turns else None


def asked(row: dict[str, Any], column: str | None = None, *read: str) -> Messages:
    """The messages of a row whose prompt stands in `column`, by default where `prompt_column` says.

    Columns that are `read` already say nothing more. Whether the messages are a prompt
    (`prompt_fault`) is not looked at. Raises ValueError naming the column that cannot be read.
    """
    name = column or prompt_column(row) or "prompt"
    try:
        turns = turns_of(row.get(name))
    except ValueError as error:
        said = name in ("prompt", *CONVERSATIONS)
        raise ValueError(str(error) if said else f"{name}: {error}") from error
    return beside(row, turns, name, *read)


def beside(row: dict[str, Any], turns: Messages, *read: str) -> Messages:
    """The messages of a prompt with what the row says in ASKED columns other than those `read`.

    What the messages say already is not said twice. Raises ValueError for a column that is none of
    a system turn, of earlier turns, or of a text that the question is about.
    """
    parts: Parts = [
        (CONVERSATIONS, lambda turns, value: _in_conversation(turns, value, row)),
        ((CONTEXT,), lambda turns, value: _in_context(turns, value, row)),
        (HISTORIES, lambda turns, value: _after_history(turns, value, row)),
        (("input",), _with_input),
        (SYSTEMS, _with_system),
        (("prompt", *QUESTIONS[:-1]), _another_question),
    ]
    for names, add in parts:
        for name in names:
            value = row.get(name)
            if name in read or is_empty(value):
                continue
            where = [turn for turn in turns if names != SYSTEMS or turn["role"] == "system"]
            if is_said(value, [turn["content"] for turn in where]):
                continue
            try:
                turns = add(turns, value)
            except ValueError as error:
                raise ValueError(f"{name}: {error} (else ignore: [{name}])") from error
    return turns


def with_system_of(turns: Messages, other: Messages) -> Messages:
    """The turns behind the system turn of the other ones, where they have none of their own.

    Raises ValueError where both have one and they differ.
    """
    system = other[: len(other) - len(without_system(other))]
    if turns[0]["role"] != "system":
        return [*system, *turns]
    if system and system != turns[:1]:
        raise ValueError("the prompt has another system turn")
    return turns


def _in_conversation(turns: Messages, value: Any, row: dict[str, Any]) -> Messages:
    """The turns as the end of a conversation that has them, with or without an answer after them,
    or after one that ends with an answer which is none of the row's.
    """
    whole = turns_of(value)
    question = whole[:-1] if whole[-1]["role"] == "assistant" else whole
    if ends_with(without_system(question), without_system(turns)):
        return with_system_of(question, turns)
    if list(texts_in(row)).count(whole[-1]["content"]) > 1 or not without_system(question):
        raise ValueError("another conversation than the prompt's")
    if without_system(whole)[:1] == without_system(turns):
        raise ValueError("a conversation that goes on after the prompt")
    return _after(turns, whole, row)


def _after_history(turns: Messages, value: Any, row: dict[str, Any]) -> Messages:
    past = past_turns(value)
    if past == turns[: len(past)] or without_system(past) == without_system(turns)[: len(past)]:
        return turns
    if ends_with(without_system(past), without_system(turns)):
        return with_system_of(past, turns)
    return _after(turns, past, row)


def _in_context(turns: Messages, value: Any, row: dict[str, Any]) -> Messages:
    """After turns, or as the question about a text."""
    if not isinstance(value, str):
        return _after_history(turns, value, row)
    try:
        past = past_turns(value)
    except ValueError:
        return _with_last(turns, f"{value.strip()}\n\n{turns[-1]['content']}")
    return _after(turns, past, row)


def _with_input(turns: Messages, value: Any) -> Messages:
    """Alpaca's input on the line after the instruction."""
    return _with_last(turns, f"{turns[-1]['content']}\n{_text(value)}")


def _with_system(turns: Messages, value: Any) -> Messages:
    if turns[0]["role"] == "system":
        raise ValueError("the prompt has another system turn")
    return [{"role": "system", "content": _text(value)}, *turns]


def _another_question(turns: Messages, value: Any) -> Messages:
    raise ValueError("another question beside the prompt")


def _after(turns: Messages, past: Messages, row: dict[str, Any]) -> Messages:
    if past[-1]["role"] != "assistant":
        raise ValueError("another conversation than the prompt's")
    again = ends_with(without_system(past)[:-1], without_system(turns))
    if again and list(texts_in(row)).count(past[-1]["content"]) > 1:
        raise ValueError("it holds the prompt, and an answer to it")
    return with_system_of([*past, *without_system(turns)], turns)


def _with_last(turns: Messages, content: str) -> Messages:
    return [*turns[:-1], {"role": turns[-1]["role"], "content": content}]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value
