"""What a server says of the models that it serves."""

import json
from typing import Any, NamedTuple


class Card(NamedTuple):
    """A model as GET /models lists it: its longest context in tokens, and where its weights come
    from; None where the server does not say."""

    max_model_len: int | None
    root: str | None


class OtherModel(Exception):
    """A server serves another model than the first one that was asked."""


def cards_in(text: str) -> dict[str, Card] | None:
    """The models by name; None where the text is no list of models."""
    try:
        listed = json.loads(text.removeprefix("\ufeff"))
    except ValueError:
        return None
    data = listed.get("data") if isinstance(listed, dict) else None
    if not isinstance(data, list):
        return None
    return {str(one["id"]): _card(one) for one in data if isinstance(one, dict) and "id" in one}


def difference(one: Card, other: Card) -> str:
    """What tells two servers' models of one name apart; empty where nothing does.

    Weights may lie in another folder on another host: the last part of their path is compared.
    """
    for name, first, second in zip(Card._fields, one, other, strict=True):
        if first is None or second is None:
            continue
        if _last(first) != _last(second):
            return f"{name} {second} instead of {first}"
    return ""


def _card(model: dict[str, Any]) -> Card:
    length, root = model.get("max_model_len"), model.get("root")
    return Card(
        length if isinstance(length, int) else None, root if isinstance(root, str) else None
    )


def _last(value: int | str) -> int | str:
    return value.rstrip("/").rsplit("/", 1)[-1] if isinstance(value, str) else value
