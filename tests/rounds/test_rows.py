"""The types of rows say what the schema says, and what is written and read back."""

from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rounds.rows import (
    CANDIDATES,
    DROPPED,
    EXTRA,
    PAIRS,
    PROMPTS,
    SUITES,
    VERDICTS,
    Candidate,
    Criterion,
    DroppedPair,
    ExtraPair,
    Messages,
    Pair,
    Prompt,
    SuiteAnswer,
    Verdict,
    written_candidate,
)
from rounds.schema import CRITERIA, MESSAGES, OPTIONAL, TABLES, arrow_schema
from rounds.tables import read_rows, write_rows

TYPES = {
    PROMPTS: Prompt,
    CANDIDATES: Candidate,
    VERDICTS: Verdict,
    PAIRS: Pair,
    DROPPED: DroppedPair,
    EXTRA: ExtraPair,
    SUITES: SuiteAnswer,
}


def of_arrow(type_: pa.DataType) -> Any:
    """The type of a column's values in Python."""
    if type_ == MESSAGES:
        return Messages
    if type_ == CRITERIA:
        return list[Criterion]
    if pa.types.is_list(type_):
        return list[of_arrow(type_.value_type)]
    if pa.types.is_string(type_):
        return str
    if type_ in (pa.int32(), pa.int64()):
        return int
    if pa.types.is_boolean(type_):
        return bool
    assert type_ == pa.float64()
    return float


def without_none(hint: Any) -> Any:
    """`str` of `str | None`."""
    if get_origin(hint) is not UnionType:
        return hint
    (rest,) = (part for part in get_args(hint) if part is not NoneType)
    return rest


def test_every_table_has_a_type():
    assert {*TYPES} == {*TABLES, *OPTIONAL}


@pytest.mark.parametrize("table", TYPES)
def test_a_type_has_the_columns_of_its_table_in_their_order_and_types(table: str):
    hints = get_type_hints(TYPES[table])
    schema = arrow_schema(table)
    assert list(hints) == schema.names
    assert {name: without_none(hint) for name, hint in hints.items()} == {
        field.name: of_arrow(field.type) for field in schema
    }


def test_a_criterion_has_the_fields_of_the_schema():
    fields = {field.name: of_arrow(field.type) for field in CRITERIA.value_type}
    assert get_type_hints(Criterion) == fields


def fits(value: object, hint: Any) -> bool:
    """Whether a value that was read is of its hint's type, to the innermost."""
    if get_origin(hint) is UnionType:
        return any(fits(value, part) for part in get_args(hint))
    if get_origin(hint) is list:
        return isinstance(value, list) and all(fits(item, *get_args(hint)) for item in value)
    if get_origin(hint) is dict:
        key, of = get_args(hint)
        return isinstance(value, dict) and all(
            fits(name, key) and fits(item, of) for name, item in value.items()
        )
    if hint is Criterion:
        hints = get_type_hints(Criterion)
        return (
            isinstance(value, dict)
            and {*value} == {*hints}
            and all(fits(value[name], hints[name]) for name in hints)
        )
    return type(value) is hint


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
MESSAGE = st.fixed_dictionaries({"role": TEXT, "content": TEXT})


def values(hint: Any, type_: pa.DataType) -> st.SearchStrategy[Any]:
    """Values of a hint that fit the column's width."""
    if get_origin(hint) is UnionType:
        return st.none() | values(without_none(hint), type_)
    if hint == Messages:
        return st.lists(MESSAGE, max_size=2)
    if hint == list[Criterion]:
        criterion = {"name": TEXT, "value": st.floats(allow_nan=False)}
        return st.lists(st.fixed_dictionaries(criterion), max_size=2)
    if get_origin(hint) is list:
        return st.lists(values(*get_args(hint), type_.value_type), max_size=3)
    if hint is int:
        bits = type_.bit_width - 1
        return st.integers(-(2**bits), 2**bits - 1)
    return {str: TEXT, bool: st.booleans(), float: st.floats(allow_nan=False)}[hint]


@pytest.mark.parametrize("table", TYPES)
def test_rows_that_are_written_and_read_back_are_of_their_type(table, tmp_path_factory):
    hints, schema = get_type_hints(TYPES[table]), arrow_schema(table)
    row = st.fixed_dictionaries(
        {name: values(hint, schema.field(name).type) for name, hint in hints.items()}
    )

    @settings(max_examples=20)
    @given(st.lists(row, max_size=3))
    def back(rows: list[Any]) -> None:
        folder = tmp_path_factory.mktemp("rows")
        write_rows(folder, table, rows)
        read = read_rows(folder, table)
        assert read == rows
        for one in read:
            assert list(one) == list(hints)
            assert not [name for name, hint in hints.items() if not fits(one[name], hint)]

    back()


def test_a_written_candidate_is_a_row_of_its_table(tmp_path):
    row = written_candidate("c", "p", "gold", 0, "text", "gold")
    write_rows(tmp_path, CANDIDATES, [row])
    assert read_rows(tmp_path, CANDIDATES) == [row]
    hints = get_type_hints(Candidate)
    assert all(fits(row[name], hint) for name, hint in hints.items())
