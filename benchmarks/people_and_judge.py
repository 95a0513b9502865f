"""What judge and people together promise: python benchmarks/people_and_judge.py [REPEATS]

A new policy is as good as the one in place, and a judge leans towards it by 0, 5 and 15 points. It
is right on 97 of 100 prompts of one half and on 60 of the other, and its probability says so.
REPEATS (1,000) times 200 gate prompts are drawn and 50 of them labelled. Told is how often each
95 % interval holds the truth, and how wide it is: of the judge alone, of people alone, of both with
the prompts drawn at random and as the gate's queue draws them.

Then 400 prompts are asked about until it is clear, 50 to 200 labels, looked at five times: how
often a policy is promoted, which may happen to 2.5 of 100 that are no better (truth 0.50), and how
many labels it took, drawn by the queue and at random, and without the judge's predictions.
"""

import argparse
from collections.abc import Callable
from statistics import fmean
from typing import Any, NamedTuple, cast

import numpy as np

from rounds.contests import LOSS, TIE, WIN, Contest
from rounds.deciding import PROMOTE, Rule, Standing, standing
from rounds.drawn import Drawn, draw_order
from rounds.labels import Label
from rounds.people import Opinion

TIES = 0.15
RIGHT = (0.97, 0.6)
"""How often the judge is right, on the prompts that it is sure of and on the others."""

LEANS = (0.0, 0.05, 0.15)
OUTCOMES = ((LOSS, "b", 0.0), (TIE, "tie", 0.5), (WIN, "a", 1.0))


class World(NamedTuple):
    """Contests with the judge's verdicts, and what people say of each when they are asked."""

    contests: list[Contest]
    said: dict[frozenset[str], Opinion]


def world(rng: np.random.Generator, prompts: int, truth: float, lean: float) -> World:
    """Prompts on which people's win rate is `truth`, the judge's so many points above it."""
    wins = (truth - TIES / 2) / (1 - TIES)
    chance = np.array([(1 - TIES) * (1 - wins), TIES, (1 - TIES) * wins])
    people = rng.choice(3, size=prompts, p=chance)
    right = np.array(RIGHT)[np.arange(prompts) % 2]
    errs = rng.random(prompts) >= right
    judge = np.where(errs, (people + rng.integers(1, 3, prompts)) % 3, people)
    wrong = 1 - fmean(RIGHT)
    told = chance * (1 - wrong) + (1 - chance) * wrong / 2  # what it says before it leans
    turned = (truth + lean - (told[2] + told[1] / 2)) / told[0]
    judge = np.where((judge == 0) & (rng.random(prompts) < turned), 2, judge)
    contests = [
        _contest(place, int(said), float(sure))
        for place, (said, sure) in enumerate(zip(judge, right, strict=True))
    ]
    return World(
        contests,
        {frozenset(c.ids): _said(c, int(y)) for c, y in zip(contests, people, strict=True)},
    )


def _contest(place: int, said: int, sure: float) -> Contest:
    outcome, verdict, worth = OUTCOMES[said]
    probability = 0.5 + (worth - 0.5) * (2 * sure - 1)
    prompt = {"prompt_id": f"prompt {place}"}
    new, other = ({"candidate_id": f"{side} {place}"} for side in ("new", "old"))
    rows = [
        {
            "level": 0,
            "judge_id": "judge",
            "verdict_id": order,
            "shown_first": order,
            "outcome": verdict,
            "reason": None,
            "probability": probability,
            "threshold": 0.5,
        }
        for order in ("a", "b")
    ]
    return Contest(*cast(Any, (prompt, new, other)), outcome, cast(Any, rows))


def _said(contest: Contest, people: int) -> Opinion:
    label = {"candidate_a": contest.ids[0], "candidate_b": contest.ids[1]}
    return Opinion(cast(Label, label), OUTCOMES[people][1], ["someone"], ["label"])


def asked(found: World, order: list[Drawn], rule: Rule) -> Standing:
    """Where the question stands when people have been asked as often as the rule may need."""
    first = {frozenset(drawn.contest.ids) for drawn in order[: rule.most]}
    said = {ids: opinion for ids, opinion in found.said.items() if ids in first}
    return standing(found.contests, order, said, rule)


class Interval(NamedTuple):
    """Of so many intervals: the share that held the truth, and the mean width."""

    covers: float
    width: float


def coverage(repeats: int, lean: float, truth: float = 0.5) -> dict[str, Interval]:
    """What 50 labels of 200 prompts give."""
    rng = np.random.default_rng(int(1000 * lean) + 1)
    ends: dict[str, list[tuple[float, float]]] = {}
    for seed in range(repeats):
        found = world(rng, 200, truth, lean)
        rule = Rule(truth, least=50, most=50)
        at_random = asked(found, draw_order(found.contests, seed, at_random=True), rule)
        drawn = asked(found, draw_order(found.contests, seed), rule)
        for name, estimate in (
            ("judge alone", drawn.judge),
            ("people alone", at_random.people),
            ("both, at random", at_random.both),
            ("both, as drawn", drawn.both),
        ):
            assert estimate is not None, "50 have answered"
            ends.setdefault(name, []).append(estimate.interval(0.95))
    return {
        name: Interval(
            fmean(low <= truth <= high for low, high in some),
            fmean(high - low for low, high in some),
        )
        for name, some in ends.items()
    }


class Deciding(NamedTuple):
    """Of so many questions: the share promoted, and the mean number of labels that it took."""

    promoted: float
    labels: float


def deciding(repeats: int, truth: float, lean: float) -> dict[str, Deciding]:
    """What 50 to 200 labels of 400 prompts decide, with five looks."""
    rng = np.random.default_rng(int(1000 * truth + 10 * lean))
    rule = Rule(least=50, most=200)
    ways: dict[str, Callable[[World, int], Standing]] = {
        "as drawn": lambda found, seed: asked(found, draw_order(found.contests, seed), rule),
        "at random": lambda found, seed: asked(
            found, draw_order(found.contests, seed, at_random=True), rule
        ),
        "people alone": lambda found, seed: asked(
            without_judge(found), draw_order(found.contests, seed, at_random=True), rule
        ),
    }
    ended: dict[str, list[Standing]] = {name: [] for name in ways}
    for seed in range(repeats):
        found = world(rng, 400, truth, lean)
        for name, way in ways.items():
            ended[name].append(way(found, seed))
    return {
        name: Deciding(
            fmean(one.decision == PROMOTE for one in some),
            fmean(one.looks[one.look - 1] for one in some),
        )
        for name, some in ended.items()
    }


def without_judge(found: World) -> World:
    """The same with a judge that says nothing."""
    return found._replace(contests=[one._replace(outcome=TIE) for one in found.contests])


def main() -> None:
    """Print a line for each lean of the judge, then one for each truth."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("repeats", type=int, nargs="?", default=1000)
    given = parser.parse_args()
    for lean in LEANS:
        found = coverage(given.repeats, lean)
        told = "   ".join(
            f"{name} {one.covers:6.1%} {one.width:.3f}" for name, one in found.items()
        )
        print(f"leans by {lean:.2f}   {told}", flush=True)
    for truth in (0.5, 0.58, 0.65):
        for lean in LEANS[::2]:
            decided = deciding(given.repeats, truth, lean)
            told = "   ".join(
                f"{name} {one.promoted:6.1%} after {one.labels:5.1f}"
                for name, one in decided.items()
            )
            print(f"truth {truth:.2f}, leans by {lean:.2f}   promoted: {told}", flush=True)


if __name__ == "__main__":
    main()
