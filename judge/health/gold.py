"""The gold set: labelled pairs that say how often the judge is right."""

from collections import Counter
from typing import Any

from judge.asking.questions import ORDERS
from judge.health.config import FromGold
from judge.health.gold_labels import read_labelled
from judge.health.gold_lines import GoldPair, assign_sides, is_in_own_form, read_gold_lines
from judge.health.thresholds import threshold
from preferences.config import Data
from preferences.preference import Preference, Undecided
from preferences.read import read_preferences
from rounds.errors import UserError
from rounds.ids import digest
from rounds.reliability import Case, gold_measures
from rounds.rows import Candidate, Prompt, Verdict, written_candidate
from rounds.settings import locate
from rounds.tables import by_prompt
from rounds.verdicts import settle


def read_gold(source: Data | str, key: str) -> list[GoldPair]:
    """The distinct pairs of a gold set; a pair that stands there twice counts once.

    `key` is the config key that named it. Raises UserError naming file and line or row.
    """
    source = Data.model_validate(source)
    path = locate(source.data)
    data_alone = source.config is None and source.split is None and source.prefer is None
    if (labelled := read_labelled(source)) is not None:
        pairs = labelled.pairs
        if not pairs:
            raise UserError(f"{key}: {path} holds no pair that people decided; {labelled.told}")
    elif path.is_file() and data_alone and is_in_own_form(path, source):
        pairs = read_gold_lines(path, source, key)
    else:
        pairs = _public_pairs(source, key)
    if source.limit is not None:
        pairs = sorted(pairs, key=_pair_id)[: source.limit]
    return pairs


def gold_rows(pairs: list[GoldPair]) -> tuple[list[Prompt], list[Candidate]]:
    """Prompt rows, one for each pair in order, and candidate rows: each pair's a, then its b.

    The id of a gold prompt is that of its pair: a prompt with several pairs has several rows.
    """
    prompts: list[Prompt] = []
    candidates: list[Candidate] = []
    for place, pair in enumerate(pairs, start=1):
        prompt_id = _pair_id(pair)
        prompts.append(
            {
                "prompt_id": prompt_id,
                "messages": pair.prompt,
                "source": f"gold:{place}",
                "split": "gold",
                "set_aside": None,
                "reference": pair.reference,
                "guidelines": pair.guidelines,
                "tags": None,
            }
        )
        for index, text in enumerate((pair.a, pair.b)):
            name = digest(prompt_id, "gold", index)
            candidates.append(written_candidate(name, prompt_id, "gold", index, text, "gold"))
    return prompts, candidates


def most_gold_calls(pairs: int) -> int:
    """Calls that so many pairs take of each endpoint of the jury at most: a prompt of `gold_rows`
    is one comparison."""
    return pairs * len(ORDERS)


def measure_gold(pairs: list[GoldPair], verdicts: list[Verdict]) -> dict[str, Any]:
    """The judge's measures on the pairs that it was asked about (`reliability.gold_measures`)."""
    return gold_measures(_cases(pairs, verdicts))


def outcomes_on(pairs: list[GoldPair], verdicts: list[Verdict]) -> list[str]:
    """The outcome of each pair in order: a, b, tie or abstain, which is also what was not asked."""
    verdicts_on = by_prompt(verdicts)
    judged = (verdicts_on.get(_pair_id(pair)) for pair in pairs)
    return [settle(rows).outcome if rows else "abstain" for rows in judged]


def decided_rightly(pairs: list[GoldPair], outcomes: list[str]) -> list[bool | None]:
    """Whether the outcome of each pair is its label; None where it is decided for neither side."""
    known = zip(pairs, outcomes, strict=True)
    return [outcome == pair.label if outcome in ("a", "b") else None for pair, outcome in known]


def threshold_for(
    pairs: list[GoldPair], verdicts: list[Verdict], wanted: FromGold, min_n: int
) -> float:
    """The smallest observed averaged probability at which the judge is right as often as wanted.

    Of the pairs that it decides there, which must be `min_n` at least. A decided pair labelled tie
    is wrong. Raises UserError where probabilities are missing, where too few pairs are decided,
    or where no threshold reaches the accuracy.
    """
    return threshold(_cases(pairs, verdicts), wanted, min_n)


def flip_rate(measures: dict[str, Any], min_n: int) -> float | None:
    """The share of wrong labels for the label_smoothing of TRL's robust loss (arXiv 2403.00409).

    1 - accuracy on the decided gold pairs, not beyond the 0.49 where the loss still has a
    direction. None where fewer than `min_n` were decided.
    """
    accuracy = measures["accuracy"]
    if accuracy["n"] < min_n:
        return None
    return min(0.49, 1.0 - float(accuracy["value"]))


def _public_pairs(source: Data, key: str) -> list[GoldPair]:
    """The distinct pairs of preference data in any known shape, ties included.

    Where several people labelled a pair, the label is the one that most of them gave, and a tie
    where none leads. Raises UserError as `read_preferences` does, and where there is no pair.
    """
    pairs: dict[str, GoldPair] = {}
    labels: dict[str, Counter[str]] = {}
    for row in read_preferences(source, key).rows:
        if isinstance(row, Preference):
            a, b = assign_sides(row.prompt, row.chosen, row.rejected)
            label = "a" if a == row.chosen else "b"
        elif isinstance(row, Undecided) and row.answers:
            a, b = assign_sides(row.prompt, *row.answers)
            label = "tie"
        else:
            continue
        name = digest(row.prompt, a, b)
        beside = row.reference, row.guidelines
        pairs.setdefault(name, GoldPair(row.prompt, a, b, label, *beside))
        labels.setdefault(name, Counter())[label] += 1
    if not pairs:
        raise UserError(f"{key}: {source} holds no pair of two answers")
    return [pair._replace(label=_most_given(labels[name])) for name, pair in pairs.items()]


def _most_given(labels: Counter[str]) -> str:
    (first, count), *others = labels.most_common()
    return "tie" if others and others[0][1] == count else first


def _pair_id(pair: GoldPair) -> str:
    return digest("gold", pair.prompt, pair.a, pair.b)


def _cases(pairs: list[GoldPair], verdicts: list[Verdict]) -> list[Case]:
    verdicts_on = by_prompt(verdicts)
    judged = [(pair.label, verdicts_on.get(_pair_id(pair))) for pair in pairs]
    return [Case(label, rows) for label, rows in judged if rows]
