"""Whether `prefloop blame` names the part of a round's pairs that was made wrong on purpose.

    python -m benchmarks.planted_pairs runs/starter 1 [--seeds 10] [--tagged 0.5]

For each seed a copy of the finished round gets two tags by the hash of the prompt, and the pairs of
one of them are reversed: chosen and rejected change places, with all that says who wrote them; what
the judge said of them stays, as of a judge that was wrong about all. Named is the tag where it is
named, first where several parts are. The same copies with nothing reversed say how often a part is
named where none hurts.
"""

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from flows.blame_cli import blamed
from rounds.folder import MANIFEST, read_manifest, round_dir
from rounds.ids import digest
from rounds.rows import PAIRS, PROMPTS, Pair
from rounds.seal import SEAL, write_sealed
from rounds.tables import read_rows, write_rows

PLANTED, OTHER = "planted", "other"
SIDES = ("{}", "{}_id", "{}_source")


def main() -> None:
    """Print a line for each seed, and how many named the tag."""
    given = arguments()
    named: dict[bool, list[bool]] = {True: [], False: []}
    for seed in range(given.seeds):
        for reverse in (True, False) if given.untouched else (True,):
            started = time.monotonic()
            with tempfile.TemporaryDirectory() as scratch:
                run = copied(given.run.resolve(), given.round, Path(scratch))
                tag(round_dir(run, given.round), seed, given.tagged, reverse)
                found = blamed(run, given.round)
            right = found["named"][:1] == [{"by": "tag", "name": PLANTED}]
            named[reverse].append(right if reverse else bool(found["named"]))
            print(text(seed, reverse, found, time.monotonic() - started), flush=True)
            if given.record:
                with given.record.open("a") as file:
                    file.write(json.dumps({"seed": seed, "reversed": reverse, **found}) + "\n")
    print(f"the reversed tag is named in {sum(named[True])} of {len(named[True])} seeds")
    if named[False]:
        print(f"nothing reversed, a part is named in {sum(named[False])} of {len(named[False])}")


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("round", type=int)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--tagged", type=float, default=0.5, help="share of prompts that is tagged")
    parser.add_argument("--untouched", action="store_true", help="also with nothing reversed")
    parser.add_argument("--record", type=Path, help="a file to which all that is found goes")
    return parser.parse_args()


def copied(run: Path, number: int, to: Path) -> Path:
    """A copy of what blame reads of a run: the round's tables and what the round says of itself."""
    copy, folder = to / run.name, round_dir(run, number)
    target = round_dir(copy, number)
    target.mkdir(parents=True)
    shutil.copyfile(run / "run.yaml", copy / "run.yaml")
    for file in (*folder.glob("*.parquet"), folder / MANIFEST, folder / "metrics.json"):
        shutil.copyfile(file, target / file.name)
    return copy


def tag(folder: Path, seed: int, share: float, reverse: bool) -> None:
    """Tag the prompts of a round, and reverse the pairs of one tag."""
    facts = read_manifest(folder) or {}
    facts = {name: value for name, value in facts.items() if name != SEAL} | {"seed": seed}
    write_sealed(folder / MANIFEST, facts)
    prompts = read_rows(folder, PROMPTS)
    for row in prompts:
        row["tags"] = [PLANTED if planted(row["prompt_id"], seed, share) else OTHER]
    write_rows(folder, PROMPTS, prompts)
    pairs = read_rows(folder, PAIRS)
    if reverse:
        pairs = [
            reversed_pair(row) if planted(row["prompt_id"], seed, share) else row for row in pairs
        ]
    write_rows(folder, PAIRS, pairs)


def planted(prompt_id: str, seed: int, share: float) -> bool:
    """Whether a prompt bears the planted tag."""
    return int(digest("planted", seed, prompt_id), 16) / 16**16 < share


def reversed_pair(pair: Pair) -> Pair:
    """The pair as a judge has it that takes the worse answer for the better one."""
    row: dict[str, Any] = dict(pair)
    for side in SIDES:
        chosen, rejected = side.format("chosen"), side.format("rejected")
        row[chosen], row[rejected] = row[rejected], row[chosen]
    return row  # type: ignore[return-value]


def text(seed: int, reverse: bool, found: dict[str, Any], seconds: float) -> str:
    """What was found with a seed, in a line."""
    name = ", ".join(f"{one['by']} {one['name']}" for one in found["named"]) or "none"
    [part] = [one for one in found["parts"] if (one["by"], one["name"]) == ("tag", PLANTED)]
    figures = ", ".join(
        f"{figure} {part[figure]['value']:+.2f} ({part[figure]['low']:+.2f} to "
        f"{part[figure]['high']:+.2f})"
        for figure in ("gain", "alone", "right")
    )
    what = "reversed" if reverse else "nothing reversed"
    return f"seed {seed}, {what}: named {name}; planted tag: {figures}; {seconds:.0f} s"


if __name__ == "__main__":
    main()
