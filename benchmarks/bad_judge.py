"""The loop with a judge that errs: python benchmarks/bad_judge.py --into FOLDER

    [--variants plain,robust,uneven,weights] [--rates 0.1,0.2,0.3] [--seeds 3] [--rounds 3]
    [--prompts 192] [--test N] [--at-once 1]

The starter's judge has a share of its verdicts turned round (flipped.py), those of the gate too.
plain trains as the starter does; robust by `loss_type: robust` with the true rate as
`label_smoothing`. Where every verdict errs alike, an honest probability is the same for all pairs,
and weights change nothing. So the last two have a judge that errs three times as often on one half
of the pairs as on the other: uneven trains as the starter does, weights weighs the pairs by the
probability of a judge that knows which half it is. Printed: the gold win rate of the policy in
place against the first on the test prompts after the last round, pooled over the seeds with its
interval, each seed's, and how many rounds were promoted. FOLDER keeps the runs: what was killed
goes on there.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from recipes import NEVER, judge_server, run_left, runs_of, starter_with, win_rates

from rounds.files import read_json
from rounds.folder import finished_rounds

VARIANTS = ("plain", "robust", "uneven", "weights")
UNBOUNDED = {"judge": {"health": NEVER, "gold": None, "tau": 0.5}}
"""Such a judge would be out of bounds, which is what bounds are for; here it goes on."""


def config_of(variant: str, rate: float, seed: int, given: Any, url: str) -> dict[str, Any]:
    """The starter's config for a variant."""
    tree = starter_with(UNBOUNDED, given, url)
    if variant == "robust":
        tree["trainer"]["args"] |= {"loss_type": ["robust", "sft"], "label_smoothing": rate}
    if variant == "weights":
        tree["trainer"]["weights"] = {"by": "probability"}
    return tree | {"name": f"{variant}-{rate:g}-{seed}", "seed": seed}


def run_variant(variant: str, rate: float, seed: int, given: Any, url: str) -> None:
    """All rounds that are not finished yet."""
    kind = {"uneven": ",uneven", "weights": ",uneven,honest"}.get(variant, "")
    script = ["flipped.py", f"{rate:g}{kind}"]
    tree = config_of(variant, rate, seed, given, url)
    run_left(tree, given.rounds, Path(given.into), script)


def print_table(variants: list[str], rates: list[float], given: argparse.Namespace) -> None:
    """A line a rate and variant."""
    print(
        f"\n{'flipped':>8}  {'variant':10}{'gold win rate vs first':28}{'promoted':>9}   each seed"
    )
    for rate in rates:
        for variant in variants:
            last = [rounds[-1] for rounds in runs_of(f"{variant}-{rate:g}", given)]
            rate_text, each = win_rates(last)
            folders = [
                folder
                for seed in range(given.seeds)
                for folder in finished_rounds(
                    Path(given.into) / "runs" / f"{variant}-{rate:g}-{seed}"
                )
            ]
            promoted = sum(read_json(folder / "metrics.json")["promoted"] for folder in folders)
            of = f"{promoted}/{len(folders)}"
            print(f"{rate:>8.0%}  {variant:10}{rate_text:28}{of:>9}   {each}")


def main() -> None:
    """Run what is left to run, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", required=True, help="a folder for the runs, which stay there")
    parser.add_argument("--variants", default=",".join(VARIANTS))
    parser.add_argument("--rates", default="0.1,0.2,0.3")
    for name, value in (("seeds", 3), ("rounds", 3), ("prompts", 192), ("test", 0), ("at-once", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    variants, rates = given.variants.split(","), list(map(float, given.rates.split(",")))
    if unknown := [name for name in variants if name not in VARIANTS]:
        parser.error(f"{unknown[0]} is none of {', '.join(VARIANTS)}")
    into = Path(given.into)
    into.mkdir(parents=True, exist_ok=True)
    jobs = [
        (variant, rate, seed)
        for seed in range(given.seeds)
        for rate in rates
        for variant in variants
    ]
    runs = {f"{variant}-{rate:g}-{seed}": given.rounds for variant, rate, seed in jobs}
    with (
        judge_server(into, runs) as url,
        ThreadPoolExecutor(given.at_once) as threads,
    ):
        for done in [threads.submit(run_variant, *job, given, url) for job in jobs]:
            done.result()
    print_table(variants, rates, given)


if __name__ == "__main__":
    main()
