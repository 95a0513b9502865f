"""Recipes side by side on the starter: python benchmarks/recipes.py --into FOLDER

    [--recipes ours,offline,...] [--seeds 3] [--rounds 3] [--prompts 192] [--test N] [--at-once 1]

Each recipe runs its rounds with each seed, from the same policy, with the same judge, which one
server of this benchmark serves to all, and about as many calls of it. Printed for each: the gold
win rate against the first policy on the test prompts after each round, pooled over the seeds with
its interval (the policy in place, so a refused round counts as the one before it), the pairs
trained on and the judge's calls. FOLDER keeps the runs: a benchmark that was killed goes on there.

Of the recipes ours alone has a gate; the others take every policy over, as they were published. One
whose policy falls apart stops before its last round, and counts with that policy from there on.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from endpoints.config import Serve
from endpoints.serve import serve
from gate.intervals import score_interval
from rounds.files import read_json
from rounds.folder import finished_rounds
from rounds.rows import EXTRA, PAIRS, PROMPTS, VERDICTS
from rounds.settings import locate
from rounds.stages import silent
from rounds.tables import iter_rows, table_path

HERE = Path(__file__).parent
KEY = "RECIPES_JUDGE_KEY"
STARTER = HERE.parent / "examples" / "starter.yaml"
NO_GATE = {"gate": {"threshold": 0.0, "must_exceed": "value"}}
NEVER = {"bounds": {"min_n": 10**6}}
"""No bound stops a round."""
UNGATED = 8
"""Gate prompts of a recipe that takes every policy over: they decide nothing."""
UNCHECKED = {"judge": {"health": {"sample": 0, **NEVER}, "gold": None, "select": {"min_margin": 0}}}
OWN: dict[str, Any] = dict.fromkeys(("beta", "loss_type", "loss_weights"))
"""The method's own, in the place of what the starter sets for DPO."""
SLOWER = OWN | {"learning_rate": 3e-4}
"""Of 3e-4 and the starter's 6e-4 each recipe has the one that its first seed did better with."""


class Recipe(NamedTuple):
    """What differs from the starter's config, who runs it, and whether one round does it all."""

    changes: dict[str, Any]
    unconfirmed: str | None = None
    one_shot: bool = False


RECIPES: dict[str, Recipe] = {
    "ours": Recipe({}),
    "offline": Recipe(NO_GATE, one_shot=True),
    # six scores a prompt are what four and a confirmation take
    "rlhflow": Recipe(NO_GATE | UNCHECKED | {"sampler": {"n": 6}}, "rlhflow"),
    "self-rewarding": Recipe(NO_GATE | UNCHECKED | {"sampler": {"n": 6}}, "self-rewarding"),
    "simpo": Recipe(NO_GATE | {"trainer": {"preset": "simpo", "args": SLOWER}}),
    "orpo": Recipe(NO_GATE | {"trainer": {"method": "orpo", "args": OWN}}),
    "sft": Recipe(NO_GATE | {"trainer": {"method": "sft", "args": OWN}}),
    "kto": Recipe(NO_GATE | {"trainer": {"method": "kto", "args": SLOWER}}),
    "delta": Recipe(
        NO_GATE
        | {
            "sampler": {
                "n": 2,
                "also": {"weak": {"policy": "initial", "n": 2, "sampling": {"temperature": 1.3}}},
            },
            "judge": {"select": {"rule": "delta", "delta": {"better": "current", "worse": "weak"}}},
        }
    ),
}


class Done(NamedTuple):
    """A round that a recipe has finished: what the policy in place wins, ties and loses against the
    first by gold on the test prompts, pairs trained on, and calls of the judge for them.
    """

    wins: int
    ties: int
    losses: int
    pairs: int
    calls: int


