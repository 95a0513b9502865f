"""A rubric file and a question to the messages of one call."""

from typing import NamedTuple

from endpoints.template import Template, fence, fill, neutralize, nonce, parse_template
from judge.config import Rubrics
from rounds.errors import UserError
from rounds.shipped import locate

Messages = list[dict[str, str]]

PLACEHOLDERS = {"pointwise": {"prompt", "answer"}, "pairwise": {"prompt", "a", "b"}}


class Loaded(NamedTuple):
    """The rubrics of a judge, parsed."""

    pointwise: Template
    pairwise: Template


def load_rubrics(rubrics: Rubrics) -> Loaded:
    """Read and check both rubric files. Raises UserError naming file and fault."""
    return Loaded(*(_load(kind, getattr(rubrics, kind)) for kind in ("pointwise", "pairwise")))


def pointwise_messages(rubric: Template, secret: bytes, prompt: Messages, answer: str) -> Messages:
    """The question "how good is this answer?"."""
    key = nonce(secret, "pointwise", conversation(prompt), answer)
    return fill(rubric, {"prompt": conversation(prompt), "answer": fence("A", answer, key)})


def pairwise_messages(
    rubric: Template, secret: bytes, prompt: Messages, first: str, second: str
) -> Messages:
    """The question "which is better?", with `first` shown as A and `second` as B."""
    key = nonce(secret, "pairwise", conversation(prompt), first, second)
    fenced = {"a": fence("A", first, key), "b": fence("B", second, key)}
    return fill(rubric, {"prompt": conversation(prompt), **fenced})


def conversation(messages: Messages) -> str:
    """A prompt as the judge reads it: the text alone, or the turns with who said them."""
    if len(messages) == 1:
        return neutralize(messages[0]["content"])
    return "\n\n".join(f"{turn['role']}: {neutralize(turn['content'])}" for turn in messages)


def _load(kind: str, reference: str) -> Template:
    path = locate(reference)
    try:
        return parse_template(path.read_text(encoding="utf-8"), PLACEHOLDERS[kind])
    except FileNotFoundError:
        raise UserError(f"judge.rubrics.{kind}: no such file {path.resolve()}") from None
    except ValueError as error:
        raise UserError(f"judge.rubrics.{kind}: {path}: {error}") from error
