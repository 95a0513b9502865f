"""Near duplicates beside datasketch and rensa: python benchmarks/near_duplicates.py [--turns N]

Seeded texts of about 150 words from a Zipf vocabulary with stock phrases; one in ten is an earlier
one with 2 to 15 % of its words changed. Each method says in one pass which texts repeat an earlier
one, each in a process of its own, in turn; reported are medians. The others get each text whole and
compare it as one; ours gets the same words as a pair, the first of them its question and the rest
its answer, and compares the two apart. Both are made before the clock starts. True are the planted
ones whose sets of word 3-grams have a Jaccard of 0.7 or more (THRESHOLD in the environment) with
their source, in both parts for ours; a flag is right if its text has such a partner anywhere, by an
exact count in plain Python. Then an index of 1M texts, and what rounds of several sizes cost to
add.
"""

import argparse
import importlib.util
import json
import math
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

from pairs.index.near_duplicates import NearIndex
from pairs.pair import PairTexts

THRESHOLD = float(os.environ.get("THRESHOLD", "0.7"))
NGRAM, PLANTED = 3, 0.1
FIRST_LOOK = 0.5
BATCH, PERMUTATIONS = 4096, 128
QUESTION = 40
"""Words of a text that are its question."""


class Writer:
    """Makes texts."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        letters = "etaoinshrdlu"
        self.words = sorted(
            {"".join(self.chance.choices(letters, k=2 + i % 7)) for i in range(60_000)}
        )
        self.chance.shuffle(self.words)
        self.weights = list(accumulate(1 / rank for rank in range(1, len(self.words) + 1)))
        self.phrases = [self.some(self.chance.randint(4, 8)) for _ in range(5000)]

    def some(self, count: int) -> list[str]:
        """Words, frequent ones more often."""
        return self.chance.choices(self.words, cum_weights=self.weights, k=count)

    def text(self) -> str:
        """About 150 words, a fifth of them in phrases that other texts have too."""
        length, words = self.chance.randint(100, 200), list[str]()
        while len(words) < length:
            words += self.some(24)
            words += self.phrases[int(len(self.phrases) * self.chance.random() ** 2)]
            words[-1] += self.chance.choice(".,;")
        return " ".join(words).capitalize()

    def edited(self, text: str) -> str:
        """The text with 2 to 15 % of its words replaced, dropped or doubled."""
        words = text.split()
        for _ in range(round(self.chance.uniform(0.02, 0.15) * len(words))):
            place = self.chance.randrange(len(words))
            words[place : place + 1] = self.chance.choice(
                [self.some(1), self.some(1), [], [words[place], *self.some(1)]]
            )
        return " ".join(words)

    def corpus(self, count: int) -> tuple[list[str], dict[int, int]]:
        """Texts, and which of them is an edit of which earlier one."""
        texts, source, fresh = list[str](), dict[int, int](), list[int]()
        for place in range(count):
            if fresh and self.chance.random() < PLANTED:
                source[place] = self.chance.choice(fresh)
                texts.append(self.edited(texts[source[place]]))
            else:
                fresh.append(place)
                texts.append(self.text())
        return texts, source


def grams(text: str) -> set[str]:
    """The word 3-grams of a text as strings."""
    words = re.findall(r"\w+", text.casefold())
    return {f"{a} {b} {c}" for a, b, c in zip(words, words[1:], words[2:], strict=False)}


def jaccard(one: set[str], other: set[str]) -> float:
    """Of two sets."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def parts(text: str) -> tuple[str, str]:
    """The question, which is one sentence, and the answer."""
    words = text.split()
    return re.sub("[.,;]", "", " ".join(words[:QUESTION])), " ".join(words[QUESTION:])


def pair(text: str) -> PairTexts:
    """A text as a pair."""
    question, answer = parts(text)
    return PairTexts("", "", question, answer, "")


def whole(one: str, other: str) -> float:
    """The Jaccard of two texts."""
    return jaccard(grams(one), grams(other))


def apart(one: str, other: str) -> float:
    """The least Jaccard of the parts of two texts."""
    return min(whole(*both) for both in zip(parts(one), parts(other), strict=True))


def ours(pairs: list[PairTexts]) -> list[bool]:
    """The index of kept pairs."""
    with tempfile.TemporaryDirectory() as folder:
        index = NearIndex(Path(folder), 1, [], lambda _: [], THRESHOLD, NGRAM)
        names = [f"{place:016x}" for place in range(len(pairs))]
        return [hit is not None for hit in index.keep(names, pairs)]


