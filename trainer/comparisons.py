"""What pairs decide: no comparison is trained on twice, or both ways, whoever made its pairs."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from preferences.config import Data
from preferences.preference import Messages, Preference
from preferences.read import read_preferences
from rounds.ids import digest
from rounds.tables import Row

COMPARED_COLUMNS = ("prompt", "chosen", "rejected")
"""Columns of a pair that are trained on."""


class KnownComparisons:
    """Comparisons that some pairs have decided. Some hundred bytes a pair are held."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._won: dict[str, bool] = {}
        self.add(rows)

    def add(self, rows: Iterable[Row]) -> None:
        """Add pairs; their `SAID` columns are read."""
        self._won.update(map(_of_row, rows))

    def fresh(
        self, rows: Iterable[Row], left_out: Counter[str], disputed: Collection[str] = ()
    ) -> Iterator[Row]:
        """The rows whose comparisons are neither decided nor `disputed`.

        `left_out` counts the others: `repeated`, or `contradicts` where they say the opposite.
        """
        for row in rows:
            name, won = _of_row(row)
            there = self._won.get(name)
            if there is None and name not in disputed:
                yield row
            else:
                left_out["repeated" if there == won else "contradicts"] += 1


def disputed(sources: Iterable[tuple[str, Data]]) -> set[str]:
    """The comparisons that imported data decides both ways; each source has the key that named it.

    Which of the two is right, nobody can tell. Some hundred bytes a preference are held. Raises
    UserError as `read_preferences` does.
    """
    decided: dict[str, bool] = {}
    found = set()
    for key, source in sources:
        for one in read_preferences(source, key).rows:
            if isinstance(one, Preference):
                name, won = _comparison(one.prompt, one.chosen, one.rejected)
                if decided.setdefault(name, won) != won:
                    found.add(name)
    return found


def _of_row(row: Row) -> tuple[str, bool]:
    return _comparison(row["prompt"], row["chosen"][0]["content"], row["rejected"][0]["content"])


def _comparison(prompt: Messages, chosen: str, rejected: str) -> tuple[str, bool]:
    """A name for a prompt and two answers, whichever won; and which of them did."""
    return digest("comparison", prompt, *sorted((chosen, rejected))), chosen < rejected
