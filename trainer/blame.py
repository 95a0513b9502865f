"""Which part of a round's pairs hurts: short LoRAs trained with and without each part.

Every training begins from the policy that the round began from and takes equally many steps, those
of one epoch over half of the pairs (LEAST_STEPS at least): on the rest without a part, on the part
alone, and on random halves, which say what chance does. What they are measured on is trained on by
none. A part is measured on held-out pairs of the others, for those of a part that is wrong are as
wrong; where people labelled pairs (a gold set), these say which of two contradicting parts is
right.

Nothing of the round is written and no lease is held: a run may go on beside it. All lies below
RUN/blame/ROUND, a file for each training that is done, so that a kill loses one at most; at the end
blame.json alone is left there.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rounds.errors import Busy, UserError
from rounds.files import make_folder, read_json_if_whole, remove, write_json
from rounds.folder import policy_of, read_manifest, read_metrics, round_number, run_of
from rounds.ids import digest
from rounds.rows import EXTRA
from rounds.stages import Progress, silent
from rounds.tables import read_rows
from rounds.weights import Policy, require_weights
from trainer.blame_args import LORA, short_args
from trainer.blame_effects import ERROR, Margins, Trained, effects, noise
from trainer.blame_parts import (
    LEAST_HELD_OUT,
    Part,
    Split,
    drawn,
    halves,
    parts_of,
    split_pairs,
    with_enough,
)
from trainer.blame_trainings import Training, margins_after
from trainer.blame_traits import pair_traits
from trainer.config import TrainerConfig
from trainer.rows import TrainingRow, split, training_rows
from trainer.weights import pair_weights

RECORD = "blame.json"


def blame(
    folder: Path,
    config: TrainerConfig,
    gold: Sequence[TrainingRow] = (),
    progress: Progress = silent,
) -> dict[str, Any]:
    """The parts of a finished round's pairs, the most harmful first, each with its effects.

    `config` is the round's trainer section, `gold` pairs that people labelled. What is returned is
    kept in blame.json: {"round", "named": [{"by", "name"}, ...], "parts": [{"by", "name", "pairs":
    how many, **effects}, ...], "trainings", "steps", "trained_on", "held_out", "gold": how many,
    "noise", "error", "args", "policy_id"}. Raises UserError where the round has too few pairs or
    its first policy no weights here, Busy where another looks at the same round.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise UserError(f"{folder}: the round is not finished; `prefloop run` goes on with it")
    policy, seed = _policy(folder, manifest), int(manifest["seed"])
    own_held_out = split(training_rows(folder), config.held_out_pairs)[1]
    traits = pair_traits(folder)
    pairs = split_pairs(traits, [row["pair_id"] for row in own_held_out], seed)
    weights = _weights(folder, config)
    if weights:  # a pair of weight 0 taught nothing in the round
        taught_by = [pair for pair in pairs.train if weights[pair.pair_id]]
        pairs = pairs._replace(train=taught_by)
    parts = with_enough(parts_of(traits), pairs)
    taught = {pair.prompt_id for pair in pairs.train}
    gold = [row for row in gold if row["prompt_id"] not in taught]
    gold = gold if len(gold) >= LEAST_HELD_OUT else []
    half = len(pairs.train) // 2
    args = {**short_args(config, _taken(folder), policy, half), "seed": seed}
    job = {
        "round_dir": str(folder),
        "method": "dpo",
        "policy": policy._asdict(),
        "reference": policy._asdict(),
        "args": args,
        "lora": LORA,
        "held_out": [pair.pair_id for pair in pairs.held_out],
        "gold": list(gold),
    }
    if weights:
        job["weights"] = {pair.pair_id: weights[pair.pair_id] for pair in pairs.train}
    trainings = _trainings(parts, pairs, half, seed)
    key = digest("blame", job, [one.pairs for one in trainings])
    kept = run_of(folder) / "blame" / folder.name
    with _alone_in(kept):
        known = read_json_if_whole(kept / RECORD)
        if isinstance(known, dict) and known.get("key") == key:
            return dict(known)
        margins = margins_after(trainings, job, kept / "work", config, progress)
        found, chance = _found(parts, pairs, [row["pair_id"] for row in gold], margins)
        record = {
            "key": key,
            "round": round_number(folder),
            "policy_id": policy.policy_id,
            "named": [{"by": one["by"], "name": one["name"]} for one in found if one["hurts"]],
            "parts": found,
            "trainings": len({digest(sorted(one.pairs)) for one in trainings}),
            "steps": args["max_steps"],
            "trained_on": half,
            "held_out": len(pairs.held_out),
            "gold": len(gold),
            "noise": chance,
            "error": ERROR,
            "args": args,
        }
        write_json(kept / RECORD, record)
        remove(kept / "work")
    return record


