"""The gold score: what a reply is really worth, 0 to 10, read off the text in plain code.

The loop trains on the judge's opinion; the gate and the README's figures use this instead. It
asks for evidence: whatever is garbled, missing or said both ways counts as not good.
"""

import re
from functools import cache
from typing import Any, NamedTuple

from starter.world import (
    ADVICE,
    HONEST,
    LEADS,
    PADDING,
    POLITE,
    PROBLEMS,
    PRODUCTS,
    PROMISE,
    RUDE,
    WEIGHTS,
)


class Findings(NamedTuple):
    """What a reply says: products and advice keywords named, and the three other qualities."""

    products: set[str]
    advice: set[str]
    polite: bool
    honest: bool
    brief: bool


def needs(prompt: str) -> tuple[str, str]:
    """The product and the advice keyword that a customer's message asks for, or "none"."""
    products = _products(prompt)
    problems = {key for key, texts in PROBLEMS.items() if any(text in prompt for text in texts)}
    return _only(products), _only(problems)


def findings(reply: str) -> Findings:
    """What a reply says, whatever it answers."""
    sentences = _sentences(reply)
    return Findings(
        products=_products(reply),
        advice={key for key, texts in ADVICE.items() if any(text in reply for text in texts)},
        polite=_says(reply, POLITE) and not _says(reply, RUDE),
        honest=_says(reply, HONEST) and not _says(reply, PROMISE),
        brief=bool(sentences)
        and len(set(sentences)) == len(sentences)
        and all(sentence in _useful() for sentence in sentences),
    )


def qualities(prompt: str, reply: str) -> dict[str, bool]:
    """The five qualities of a reply to a prompt."""
    thing, keyword = needs(prompt)
    found = findings(reply)
    return {
        "advice": found.advice == {keyword},
        "product": found.products == {thing},
        "manners": found.polite,
        "honesty": found.honest,
        "brevity": found.brief,
    }


def points(prompt: str, reply: str) -> int:
    """The weighted sum of the qualities, 0 to 10."""
    return sum(WEIGHTS[name] for name, good in qualities(prompt, reply).items() if good)


def score(messages: list[dict[str, Any]], answer: str) -> float:
    """The gate's metric: the points of an answer to the last user message."""
    prompt = [message["content"] for message in messages if message["role"] == "user"][-1]
    return float(points(prompt, answer))


def well_formed(reply: str) -> bool:
    """Whether a reply is made of whole world sentences: opener, advice, closing, padding or not."""
    sentences = _sentences(reply)
    core = [sentence for sentence in sentences if sentence not in PADDING]
    return (
        len(sentences) - len(core) <= 1
        and len(core) == 3
        and core[0] in POLITE + RUDE
        and core[1] in _lead_sentences()
        and core[2] in HONEST + PROMISE
    )


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+", text.strip()) if text.strip() else []


def _products(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower())) & set(PRODUCTS)


def _only(found: set[str]) -> str:
    return next(iter(found)) if len(found) == 1 else "none"


def _says(text: str, sentences: tuple[str, ...]) -> bool:
    return any(sentence in text for sentence in sentences)


@cache
def _lead_sentences() -> frozenset[str]:
    advice = [text for texts in ADVICE.values() for text in texts]
    return frozenset(
        lead.format(product=thing, advice=text)
        for lead in LEADS
        for thing in PRODUCTS
        for text in advice
    )


@cache
def _useful() -> frozenset[str]:
    """Every sentence that is not padding; the rude and the false ones are judged elsewhere."""
    return _lead_sentences() | frozenset(POLITE + RUDE + HONEST + PROMISE)
