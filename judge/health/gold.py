"""The gold set: labelled pairs that say how often the judge is right."""

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from judge.health.gold_lines import EXPECTED, has_lines, read_line, sides
from judge.health.reliability import Case, gold_measures, smallest_threshold
from preferences.config import Data
from preferences.preference import Preference, Undecided
from preferences.read import read_preferences
from rounds.errors import UserError
from rounds.ids import digest
from rounds.rows import written_candidate
from rounds.settings import locate
from rounds.tables import Row, by_prompt


class GoldPair(NamedTuple):
    """Two answers to a prompt (chat messages) and which is better: a, b, or tie."""

    prompt: list[dict[str, str]]
    a: str
    b: str
    label: str
    reference: str | None = None
    guidelines: str | None = None


def read_gold(source: Data | str, key: str) -> list[GoldPair]:
    """The distinct pairs of a gold set; a pair that stands there twice counts once.

    `key` is the config key that named it. Raises UserError naming file and line or row.
    """
    source = Data.model_validate(source)
    path = locate(source.data)
    alone = source.config is None and source.split is None and source.prefer is None
    if path.is_file() and alone and has_lines(path):
        pairs = _from_lines(path, source, key)
    else:
        pairs = [GoldPair(**found) for found in public_pairs(source, key)]
    if source.limit is not None:
        pairs = sorted(pairs, key=_pair_id)[: source.limit]
    return pairs


def _from_lines(path: Path, source: Data, key: str) -> list[GoldPair]:
    """The pairs of a JSONL file in the gold set's own form."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{key}: {path} is not UTF-8 text ({error.reason})") from error
    found: dict[str, tuple[GoldPair, int]] = {}
    # not splitlines: U+2028 and its like may stand inside a JSON string
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            pair = GoldPair(**read_line(line))
        except ValueError as error:
            if source.skip_malformed:
                continue
            raise UserError(f"{where}: {error}; {EXPECTED}") from error
        name = digest(pair.prompt, *sorted((pair.a, pair.b)))
        first, line_before = found.setdefault(name, (pair, number))
        if _winner(first) != _winner(pair):
            raise UserError(
                f"{where}: the same pair is labelled otherwise in line {line_before}; "
                "expected one label for it, or tie"
            )
    if not found:
        raise UserError(f"{key}: {path} holds no pairs; {EXPECTED} on each line")
    return [pair for pair, _ in found.values()]


def gold_rows(pairs: list[GoldPair]) -> tuple[list[Row], list[Row]]:
    """Prompt rows, one for each pair in order, and candidate rows: each pair's a, then its b.

    The id of a gold prompt is that of its pair: a prompt with several pairs has several rows.
    """
    prompts, candidates = [], []
    for place, pair in enumerate(pairs, start=1):
        name = _pair_id(pair)
        prompts.append(
            {
                "prompt_id": name,
                "messages": pair.prompt,
                "source": f"gold:{place}",
                "split": "gold",
                "set_aside": None,
                "reference": pair.reference,
                "guidelines": pair.guidelines,
                "tags": None,
            }
        )
        candidates += [
            written_candidate(digest(name, "gold", index), name, "gold", index, text, "gold")
            for index, text in enumerate((pair.a, pair.b))
        ]
    return prompts, candidates


def measure_gold(pairs: list[GoldPair], rows: list[Row]) -> dict[str, Any]:
    """The judge's measures on the pairs that it was asked about (`reliability.gold_measures`)."""
    return gold_measures(_cases(pairs, rows))


def threshold_for(pairs: list[GoldPair], rows: list[Row], accuracy: float, min_n: int) -> float:
    """The smallest observed averaged probability at which the judge is right at `accuracy` or more.

    Of the pairs that it decides there, which must be `min_n` at least. A decided pair labelled tie
    is wrong. Raises UserError where probabilities are missing, where too few pairs are decided,
    or where no threshold reaches the accuracy.
    """
    return smallest_threshold(_cases(pairs, rows), accuracy, min_n)


def flip_rate(measures: dict[str, Any], min_n: int) -> float | None:
    """The share of wrong labels for the label_smoothing of TRL's robust loss (arXiv 2403.00409).

    1 - accuracy on the decided gold pairs, not beyond the 0.49 where the loss still has a
    direction. None where fewer than `min_n` were decided.
    """
    accuracy = measures["accuracy"]
    if accuracy["n"] < min_n:
        return None
    return min(0.49, 1.0 - float(accuracy["value"]))


def _winner(pair: GoldPair) -> str | None:
    """The better text: a and b may have changed places between two lines."""
    return {"a": pair.a, "b": pair.b}.get(pair.label)


def _pair_id(pair: GoldPair) -> str:
    return digest("gold", pair.prompt, pair.a, pair.b)


def _cases(pairs: list[GoldPair], rows: list[Row]) -> list[Case]:
    verdicts = by_prompt(rows)
    named = [(pair.label, verdicts.get(_pair_id(pair))) for pair in pairs]
    return [Case(label, found) for label, found in named if found]


def public_pairs(source: Data, key: str) -> list[dict[str, Any]]:
    """prompt (messages), a, b and label of the distinct pairs, ties included.

    Where several people labelled a pair, the label is the one that most of them gave, and a tie
    where none leads. Raises UserError as `read_preferences` does, and where there is no pair.
    """
    found: dict[str, dict[str, Any]] = {}
    labels: dict[str, Counter[str]] = {}
    for said in read_preferences(source, key).rows:
        if isinstance(said, Preference):
            a, b = sides(said.prompt, said.chosen, said.rejected)
            label = "a" if a == said.chosen else "b"
        elif isinstance(said, Undecided) and said.answers:
            a, b = sides(said.prompt, *said.answers)
            label = "tie"
        else:
            continue
        name = digest(said.prompt, a, b)
        found.setdefault(name, {"prompt": said.prompt, "a": a, "b": b})
        labels.setdefault(name, Counter())[label] += 1
    if not found:
        raise UserError(f"{key}: {source} holds no pair of two answers")
    return [pair | {"label": _most(labels[name])} for name, pair in found.items()]


def _most(labels: Counter[str]) -> str:
    (first, count), *others = labels.most_common()
    return "tie" if others and others[0][1] == count else first
