"""The calls that a judge was asked: what failed, what came with a probability, what they took."""

from collections import Counter
from typing import Any

from rounds.interval import rate
from rounds.tables import Row
from rounds.usage import Calls, sent


class Traffic:
    """The calls behind labelling rows that come prompt by prompt."""

    def __init__(self) -> None:
        self._kinds, self._failed = Counter[str](), Counter[str]()
        self._reasons = Counter[str]()
        self._read = self._sure = 0
        self._calls = Calls()

    def add(self, rows: list[Row]) -> None:
        """Count the rows of a prompt."""
        self._calls.add(rows)
        for row in sent(rows):
            self._kinds[row["kind"]] += 1
            if row["reason"] is not None:
                self._failed[row["kind"]] += 1
                self._reasons[row["reason"]] += 1
            elif row["kind"] == "pairwise":
                self._read += 1
                self._sure += row["probability"] is not None

    def failures(self) -> dict[str, Any]:
        """Calls without a readable verdict: of all, of each kind of question, and by reason."""
        return {
            **rate(self._failed.total(), self._kinds.total()),
            "kinds": {
                kind: rate(self._failed[kind], self._kinds[kind]) for kind in sorted(self._kinds)
            },
            "reasons": dict(sorted(self._reasons.items())),
        }

    def probabilities(self) -> dict[str, Any]:
        """Share of the readable pairwise verdicts that came with a probability."""
        return rate(self._sure, self._read)

    def usage(self, prompts: int, decided: int) -> dict[str, Any]:
        """What labelling took: in all, for a prompt judged, and for a comparison decided."""
        whole = self._calls.totals()

        def each(n: int) -> dict[str, float] | None:
            return {name: value / n for name, value in whole.items()} if n else None

        return {**whole, "per_prompt": each(prompts), "per_decided": each(decided)}
