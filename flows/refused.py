"""Rounds that were refused one after the other: when the loop ends, and what to look at."""

import shlex
from pathlib import Path
from typing import Any

from flows.config import Config
from rounds.errors import Stopped
from rounds.folder import (
    finished_rounds,
    next_round,
    put_by_hand,
    read_manifest,
    read_metrics,
    round_number,
)

NOT_OF_A_ROUND = ("name", "keep", "mirror")
"""Sections that change nothing about a round."""


def check_refused(config: Config, run_dir: Path) -> None:
    """Raise Stopped where the last `gate.stop_after` rounds were refused with this very config, and
    no round is under way.

    A change of the config goes on, and so does a decision by hand.
    """
    most = config.gate.stop_after
    if most is None or next_round(run_dir).exists():
        return
    refused = refused_in_a_row(config, run_dir)
    if len(refused) < most:
        return
    numbers = ", ".join(str(round_number(folder)) for folder in refused)
    shown = shlex.quote(str(run_dir))
    raise Stopped(
        f"rounds {numbers} were refused one after the other (gate.stop_after: {most}). "
        f"{_why(refused[-1])}. Look at the pairs and what was dropped (`prefloop inspect "
        f"{shown}`), at the judge's health, at the training's curves and the KL, and at the "
        f"gate's win rates by tag and length; `prefloop blame {shown} "
        f"{round_number(refused[-1])}` names the part of the pairs that hurts",
        "change the config (what is trained on, the judge, the training), raise gate.stop_after, "
        f"or put a policy in place by hand (`prefloop promote {shown}`), and run the same command "
        "again",
    )


def refused_in_a_row(config: Config, run_dir: Path) -> list[Path]:
    """The last finished rounds, as far back as each trained a policy that was refused, with this
    config; none where people decided since.
    """
    if put_by_hand(run_dir) is not None:
        return []
    now, refused = _of_a_round(config.model_dump(mode="json")), list[Path]()
    for folder in reversed(finished_rounds(run_dir)):
        facts = read_manifest(folder) or {}
        was_refused = facts["trained"] is not None and not facts["decision"]["promoted"]
        if not was_refused or _of_a_round(facts["config"]) != now:
            break
        refused.insert(0, folder)
    return refused


def _of_a_round(tree: Any) -> dict[str, Any]:
    """The sections of a config that a round follows from."""
    kept = {name: value for name, value in (tree or {}).items() if name not in NOT_OF_A_ROUND}
    gate = {name: one for name, one in (kept.get("gate") or {}).items() if name != "stop_after"}
    return {**kept, "gate": gate}


def _why(folder: Path) -> str:
    """What the last of them was refused for, and what else stood out."""
    metrics = read_metrics(folder)
    said = [f"the last one: {'; '.join(metrics['reasons'])}", *metrics.get("alarms", [])]
    train = metrics.get("train") or {}
    figures = [
        f"{what} {value:.3g}"
        for what, name in (("held-out accuracy", "held_out_accuracy"), ("KL", "kl_per_token"))
        if isinstance(value := train.get(name), int | float)
    ]
    pairs = f"{metrics['counts']['pairs']} pairs were trained on"
    return "; ".join([*said, ", ".join([pairs, *figures])])
