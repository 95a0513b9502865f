"""What people say of a comparison, from all the labels that stand on it."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from rounds.kappa import TURNED
from rounds.labels import Label, standing_labels
from rounds.verdicts import CandidateIds


class Opinion(NamedTuple):
    """Of one comparison (candidate_a, candidate_b of `label`, the first on it): a, b or tie.

    `outcome` is what more than half of those who answered say; None where people contradict each
    other, or all skipped it. `by` are those who answered, by the lines `label_ids`.
    """

    label: Label
    outcome: str | None
    by: list[str]
    label_ids: list[str]

    @property
    def contradicted(self) -> bool:
        """Whether it was answered in ways of which none has a majority."""
        return self.outcome is None and bool(self.by)


def opinions(labels: Iterable[Label]) -> dict[frozenset[str], Opinion]:
    """What people say of each comparison, by the ids of its two candidates, in order.

    Of each person the last label counts; two that are both bad are a tie.
    """
    votes: dict[frozenset[str], list[Label]] = {}
    for label in standing_labels(labels):
        ids = frozenset((label["candidate_a"], label["candidate_b"]))
        votes.setdefault(ids, []).append(label)
    return {ids: _majority(on) for ids, on in votes.items()}


def outcome_for(opinion: Opinion, compared: CandidateIds) -> str | None:
    """The outcome with the two candidates called as `compared` calls them."""
    if opinion.outcome is None or opinion.label["candidate_a"] == compared[0]:
        return opinion.outcome
    return TURNED[opinion.outcome]


def _majority(labels: list[Label]) -> Opinion:
    first = labels[0]
    given = [(label, said) for label in labels if (said := _said(label, first)) is not None]
    counts = Counter(said for _, said in given)
    most = [said for said, n in counts.items() if 2 * n > len(given)]
    answered = [label for label, _ in given]
    return Opinion(
        first,
        most[0] if most else None,
        [label["by"] for label in answered],
        [label["label_id"] for label in answered],
    )


def _said(label: Label, first: Label) -> str | None:
    """The outcome in the names of `first`; None where it was skipped."""
    said = {"both_bad": "tie", "skip": None}.get(label["verdict"], label["verdict"])
    if said is None or label["candidate_a"] == first["candidate_a"]:
        return said
    return TURNED[said]
