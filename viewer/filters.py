"""Which of a round's pairs are looked at, in which order: an address says it, DuckDB reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode

from rounds.errors import UserError
from viewer.tables import RoundTables

OUTCOMES = {
    "kept": "in_table = 'pairs'",
    "dropped": "in_table = 'dropped'",
    "undecided": "NOT decided",
}

SORTS = {
    "order": ("place", "as they came"),
    "margin": ("margin NULLS LAST, place", "smallest margin first"),
    "-margin": ("margin DESC NULLS LAST, place", "widest margin first"),
    "probability": ("probability NULLS LAST, place", "least sure first"),
    "-probability": ("probability DESC NULLS LAST, place", "surest first"),
    "length": ("chosen_tokens NULLS LAST, place", "shortest chosen first"),
    "-length": ("chosen_tokens DESC NULLS LAST, place", "longest chosen first"),
    "gap": ("chosen_tokens - rejected_tokens NULLS LAST, place", "chosen shorter than rejected"),
    "-gap": (
        "chosen_tokens - rejected_tokens DESC NULLS LAST, place",
        "chosen longer than rejected",
    ),
}
"""Orders by name (a minus turns one round): as SQL, and in words."""

Condition = tuple[str, list[Any]]


@dataclass(frozen=True)
class PairFilter:
    """Every field that is not None narrows the list; lengths are tokens of the chosen answer.

    `text` is looked for in the prompt and in both answers, in any case unless it has a capital.
    """

    outcome: str | None = None
    reason: str | None = None
    judge: str | None = None
    source: str | None = None
    tag: str | None = None
    flipped: bool | None = None
    abstained: bool | None = None
    margin_from: float | None = None
    margin_to: float | None = None
    length_from: float | None = None
    length_to: float | None = None
    text: str | None = None
    sort: str = "order"

    def query(self, **changed: Any) -> str:
        """The part of an address that says this filter, some fields changed; empty for all."""
        other = replace(self, **changed)
        given = {
            field.name: value
            for field in fields(other)
            if (value := getattr(other, field.name)) != field.default
        }
        return urlencode(
            {
                name: int(value) if isinstance(value, bool) else value
                for name, value in given.items()
            }
        )

    def where(self, tables: RoundTables) -> Condition:
        """A condition on the rows of `listed`, and the values of its question marks."""
        parts: list[Condition] = []
        if self.outcome:
            parts.append((OUTCOMES[self.outcome], []))
        for column, value in (("reason", self.reason), ("judge_id", self.judge)):
            if value is not None:
                parts.append((f"{column} = ?", [value]))
        if self.source is not None:
            parts.append(("(chosen_source = ? OR rejected_source = ?)", [self.source, self.source]))
        if self.tag is not None:
            parts.append(("list_contains(tags, ?)", [self.tag]))
        for column, flag in (("flipped", self.flipped), ("abstained", self.abstained)):
            if flag is not None:
                parts.append((column if flag else f"NOT {column}", []))
        for column, sign, bound in (
            ("margin", ">=", self.margin_from),
            ("margin", "<=", self.margin_to),
            ("chosen_tokens", ">=", self.length_from),
            ("chosen_tokens", "<=", self.length_to),
        ):
            if bound is not None:
                parts.append((f"{column} {sign} ?", [bound]))
        if self.text is not None:
            found = tables.with_text(self.text)
            rows = f"(SELECT in_table, file_row_number FROM {found})"
            parts.append((f"(in_table, file_row_number) IN {rows}", []))
        return (
            " AND ".join(part for part, _ in parts) or "true",
            [value for _, values in parts for value in values],
        )

    def order(self) -> str:
        """What the rows of `listed` are ordered by."""
        return SORTS[self.sort][0]


def read_filter(given: Mapping[str, str]) -> PairFilter:
    """The filter that an address says; empty fields say nothing, other names are left alone.

    Raises UserError for a value that is none of its field's.
    """
    found, faults = as_far_as_read(given)
    if faults:
        raise UserError("; ".join(faults))
    return found


def as_far_as_read(given: Mapping[str, str]) -> tuple[PairFilter, list[str]]:
    """The filter of the fields that can be read, and what is wrong with the others."""
    values: dict[str, Any] = {}
    faults = []
    for field in fields(PairFilter):
        said = given.get(field.name, "")
        if said.strip():
            try:
                values[field.name] = _value(field.name, said)
            except UserError as error:
                faults.append(str(error))
    return PairFilter(**values), faults


def _value(name: str, said: str) -> Any:
    choices: dict[str, Mapping[str, Any]] = {"outcome": OUTCOMES, "sort": SORTS}
    known = choices.get(name)
    if known is not None and said not in known:
        raise UserError(f"{name}={said}: expected one of {', '.join(known)}")
    if name in ("flipped", "abstained"):
        if said not in ("0", "1"):
            raise UserError(f"{name}={said}: expected 0 or 1")
        return said == "1"
    if name.endswith(("_from", "_to")):
        try:
            return float(said.strip())
        except ValueError:
            raise UserError(f"{name}={said}: expected a number") from None
    return said
