"""The embedding that the user names: `module:function` from texts to vectors."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rounds.errors import UserError
from rounds.functions import load_function

Vectors = NDArray[np.float32]

WHERE = "pairs.semantic.embed"


def load_embedding(reference: str) -> Callable[[list[str]], Vectors]:
    """The user's function; what it gives is checked and scaled to unit length.

    Raises UserError where there is no such function, and from a call where it fails or does not
    give one vector of finite numbers for each text, all of one length.
    """
    function = load_function(WHERE, reference)
    widths: set[int] = set()

    def embed(texts: list[str]) -> Vectors:
        try:
            vectors = np.asarray(function(texts), dtype=np.float32)
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
            raise UserError(f"{WHERE}: {reference} failed ({fault})") from error
        widths.add(vectors.shape[1] if vectors.ndim == 2 else 0)
        if vectors.shape[:1] != (len(texts),) or 0 in widths or len(widths) > 1:
            raise UserError(
                f"{WHERE}: {reference} gave an array of shape {vectors.shape} for {len(texts)} "
                f"texts; expected one vector for each, all of one length"
            )
        if not (finite := np.isfinite(vectors).all(axis=1)).all():
            text = texts[int(np.argmin(finite))][:60]
            raise UserError(f"{WHERE}: {reference} gave a number that is not finite for {text!r}")
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.where(lengths > 0, lengths, 1)

    return embed
