"""What was watched of a training: its reference, warnings, and how the answers changed."""

from typing import Any

Lines = list[tuple[str, str]]

FROM = {
    "sampled": "its log-probabilities came with the answers",
    "one pass": "its log-probabilities were taken in one pass before",
    "each step": "asked in every step",
}
"""How the reference's log-probabilities were come by, as training.json says it."""


def watched_lines(metrics: dict[str, Any]) -> Lines:
    """The lines of a round's table; rounds of before have not all of it."""
    train = metrics["train"] or {}
    return [
        *_reference(train.get("reference") or {}),
        *(("warning", sentence) for sentence in train.get("warnings") or ()),
        *_answers(metrics.get("answers")),
    ]


def _reference(facts: dict[str, Any]) -> Lines:
    if "logprobs" not in facts:  # nothing is held to one, or a round of before
        return []
    text = facts["name"]
    if (of := len(facts["policies"])) > 1:
        text += f" of {of} policies"
    text += f": {FROM[facts['logprobs']]}"
    if (passed := facts.get("pairs_passed")) and facts["logprobs"] == "sampled":
        text += f" for {facts['pairs_sampled']} pairs, one pass for {passed}"
    if gap := facts.get("gap"):
        text += (
            f"; measured on {gap['pairs']} pairs they are off by {gap['logit_error']:.2g} "
            f"(tolerance {gap['tolerance']:g})"
        )
    elif why := facts.get("why"):
        text += f" ({why})"
    return [("reference", text)]


def _answers(beside: dict[str, Any] | None) -> Lines:
    if not beside:
        return []
    new, first = beside["trained"], beside["initial"]

    def both(name: str, digits: int) -> str:
        values = (new[name], first[name])
        now, before = ("-" if value is None else f"{value:.{digits}f}" for value in values)
        return f"{now} ({before})"

    length = (
        f"{both('mean_characters', 0)} characters"
        if new["mean_tokens"] is None
        else f"{both('mean_tokens', 1)} tokens"
    )
    text = (
        f"{length}, distinct-2 {both('distinct_2', 3)}, self-similarity "
        f"{both('self_similarity', 3)}, the first policy's in brackets, n={beside['n']}"
    )
    return [("held-out answers", text)]
