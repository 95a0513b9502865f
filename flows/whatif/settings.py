"""Which settings differ, and what each of them takes to be tried on a round."""

import copy
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NamedTuple

from flows.config import Config
from judge.named import judged_by

RUBRICS = ("pointwise", "pairwise", "listwise")
OF_SUMMARIES = ("questions", "answers")
KINDS = (*RUBRICS, *OF_SUMMARIES)

DERIVED = ("pairs", "judge.tau", "judge.select", "judge.appeal", "judge.gold.min_n")
IF_STORED = ("judge.strategy", "judge.endpoint")
"""Derived where the round asked all that they ask: else most of the round would be unknown."""

ANSWERS = ("policy", "prompts", "sampler", "seed")

VERDICTS: dict[str, tuple[str, ...]] = {
    **{f"judge.rubrics.{kind}": (kind,) for kind in RUBRICS},
    "judge.questions": OF_SUMMARIES,
    "judge.scale": ("pointwise",),
    "judge.channel": KINDS,
    "judge.criteria": KINDS,
    "judge.sampling": KINDS,
    "judge.budget": (),
}
"""The kinds of verdicts that each asks anew."""

WHO = ("base_url", "model", "dialect")
SERVED = ("model", "args")
"""What of an endpoint, and of its `serve`, says whose answers they are."""


class Setting(NamedTuple):
    """A key, as its parts, whose value differs."""

    path: tuple[str, ...]
    before: Any
    after: Any

    @property
    def key(self) -> str:
        """As it is given to --set."""
        return ".".join(self.path)


class Sorted(NamedTuple):
    """Settings by what they take: what is stored; what may all be stored; other verdicts; another
    gold set; other answers. The last change no pair."""

    derived: list[Setting]
    if_stored: list[Setting]
    verdicts: list[Setting]
    gold: list[Setting]
    answers: list[Setting]
    no_pair: list[Setting]

    @property
    def asked_anew(self) -> set[str]:
        """Kinds of verdicts, and judges, whose verdicts count as never given."""
        kinds = [VERDICTS.get(key, ()) for one in self.verdicts for key in _keys(one.path)]
        judges = [one.path[1] for one in self.verdicts if one.path[0] == "endpoints"]
        return {*judges, *(kind for of_setting in kinds for kind in of_setting)}


def sort_settings(before: Config, after: Config) -> Sorted:
    """What differs between the config of a round and another, by what it takes."""
    found = Sorted([], [], [], [], [], [])
    for one in _differing(before.model_dump(mode="json"), after.model_dump(mode="json")):
        _place(found, one, after).append(one)
    return found


def with_settings(config: Config, settings: list[Setting]) -> dict[str, Any]:
    """The tree of a config with these values."""
    tree = copy.deepcopy(config.model_dump(mode="json"))
    for one in settings:
        *above, last = one.path
        here = tree
        for name in above:
            here = here[name]
        here[last] = one.after
    return tree


def _differing(
    before: dict[str, Any], after: dict[str, Any], above: tuple[str, ...] = ()
) -> Iterator[Setting]:
    for name in dict.fromkeys([*before, *after]):
        path, old, new = (*above, name), before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differing(old, new, path)
        elif old != new:
            yield Setting(path, old, new)


def _place(found: Sorted, one: Setting, after: Config) -> list[Setting]:
    keys = _keys(one.path)
    for names, into in (
        (DERIVED, found.derived),
        (IF_STORED, found.if_stored),
        (VERDICTS, found.verdicts),
        (("judge.gold",), found.gold),
        (ANSWERS, found.answers),
    ):
        if any(key in names for key in keys):
            return into
    return _place_of_endpoint(found, one, after) if keys[0] == "endpoints" else found.no_pair


def _place_of_endpoint(found: Sorted, one: Setting, after: Config) -> list[Setting]:
    """Another model gives other answers, another price does not."""
    _, name, *below = one.path
    if below and below[0] not in WHO and not (below[0] == "serve" and _is_of_server(below[1:])):
        return found.no_pair
    answering = after.used_endpoints - _judges("gate", after)
    if name in _judges("judge", after):
        return found.verdicts
    return found.answers if name in answering else found.no_pair


def _is_of_server(below: list[str]) -> bool:
    return not below or below[0] in SERVED


def _judges(where: str, config: Config) -> set[str]:
    judge = config.judge if where == "judge" else config.held_out_judge
    return {name for key, name in judged_by(where, judge) if not key.endswith(".second")}


def _keys(path: tuple[str, ...]) -> list[str]:
    """`a.b.c` as a, a.b and a.b.c."""
    return list(accumulate(path, "{}.{}".format))
