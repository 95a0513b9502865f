"""Which prompts a model can be asked: its chat template takes them, and an answer still fits.

The first process of a sampling looks at every prompt of every model before it loads any weights.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from rounds.errors import UserError
from rounds.rows import Messages
from rounds.tokenizers import rendered_prompt
from sampler.requests import PromptRequest
from sampler.writers import Writer

REFUSED = "the chat template refuses it"
SHOWN = 3
"""Prompts that a message names."""


class Model(NamedTuple):
    """What it takes to know what a model can be asked: `render` gives a prompt's token ids, or why
    there are none; `context` is how many tokens prompt and answer may have.
    """

    render: Callable[[Messages], list[int] | str]
    context: int


class Asked(NamedTuple):
    """A model, and the writers who answer with it, by name."""

    model: Model
    writers: dict[str, Writer]


def render(tokenizer: Any, messages: Messages) -> list[int] | str:
    """The tokens of a prompt as a model is asked it, or why its chat template refuses it."""
    try:
        return rendered_prompt(tokenizer, messages)
    except Exception as error:  # a template is a program: it raises whatever it comes to
        return f"{REFUSED} ({' '.join(str(error).split()) or type(error).__name__})"


def no_answer(tokens: list[int] | str, sampling: dict[str, Any], context: int) -> str | None:
    """Why a rendered prompt has no answer under this sampling, or None where it can have one."""
    if isinstance(tokens, str):
        return tokens
    max_tokens = sampling.get("max_tokens") or 1  # null: as many as fit
    if len(tokens) + max_tokens <= context:
        return None
    return f"{len(tokens)} tokens and {max_tokens} for the answer; the model takes {context}"


def check_fit(
    models: Iterable[Asked],
    requests: Callable[[], Iterable[PromptRequest]],
    stop: bool,
    answered: Iterable[str],
) -> None:
    """Raise UserError where a writer has no prompt left of a split, naming one and the reason.

    With `stop` already where there is one prompt that it cannot answer. `answered` are splits that
    have answers from before.
    """
    for model, writers in models:
        asked, fitting = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        unfit: dict[tuple[str, str], list[str]] = {}
        for request in requests():
            names = [one.writer for one in request.writer_requests if one.writer in writers]
            direct = [name for name in names if writers[name].revises is None]
            tokens = model.render(request.messages) if direct else []
            for name in direct:
                place = name, request.split
                asked[place] += 1
                reason = no_answer(tokens, writers[name].sampling, model.context)
                if reason is None:
                    fitting[place] += 1
                else:
                    shown = unfit.setdefault(place, [])
                    if len(shown) < SHOWN:
                        shown.append(f"{request.source} ({request.prompt_id}): {reason}")
        for (name, split), shown in unfit.items():
            place, where = (name, split), writer_key(name)
            count = asked[place] - fitting[place]
            if stop:
                more = f" and {count - len(shown)} more" if count > len(shown) else ""
                raise UserError(
                    f"{where} cannot answer {count} of {asked[place]} {split} prompts: "
                    f"{'; '.join(shown)}{more}. sampler.unanswerable: set_aside goes on without"
                )
            if not fitting[place] and split not in answered:
                raise UserError(f"no {split} prompt fits: {shown[0]}; {_advice(where, shown[0])}")


def writer_key(name: str) -> str:
    """The config key of a writer."""
    return "sampler" if name == "current" else f"sampler.also.{name}"


def _advice(where: str, reason: str) -> str:
    if REFUSED in reason:
        return "change the prompts, or take a model with a template for them"
    return f"lower max_tokens in {where}.sampling or raise max_model_len in {where}.vllm"
