"""The ids of an answer that nobody sampled: as the chat template writes it, to its end of turn."""

from rounds.rows import Messages
from rounds.tokenizers import Spelling

STAND_IN = "prefloop"
"""An answer in the place of another, to see what a template puts after it."""


def answer_ids(spelling: Spelling, prompt: Messages, prompt_ids: list[int], text: str) -> list[int]:
    """The ids of an answer that nobody sampled, as the template writes it, up to its end of turn.

    Where the template renders the conversation so that it does not begin with `prompt_ids`, they
    are those of the text by itself.
    """
    closing, ended = _closing(spelling, prompt)
    asked = [*prompt, {"role": "assistant", "content": text}]
    whole: list[int] = spelling.tokenizer.apply_chat_template(asked, return_dict=False)
    if whole[: len(prompt_ids)] == prompt_ids:
        return whole[len(prompt_ids) : len(whole) - (len(closing) - ended)]
    return [*plain_ids(spelling, text), *closing[:ended]]


def _closing(spelling: Spelling, prompt: Messages) -> tuple[list[int], int]:
    """What the template puts after an answer, and how many ids of it are the end of the turn: up to
    the first that ends an answer, else up to the first special one, else all.
    """
    asked = [*prompt, {"role": "assistant", "content": STAND_IN}]
    rendered: str = spelling.tokenizer.apply_chat_template(asked, tokenize=False)
    _, there, after = rendered.rpartition(STAND_IN)
    closing = plain_ids(spelling, after) if there else []
    for ends in (spelling.ends, spelling.tokenizer.all_special_ids):
        if found := [place for place, token in enumerate(closing, start=1) if token in ends]:
            return closing, found[0]
    return closing, len(closing)


def plain_ids(spelling: Spelling, text: str) -> list[int]:
    """The ids of a text by itself."""
    ids: list[int] = spelling.tokenizer.encode(text, add_special_tokens=False)
    return ids
