"""Who is ahead in a comparison, for choosing what to compare next. Never a label."""

from statistics import fmean

from rounds.tables import Row

POINTS = {"a": 1.0, "b": 0.0}


def chance(verdicts: list[Row]) -> float:
    """The mean chance of a over the rows of one comparison; a tie or an abstention counts half."""
    return fmean(
        POINTS.get(row["outcome"], 0.5) if row["probability"] is None else row["probability"]
        for row in verdicts
    )
