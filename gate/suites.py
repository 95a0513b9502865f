"""Regression suites: the scores of both policies' answers, and what of a drop chance explains.

Two floors, and a drop must be beyond both to refuse. The first is the noise of sampling: how far
the policy in place is from itself with other seeds. The second is that of the prompts: how far the
differences would go apart if their signs were by chance, which remains where nothing is sampled.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from math import exp, floor, sqrt
from statistics import fmean, variance
from typing import Any

from gate.intervals import normal_reach
from gate.suite_config import OWN_SCORES, PERPLEXITY, Suite
from rounds.errors import UserError
from rounds.functions import UserFunction, is_number, load_function
from rounds.rows import Messages, SuiteAnswer

Score = Callable[[Messages, str, str | None], float]

MOST_NATS = 700.0
"""A token's log-probability below which exp has no number for the perplexity."""


def load_score(name: str, suite: Suite) -> tuple[Score | None, str]:
    """What scores the answers of a suite, and the hash of the file it stands in ("" for ours). None
    of perplexity, which is no score of answers.

    Raises UserError where there is no such function, or one of other arguments.
    """
    if suite.score in OWN_SCORES:
        return _OWN.get(suite.score), ""
    where = f"gate.suites.{name}.score"
    function = load_function(where, suite.score).taking("messages", "answer", "reference")
    return _checked(function), function.source


def _checked(function: UserFunction) -> Score:
    def score(messages: Messages, answer: str, reference: str | None) -> float:
        value = function(messages, answer, reference)
        if not is_number(value):
            raise function.fault(f"gave {value!r}, not a number")
        return float(value)

    return score


def _exact(messages: Messages, answer: str, reference: str | None) -> float:
    return float(answer.strip() == (reference or "").strip())


def _contains(messages: Messages, answer: str, reference: str | None) -> float:
    return float((reference or "") in answer)


def _regex(messages: Messages, answer: str, reference: str | None) -> float:
    return float(re.search(reference or "", answer) is not None)


_OWN: dict[str, Score] = {"exact": _exact, "contains": _contains, "regex": _regex}


def check_reference(suite: Suite, where: str, reference: str | None) -> None:
    """Raise UserError for a row of a suite's prompts whose reference its score cannot take."""
    if suite.score not in OWN_SCORES:
        return
    if reference is None or not reference.strip():
        raise UserError(f"{where}: has no reference, which score: {suite.score} needs")
    if suite.score == "regex":
        try:
            re.compile(reference)
        except re.error as error:
            raise UserError(
                f"{where}: the reference {reference!r} is no regular expression ({error})"
            ) from None


def suite_figures(
    suite: Suite,
    score: Score,
    rows: Sequence[SuiteAnswer],
    trained: str,
    current: str,
    error: float,
) -> dict[str, Any]:
    """The mean scores of both policies on the prompts that the one in place has answered, and the
    floors. What the new one alone has not answered has the lowest score of any answer, or 0 if that
    is lower: a policy does not pass by keeping silent.

    {"n", "new", "previous", "drop", "floor", "seed_floor", "prompt_floor", "by_seed": the means of
    the policy in place, "unanswered": prompts that the one in place has not answered, "silent":
    those that the new one alone has not, where there are any}. A floor is the drop that a policy
    like the one in place has with chance `error`, by the normal distribution.
    """
    scores: dict[str, dict[str, dict[int, float]]] = {}
    for row in rows:
        value = score(row["messages"], row["text"], row["reference"])
        by_policy = scores.setdefault(row["prompt_id"], {})
        by_policy.setdefault(row["policy_id"], {})[row["index"]] = value
    of_all = [value for of in scores.values() for by in of.values() for value in by.values()]
    lowest = min([0.0, *of_all])
    known = [of for of in scores.values() if len(of.get(current, {})) > 1]
    both = [
        (of.get(trained, {}).get(0, lowest), [of[current][seed] for seed in sorted(of[current])])
        for of in known
    ]
    n, silent = len(both), sum(0 not in of.get(trained, {}) for of in known)
    figures: dict[str, Any] = {"n": n, "unanswered": len(scores) - n}
    if silent:
        figures["silent"] = silent
    if not n:
        names = ("new", "previous", "drop", "floor", "seed_floor", "prompt_floor")
        return figures | dict.fromkeys(names) | {"by_seed": []}
    drops = [fmean(old) - new for new, old in both]
    reach = normal_reach(error)
    by_itself = sum(variance(old) * (1 + 1 / len(old)) for _, old in both)
    seed_floor = reach * sqrt(by_itself) / n
    prompt_floor = reach * sqrt(sum(drop**2 for drop in drops)) / n
    fewest = min(len(old) for _, old in both)
    return figures | {
        "new": fmean(new for new, _ in both),
        "previous": fmean(fmean(old) for _, old in both),
        "drop": fmean(drops),
        "floor": max(seed_floor, prompt_floor),
        "seed_floor": seed_floor,
        "prompt_floor": prompt_floor,
        "by_seed": [fmean(old[seed] for _, old in both) for seed in range(fewest)],
    }


