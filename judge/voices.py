"""Who judges, by name: an endpoint, `python:module:function`, or `human:FILE`."""

import inspect
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from judge.rows import Voice
from rounds.errors import UserError
from rounds.functions import load_function
from rounds.ids import text_hash
from rounds.tables import Row

PYTHON, HUMAN = "python:", "human:"
OUTCOMES = ("a", "b", "tie")


def is_endpoint(name: str) -> bool:
    """Whether a judge's name is that of an endpoint."""
    return not name.startswith((PYTHON, HUMAN))


def load_rule(where: str, name: str) -> Voice:
    """The voice behind a name that is no endpoint.

    Raises UserError where the function or the file is not there or is wrong.
    """
    if name.startswith(PYTHON):
        return _python(where, name)
    return _human(where, name)


def _python(where: str, name: str) -> Voice:
    function = load_function(where, name.removeprefix(PYTHON), PYTHON)
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        source = ""
    return Voice(f"{name}@{text_hash(source)}", None, _scorer(where, name, function))


def _scorer(where: str, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A rule from `function(prompt, answer)`, which gives a number, or None for no verdict."""

    def scored(prompt: Row, answer: Row) -> float | None:
        try:
            value = function(prompt, answer["text"])
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
            raise UserError(f"{where}: {name} failed ({fault})") from error
        if value is None:
            return None
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise UserError(f"{where}: {name} gave {value!r}, neither a number nor None")
        return float(value)

    def rule(prompt: Row, a: Row, b: Row | None) -> str | float | None:
        first = scored(prompt, a)
        if b is None or first is None:
            return first
        second = scored(prompt, b)
        if second is None:
            return None
        return "a" if first > second else "b" if second > first else "tie"

    return rule


def _human(where: str, name: str) -> Voice:
    path = Path(name.removeprefix(HUMAN)).expanduser()
    if not path.is_file():
        raise UserError(f"{where}: no such file {path.resolve()}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except ValueError as error:
        raise UserError(f"{where}: {path} is not text in UTF-8 ({error})") from None
    verdicts: dict[tuple[str, str], str] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            a, b, outcome = _human_line(f"{path}, line {number}", line)
            swapped = {"a": "b", "b": "a"}.get(outcome, outcome)
            if verdicts.get((a, b), outcome) != outcome:
                raise UserError(f"{path}, line {number}: contradicts an earlier line on the two")
            verdicts |= {(a, b): outcome, (b, a): swapped}

    def rule(prompt: Row, a: Row, b: Row | None) -> str | None:
        return verdicts.get((a["candidate_id"], b["candidate_id"])) if b else None

    return Voice(f"{name}@{text_hash(text)}", None, rule)


def _human_line(where: str, line: str) -> tuple[str, str, str]:
    try:
        row = json.loads(line)
        a, b, outcome = row["candidate_a"], row["candidate_b"], row["verdict"]
    except (ValueError, KeyError, TypeError, RecursionError):
        a = b = outcome = None
    if not (isinstance(a, str) and isinstance(b, str) and a != b and outcome in OUTCOMES):
        raise UserError(
            f'{where}: expected {{"candidate_a": id, "candidate_b": id, "verdict": ...}} with a, b '
            "or tie"
        )
    return a, b, outcome
