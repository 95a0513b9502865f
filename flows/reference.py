"""docs/reference.md and docs/columns.md, made of the config tree and the schema of the tables.

python -P -m flows.reference      write them anew, after a key or a column has changed
"""

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from textwrap import dedent
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from flows.config import Config
from rounds import schema
from rounds.files import write_text
from rounds.settings import PACKAGES, Section

WORDS: dict[Any, str] = {
    **{str: "text", int: "whole number", float: "number", bool: "true or false"},
    **{NoneType: "null", Any: "anything"},
}
BOUNDS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}

HEAD = """\
# Every key of the config

Made by `python -P -m flows.reference` from the code that reads a config; a test fails where this
page is another. What belongs together, and what paths and names of functions mean, is in
[config.md](config.md). Arguments under `sampler.vllm`, `sampler.sampling`, `trainer.args`,
`trainer.lora` and `serve.args` are those of vLLM, TRL and peft, by their own names.
"""

COLUMNS = """\
# Every column of the tables

Made by `python -P -m flows.reference` from `rounds/schema.py`; a test fails where this page is
another. What else lies in a run's folder is in [files.md](files.md). A column that is not marked
`differs` is equal between two runs of the same config and seed on the same machine.
"""


def reference() -> str:
    """Every key of the config: what it takes, its default and its meaning."""
    return HEAD + "".join(_sections(Config, "", {}))


def columns() -> str:
    """Every column of every table."""
    parts = [COLUMNS]
    for table, described in {**schema.TABLES, **schema.OPTIONAL}.items():
        rows = [
            (f"`{one.name}`", f"`{one.type}`", "" if one.deterministic else "differs", one.meaning)
            for one in described
        ]
        parts.append(f"\n## {table}.parquet\n\n" + _table(("column", "type", "", "meaning"), rows))
    return "".join(parts)


def meanings(section: type[Section]) -> dict[str, str]:
    """The texts that stand below the fields of a section, by the field's name."""
    (tree,) = ast.parse(dedent(inspect.getsource(section))).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for field, text in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                found[field.target.id] = " ".join(str(text.value.value).split())
    inherited = section.__bases__[0]
    own = inherited is not Section and issubclass(inherited, Section)
    return {**(meanings(inherited) if own else {}), **found}


def _sections(section: type[Section], path: str, seen: dict[type[Section], str]) -> Iterator[str]:
    """The part of a section, then those of the sections in it; each kind of section once."""
    seen[section] = path
    told, rows, below = meanings(section), [], []
    for name, field in section.model_fields.items():
        inner, where = _section_in(field.annotation), _path(path, name, field.annotation)
        meaning = told.get(name, "")
        if inner is not None:
            first = seen.get(inner, where)
            also = f"[{first}](#{_anchor(first)})"
            meaning = f"{meaning} " if meaning else f"{_first_sentence(inner)} "
            meaning += f"See {also}." if first == where else f"As {also}."
            if inner not in seen:
                below.append((inner, where))
                seen[inner] = where
        rows.append((f"`{name}`", _takes(field), _default(field), meaning))
    yield f"\n## {path or 'The run'}\n\n{' '.join((section.__doc__ or '').split())}\n\n"
    yield _table(("key", "takes", "default", "meaning"), rows)
    for inner, where in below:
        yield from _sections(inner, where, seen)


def _takes(field: FieldInfo) -> str:
    """What a key takes in words, its bounds before what it takes beside."""
    bounds = [
        f"{sign} {getattr(one, name):g}"
        for one in field.metadata
        for name, sign in BOUNDS.items()
        if getattr(one, name, None) is not None
    ]
    kind, separator, rest = _words(field.annotation).partition(" or ")
    return " ".join(filter(None, [kind, ", ".join(bounds), separator.strip(), rest]))


def _words(annotation: Any) -> str:
    """A type in words."""
    kind, inside = get_origin(annotation), get_args(annotation)
    if kind is Annotated:
        return _takes(FieldInfo.from_annotation(annotation))
    if kind in (Union, UnionType):
        return " or ".join(dict.fromkeys(map(_words, inside)))
    if kind is Literal:
        return ", ".join(f"`{value}`" for value in inside)
    if kind is list:
        return f"list of: {_words(inside[0])}"
    if kind is dict:
        return f"name to {_words(inside[1])}"
    if kind is tuple:
        return f"[{', '.join(map(_words, inside))}]"
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return "section"
    return WORDS.get(annotation, str(annotation))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined or isinstance(value, Section):
        return ""
    if isinstance(value, list) and any(isinstance(one, Section) for one in value):
        value = [str(one) for one in value]
    if isinstance(value, tuple):
        value = list(value)
    shown = yaml.safe_dump(value, default_flow_style=True, width=1000, sort_keys=False)
    return f"`{shown.removesuffix('...' + chr(10)).strip()}`"


def _section_in(annotation: Any) -> type[Section] | None:
    """The section inside of a type such as `Section | None` or `list[Section]`."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    found = (_section_in(inside) for inside in get_args(annotation))
    return next((one for one in found if one is not None), None)


def _path(path: str, name: str, annotation: Any) -> str:
    """The keys that lead to a section; an entry of a mapping is a NAME."""
    named = any(get_origin(one) is dict for one in (annotation, *get_args(annotation)))
    return ".".join(filter(None, [path, name, "NAME" if named else ""]))


def _first_sentence(section: type[Section]) -> str:
    return re.split(r"(?<=\.)\s", " ".join((section.__doc__ or "").split()))[0]


def _anchor(path: str) -> str:
    """Where GitHub and its like find a heading."""
    return re.sub(r"[^a-z0-9_-]", "", path.lower())


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    cells = ([cell.replace("|", r"\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def main() -> None:
    """Write the two pages into docs/ of this checkout."""
    write_text(PACKAGES / "docs" / "reference.md", reference())
    write_text(PACKAGES / "docs" / "columns.md", columns())


if __name__ == "__main__":
    main()
