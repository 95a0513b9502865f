"""Summaries judged by questions, at toy size: rounds of the starter's policy in the small world.

    python benchmarks/summaries.py [--rounds 2] [--per-round 192] [--held-out 200] [--seed 0]

The articles are the world's letters, which name a product and a problem; a summary is the policy's
reply of a million parameters, which may name the product, give the advice for the problem, and
waste words. The endpoint that writes the questions, answers them from a summary alone and compares
two summaries is plain code (tests/letters.py) that slips in one call of ten; its price is that of a
small hosted model. Everything else is what a user runs: sampling by vLLM, the strategy
`questions`, DPO, the gate. What it shows is that the loop raises what it measures, and its price;
it says nothing of how well a real model writes or answers questions.
"""

import argparse
import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path += [str(ROOT), str(ROOT / "tests")]

from letters import letters_endpoint, right_answers  # noqa: E402
from scripted import scripted  # noqa: E402

from gate.questions import mean_with_interval  # noqa: E402
from rounds.folder import finished_rounds, read_manifest, read_metrics  # noqa: E402
from rounds.rows import CANDIDATES, PROMPTS  # noqa: E402
from rounds.settings import locate  # noqa: E402
from rounds.tables import read_rows  # noqa: E402

SLIPS = 0.1
PRICE = {"input": 0.15, "output": 0.60}


def write_config(folder: Path, url: str, per_round: int, held_out: int, seed: int) -> Path:
    """The starter with questions in the place of its judge."""
    tree: dict[str, Any] = yaml.safe_load((ROOT / "examples/starter.yaml").read_text())
    for split in ("gate", "test"):
        lines = locate(f"prefloop:prompts/starter/{split}.jsonl").read_text().splitlines()
        (folder / f"{split}.jsonl").write_text("\n".join(lines[:held_out]) + "\n")
        tree["prompts"][split] = str(folder / f"{split}.jsonl")
    served = {"base_url": url, "model": "letters", "price": PRICE, "max_in_flight": 16}
    tree |= {
        "name": "summaries",
        "seed": seed,
        "endpoints": {"writer": served, "reader": served},
        "judge": {
            "endpoint": "reader",
            "strategy": "questions",
            "questions": {"endpoint": "writer", "n": 2},
        },
    }
    tree["prompts"]["per_round"] = per_round
    tree["trainer"]["trial"] = False  # the starter's training, which is known to work
    path = folder / "summaries.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def true_answers(folder: Path) -> dict[str, dict[str, Any]]:
    """Of each policy on the test prompts: the share of the questions that its answers truly answer,
    by code and without a slip, as value, low, high and n."""
    letters = {
        row["prompt_id"]: row["messages"][-1]["content"]
        for row in read_rows(folder, PROMPTS, ["test"])
    }
    right: dict[str, list[float]] = {}
    for row in read_rows(folder, CANDIDATES, ["test"]):
        share = right_answers(letters[row["prompt_id"]], row["text"]) / 2
        right.setdefault(row["policy_id"], []).append(share)
    return {policy: mean_with_interval(shares, 0.95) for policy, shares in right.items()}


def shown(run_dir: Path) -> list[str]:
    """The table, a line for the first policy and one for each that a round trained."""
    lines = [
        "| policy | questions answered right (judge) | truly | more than the first | words | pairs "
        "| calls a pair | price of 1000 pairs | decision |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for number, folder in enumerate(finished_rounds(run_dir), 1):
        metrics, manifest = read_metrics(folder), read_manifest(folder)
        assert manifest is not None, "a finished round has a manifest"
        asked, true = metrics["test"]["questions"], true_answers(folder)
        if number == 1:
            first = manifest["initial"]["policy_id"]
            lines.append(_line("the first", asked["initial"], true[first], "", ["", "", "", ""]))
        price = metrics["usage"]["label_per_pair"]
        trained = next(
            policy
            for policy in true
            if policy not in (manifest["initial"]["policy_id"], manifest["policy"]["policy_id"])
        )
        beside = [
            str(metrics["counts"]["pairs"]),
            f"{price['calls']:.1f}",
            f"{1000 * price['cost']:.2f}",
            "promoted" if metrics["promoted"] else "refused",
        ]
        more = asked["initial"]["behind_first"]
        ahead = f"{more['value']:+.3f} [{more['low']:+.3f}, {more['high']:+.3f}]"
        lines.append(_line(f"of round {number}", asked["new"], true[trained], ahead, beside))
    return lines


def _line(
    name: str, asked: dict[str, Any], true: dict[str, Any], ahead: str, beside: list[str]
) -> str:
    shares = [f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]" for one in (asked, true)]
    return f"| {' | '.join([name, *shares, ahead, format(asked['words'], '.1f'), *beside])} |"


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--per-round", type=int, default=192)
    parser.add_argument("--held-out", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="summaries-") as home:
        folder = Path(home)
        with scripted(functools.partial(letters_endpoint, slips=SLIPS), ["letters"]) as at:
            sizes = given.per_round, given.held_out, given.seed
            config = write_config(folder, at.base_url, *sizes)
            command = [sys.executable, "-P", "-m", "prefloop", "run", str(config)]
            command += ["--rounds", str(given.rounds), "--runs-dir", str(folder / "runs")]
            env = os.environ | {"PYTHONPATH": str(ROOT), "PREFECT_HOME": str(folder / "prefect")}
            subprocess.run([*command, "--without-prefect-server"], check=True, env=env, cwd=folder)
            calls = len(at.requests)
        print("\n".join(shown(folder / "runs" / "summaries")))
        print(json.dumps({"calls": calls, "slips": SLIPS, "seed": given.seed}))


if __name__ == "__main__":
    main()
