"""What the judge and people together say of a new policy, and when that decides.

People are asked in the order of `rounds.drawn`. At a few numbers of answers that are fixed
beforehand the question is looked at; each look uses those answers alone, and their intervals share
the risk of error (Bonferroni: with five looks each is at 99 % where 95 % is asked for), so that
stopping at the first clear one keeps it, whatever the looks have in common.
"""

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

from rounds.contests import Contest
from rounds.drawn import Drawn, chances
from rounds.people import Opinion, outcome_for
from rounds.prediction_powered import Estimate, predicted_mean, rectified_mean

LOOKS = 5
"""How often a question is looked at, at most."""

PROMOTE, REFUSE, UNDECIDED = "promote", "refuse", "undecided"

ANSWERS = {"a": 1.0, "tie": 0.5, "b": 0.0}


class Rule(NamedTuple):
    """When a question is decided.

    From `least` answers on and with `most` at the latest, the win rate's interval at `confidence`
    must lie beyond `threshold`; without `interval` the value alone decides, at once.
    """

    threshold: float = 0.5
    interval: bool = True
    confidence: float = 0.95
    least: int = 50
    most: int = 200


class Standing(NamedTuple):
    """Where a question stands.

    `decision` is promote or refuse; undecided where the last look was not clear; None where people
    are still to be asked. The three estimates are those of the last look that was reached, None
    before the first; `level` is the confidence of their intervals. `answered` are the answers so
    far, in order; `missing` those until the next look. `needed` is how many more are likely to
    settle it, None where no number up to `most` is, or before the first look. `skipped` and
    `contradicted` of the answers asked for were not given; `by` is who gave them, `used` the
    opinions that the estimates rest on, and `left` what is still to be asked, in order.
    """

    decision: str | None
    judge: Estimate
    people: Estimate | None
    both: Estimate | None
    level: float
    look: int
    looks: list[int]
    answered: int
    missing: int
    needed: int | None
    skipped: int
    contradicted: int
    used: list[Opinion]
    left: list[Drawn]


class _Asked(NamedTuple):
    """The beginning of the order that people were asked about, and what they said of each."""

    outcomes: list[str | None]
    opinions: list[Opinion]

    @property
    def answered(self) -> int:
        return sum(outcome is not None for outcome in self.outcomes)

    def up_to(self, answers: int) -> "_Asked":
        """The shortest beginning with so many answers, or all of it."""
        found = 0
        for place, outcome in enumerate(self.outcomes, start=1):
            found += outcome is not None
            if found == answers:
                return _Asked(self.outcomes[:place], self.opinions[:place])
        return self


def looks_at(rule: Rule, askable: int) -> list[int]:
    """The numbers of answers at which a question of so many comparisons is looked at."""
    most = min(rule.most, askable)
    least = min(rule.least, most)
    if not rule.interval:
        return [least] if least else []
    steps = range(LOOKS)
    found = {round(least + (most - least) * step / (LOOKS - 1)) for step in steps}
    return sorted(found - {0})


def standing(
    contests: Sequence[Contest],
    order: Sequence[Drawn],
    said: Mapping[frozenset[str], Opinion],
    rule: Rule,
) -> Standing:
    """Where the question stands whether the new policy of these contests is better.

    `order` is theirs (rounds.drawn.draw_order), `said` what people say (rounds.people.opinions).
    """
    looks = looks_at(rule, len(order))
    level = 1 - (1 - rule.confidence) / max(1, len(looks) if rule.interval else 1)
    asked = _asked(order, said)
    left = [drawn for drawn in order if frozenset(drawn.contest.ids) not in said]
    all_asked = len(asked.outcomes) == len(order)  # some of them may have no answer
    decision, look, people, both, seen = None, 0, None, None, _Asked([], [])
    for number, answers in enumerate(looks, start=1):
        at = asked.up_to(answers)
        if at.answered < answers and not (all_asked and at.answered):
            break
        last = number == len(looks) or at.answered < answers
        people, both = _estimates(contests, order, at)
        look, seen = number, at
        decision = _decided(both, level, rule, last)
        if decision:
            break
    if all_asked and decision is None:  # all skipped, or no two answers differ
        decision = UNDECIDED
    answered = asked.answered
    waits = decision is None
    upcoming = next((answers for answers in looks[look:] if answers > answered), answered)
    return Standing(
        decision,
        predicted_mean([contest.prediction for contest in contests]),
        people,
        both,
        level,
        look,
        looks,
        answered,
        upcoming - answered if waits else 0,
        _needed(both, level, rule, seen.answered, looks, len(order), answered) if waits else 0,
        sum(outcome is None for outcome in seen.outcomes)
        - sum(opinion.contradicted for opinion in seen.opinions),
        sum(opinion.contradicted for opinion in seen.opinions),
        [opinion for opinion in seen.opinions if opinion.outcome is not None],
        left,
    )


def _asked(order: Sequence[Drawn], said: Mapping[frozenset[str], Opinion]) -> _Asked:
    """What people were asked in the order, up to the first that nobody was asked about yet."""
    outcomes, opinions = [], []
    for drawn in order:
        opinion = said.get(frozenset(drawn.contest.ids))
        if opinion is None:
            break
        outcomes.append(outcome_for(opinion, drawn.contest.ids))
        opinions.append(opinion)
    return _Asked(outcomes, opinions)


def _estimates(
    contests: Sequence[Contest], order: Sequence[Drawn], asked: _Asked
) -> tuple[Estimate, Estimate]:
    """People alone, and both together. Identical answers are ties that nobody need be asked about;
    one that was asked about and not answered is taken to be like the others.
    """
    answering = asked.answered / len(asked.outcomes)
    of = {
        drawn.contest.ids: (ANSWERS.get(outcome) if outcome else None, chance * answering)
        for drawn, chance, outcome in zip(
            order, chances(order, len(asked.outcomes)), asked.outcomes, strict=False
        )
    }
    askable = {drawn.contest.ids for drawn in order}
    answers, likely = [], []
    for contest in contests:
        known = (0.5, 1.0) if contest.ids not in askable else (None, 1.0)
        answer, chance = of.get(contest.ids, known)
        answers.append(answer)
        likely.append(chance)
    predictions = [contest.prediction for contest in contests]
    alone = rectified_mean(predictions, answers, likely, tuning=0.0)
    return alone, rectified_mean(predictions, answers, likely)


def _decided(both: Estimate, level: float, rule: Rule, last: bool) -> str | None:
    if not rule.interval:
        return PROMOTE if both.value > rule.threshold else REFUSE
    low, high = both.interval(level)
    if low > rule.threshold:
        return PROMOTE
    if high <= rule.threshold:
        return REFUSE
    return UNDECIDED if last else None


def _needed(
    both: Estimate | None,
    level: float,
    rule: Rule,
    seen: int,
    looks: list[int],
    askable: int,
    answered: int,
) -> int | None:
    """How many more answers are likely to settle it, were the estimate right: up to a look."""
    if both is None:
        return None
    distance = abs(both.value - rule.threshold)
    wanted = (distance / NormalDist().inv_cdf(0.5 + level / 2)) ** 2
    beyond = 1 / seen - 1 / askable
    for answers in looks:
        drawing = both.drawing * (1 / answers - 1 / askable) / beyond if beyond > 0 else 0.0
        if answers > answered and both.error**2 - both.drawing + drawing <= wanted:
            return answers - answered
    return None
