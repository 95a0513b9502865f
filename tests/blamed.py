"""A finished round of the embedded world, of which blame is asked."""

import random
from pathlib import Path

from builders import begun, prompt_row
from replays import pair_row

from rounds.files import write_json
from rounds.folder import MANIFEST
from rounds.rows import Pair
from rounds.settings import locate
from rounds.weights import Policy, local_policy
from starter.world import combos, prompt_text, random_qualities, reply_text
from trainer.config import TrainerConfig

FIRST = local_policy(locate("prefloop:starter/policy"))
ARGS = {"per_device_train_batch_size": 8, "gradient_checkpointing": False, "beta": 0.3}
CONFIG = TrainerConfig(args={**ARGS, "learning_rate": 3e-4})
GOOD = dict.fromkeys(random_qualities(random.Random(0)), True)


def sides(number: int) -> tuple[str, str, str]:
    """A question of the embedded world, a good answer and a bad one."""
    drawing = random.Random(number)
    combo = drawing.choice(combos())
    bad = dict.fromkeys(GOOD, False)
    asked = f"{prompt_text(combo)} It is number {number}."
    return asked, reply_text(drawing, combo, GOOD), reply_text(drawing, combo, bad)


def pair_of(number: int, reverse: bool) -> Pair:
    asked, good, bad = sides(number)
    chosen, rejected = (bad, good) if reverse else (good, bad)
    return pair_row(asked)[0] | {
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
        "verdict_ids": [],
    }


def round_with(run_dir: Path, pairs: int, policy: Policy = FIRST, reverse: bool = True) -> Path:
    """A finished round, every other prompt tagged `wrong`, whose pairs are reversed."""
    tags = [["wrong"] if number % 2 else ["right"] for number in range(pairs)]
    prompts = [prompt_row(sides(number)[0]) | {"tags": tags[number]} for number in range(pairs)]
    rows = [pair_of(number, reverse and bool(number % 2)) for number in range(pairs)]
    folder = begun(run_dir, 1, prompts=prompts, pairs=rows, candidates=[], verdicts=[])
    write_json(folder / MANIFEST, {"policy": policy._asdict(), "seed": 0})
    write_json(folder / "metrics.json", {"train": {}})
    return folder
