"""Reading prompt files, with the line of every fault."""

import json
from pathlib import Path

from rounds.errors import UserError
from rounds.ids import prompt_id
from rounds.messages import prompt_fault, text_fault
from rounds.shipped import locate
from rounds.tables import Row

EXPECTED = 'expected a JSON string, or {"prompt": ...} with a string or a list of chat messages'
BESIDE = ("reference", "guidelines")
"""What a line may say for the judge, beside the prompt."""


def read_prompts(reference: str, key: str) -> tuple[list[Row], int]:
    """The distinct prompts of a JSONL file, and how many lines repeated an earlier one.

    `key` is the config key that named the file. Raises UserError naming file and line.
    """
    path = locate(reference)
    if not path.is_file():
        raise UserError(f"{key}: no such file {path.resolve()}")
    found: dict[str, Row] = {}
    lines = 0
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{key}: {path} is not UTF-8 text ({error.reason})") from error
    # not splitlines: U+2028 and its like may stand inside a JSON string
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            lines += 1
            row = _row(line, path, number)
            found.setdefault(row["prompt_id"], row)
    if not found:
        raise UserError(f"{key}: {path} holds no prompts; {EXPECTED} on each line")
    return list(found.values()), lines - len(found)


def _row(line: str, path: Path, number: int) -> Row:
    where = f"{path}, line {number}"
    try:
        value = json.loads(line)
    except ValueError as error:
        raise UserError(f"{where}: not JSON ({error}); {EXPECTED}") from error
    beside = dict.fromkeys(BESIDE)
    if isinstance(value, dict):
        beside = {name: value.get(name) for name in BESIDE}
        value = value.get("prompt", value.get("messages"))
    messages = [{"role": "user", "content": value}] if isinstance(value, str) else value
    fault = prompt_fault(messages)
    if fault:
        raise UserError(f"{where}: {fault}; {EXPECTED}")
    for name, text in beside.items():
        if text is not None and (not isinstance(text, str) or text_fault(text)):
            raise UserError(f"{where}: {name} is not a text that can be kept")
    messages = [{"role": turn["role"], "content": turn["content"]} for turn in messages]
    return {
        "prompt_id": prompt_id(messages),
        "messages": messages,
        "source": f"{path.name}:{number}",
        "set_aside": None,
        **beside,
        "tags": None,
    }
