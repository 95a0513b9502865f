"""Rounds that were refused one after the other: when the loop ends, and what to look at."""

import shlex
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flows.config import Config
from flows.decisive import decisive
from rounds.errors import Stopped
from rounds.folder import (
    finished_rounds,
    next_round,
    put_by_hand,
    read_manifest,
    read_metrics,
    round_number,
)


def check_refused(config: Config, run_dir: Path) -> None:
    """Raise Stopped where the last `gate.stop_after` rounds were refused with a config that decides
    as this one does, and no round is under way.

    A change of what decides goes on (flows.decisive), and so does a decision by hand.
    """
    most = config.gate.stop_after
    if most is None or next_round(run_dir).exists():
        return
    refused = refused_in_a_row(config, run_dir)
    if len(refused) < most:
        return
    numbers = ", ".join(str(round_number(folder)) for folder in refused)
    said = f"round {numbers} was refused"
    if len(refused) > 1:
        said = f"rounds {numbers} were refused one after the other"
    shown = shlex.quote(str(run_dir))
    raise Stopped(
        f"{said} (gate.stop_after: {most}). "
        f"{_why(refused[-1])}. Look at the pairs and what was dropped (`prefloop inspect "
        f"{shown}`), at the judge's health, at the training's curves and the KL, and at the "
        f"gate's win rates by tag and length; `prefloop blame {shown} "
        f"{round_number(refused[-1])}` names the part of the pairs that hurts",
        "change the config (what is trained on, the judge, the training), raise gate.stop_after, "
        f"or put a policy in place by hand (`prefloop promote {shown} --by NAME --why TEXT`), and "
        "run the same command again",
    )


def refused_in_a_row(config: Config, run_dir: Path) -> list[Path]:
    """The last finished rounds, as far back as each trained a policy that was refused, with a
    config that decides as this one does; none where people decided since.
    """
    if put_by_hand(run_dir) is not None:
        return []
    now, refused = decisive(config), list[Path]()
    for folder in reversed(finished_rounds(run_dir)):
        facts = read_manifest(folder) or {}
        was_refused = facts["trained"] is not None and not facts["decision"]["promoted"]
        if not was_refused or _decisive_then(facts["config"]) != now:
            break
        refused.insert(0, folder)
    return refused


def _decisive_then(tree: Any) -> dict[str, Any] | None:
    """What decided in a finished round, by the config in its manifest; None where that is no config
    any more, and so another one.
    """
    try:
        return decisive(Config.model_validate(tree))
    except ValidationError:
        return None


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