def rensa_verified(texts: list[str], bands: int = 16) -> list[bool]:
    """Signatures and LSH of rensa, streamed, each candidate verified by sets of strings."""
    from rensa import RMinHash, RMinHashLSH

    lsh, flags = RMinHashLSH(THRESHOLD, PERMUTATIONS, bands), list[bool]()
    for at in range(0, len(texts), BATCH):
        sets = [grams(text) for text in texts[at : at + BATCH]]
        matrix = RMinHash.digest_matrix_from_token_sets(sets, PERMUTATIONS, 42)
        meets = lsh.insert_matrix_and_query_duplicate_flags(matrix, at)
        some = [place for place, met in enumerate(meets) if met]
        signed = RMinHash.from_token_sets([sets[place] for place in some], PERMUTATIONS, 42)
        flags += [False] * len(sets)
        for place, found in zip(some, lsh.query_all(signed), strict=True):
            flags[at + place] = any(
                jaccard(sets[place], sets[other - at] if other >= at else grams(texts[other]))
                >= THRESHOLD
                for other in found
                if other < at + place
            )
    return flags


def rensa_verified_32(texts: list[str]) -> list[bool]:
    """The same with the bands that find nearly all."""
    return rensa_verified(texts, 32)


def rensa_own(texts: list[str]) -> list[bool]:
    """rensa's own deduplicator, nothing verified."""
    from rensa import RMinHash, RMinHashDeduplicator

    seen, flags = RMinHashDeduplicator(THRESHOLD, PERMUTATIONS, True), list[bool]()
    for at in range(0, len(texts), BATCH):
        sets = [grams(text) for text in texts[at : at + BATCH]]
        signed = RMinHash.from_token_sets(sets, PERMUTATIONS, 42)
        flags += [not seen.add(str(place), each) for place, each in enumerate(signed, start=at)]
    return flags


def datasketch_lsh(texts: list[str]) -> list[bool]:
    """datasketch's MinHash in bulk and its LSH, nothing verified."""
    from datasketch import MinHash, MinHashLSH

    lsh, flags = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS), list[bool]()
    for at in range(0, len(texts), BATCH):
        sets = [[gram.encode() for gram in grams(text)] for text in texts[at : at + BATCH]]
        for place, each in enumerate(MinHash.bulk(sets, num_perm=PERMUTATIONS), start=at):
            flags.append(bool(lsh.query(each)))
            lsh.insert(place, each, check_duplication=False)
    return flags


METHODS: dict[str, Callable[[list[Any]], list[bool]]] = {
    "ours": ours,
    "rensa verified": rensa_verified,
    "rensa verified, 32 bands": rensa_verified_32,
    "rensa deduplicator": rensa_own,
    "datasketch": datasketch_lsh,
}