def config_of(name: str, given: argparse.Namespace, seed: int, url: str) -> dict[str, Any]:
    """The starter's config as a recipe changes it."""
    recipe = RECIPES[name]
    tree = starter_with(recipe.changes, given, url)
    tree["prompts"]["per_round"] = given.prompts * (given.rounds if recipe.one_shot else 1)
    if name != "ours":
        tree["prompts"]["gate"] = first_prompts(given, "gate", UNGATED)
    return tree | {"name": f"{name}-{seed}", "seed": seed}


def starter_with(changes: dict[str, Any], given: argparse.Namespace, url: str) -> dict[str, Any]:
    """The starter's config with changes, its judge at an address."""
    tree: dict[str, Any] = merged(yaml.safe_load(STARTER.read_text()), changes)
    tree["endpoints"]["desk"].pop("serve")
    tree["endpoints"]["desk"] |= {"base_url": url, "model": "served", "api_key_env": KEY}
    tree["prompts"] |= {"per_round": given.prompts, "at_end": "reshuffle"}
    if given.test:
        tree["prompts"] |= {
            split: first_prompts(given, split, given.test) for split in ("gate", "test")
        }
    return tree


def merged(tree: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A section with changes in it, sections within it likewise; None takes a key out."""
    result = dict(tree)
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def first_prompts(given: argparse.Namespace, split: str, n: int) -> str:
    """A file of the first `n` prompts of a split."""
    path = Path(given.into) / f"{split}-{n}.jsonl"
    lines = locate(f"prefloop:prompts/starter/{split}.jsonl").read_text().splitlines()
    path.write_text("\n".join(lines[:n]) + "\n")
    return str(path.resolve())


def run_recipe(name: str, seed: int, given: argparse.Namespace, url: str) -> None:
    """All rounds of a recipe that are not finished yet."""
    recipe = RECIPES[name]
    script = ["unconfirmed.py", recipe.unconfirmed] if recipe.unconfirmed else []
    try:
        tree = config_of(name, given, seed, url)
        run_left(tree, rounds_in(name, given), Path(given.into), script)
    except SystemExit as stopped:
        if not finished_rounds(Path(given.into) / "runs" / f"{name}-{seed}"):
            raise
        print(
            f"{str(stopped)[-400:]}\n{name}-{seed} has stopped, its last policy counts", flush=True
        )


def rounds_in(name: str, given: argparse.Namespace) -> int:
    """How many rounds a recipe takes."""
    return 1 if RECIPES[name].one_shot else int(given.rounds)


def run_left(tree: dict[str, Any], rounds: int, into: Path, script: list[str]) -> None:
    """The rounds of a config that are not finished yet, by the command or by a script that runs it
    with something replaced.
    """
    due, into = left(into, tree["name"], rounds), into.resolve()
    if not due:
        return
    config = into / f"{tree['name']}.yaml"
    config.write_text(yaml.safe_dump(tree))
    command = [str(HERE / script[0]), *script[1:]] if script else ["-m", "prefloop"]
    options = ["--rounds", str(due), "--runs-dir", str(into / "runs"), "--without-prefect-server"]
    log = into / f"{tree['name']}.log"
    with log.open("a") as said:
        done = subprocess.run(
            [sys.executable, "-P", *command, "run", str(config), *options],
            env={**os.environ, "PYTHONPATH": str(HERE.parent)},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    if done.returncode:
        raise SystemExit(f"{tree['name']} ended with {done.returncode}:\n{log.read_text()[-3000:]}")
    print(f"{tree['name']} has finished", flush=True)


def left(into: Path, name: str, rounds: int) -> int:
    """How many rounds of a run are not finished yet."""
    return max(0, rounds - len(finished_rounds(into / "runs" / name)))


def rounds_of(run_dir: Path) -> list[Done]:
    """What each round of a run came to."""
    found: list[Done] = []
    in_place = (0, 0, 0)
    for folder in finished_rounds(run_dir):
        metrics = read_json(folder / "metrics.json")
        if metrics["promoted"]:
            rate = metrics["custom"]["gold"]["win_rate_vs_initial"]
            in_place = (rate["wins"], rate["ties"], rate["losses"])
        elif not any(in_place):
            n = sum(1 for _ in iter_rows(folder, PROMPTS, ["test"], ["split"]))
            in_place = (0, n, 0)  # still the first policy, which is as good as itself
        pairs = sum(1 for table in (PAIRS, EXTRA) for _ in rows_of(folder, table))
        asked = iter_rows(folder, VERDICTS, ["train"], ["request_key"])
        calls = sum(bool(row["request_key"]) for row in asked)
        found.append(Done(*in_place, pairs, calls))
    return found


def rows_of(folder: Path, table: Any) -> Iterator[Any]:
    """The rows of a table of a round, where it has one."""
    return iter_rows(folder, table) if table_path(folder, table).exists() else iter(())


def win_rates(rounds: Sequence[Done]) -> tuple[str, str]:
    """The gold win rate of rounds of several seeds together, with its interval, and of each."""
    counts = [one[:3] for one in rounds]
    wins, ties, losses = map(sum, zip(*counts, strict=True))
    low, high = score_interval(wins, ties, losses, 0.95)
    each = ", ".join(f"{(won + tied / 2) / (won + tied + lost):.3f}" for won, tied, lost in counts)
    return f"{(wins + ties / 2) / (wins + ties + losses):.3f} [{low:.3f}, {high:.3f}]", each


def print_table(names: list[str], given: argparse.Namespace) -> None:
    """A line a recipe and round."""
    print(f"\n{'recipe':16}{'round':>6}  {'gold win rate vs first':28}{'pairs':>7}{'calls':>8}")
    for name in names:
        runs = runs_of(name, given)
        most = max(map(len, runs))
        for run in runs:
            run += [run[-1]._replace(pairs=0, calls=0)] * (most - len(run))
        for number, rounds in enumerate(zip(*runs, strict=True), start=1):
            rate, each = win_rates(rounds)
            pairs, calls = sum(one.pairs for one in rounds), sum(one.calls for one in rounds)
            print(f"{name:16}{number:>6}  {rate:28}{pairs:>7}{calls:>8}   {each}")


def runs_of(name: str, given: argparse.Namespace) -> list[list[Done]]:
    """The rounds of a recipe, seed by seed."""
    runs = Path(given.into) / "runs"
    return [rounds_of(runs / f"{name}-{seed}") for seed in range(given.seeds)]


@contextmanager
def judge_server(into: Path, runs: dict[str, int]) -> Iterator[str]:
    """The starter's judge for all runs; its address, and its key in the environment.

    `runs` says how many rounds each is to have: where all have them, none is started.
    """
    if not any(left(into, name, rounds) for name, rounds in runs.items()):
        yield ""
        return
    served = yaml.safe_load(STARTER.read_text())["endpoints"]["desk"]["serve"]
    with serve(Serve(**served), into / "judge.log", silent) as live:
        os.environ[KEY] = live.api_key
        yield live.base_url


def main() -> None:
    """Run what is left to run, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", required=True, help="a folder for the runs, which stay there")
    parser.add_argument("--recipes", default=",".join(RECIPES))
    for name, value in (("seeds", 3), ("rounds", 3), ("prompts", 192), ("test", 0), ("at-once", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    names = given.recipes.split(",")
    if unknown := [name for name in names if name not in RECIPES]:
        parser.error(f"{unknown[0]} is none of {', '.join(RECIPES)}")
    into = Path(given.into)
    into.mkdir(parents=True, exist_ok=True)
    jobs = [(name, seed) for seed in range(given.seeds) for name in names]
    runs = {f"{name}-{seed}": rounds_in(name, given) for name, seed in jobs}
    with (
        judge_server(into, runs) as url,
        ThreadPoolExecutor(given.at_once) as threads,
    ):
        for done in [threads.submit(run_recipe, name, seed, given, url) for name, seed in jobs]:
            done.result()
    print_table(names, given)


if __name__ == "__main__":
    main()
