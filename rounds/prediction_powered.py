"""A mean from many predictions and a few answers: prediction-powered inference.

The mean of the predictions is put right by the mean error that the answers show (arXiv 2301.09633),
with the predictions weighed by how much they help (power tuning, arXiv 2311.01453) and each answer
by the inverse of the chance that it was asked for (active statistical inference, arXiv 2403.03208).
Biased or useless predictions make the interval wide, never wrong.
"""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

DOUBT = 0.5
"""Size of the two errors, one each way, that are taken to have been seen beside those that were:
few answers without an error do not show that there is none. The idea is Agresti and Coull's (Am.
Stat. 52, 1998)."""


class Estimate(NamedTuple):
    """A mean between 0 and 1 with its standard error.

    `n` answers; `tuning` is what the predictions weigh, from 0 (not used) to 1. `drawing` is the
    part of the squared error that asking for every answer would take away.
    """

    value: float
    error: float
    n: int
    tuning: float
    drawing: float

    def interval(self, confidence: float) -> tuple[float, float]:
        """The two-sided interval, within 0 and 1."""
        half = NormalDist().inv_cdf(0.5 + confidence / 2) * self.error
        return max(0.0, self.value - half), min(1.0, self.value + half)


def predicted_mean(predictions: Sequence[float]) -> Estimate:
    """The mean of the predictions alone, as if each were the answer."""
    f = np.asarray(predictions, dtype=float)
    return Estimate(float(f.mean()), _mean_error(f), 0, 1.0, 0.0)


def rectified_mean(
    predictions: Sequence[float],
    answers: Sequence[float | None],
    chances: Sequence[float],
    tuning: float | None = None,
) -> Estimate:
    """The mean answer of all cases, of which some were drawn and answered.

    All have a prediction (0 to 1), the others an answer of None. `chances` are the probabilities
    with which a case came to have an answer, known or estimated from all that were asked; one that
    is known without asking has the chance 1. `tuning` None takes what makes the error smallest; 0
    uses the answers alone. Cases are taken to be drawn from more of their kind. Raises ValueError
    where there is no answer.
    """
    f = np.asarray(predictions, dtype=float)
    drawn = np.array([answer is not None for answer in answers])
    if not drawn.any():
        raise ValueError("no case has an answer")
    y = np.array([0.0 if answer is None else answer for answer in answers])
    weight = np.where(drawn, 1 / np.asarray(chances, dtype=float), 0.0)
    if tuning is None:
        tuning = _tuned(f, y, weight)
    errors = y - tuning * f
    mean_error = float((weight * errors).sum() / weight.sum())
    value = tuning * float(f.mean()) + mean_error
    terms = tuning * f + weight * (errors - mean_error)
    asked = drawn & (weight > 1)
    drawing, unseen = _drawing(weight[asked], errors[asked] - mean_error, len(f))
    return Estimate(
        min(1.0, max(0.0, value)),
        sqrt(_mean_error(terms) ** 2 + unseen),
        int(drawn.sum()),
        tuning,
        drawing + unseen,
    )


def _drawing(weight: Array, errors: Array, cases: int) -> tuple[float, float]:
    """The squared error that comes of asking for some answers only: what is seen of it, and what so
    few answers do not show. That is a fitted mean and tuning (two degrees of freedom), an error
    that is itself estimated (Student's quantile for the normal one, about two more), and the two
    errors of either sign that may have been missed.
    """
    n = len(errors)
    if n == 0:
        return 0.0, 0.0
    spread = weight * (weight - 1) / cases**2
    seen = float((spread * errors**2).sum())
    return seen, seen * 4 / max(1, n - 2) + float(spread.sum()) * 2 * DOUBT**2 / n


def _tuned(f: Array, y: Array, weight: Array) -> float:
    """The weight of the predictions that makes the error smallest, from 0 to 1."""
    of_answers = weight * (y - (weight * y).sum() / weight.sum())
    of_predictions = f - weight * (f - (weight * f).sum() / weight.sum())
    spread = float(of_predictions.var())
    if spread < 1e-12:  # every answer is there
        return 0.0
    shared = float(((of_answers - of_answers.mean()) * of_predictions).mean())
    return min(1.0, max(0.0, -shared / spread))


def _mean_error(terms: Array) -> float:
    """The standard error of the mean; one case says nothing of it."""
    return float(terms.std(ddof=1)) / sqrt(len(terms)) if len(terms) > 1 else 1.0
