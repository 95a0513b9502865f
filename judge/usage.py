"""The calls that a judge was asked: what failed, what came with a probability, what they took."""

from collections import Counter
from typing import Any

from rounds.interval import rate
from rounds.tables import Row
from rounds.usage import sent, totals


def failures(rows: list[Row]) -> dict[str, Any]:
    """Calls without a readable verdict: of all, of each kind of question, and by reason."""
    calls = sent(rows)

    def share(rows: list[Row]) -> dict[str, Any]:
        return rate(sum(row["reason"] is not None for row in rows), len(rows))

    kinds = sorted({row["kind"] for row in calls})
    reasons = Counter(row["reason"] for row in calls if row["reason"] is not None)
    return {
        **share(calls),
        "kinds": {kind: share([row for row in calls if row["kind"] == kind]) for kind in kinds},
        "reasons": dict(sorted(reasons.items())),
    }


def probabilities(rows: list[Row]) -> dict[str, Any]:
    """Share of the readable pairwise verdicts that came with a probability."""
    read = [row for row in sent(rows) if row["kind"] == "pairwise" and row["reason"] is None]
    return rate(sum(row["probability"] is not None for row in read), len(read))


def usage(rows: list[Row], prompts: int, decided: int) -> dict[str, Any]:
    """What labelling took: in all, for a prompt judged, and for a comparison decided."""
    whole = totals(rows)

    def each(n: int) -> dict[str, float] | None:
        return {name: value / n for name, value in whole.items()} if n else None

    return {**whole, "per_prompt": each(prompts), "per_decided": each(decided)}
