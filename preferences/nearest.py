"""What to say of preference data in no known shape: the one change that would make it readable."""

from collections.abc import Collection

from preferences.columns import are, is_empty, unread_columns, words_of
from preferences.config import Data
from preferences.fits import asks, is_list_of, is_side, is_text
from preferences.guesses import SHAPES_WANTED, UNKNOWN, Guess, guess
from preferences.preference import RawRow
from preferences.shapes import SHAPES
from preferences.turns import is_rendered

SIDES = (
    ("chosen", "rejected"),
    ("chosen_response", "rejected_response"),
    ("response_j", "response_k"),
)
LIKELY = (
    *("prompt", "question", "query", "instruction", "input", "request", "problem", "context"),
    *("conversation", "messages", "trajectory", "text"),
)
"""Words in the name of a column that is likely to be the prompt, the likeliest first."""


def what_is_missing(row: RawRow, source: Data, key: str) -> str:
    """The rest of a sentence that begins with the source. `row` is a specimen."""
    sides = next((both for both in SIDES if all(is_side(row.get(side)) for side in both)), None)
    if sides and not all(isinstance(row[side], list) for side in sides):
        return _without_prompt(row, sides, source, key)
    told = f"has the columns {', '.join(row)}, and is of no known shape"
    near = max(SHAPES, key=lambda name: _share(row, SHAPES[name].reads))
    guessed = guess(row)
    if guessed and guessed.found >= _share(row, SHAPES[near].reads):
        return f"{told}; {_guessed(guessed, row, source, key)}"
    shape = SHAPES[near]
    if not _share(row, shape.reads):
        return f"{told}; the plainest is {SHAPES['trl_standard'].columns}"
    told = f"{told}; the nearest is {near}: {shape.columns}"
    missing = next((name for name in shape.reads if is_empty(row.get(name))), None)
    if missing is None:
        return f"{told}; one of these columns holds something else"
    line = long_form(source, key, columns={missing: UNKNOWN})
    return f"{told}; {missing} is not there. Where it has another name: {line}"


def _guessed(guessed: Guess, row: RawRow, source: Data, key: str) -> str:
    """What is said of a likely shape: what is not there, the names to give, or what holds else."""
    told = f"the nearest is {guessed.shape}: {SHAPES[guessed.shape].columns}"
    columns = dict(guessed.columns)
    if not asks(row):
        columns["prompt"] = likely_prompt(row, tuple(columns.values())) or UNKNOWN
    missing = [name for name, their in columns.items() if their == UNKNOWN]
    if not columns:
        wanted = SHAPES_WANTED.get(guessed.shape, {})
        for name in sorted(wanted):
            if name in row and not wanted[name].holds(row[name]):
                kind = "a list of texts" if is_list_of(row[name], is_text) else "something else"
                return f"{told}; {name} holds {kind}"
        return f"{told}; one of these columns holds something else"
    line = long_form(source, key, columns=columns)
    if missing:
        return f"{told}; {are(missing)} not there. Where it has another name: {line}"
    return f"{told}. If that is what they are: {line}"


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


def _yaml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {text}" for name, text in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