def least_prompts(suites: Mapping[str, Suite], confidence: float) -> int:
    """The fewest prompts of a suite on which losing every one of them alike is beyond chance."""
    return floor(normal_reach(_error(suites, confidence)) ** 2) + 1


def _error(suites: Mapping[str, Suite], confidence: float) -> float:
    """The chance with which one suite may refuse a policy like the one in place."""
    sampled = sum(suite.score != PERPLEXITY for suite in suites.values())
    return (1 - confidence) / 2 / max(1, sampled)


def perplexity_figures(rows: Sequence[SuiteAnswer], trained: str, current: str) -> dict[str, Any]:
    """The perplexity of both policies on the references that both could read.

    {"n", "new", "previous", "rise", "tokens": of these references, with each one's end of turn,
    "unanswered": prompts that one of the two alone could read}. Of all tokens together: exp of the
    mean negative log-probability of a token. Nothing is sampled, so that there is no floor.
    """
    by_prompt: dict[str, dict[str, SuiteAnswer]] = {}
    for row in rows:
        if row["logprob"] is not None:
            by_prompt.setdefault(row["prompt_id"], {})[row["policy_id"]] = row
    both = [
        (of[trained], of[current]) for of in by_prompt.values() if {trained, current} <= set(of)
    ]
    names = {row["prompt_id"] for row in rows}
    figures: dict[str, Any] = {"n": len(both), "unanswered": len(names) - len(both)}
    tokens = sum(new["n_tokens"] or 0 for new, _ in both)
    if not tokens:
        return figures | dict.fromkeys(("new", "previous", "rise")) | {"tokens": 0}
    new, previous = (_perplexity([pair[side] for pair in both]) for side in (0, 1))
    return figures | {
        "new": new,
        "previous": previous,
        "rise": new - previous,
        "tokens": tokens,
    }


def _perplexity(rows: Sequence[SuiteAnswer]) -> float:
    nats = -sum(row["logprob"] or 0.0 for row in rows) / sum(row["n_tokens"] or 0 for row in rows)
    return exp(min(nats, MOST_NATS))


def all_figures(
    suites: Mapping[str, Suite],
    scores: Mapping[str, Score | None],
    rows: Sequence[SuiteAnswer],
    trained: str,
    current: str,
    confidence: float,
) -> dict[str, Any]:
    """The figures of every suite that has a score, by name.

    All suites whose answers are sampled refuse together a policy like the one in place with chance
    (1 - confidence) / 2 at most (Bonferroni).
    """
    error = _error(suites, confidence)
    figures = {}
    for name, suite in suites.items():
        if name in scores:
            of_suite, score = [row for row in rows if row["suite"] == name], scores[name]
            figures[name] = (
                perplexity_figures(of_suite, trained, current)
                if score is None
                else suite_figures(suite, score, of_suite, trained, current, error)
            )
    return figures
