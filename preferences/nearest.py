"""What to say of preference data in no known shape: the one change that would make it readable."""

from collections.abc import Collection

from preferences.asked import ASKED
from preferences.columns import is_empty, unread_columns, words_of
from preferences.config import Data
from preferences.fits import is_side
from preferences.preference import RawRow
from preferences.shapes import SHAPES
from preferences.turns import is_rendered

SIDES = (
    ("chosen", "rejected"),
    ("chosen_response", "rejected_response"),
    ("response_j", "response_k"),
)
LIKELY = ("prompt", "question", "query", "instruction", "input", "request", "problem", "context")
"""Words in the name of a column that is likely to be the prompt, the likeliest first."""

ALIKE = {
    "chosen": ("accepted", "preferred", "better", "positive", "good", "winning", "best", "win"),
    "rejected": ("refused", "dispreferred", "worse", "negative", "bad", "losing", "worst", "lose"),
    "completion": ("output", "answer", "text"),
}
"""Names that others have for a column."""


def what_is_missing(row: RawRow, source: Data, key: str) -> str:
    """The rest of a sentence that begins with the source. `row` is a specimen."""
    sides = next((both for both in SIDES if all(is_side(row.get(side)) for side in both)), None)
    if sides and not all(isinstance(row[side], list) for side in sides):
        return _without_prompt(row, sides, source, key)
    near = max(SHAPES, key=lambda name: _share(row, SHAPES[name].reads))
    shape = SHAPES[near]
    told = f"has the columns {', '.join(row)}, and is of no known shape"
    if not _share(row, shape.reads):
        return f"{told}; the plainest is {SHAPES['trl_standard'].columns}"
    told = f"{told}; the nearest is {near}: {shape.columns}"
    if guessed := _guessed(row, shape.reads):
        return f"{told}. If that is what they are: {long_form(source, key, columns=guessed)}"
    missing = next((name for name in shape.reads if is_empty(row.get(name))), None)
    if missing is None:
        return f"{told}; one of these columns holds something else"
    line = long_form(source, key, columns={missing: "..."})
    return f"{told}; {missing} is not there. Where it has another name: {line}"


def likely_prompt(row: RawRow, read: Collection[str]) -> str | None:
    """The column that is most likely the prompt, of those that are not `read`."""
    found = unread_columns(row, read)
    may_be = [name for name in (*found.asks, *found.unknown) if is_side(row[name])]
    return min(may_be, key=_likelihood, default=None)


def long_form(source: Data, key: str, **more: object) -> str:
    """A source as it is written in the config with more said of it, in one line."""
    said = {**source.model_dump(exclude_defaults=True), **more}
    parts = ", ".join(f"{name}: {_yaml(value)}" for name, value in said.items())
    return f"{key}: {{{parts}}}"


def _without_prompt(row: RawRow, sides: tuple[str, str], source: Data, key: str) -> str:
    likely = likely_prompt(row, sides)
    told = f"has {' and '.join(sides)}, and no column is the prompt"
    if likely is not None:
        line = long_form(source, key, columns={"prompt": likely})
        return f"{told}; {likely} is the likely one: {line}"
    if any(is_rendered(row[side]) for side in sides):
        return f"{told}; one side alone is a dialogue, and both must be"
    return (
        f"{told} (there are {', '.join(row)}); what two texts begin with is not taken for it: "
        "expected prompt, a text or chat messages, or the whole conversation on both sides"
    )


def _likelihood(name: str) -> tuple[int, str]:
    words = words_of(name)
    places = [place for place, word in enumerate(LIKELY) if word in words]
    return min(places, default=len(LIKELY)), name


def _share(row: RawRow, reads: tuple[str, ...]) -> float:
    return sum(not is_empty(row.get(name)) for name in reads) / len(reads)


def _guessed(row: RawRow, reads: tuple[str, ...]) -> dict[str, str]:
    """Columns that others have under names that are much like those that a shape reads."""
    free = [name for name in row if name not in reads and name not in ASKED]
    guesses = {}
    for wanted in reads:
        alike = [name for name in free if set(words_of(name)) & set(ALIKE.get(wanted, ()))]
        if wanted not in row and len(alike) == 1:
            guesses[wanted] = alike[0]
    return guesses


def _yaml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {text}" for name, text in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
