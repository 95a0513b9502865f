"""Prompts from a Jinja template filled with lists of values."""

import json
from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import Any

from jinja2 import StrictUndefined, TemplateError, meta
from jinja2.sandbox import SandboxedEnvironment

from rounds.errors import UserError
from rounds.ids import digest
from sampler.dealing.sources.config import SourceConfig
from sampler.dealing.sources.files import Values, find_file, read_lines


def template_values(source: SourceConfig, key: str) -> Values:
    """One text for each combination of the values, or for `sample` of them.

    The order of the lists changes nothing. Templates run in a sandbox. Raises UserError for a
    template that is none, and for a variable without values or values without a variable.
    """
    text = _text(str(source.template), f"{key}.template")
    environment = SandboxedEnvironment(undefined=StrictUndefined)
    # sources are read several times and must say the same each time
    del environment.filters["random"], environment.globals["lipsum"]
    try:
        used = meta.find_undeclared_variables(environment.parse(text))
        template = environment.from_string(text)
    except TemplateError as error:
        raise UserError(f"{key}.template: not a Jinja template ({error.message})") from error
    _check_variables(used, set(source.over), key)
    names = sorted(source.over)
    values = [_values(source.over[name], f"{key}.over.{name}") for name in names]
    for number, chosen in enumerate(_combinations(values, source.sample), start=1):
        try:
            yield number, template.render(dict(zip(names, chosen, strict=True)))
        except Exception as error:  # a filter or an operation that this value does not take
            shown = json.dumps(dict(zip(names, chosen, strict=True)), default=str)
            raise UserError(f"{key}.template: {error}, with {shown}") from error


def _text(template: str, key: str) -> str:
    if "{{" in template or "{%" in template:
        return template
    path = find_file(template, key)
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{key}: {path} is not UTF-8 text ({error.reason})") from error


def _check_variables(used: set[str], given: set[str], key: str) -> None:
    if missing := sorted(used - given):
        raise UserError(f"{key}.over: the template has {{{{ {missing[0]} }}}}, over has no values")
    if unused := sorted(given - used):
        raise UserError(f"{key}.over.{unused[0]}: the template has no {{{{ {unused[0]} }}}}")


def _values(given: str | list[Any], key: str) -> list[Any]:
    """The distinct values in an order that follows from what they are."""
    listed = read_lines(given, key) if isinstance(given, str) else given
    return [value for _, value in sorted({digest(value): value for value in listed}.items())]


def _combinations(values: Sequence[list[Any]], sample: int | None) -> Iterator[tuple[Any, ...]]:
    """All of them, or `sample` distinct ones by hash, however many there are."""
    total = prod(map(len, values))
    if sample is None or sample >= total:
        yield from product(*values)
    elif sample <= total // 2:
        yield from (_combination(values, place) for place in _distinct_numbers(sample, total))
    else:  # the last of nearly all would be drawn again and again: draw those that stay out
        out = _distinct_numbers(total - sample, total)
        yield from (_combination(values, place) for place in range(total) if place not in out)


def _distinct_numbers(count: int, total: int) -> dict[int, None]:
    """So many distinct numbers below `total` by hash, in the order of drawing."""
    numbers: dict[int, None] = {}
    turn = 0
    while len(numbers) < count:
        numbers[int(digest("combination", turn), 16) % total] = None
        turn += 1
    return numbers


def _combination(values: Sequence[list[Any]], place: int) -> tuple[Any, ...]:
    chosen = []
    for choices in values:
        place, index = divmod(place, len(choices))
        chosen.append(choices[index])
    return tuple(chosen)
