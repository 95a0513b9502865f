"""The embedding that the user names: a function from texts to vectors."""

import numpy as np
from numpy.typing import NDArray

from rounds.functions import UserFunction, load_function

Vectors = NDArray[np.float32]

WHERE = "pairs.semantic.embed"


class Embedding:
    """The user's function; what it gives is checked and scaled to unit length.

    `source` is the hash of the file that it stands in. A call raises UserError where the function
    fails or does not give one vector of finite numbers for each text, all of one length.
    """

    def __init__(self, function: UserFunction) -> None:
        def as_array(texts: list[str]) -> Vectors:
            return np.asarray(function.function(texts), dtype=np.float32)

        self.source = function.source
        self._vectors = function._replace(function=as_array)  # what gives no array fails as well
        self._dimensions: set[int] = set()

    def __call__(self, texts: list[str]) -> Vectors:
        """A vector for each text, of shape (texts, dimensions)."""
        vectors: Vectors = self._vectors(texts)
        self._dimensions.add(vectors.shape[1] if vectors.ndim == 2 else 0)
        one_for_each = vectors.shape[:1] == (len(texts),)
        if not one_for_each or 0 in self._dimensions or len(self._dimensions) > 1:
            raise self._vectors.fault(
                f"gave an array of shape {vectors.shape} for {len(texts)} texts; expected one "
                "vector for each, all of one length: the function takes a list of texts and "
                "returns an array of shape (texts, dimensions)"
            )
        if not (finite := np.isfinite(vectors).all(axis=1)).all():
            text = texts[int(np.argmin(finite))][:60]
            raise self._vectors.fault(f"gave a number that is not finite for {text!r}")
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.where(norms > 0, norms, 1)


def load_embedding(reference: str) -> Embedding:
    """The embedding behind a reference. Raises UserError where there is no such function."""
    return Embedding(load_function(WHERE, reference).taking("texts"))
