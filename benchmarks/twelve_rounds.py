"""Twelve rounds in a row in one process: seconds and memory a round, and the disk by `keep`.

    python benchmarks/twelve_rounds.py [--rounds 12] [--weights FOLDER]

The endpoint is scripted and nothing is trained: what is measured is prefloop itself. For the disk
every round gets a copy of `--weights` (the starter's policy) as the policy that it trained, every
third one promoted, and `keep` is applied at its end as in a run.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from contextlib import chdir
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path += [str(ROOT), str(ROOT / "tests")]

from scripted import scripted  # noqa: E402
from scripted_run import answers_all, write_scripted  # noqa: E402

from endpoints.shed import shed_calls  # noqa: E402
from flows.load import load_config  # noqa: E402
from flows.loop import run_here  # noqa: E402
from flows.plain import do_without  # noqa: E402
from flows.session import session  # noqa: E402
from rounds.files import read_json, write_json  # noqa: E402
from rounds.folder import finished_rounds  # noqa: E402
from rounds.keep import Keep, folder_bytes, removable, remove, rounds_without_calls  # noqa: E402
from rounds.settings import locate  # noqa: E402
from rounds.weights import local_policy  # noqa: E402

SETTINGS = {
    "all": Keep(),
    "refused: 1": Keep(refused=1),
    "promoted: 2, refused: 1": Keep(promoted=2, refused=1),
    "promoted: 2, refused: 1, journal: 2": Keep(promoted=2, refused=1, journal=2),
}


def memory() -> float:
    """Resident megabytes of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def run(folder: Path, rounds: int) -> list[tuple[float, float]]:
    """Run the rounds; seconds and megabytes after each."""
    measured = []
    with scripted(answers_all) as at, chdir(folder):
        config = write_scripted(folder, at, {"max_in_flight": 8}, prompts=prompts(8))
        (folder / "train.jsonl").write_text(many(8 * rounds))
        tree = load_config(str(config))
        with session(tree, folder / "runs"):
            for _ in range(rounds):
                started = time.perf_counter()
                run_here(tree, 1, folder / "runs")
                measured.append((time.perf_counter() - started, memory()))
    return measured


def prompts(per_round: int) -> dict[str, object]:
    """The section of the prompts."""
    files = {split: f"{split}.jsonl" for split in ("train", "gate", "test")}
    return {**files, "per_round": per_round}


def many(count: int) -> str:
    """So many prompts that are no near duplicates."""
    words = "stone river lamp winter bread engine paper garden salt copper violin ladder".split()
    return "".join(
        f'{{"prompt": "question number {i}: {words[i % 12]} {words[i // 12 % 12]} {i * 7919}"}}\n'
        for i in range(count)
    )


def disk(run_dir: Path, keep: Keep, weights: Path, into: Path) -> list[float]:
    """Megabytes of the run after each round, where `keep` is applied at its end."""
    shutil.copytree(run_dir, into)
    later = into.parent / "later"
    shutil.rmtree(later, ignore_errors=True)
    folders = finished_rounds(into)
    shutil.move(into / "rounds", later)
    sizes, policy = [], local_policy(weights)._asdict()
    in_place = policy
    for number, folder in enumerate(folders, 1):
        shutil.move(later / folder.name, folder)
        shutil.copytree(weights, folder / "policy")
        trained = policy | {"model": f"rounds/{folder.name}/policy"}
        promoted = number % 3 == 0
        in_place = trained if promoted else in_place
        facts = read_json(folder / "manifest.json") | {"trained": trained, "in_place": in_place}
        decision = {"promoted": promoted, "reasons": []}
        write_json(folder / "manifest.json", facts | {"decision": decision, "initial": policy})
        remove(into, removable(into, keep))
        shed_calls(into, rounds_without_calls(into, keep))
        sizes.append(folder_bytes(into) / 1e6)
    return sizes


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--weights", type=Path, default=locate("prefloop:starter/policy"))
    given = parser.parse_args()
    do_without()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with open(os.devnull, "w") as nowhere:
            stdout, sys.stdout = sys.stdout, nowhere
            measured = run(folder, given.rounds)
            sys.stdout = stdout
        print("round  seconds  MB resident")
        for number, (seconds, megabytes) in enumerate(measured, 1):
            print(f"{number:5}  {seconds:7.2f}  {megabytes:11.0f}")
        print(f"\nMB on disk after round 1, {given.rounds // 2} and {given.rounds}, by keep")
        for name, keep in SETTINGS.items():
            sizes = disk(folder / "runs" / "demo", keep, given.weights, folder / "kept" / "demo")
            print(f"{sizes[0]:8.1f} {sizes[len(sizes) // 2 - 1]:8.1f} {sizes[-1]:8.1f}  {name}")
            shutil.rmtree(folder / "kept")


if __name__ == "__main__":
    main()
