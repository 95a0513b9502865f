"""What pairs decide: no comparison is trained on twice, or both ways, whoever made its pairs."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from preferences.config import Data
from preferences.preference import Preference
from preferences.read import read_preferences
from rounds.ids import digest
from rounds.rows import ExtraPair, Messages, Pair

COMPARED_COLUMNS = ("prompt", "chosen", "rejected")
"""Columns of a pair that are trained on."""


class KnownComparisons:
    """Comparisons that some pairs have decided. Some hundred bytes a pair are held."""

    def __init__(self, pairs: Iterable[Pair | ExtraPair]) -> None:
        self._decided: dict[str, bool] = {}
        self.add(pairs)

    def add(self, pairs: Iterable[Pair | ExtraPair]) -> None:
        """Add pairs; their COMPARED_COLUMNS are read."""
        self._decided.update(map(_of_pair, pairs))

    def fresh(
        self,
        pairs: Iterable[ExtraPair],
        left_out: Counter[str],
        disputed: Collection[str] = (),
    ) -> Iterator[ExtraPair]:
        """The pairs whose comparisons are neither decided nor `disputed`.

        `left_out` counts the others: `repeated`, or `contradicts` where they say the opposite.
        """
        for pair in pairs:
            name, decision = _of_pair(pair)
            known = self._decided.get(name)
            if known is None and name not in disputed:
                yield pair
            else:
                left_out["repeated" if known == decision else "contradicts"] += 1


def disputed_comparisons(sources: Iterable[tuple[str, Data]]) -> set[str]:
    """The comparisons that imported data decides both ways; each source has the key that named it.

    Which of the two is right, nobody can tell. Some hundred bytes a preference are held. Raises
    UserError as `read_preferences` does.
    """
    decided: dict[str, bool] = {}
    disputed = set()
    for key, source in sources:
        for row in read_preferences(source, key).rows:
            if isinstance(row, Preference):
                name, decision = _comparison(row.prompt, row.chosen, row.rejected)
                if decided.setdefault(name, decision) != decision:
                    disputed.add(name)
    return disputed


def _of_pair(pair: Pair | ExtraPair) -> tuple[str, bool]:
    return _comparison(pair["prompt"], pair["chosen"][0]["content"], pair["rejected"][0]["content"])


def _comparison(prompt: Messages, chosen: str, rejected: str) -> tuple[str, bool]:
    """A name for a prompt and two answers, whichever won; and which of them did."""
    return digest("comparison", prompt, *sorted((chosen, rejected))), chosen < rejected
