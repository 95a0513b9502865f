"""How sure a judge is: the probability of every verdict at the place where it was written."""

import math
from typing import Any

from judge.asking.reply import Choice, Value

MAX_UNCLEAR = 0.05
"""Probability that may lie on tokens which fit two verdicts; beyond it none is reported."""

Logprobs = list[dict[str, Any]] | None


def distribution(
    logprobs: Logprobs, text: str, place: int, menu: Choice
) -> tuple[dict[Value, float], float] | None:
    """Probability of every value of the menu, and how much of the whole lay on the menu.

    `logprobs` is the endpoint's list for the end of `text`, `place` the character where the
    verdict's word begins. None where the endpoint gave nothing for that token, or where too much
    lies on tokens that begin two different verdicts ("1" of 1 and 10).
    """
    token = _token_at(logprobs, text, place)
    if token is None or logprobs is None or not all(map(_plausible, logprobs)):
        return None
    index, before = token
    alternatives = _alternatives(logprobs[index], before)
    weights: dict[Value, float] = {}
    unclear = 0.0
    whole_words = {word for word, _ in alternatives} & menu.words.keys()
    for word, probability in alternatives:
        values = _fits(word, menu, whole_words)
        if len(values) == 1:
            weights[values[0]] = weights.get(values[0], 0.0) + probability
        elif len(values) > 1:
            shares = _continued(logprobs, index, word, before, menu)
            if shares is None:
                unclear += probability
            else:
                for value, share in shares.items():
                    weights[value] = weights.get(value, 0.0) + probability * share
    mass = sum(weights.values())
    if mass <= 0 or unclear > MAX_UNCLEAR * (mass + unclear):
        return None
    return {value: weight / mass for value, weight in weights.items()}, min(1.0, mass + unclear)


def probability_of_first(probabilities: dict[Value, float], first: str, second: str) -> float:
    """Probability that the answer called `first` is better, a tie counting half."""
    tie = probabilities.get("tie", 0.0)
    ahead = probabilities.get(first, 0.0) + tie / 2
    behind = probabilities.get(second, 0.0) + tie / 2
    return ahead / (ahead + behind)


def expected_value(probabilities: dict[Value, float]) -> float:
    """The expected score (G-Eval, arXiv 2303.16634)."""
    return sum(float(value) * probability for value, probability in probabilities.items())


def _token_at(logprobs: Logprobs, text: str, place: int) -> tuple[int, str] | None:
    """The token that covers a character, and what of that token stands before the character."""
    if not logprobs:
        return None
    pieces = [_bytes(entry) for entry in logprobs]
    whole = text.encode(errors="replace")
    for dropped in range(min(3, len(pieces))):  # tokens that end the turn are no text
        tail = b"".join(pieces[: len(pieces) - dropped])
        if whole.endswith(tail) or tail.endswith(whole):
            offset = len(whole) - len(tail)
            break
    else:
        return None
    target = len(text[:place].encode(errors="replace"))
    for index, piece in enumerate(pieces):
        if offset <= target < offset + len(piece):
            return index, piece[: target - offset].decode(errors="replace")
        offset += len(piece)
    return None


def _bytes(entry: dict[str, Any]) -> bytes:
    listed = entry.get("bytes")
    if listed is not None:
        return bytes(listed)
    return str(entry.get("token", "")).encode(errors="replace")  # half a character, as in a text


def _plausible(entry: dict[str, Any]) -> bool:
    """Whether these are logarithms of probabilities, give or take rounding: NaN is none."""
    return all(token["logprob"] < 1 for token in (entry, *(entry.get("top_logprobs") or [])))


def _alternatives(entry: dict[str, Any], before: str) -> list[tuple[str, float]]:
    """What might have stood at the place: words and probabilities, the written one among them."""
    tokens = {token["token"]: token for token in [entry, *(entry.get("top_logprobs") or [])]}
    words = []
    for token in tokens.values():
        text = _bytes(token).decode(errors="replace")
        if text.startswith(before):
            word = text[len(before) :].strip().rstrip('"}] \n,.')
            words.append((word, math.exp(token["logprob"])))
    return words


def _fits(word: str, menu: Choice, whole_words: set[str]) -> list[Value]:
    """The values that a token may begin or be."""
    if not word:
        return []
    longer = {
        value
        for other, value in menu.words.items()
        if other != word and other.startswith(word) and other not in whole_words
    }
    own = {menu.words[word]} if word in menu.words else set()
    return list(own | longer)


def _continued(
    logprobs: list[dict[str, Any]], index: int, word: str, before: str, menu: Choice
) -> dict[Value, float] | None:
    """How an unclear token went on, from the next token; known only for the one written."""
    written = _bytes(logprobs[index]).decode(errors="replace")[len(before) :].strip()
    if written.rstrip('"}] \n,.') != word or index + 1 >= len(logprobs):
        return None
    shares: dict[Value, float] = {}
    for rest, probability in _alternatives(logprobs[index + 1], ""):
        if (value := menu.words.get(word + rest)) is not None:
            shares[value] = shares.get(value, 0.0) + probability
    total = sum(shares.values())
    return {value: share / total for value, share in shares.items()} if total > 0 else None
