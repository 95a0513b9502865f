"""One value of a source to a row of prompts.parquet."""

import re
from typing import Any, TypedDict

from rounds.errors import UserError
from rounds.ids import prompt_id
from rounds.rows import Messages
from sampler.dealing.sources.columns import (
    JUDGE_COLUMNS,
    PROMPT_COLUMNS,
    check_turn,
    missing_prompt,
    unread_names,
)
from sampler.dealing.sources.config import SourceConfig
from texts.messages import prompt_fault, text_fault
from texts.rendered import prompt_turns

EXPECTED = 'expected a JSON string, or {"prompt": ...} with a string or a list of chat messages'
EXPECTED_OF_TABLES = "expected a text or a list of chat messages"
CHAT_AS_TEXT = re.compile(r"""\s*\[\s*\{\s*["'](?:role|content)["']\s*:""")
"""How chat messages begin that were written into one text, as JSON or as Python prints them."""


class SourcePrompt(TypedDict):
    """A row of prompts.parquet before its split is known."""

    prompt_id: str
    messages: Messages
    source: str
    set_aside: str | None
    reference: str | None
    guidelines: str | None
    tags: list[str] | None


def prompt_row(
    value: Any,
    where: str,
    origin: str,
    source: SourceConfig,
    expected: str = EXPECTED_OF_TABLES,
    unread: set[str] | None = None,
) -> SourcePrompt:
    """The row of a text, of chat messages, or of a mapping that has them.

    `where` is the place that a fault is reported at, `origin` the row's source column; names in the
    mapping that nobody reads are added to `unread`. Raises UserError.
    """
    columns = value if isinstance(value, dict) else {}
    if isinstance(value, dict):
        name = _prompt_name(value, where, source.column, expected)
        others = unread_names(where, columns, name, source.ignore, columns)
        if unread is not None:
            unread |= others
        value = _prompt_of(value[name], where)
    try:
        messages = prompt_turns(value)
    except ValueError as error:
        raise UserError(f"{where}: {error}; expected a prompt as messages or plain text") from error
    if fault := prompt_fault(messages):
        raise UserError(f"{where}: {fault}; {expected}")
    for name in JUDGE_COLUMNS:
        text = columns.get(name)
        if text is not None and (not isinstance(text, str) or text_fault(text)):
            raise UserError(f"{where}: {name} is not a text that can be kept")
    for turn in messages:
        check_turn(where, turn)
    turns = [{"role": turn["role"], "content": turn["content"]} for turn in messages]
    if source.system is not None and turns[0]["role"] != "system":
        turns = [{"role": "system", "content": source.system}, *turns]
    return {
        "prompt_id": prompt_id(turns),
        "messages": turns,
        "source": origin,
        "set_aside": None,
        "reference": columns.get("reference"),
        "guidelines": columns.get("guidelines"),
        "tags": _tags(columns.get("tags"), where, source),
    }


def _prompt_name(value: dict[str, Any], where: str, column: str | None, expected: str) -> str:
    """The name under which the prompt stands."""
    if column is not None and column not in value:
        raise UserError(f"{where}: no {column!r} (there are {', '.join(value)}); correct `column`")
    name = column or next((name for name in PROMPT_COLUMNS if name in value), None)
    if name is None:
        raise UserError(f"{where}: {missing_prompt(value)}; {expected}")
    return name


def _prompt_of(prompt: Any, where: str) -> Any:
    if isinstance(prompt, str) and CHAT_AS_TEXT.match(prompt):
        raise UserError(
            f"{where}: chat messages written as a text; expected a list of them, which JSONL and "
            "parquet can hold"
        )
    return prompt


def _tags(given: Any, where: str, source: SourceConfig) -> list[str] | None:
    listed = [] if given is None else given
    if not isinstance(listed, list) or not all(isinstance(tag, str) for tag in listed):
        raise UserError(f"{where}: tags is no list of texts")
    if any(text_fault(tag) or not tag.strip() for tag in listed):
        raise UserError(f"{where}: a tag is empty or not a text that can be kept")
    return sorted({*listed, *source.tags}) or None