def memory(field: str) -> float:
    """VmRSS or VmHWM of this process, in MB."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(rf"{field}:\s+(\d+)", status)[0]) / 1000


def child(method: str, path: Path) -> None:
    """Run one method and write what came of it; the peak is over what the texts take."""
    texts: list[Any] = path.read_text().split("\n")
    if method == "ours":
        texts = [pair(text) for text in texts]
    before, start, cpu = memory("VmRSS"), time.perf_counter(), time.process_time()
    flags = METHODS[method](texts)
    said = {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "peak": memory("VmHWM") - before,
        "flags": flags,
    }
    path.with_suffix(".said").write_text(json.dumps(said))


def asked(path: Path, *arguments: str) -> Any:
    """What this file says when run with these arguments."""
    subprocess.run([sys.executable, __file__, *arguments, str(path)], check=True)
    return json.loads(path.with_suffix(".said").read_text())


def middle(runs: list[dict[str, Any]], key: str) -> float:
    """The median."""
    return float(statistics.median(run[key] for run in runs))


Similarity = Callable[[str, str], float]


def right(texts: list[str], places: set[int], similarity: Similarity) -> set[int]:
    """Those of the texts that have a partner anywhere at or over the threshold, exactly: a text of
    which parts are as similar as that is as a whole nearly so, and is looked at from half on.

    A partner shares one at least of any |text| - 0.5 * |text| + 1 of its 3-grams.
    """
    mine = {place: grams(texts[place]) for place in places}
    common = Counter(gram for each in mine.values() for gram in each)
    holders = defaultdict(list)
    for place, each in mine.items():
        enough = len(each) - math.ceil(FIRST_LOOK * len(each)) + 1
        for gram in sorted(each, key=common.__getitem__)[:enough]:
            holders[gram].append(place)
    found = set[int]()
    for other, text in enumerate(texts):
        each = grams(text)
        sharing = {place for gram in each & holders.keys() for place in holders[gram]}
        for place in sharing - found - {other}:
            if similarity(texts[place], text) >= THRESHOLD:
                found.add(place)
    return found


def compare(count: int, turns: int, folder: Path, methods: list[str]) -> dict[str, float]:
    """All methods on so many texts. Returns what each costs: CPU microseconds a text."""
    texts, source = Writer(count).corpus(count)
    path = folder / f"{count}.txt"
    path.write_text("\n".join(texts))
    true = {
        similarity: {
            place
            for place, first in source.items()
            if similarity(texts[place], texts[first]) >= THRESHOLD
        }
        for similarity in (whole, apart)
    }
    words = sum(len(text.split()) for text in texts) / count
    print(
        f"\n{count:,} texts of {words:.0f} words at {THRESHOLD}, of {len(source):,} edits "
        f"{len(true[whole]):,} true as wholes, {len(true[apart]):,} in both parts"
    )
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in methods}
    for _ in range(turns):
        for name in methods:
            runs[name].append(asked(path, "--method", name))
    flagged = {
        name: {place for place, flag in enumerate(said[0]["flags"]) if flag}
        for name, said in runs.items()
    }
    others = set().union(*(flags for name, flags in flagged.items() if name != "ours"))
    correct = {
        whole: true[whole] | right(texts, others - true[whole], whole),
        apart: true[apart] | right(texts, flagged["ours"] - true[apart], apart),
    }
    rate = {name: count / middle(said, "seconds") for name, said in runs.items()}
    cost = {name: middle(said, "cpu") / count * 1e6 for name, said in runs.items()}
    for name, said in runs.items():
        flags, similarity = flagged[name], apart if name == "ours" else whole
        recall = len(flags & true[similarity]) / len(true[similarity])
        print(
            f"  {name:26s}{rate[name]:7.0f} texts/s ({rate[name] / rate['rensa verified']:.2f} of "
            f"rensa verified), {cost[name]:4.0f} CPU us a text, "
            f"peak {middle(said, 'peak'):5.0f} MB, recall {recall:.4f}, "
            f"precision {len(flags & correct[similarity]) / max(1, len(flags)):.4f}"
        )
    return cost


def build(folder: Path, rounds: int, of: int) -> None:
    """Write the index of rounds that stand for a long run."""
    writer = Writer(1)
    for number in range(1, rounds + 1):
        names = [f"{number:04x}{place:012x}" for place in range(of)]
        index = NearIndex(folder, number, [], lambda _: [], THRESHOLD, NGRAM)
        index.keep(names, [pair(writer.text()) for _ in names])
        index.write(names)


def add(folder: Path, rounds: int, count: int) -> None:
    """Add a round of so many to what `build` wrote, and write what it took."""
    texts, _ = Writer(2).corpus(count)
    names = [f"{place:016x}" for place in range(count)]
    before, start, cpu = memory("VmRSS"), time.perf_counter(), time.process_time()
    earlier = list(range(1, rounds + 1))
    index = NearIndex(folder, rounds + 1, earlier, lambda _: [], THRESHOLD, NGRAM)
    opened = time.perf_counter() - start
    hits = index.keep(names, [pair(text) for text in texts])
    index.write([name for name, hit in zip(names, hits, strict=True) if hit is None])
    said = {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "opened": opened,
        "hits": sum(hit is not None for hit in hits),
        "peak": memory("VmHWM") - before,
    }
    folder.with_suffix(".said").write_text(json.dumps(said))


def growth(turns: int, folder: Path, rounds: int, of: int, added: list[int]) -> None:
    """What rounds of several sizes cost beside an index of so many rounds."""
    index, earlier = folder / "index", ["--rounds", str(rounds)]
    start = time.perf_counter()
    given = ["--build", *earlier, "--of", str(of), str(index)]
    subprocess.run([sys.executable, __file__, *given], check=True)
    size = sum(path.stat().st_size for path in index.iterdir()) / 1e6
    print(
        f"\nindex of {rounds * of:,} texts in {rounds} rounds: {size:,.0f} MB, "
        f"written in {time.perf_counter() - start:.0f} s (making the texts included)"
    )
    for count in added:
        runs = [asked(index, "--add", str(count), *earlier) for _ in range(turns)]
        print(
            f"  a round of {count:6,}: {middle(runs, 'seconds'):.2f} s "
            f"(opening {middle(runs, 'opened'):.3f}), {middle(runs, 'cpu') / count * 1e6:.0f} "
            f"CPU us a text, peak {middle(runs, 'peak'):.0f} MB, mapped pages included, "
            f"{middle(runs, 'hits'):,.0f} near duplicates"
        )


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--counts", type=int, nargs="*", default=[20_000, 200_000])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=20, help="rounds of the index")
    parser.add_argument("--of", type=int, default=50_000, help="texts of each of them")
    parser.add_argument("--added", type=int, nargs="*", default=[1000, 10_000, 20_000])
    parser.add_argument("--method", choices=METHODS, help=argparse.SUPPRESS)
    parser.add_argument("--build", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--add", type=int, help=argparse.SUPPRESS)
    parser.add_argument("path", type=Path, nargs="?", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.method:
        return child(given.method, given.path)
    if given.build:
        return build(given.path, given.rounds, given.of)
    if given.add:
        return add(given.path, given.rounds, given.add)
    methods = list(METHODS)
    if importlib.util.find_spec("datasketch") is None:
        print("datasketch is skipped; pip install datasketch")
        methods.remove("datasketch")
    with tempfile.TemporaryDirectory() as name:
        cost = [compare(each, given.turns, Path(name), methods) for each in given.counts]
        if len(cost) > 1:
            for method in methods:
                ratio = cost[-1][method] / cost[0][method]
                print(f"  CPU a text, last size to first: {method} {ratio:.2f}")
        growth(given.turns, Path(name), given.rounds, given.of, given.added)


if __name__ == "__main__":
    main()
