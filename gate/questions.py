"""Questions that the policies' held-out answers answer, where the judge's strategy is questions."""

from collections.abc import Mapping
from statistics import NormalDist, fmean, stdev
from typing import Any

from rounds.rows import Candidate, Verdict
from texts.normal import words


def questions_answered(
    candidates: list[Candidate],
    verdicts: list[Verdict],
    policies: Mapping[str, str],
    confidence: float,
) -> dict[str, Any]:
    """How many questions the answers of each of `policies` (ids by name) answer right, and how long
    they are; {} where no questions were asked.

    By name {"value", "low", "high", "n", "questions", "words"}: the mean over `n` prompts of the
    share of a prompt's questions that are answered right, with the normal interval of such a mean
    (questions about one article hang together); how many questions, and mean words of an answer;
    `behind_first`, the share of the first named in `policies` less this one's, on the same prompts,
    in the same form.
    Prompts alone count on which all policies' answers were read.
    """
    shares: dict[str, list[float]] = {
        str(row["candidate_a"]): [one["value"] for one in row["criteria"]]
        for row in verdicts
        if row["kind"] == "answers" and row["outcome"] == "scored" and row["criteria"]
    }
    if not shares:
        return {}
    answers = {(row["policy_id"], row["prompt_id"]): row for row in candidates}
    by_policy = {
        policy: {prompt for one, prompt in answers if one == policy} for policy in policies.values()
    }
    shared = [
        prompt
        for prompt in dict.fromkeys(row["prompt_id"] for row in candidates)
        if all(
            prompt in prompts and answers[policy, prompt]["candidate_id"] in shares
            for policy, prompts in by_policy.items()
        )
    ]
    found: dict[str, Any] = {}
    first: list[float] = []
    for name, policy in policies.items():
        rows = [answers[policy, prompt] for prompt in shared]
        right = [shares[row["candidate_id"]] for row in rows]
        means = [fmean(one) for one in right]
        first = first or means
        behind = [one - own for one, own in zip(first, means, strict=True)]
        found[name] = {
            **mean_with_interval(means, confidence),
            "behind_first": mean_with_interval(behind, confidence, least=-1.0),
            "questions": sum(map(len, right)),
            "words": fmean(len(words(row["text"])) for row in rows) if rows else None,
        }
    return found


def mean_with_interval(
    values: list[float], confidence: float, least: float = 0.0
) -> dict[str, Any]:
    """The mean of numbers from `least` to 1 as value, low, high and n. No case, no number."""
    if not values:
        return {"value": None, "low": None, "high": None, "n": 0}
    mean = fmean(values)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    half = z * stdev(values) / len(values) ** 0.5 if len(values) > 1 else 1.0
    return {
        "value": mean,
        "low": max(least, mean - half),
        "high": min(1.0, mean + half),
        "n": len(values),
    }