def _policy(folder: Path, manifest: dict[str, Any]) -> Policy:
    """The policy that a finished round began from. Raises UserError where it has no weights."""
    policy = policy_of(run_of(folder), manifest["policy"])
    if policy.served is not None:
        raise UserError(
            f"round {round_number(folder)}: its policy is at an endpoint, and blame trains weights "
            "that are here"
        )
    for path in filter(None, (policy.model, policy.adapter)):
        require_weights(Path(path))
    return policy


def _weights(folder: Path, config: TrainerConfig) -> dict[str, float]:
    """The factor of every pair of the round by `trainer.weights`; none where it is not set."""
    if config.weights is None:
        return {}
    extra = (read_metrics(folder).get("train") or {}).get("extra") or {}
    rows = read_rows(folder, EXTRA)
    return pair_weights(folder, rows, extra.get("warm_start", 0), config.weights).factors


def _taken(folder: Path) -> dict[str, Any]:
    """What the variant set that a sweep took; nothing without a sweep."""
    sweep = (read_metrics(folder).get("train") or {}).get("sweep")
    return dict(sweep["variants"][sweep["taken"]]["args"]) if sweep else {}


def _trainings(parts: Sequence[Part], pairs: Split, half: int, seed: int) -> list[Training]:
    """Random halves, then of each part: without it, and on it alone."""
    names = frozenset(pair.pair_id for pair in pairs.train)
    made = [
        Training(ids, f"random half {number}")
        for number, ids in enumerate(halves(pairs, seed), start=1)
    ]
    for part in parts:
        named = f"{part.by} {part.name}"
        made.append(Training(drawn(names - part.pairs, half, seed), f"without {named}"))
        made.append(Training(drawn(names & part.pairs, half, seed), f"on {named}"))
    return made


def _found(
    parts: Sequence[Part], pairs: Split, gold: Sequence[str], margins: Sequence[Margins]
) -> tuple[list[dict[str, Any]], float]:
    """The parts with their effects, the most harmful first, and the noise between trainings."""
    controls, of_parts = margins[: -2 * len(parts)], margins[-2 * len(parts) :]
    # one that is longer than the policy takes was not measured
    measured = set(controls[0])
    aside = [pair.pair_id for pair in pairs.held_out if pair.pair_id in measured]
    gold = [name for name in gold if name in measured]
    found = []
    for place, part in enumerate(parts):
        trained = Trained(of_parts[2 * place], of_parts[2 * place + 1], controls)
        rest = [name for name in aside if name not in part.pairs]
        told = effects(trained, rest, gold, len(parts))
        found.append({"by": part.by, "name": part.name, "pairs": len(part.pairs), **told})
    found.sort(key=lambda one: (not one["hurts"], not one["contradicts"], -one["gain"]["value"]))
    return found, noise(controls, aside)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder against another of these. Raises Busy where one is at work."""
    make_folder(folder)
    file = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Busy(f"{folder}: another `prefloop blame` is at work on this round") from None
    finally:
        os.close(file)
