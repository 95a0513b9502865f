"""A gold set that is the labels people gave, as their file is."""

from collections import Counter
from typing import NamedTuple

from judge.health.gold_lines import GoldPair, assign_sides
from judge.person import read_opinions
from preferences.config import Data
from rounds.ids import digest
from rounds.settings import locate
from texts.packed import unpacked


class Labelled(NamedTuple):
    """The pairs, each once, of which people said that one answer is better; `told` says what else
    the file holds."""

    pairs: list[GoldPair]
    told: str


def read_labelled(source: Data) -> Labelled | None:
    """The pairs in a file of labels; None where the source is anything else.

    Two comparisons of the same texts are one pair. Raises UserError naming the line that is wrong.
    """
    path = locate(source.data)
    if unpacked(path).suffix not in (".jsonl", ".txt", "") or not path.is_file():
        return None
    said = read_opinions(path)
    if said is None:
        return None
    left_out, better = Counter[str](), dict[str, set[str]]()
    pairs: dict[str, GoldPair] = {}
    for opinion in said.values():
        label = opinion.label
        texts = {"a": label["answer_a"], "b": label["answer_b"]}
        if opinion.outcome is None:
            left_out["contradicted" if opinion.contradicted else "skipped"] += 1
        elif opinion.outcome == "tie":
            left_out["ties"] += 1
        elif texts["a"].strip() == texts["b"].strip():
            left_out["twice the same text"] += 1
        else:
            chosen = texts[opinion.outcome]
            # who is called a says something: the hash of the texts decides it, as for other data
            a, b = assign_sides(label["prompt"], *texts.values())
            name = digest(label["prompt"], a, b)
            pairs[name] = GoldPair(label["prompt"], a, b, "a" if chosen == a else "b")
            better.setdefault(name, set()).add(chosen)
    for name in [name for name, chosen in better.items() if len(chosen) > 1]:
        del pairs[name]
        left_out["contradicted"] += 1
    parts = ", ".join(f"{n} {why}" for why, n in sorted(left_out.items())) or "nothing"
    return Labelled(list(pairs.values()), f"{path}: {len(pairs)} labelled pairs; left out: {parts}")
