"""Ways of training: a file each, with its TRL config class, its rows and its trainer.

A new one is a file with a METHOD, an entry in CONFIGS and a name in `trainer.method`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

CONFIGS = {
    "dpo": "trainer/dpo_config.py",
    "kto": "trainer/kto_config.py",
    "orpo": "experimental/orpo/orpo_config.py",
    "cpo": "experimental/cpo/cpo_config.py",
    "sft": "trainer/sft_config.py",
}
"""Methods, with the file of TRL that holds their config class; what is experimental there may
change with any version of TRL."""

Row = Mapping[str, Any]


class Sequences(NamedTuple):
    """Conversations of a batch, as tensors of (rows, tokens); `answers` marks the answers' ids."""

    input_ids: Any
    attention_mask: Any
    answers: Any


class Method(NamedTuple):
    """What a training by TRL is made of. Its file imports TRL: only child processes load it."""

    config: type
    """TRL's config class."""
    trainer: type
    """TRL's trainer, on ids that are there already."""
    rows: Callable[[Sequence[Row], Any], list[dict[str, Any]]]
    """Pairs as ids (trainer.tokens.TokenRow) and the config to what TRL is given; the same for
    those to train on and those held out."""
    sequences: Callable[[Mapping[str, Any]], Iterator[Sequences]]
    """The conversations of a batch of the trainer."""
    reference: bool
    """Whether the training itself compares with a reference model."""
    accuracies: Callable[[Any], list[float]] | None = None
    """The reward accuracies of the batches that the trainer has evaluated, where it has any."""
    refused: Mapping[str, str] = {}
    """Arguments that would do something here that nobody asked for, and why."""
    check: Callable[[Any], None] = lambda config: None
    """Raises UserError for a config that cannot be trained with."""


def config_class(method: str) -> str:
    """The name of the method's config class in TRL."""
    return f"{method.upper()}Config"


def load_method(name: str) -> Method:
    """A method by its name. Imports TRL."""
    method: Method = import_module(f"trainer.methods.{name}").METHOD
    return method
