"""Held-out prompts that two policies have answered, and what the judge says of the two answers.

Where the two answers were also scored alone, by questions that they answer, what reverses the
scores is an abstention, as it is no pair.
"""

from typing import NamedTuple

from rounds.rows import Candidate, Prompt, Verdict
from rounds.verdicts import (
    CandidateIds,
    Settled,
    comparisons,
    reverses,
    screen_scores,
    settle,
    win_probability,
)

WIN, TIE, LOSS, ABSTAIN = "win", "tie", "loss", "abstain"
REVERSED = "screen_disagrees"
"""The reason of a contest whose verdicts contradict the scores."""
IDENTICAL = "identical"
"""The outcome where both answers are the same text: a tie that nobody was asked about."""

WORTH = {WIN: 1.0, TIE: 0.5, IDENTICAL: 0.5, LOSS: 0.0}
"""What a decided contest counts in a win rate."""


class Contest(NamedTuple):
    """One held-out prompt answered by the trained policy and by another.

    `outcome` is the trained policy's: win, tie, identical, loss or abstain. `verdicts` are the rows
    on the two answers, the trained policy's being a.
    """

    prompt: Prompt
    new: Candidate
    other: Candidate
    outcome: str
    verdicts: list[Verdict]
    reversed: bool = False
    """Whether the verdicts contradict the scores of the two."""

    @property
    def ids(self) -> CandidateIds:
        """The two candidates as the verdicts name them."""
        return self.new["candidate_id"], self.other["candidate_id"]

    @property
    def settled(self) -> Settled:
        """What the judge's verdicts amount to, a being the new policy's answer."""
        if not self.verdicts:
            return Settled("abstain", "not_judged", [], "")
        settled = settle(self.verdicts)
        if self.reversed:
            return settled._replace(outcome="abstain", reason=REVERSED)
        return settled

    @property
    def prediction(self) -> float:
        """What the judge expects of it: 1 won, 1/2 tied, 0 lost; where it abstained, the chance to
        win that its readable verdicts give."""
        if self.outcome in WORTH:
            return WORTH[self.outcome]
        return win_probability(self.verdicts) if self.verdicts and not self.reversed else 0.5


def contests_between(
    prompts: list[Prompt],
    candidates: list[Candidate],
    verdicts: list[Verdict],
    trained: str,
    other: str,
) -> list[Contest]:
    """The contests of one split between two policies, by id; a prompt that only one of them has
    answered is none.
    """
    answers = {(row["prompt_id"], row["policy_id"]): row for row in candidates}
    compared = comparisons(verdicts)
    scores = screen_scores(verdicts)
    found = []
    for prompt in prompts:
        new = answers.get((prompt["prompt_id"], trained))
        old = answers.get((prompt["prompt_id"], other))
        if new and old:
            rows = compared.get((new["candidate_id"], old["candidate_id"]), [])
            outcome = _outcome(new, old, rows)
            said = {WIN: "a", LOSS: "b"}.get(outcome)
            ids = new["candidate_id"], old["candidate_id"]
            turned = said is not None and reverses(scores, ids, said)
            found.append(Contest(prompt, new, old, ABSTAIN if turned else outcome, rows, turned))
    return found


def which_tie(new: Candidate, other: Candidate) -> str:
    """Which tie it is where neither answer is better."""
    return IDENTICAL if new["text_hash"] == other["text_hash"] else TIE


def _outcome(new: Candidate, other: Candidate, verdicts: list[Verdict]) -> str:
    if which_tie(new, other) == IDENTICAL:
        return IDENTICAL
    if not verdicts:
        return ABSTAIN
    return {"a": WIN, "b": LOSS, "tie": TIE}.get(settle(verdicts).outcome, ABSTAIN)
