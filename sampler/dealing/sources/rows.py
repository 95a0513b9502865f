"""One value of a source to a row of prompts.parquet."""

from typing import Any, TypedDict

from preferences.asked import asked, prompt_column
from preferences.nearest import likely_prompt
from preferences.turns import turns_of
from rounds.errors import UserError
from rounds.ids import prompt_id
from rounds.rows import Messages
from sampler.dealing.sources.columns import JUDGE_COLUMNS, READ, missing_prompt, unread_names
from sampler.dealing.sources.config import SourceConfig
from texts.messages import prompt_fault, text_fault

EXPECTED = 'expected a JSON string, or {"prompt": ...} with a string or a list of chat messages'
EXPECTED_OF_TABLES = "expected a text or a list of chat messages"


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
    columns = {}
    if isinstance(value, dict):
        columns = {name: one for name, one in value.items() if name not in source.ignore}
        name = _prompt_name(columns, where, source.column, expected)
        others = unread_names(where, columns, name)
        if unread is not None:
            unread |= others
    try:
        turns = asked(columns, name) if columns else turns_of(value)
    except ValueError as error:
        raise UserError(f"{where}: {error}; {expected}") from error
    if fault := prompt_fault(turns):
        raise UserError(f"{where}: {fault}; {expected}")
    for judged in JUDGE_COLUMNS:
        text = columns.get(judged)
        if text is not None and (not isinstance(text, str) or text_fault(text)):
            raise UserError(f"{where}: {judged} is not a text that can be kept")
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
    try:
        name = column or prompt_column(value)
    except ValueError as error:
        raise UserError(f"{where}: {error}; name it under `column`") from error
    if name is None and "prompt" not in value:
        likely = likely_prompt(value, READ)
        hint = f"; if {likely} is it, column: {likely}" if likely else ""
        raise UserError(f"{where}: {missing_prompt(value)}{hint}; {expected}")
    return name or "prompt"


def _tags(given: Any, where: str, source: SourceConfig) -> list[str] | None:
    listed = [] if given is None else given
    if not isinstance(listed, list) or not all(isinstance(tag, str) for tag in listed):
        raise UserError(f"{where}: tags is no list of texts")
    if any(text_fault(tag) or not tag.strip() for tag in listed):
        raise UserError(f"{where}: a tag is empty or not a text that can be kept")
    return sorted({*listed, *source.tags}) or None
