"""Critique and revise: an answer is criticised by a written principle, then written again.

The supervised half of constitutional AI (arXiv 2212.08073), as two further turns of the
conversation. The answer stands in them as it is: a revision is a candidate like any other, and is
judged like any other.
"""

from typing import NamedTuple

from rounds.errors import UserError
from rounds.ids import digest
from rounds.rows import Messages
from rounds.settings import locate

PLACEHOLDER = "{principle}"


class Constitution(NamedTuple):
    """The texts of a critique-and-revise pass."""

    critique: str
    revise: str
    principles: list[str]


def load_constitution(where: str, principles: str) -> Constitution:
    """The shipped texts and the principles of a file, one a line.

    Raises UserError naming `where` for a file that is not there, is not text or has none.
    """
    path = locate(principles)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise UserError(f"{where}: no such file {path.resolve()}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{where}: {path}: {error}") from None
    listed = [line.strip() for line in lines if line.strip()]
    if not listed:
        raise UserError(f"{where}: {path} has no principle in it; write one a line")
    critique, revise = (
        locate(f"prefloop:prompts/{name}.txt").read_text(encoding="utf-8").strip()
        for name in ("critique", "revise")
    )
    return Constitution(critique, revise, listed)


def principle_for(constitution: Constitution, candidate_id: str) -> str:
    """The principle that an answer is held to: by hash, always the same."""
    principles = constitution.principles
    return principles[int(digest("principle", candidate_id), 16) % len(principles)]


def critique_messages(
    messages: Messages, answer: str, constitution: Constitution, principle: str
) -> Messages:
    """The conversation that asks what is wrong with the answer."""
    return [
        *messages,
        {"role": "assistant", "content": answer},
        {"role": "user", "content": constitution.critique.replace(PLACEHOLDER, principle)},
    ]


def revision_messages(
    question: Messages, critique: str, constitution: Constitution, principle: str
) -> Messages:
    """The conversation of `critique_messages` with the critique, asking for the new answer."""
    return [
        *question,
        {"role": "assistant", "content": critique},
        {"role": "user", "content": constitution.revise.replace(PLACEHOLDER, principle)},
    ]
