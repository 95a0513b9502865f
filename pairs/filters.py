"""Reasons not to train on a decided pair. Each is a function from a row to a reason or None."""

import re
from collections.abc import Callable
from typing import NamedTuple

from pairs.config import PairsConfig
from rounds.conversational import fault
from rounds.tables import Row

CHAT_TOKENS = re.compile(
    r"<[|\uff5c][^\s<>|\uff5c]{2,60}[|\uff5c]>|</?s>|\[/?INST\]|<(?:start|end)_of_turn>"
)


class Pair(NamedTuple):
    """A decided row with the two candidates behind it."""

    row: Row
    chosen: Row
    rejected: Row


Filter = Callable[[Pair], str | None]


def filters(config: PairsConfig, held_out: set[str], seen: set[str]) -> list[Filter]:
    """The filters in order; the first reason counts.

    `held_out` are the normalised gate and test prompts, `seen` the keys of the pairs kept in
    earlier rounds; the last filter adds to it.
    """

    def cut_off(pair: Pair) -> str | None:
        # the chat template would close a cut answer as if it had ended
        ends = (pair.chosen["finish_reason"], pair.rejected["finish_reason"])
        return "cut_off" if "length" in ends else None

    def identical(pair: Pair) -> str | None:
        return "identical" if _same(pair.chosen["text"], pair.rejected["text"]) else None

    def small_margin(pair: Pair) -> str | None:
        margin = pair.row["margin"]
        if margin is None or margin >= config.min_margin:
            return None
        # the comparison contradicts the screen: two views of the same judge disagree
        return "screen_disagrees" if margin < 0 else "small_margin"

    def chat_tokens(pair: Pair) -> str | None:
        texts = pair.chosen["text"] + "\n" + pair.rejected["text"]
        return "chat_tokens" if CHAT_TOKENS.search(texts) else None

    def malformed(pair: Pair) -> str | None:
        return "malformed" if fault(pair.row) else None

    def overlap(pair: Pair) -> str | None:
        return "held_out_prompt" if prompt_text(pair.row["prompt"]) in held_out else None

    def duplicate(pair: Pair) -> str | None:
        key = pair_key(pair.row)
        if key in seen:
            return "duplicate"
        seen.add(key)
        return None

    return [cut_off, identical, small_margin, chat_tokens, malformed, overlap, duplicate]


def prompt_text(messages: list[dict[str, str]]) -> str:
    """A prompt for comparison: case and white space do not make it another one."""
    return "\n".join(f"{turn['role']}: {_plain(turn['content'])}" for turn in messages)


def pair_key(row: Row) -> str:
    """What makes two pairs duplicates: prompt, chosen and rejected, normalised."""
    sides = [_plain(row[side][0]["content"]) for side in ("chosen", "rejected")]
    return "\x00".join([prompt_text(row["prompt"]), *sides])


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _same(first: str, second: str) -> bool:
    return _plain(first) == _plain(second)
