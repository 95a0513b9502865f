"""Precision and recall of each cleaner on real answers: python benchmarks/cleaning.py FILE

FILE holds AlpacaEval prompts with eight answers each and GPT-4's preference for each (JSONL, may be
gzipped: prompt, candidates[generator, text, gpt4_turbo_preference]). Two rounds of pairs are made
of them, with faults planted, and go through the real pairs stage. The answers have faults of their
own: those of FLAWED were read by hand, and count as right when they are found.
"""

import argparse
import random
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from faults import FLAWED, Made, planted
from recorded_rows import recorded_rows

from pairs.config import PairsConfig
from pairs.lengths import Lengths, dropped_by_guard, length_difference
from pairs.pair import answer_texts
from pairs.stage import build_pairs
from rounds.files import write_json
from rounds.folder import round_dir, write_round_start
from rounds.ids import digest, prompt_id
from rounds.rows import DROPPED, PAIRS, Candidate, DroppedPair, Pair, written_candidate
from rounds.schema import TABLES
from rounds.tables import iter_rows, write_rows
from texts.normal import plain

KINDS = (
    "cut_off", "empty", "identical", "near_identical", "tie", "chat_tokens", "loop", "refusal",
    "language", "length_ratio", "held_out_prompt", "held_out_near", "held_out_overlap", "duplicate",
)  # fmt: skip

Found = tuple[Made, Pair | DroppedPair]
"""A pair as it went in, and its row of pairs or dropped."""


def main() -> None:
    """Print what was planted and found, cleaner by cleaner."""
    parser = argparse.ArgumentParser(description="precision and recall of each cleaner")
    parser.add_argument("file", type=Path, help="alpaca_eval_8x803.jsonl.gz")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--near", type=float, default=0.8, help="threshold of near duplicates")
    parser.add_argument("--held-out", type=int, default=150, help="prompts that are held out")
    parser.add_argument("--each", type=int, default=20, help="faults of a kind in a round")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    prompts = read(args.file, rng)
    held_out = [four[0].prompt for four in prompts[: args.held_out]]
    rest = prompts[args.held_out :]
    half = len(rest) // 2
    rounds = rest[:half], rest[half:]
    # what is off by default is on, so that it is measured; the guard is measured apart
    config = PairsConfig(
        near_duplicates=args.near,
        refusals="any",
        language="prompt",
        max_length_ratio=25,
        length_guard=None,
    )
    found: list[Found] = []
    with tempfile.TemporaryDirectory() as scratch:
        for number, pairs in enumerate(rounds, start=1):
            base, spare = [four[0] for four in pairs], [one for four in pairs for one in four[1:]]
            earlier = [four[0] for four in rounds[0]]
            made = [*base, *planted(base, spare, earlier, held_out, rng, args.each)]
            found += judged(Path(scratch) / "run", number, made, held_out, config)
    for reason in KINDS:
        report(reason, found, held_out)
    near_duplicates(found, args.near)
    guard(args.file)


def read(path: Path, rng: random.Random) -> list[list[Made]]:
    """The eight answers of each prompt in four random pairs, prompts in random order."""
    found = []
    for line, row in rng.sample(lines := [*enumerate(recorded_rows(path))], len(lines)):
        eight = rng.sample(row["candidates"], 8)
        found.append([preferred(line, row, eight[at : at + 2]) for at in range(0, 8, 2)])
    return found


def preferred(line: int, row: Any, two: list[Any]) -> Made:
    """The pair of two answers, the preferred one chosen, with the faults that they have."""
    two = sorted(two, key=lambda one: -one["gpt4_turbo_preference"])
    flaws = {
        flaw for flaw, names in FLAWED.items() for one in two if (line, one["generator"]) in names
    }
    return Made(row["prompt"], two[0]["text"], two[1]["text"], natural=frozenset(flaws))


def judged(
    run: Path, number: int, pairs: Iterable[Made], held_out: list[str], config: PairsConfig
) -> list[Found]:
    """A round of these pairs through the pairs stage, verdicts as a judge would have given them."""
    folder = round_dir(run, number)
    policy = {"model": "m", "adapter": None, "policy_id": "p", "served": None}
    write_round_start(folder, {"policy": policy, "initial": policy, "seed": 0})
    prompts = {row["prompt_id"]: row for row in (prompt_row(text, "gate") for text in held_out)}
    candidates: list[Candidate] = []
    verdicts: list[dict[str, Any]] = []
    made_of: dict[frozenset[str], Made] = {}
    for at, made in enumerate(pairs):
        prompt = prompt_row(made.prompt, "train")
        name = prompt["prompt_id"]
        prompts.setdefault(name, prompt)
        a, b = (
            written_candidate(digest(name, at, side), name, "train", 2 * at + side, text, "current")
            for side, text in enumerate((made.chosen, made.rejected))
        )
        b["finish_reason"] = made.end
        made_of[frozenset((a["candidate_id"], b["candidate_id"]))] = made
        candidates += [a, b]
        verdicts += [verdict(a, b, shown, made.tie) for shown in "ab"]
    for table, rows in (
        ("prompts", prompts.values()),
        ("candidates", candidates),
        ("verdicts", verdicts),
    ):
        write_rows(folder, table, rows)
    build_pairs(folder, config)
    write_json(folder / "manifest.json", {})
    rows = [*iter_rows(folder, PAIRS), *iter_rows(folder, DROPPED)]
    assert len(rows) == len(made_of), "a pair is in neither table, or in both"
    return [(made_of[frozenset(row["candidate_ids"])], row) for row in rows]


def prompt_row(text: str, split: str) -> dict[str, Any]:
    """A prompt row."""
    messages = [{"role": "user", "content": text}]
    empty = dict.fromkeys(column.name for column in TABLES["prompts"])
    name = prompt_id(messages)
    return {**empty, "prompt_id": name, "messages": messages, "source": "file", "split": split}


def verdict(a: Candidate, b: Candidate, shown: str, tie: bool) -> dict[str, Any]:
    """One order of a comparison that a wins."""
    return {
        **dict.fromkeys(column.name for column in TABLES["verdicts"]),
        "verdict_id": digest(a["candidate_id"], b["candidate_id"], shown),
        "prompt_id": a["prompt_id"],
        "split": "train",
        "kind": "pairwise",
        "candidate_a": a["candidate_id"],
        "candidate_b": b["candidate_id"],
        "shown_first": shown,
        "outcome": "tie" if tie else "a",
        "judge_id": "gpt4",
        "purpose": "confirm",
        "level": 0,
        "repeat": 0,
    }


def report(reason: str, found: list[Found], held_out: list[str]) -> None:
    """One line for a cleaner, and below it what it got wrong.

    A leak counts as caught by any of the three that look for leaks, a duplicate where it or what it
    repeats was dropped: which of the two comes first is up to their ids.
    """
    repeated = {id(made.source) for made, row in found if made.source}
    dropped = {id(made) for made, row in found if row.get("reason") == "duplicate"}

    def caught(made: Made, row: Pair | DroppedPair) -> bool:
        why = str(row.get("reason"))
        if made.planted == "duplicate":
            return why == "duplicate" or id(made.source) in dropped
        return why.startswith("held_out") if reason.startswith("held_out") else why == reason

    def right(made: Made, row: Pair | DroppedPair) -> bool:
        if reason == "duplicate":
            return id(made) in repeated
        return reason in made.natural or true_by_measure(reason, made, held_out)

    ours = [(made, row) for made, row in found if made.planted == reason]
    missed = [each for each in ours if not caught(*each)]
    others = [
        (made, row)
        for made, row in found
        if row.get("reason") == reason and made.planted != reason and made.planted != "near"
        and not (reason.startswith("held_out") and str(made.planted).startswith("held_out"))
    ]  # fmt: skip
    wrong = [each for each in others if not right(*each)]
    unseen = [(m, row) for m, row in found if reason in m.natural and row.get("reason") is None]
    good = len(ours) - len(missed) + len(others) - len(wrong)
    recall = good / max(1, good + len(missed) + len(unseen))
    precision = good / max(1, good + len(wrong))
    print(
        f"{reason:18}{len(ours):4} planted, {len(missed)} missed; {len(others):3} more found, "
        f"{len(wrong)} wrong, {len(unseen)} unseen: recall {recall:.3f}, precision {precision:.3f}"
    )
    for what, some in (("missed", missed), ("wrong", wrong), ("unseen", unseen)):
        for made, row in some:
            texts = " | ".join(repr(text[:50]) for text in made[:3])
            print(f"    {what}: {row.get('reason')} {row.get('detail') or ''} | {texts}")


def true_by_measure(reason: str, made: Made, held_out: list[str]) -> bool:
    """Whether what a reason says is so, computed here by itself."""
    short, long = sorted((len(made.chosen.strip()), len(made.rejected.strip())))
    if reason == "empty":
        return short == 0
    if reason == "identical":
        return plain(made.chosen) == plain(made.rejected)
    if reason == "near_identical":
        return jaccard(ngrams(made.chosen), ngrams(made.rejected)) >= 0.95
    if reason == "length_ratio":
        return long > 25 * short
    if reason == "held_out_near":
        return max(jaccard(ngrams(made.prompt), ngrams(text)) for text in held_out) >= 0.8
    return False


def near_duplicates(found: list[Found], least: float) -> None:
    """Near duplicates beside the exact Jaccard with every pair that was kept before or beside."""
    grams = {row["pair_id"]: parts(row) for _, row in found if row["chosen"]}
    kept = {row["pair_id"]: grams[row["pair_id"]] for _, row in found if "reason" not in row}
    flagged = verified = there = caught = 0
    for _, row in found:
        name, reason = row["pair_id"], row.get("reason")
        if row["chosen"] is None or reason not in (None, "near_duplicate"):
            continue
        true = any(alike(grams[name], other) >= least for at, other in kept.items() if at != name)
        there += true
        caught += true and reason is not None
        if reason is not None:
            flagged += 1
            partner = re.search(r"with (\w+) of", row["detail"])
            assert partner
            verified += alike(grams[name], grams[partner[1]]) >= least
    edits = [row for made, row in found if made.planted == "near"]
    over = sum(row.get("reason") == "near_duplicate" for row in edits)
    print(
        f"near duplicates at {least}: {len(edits)} planted by edits of 2-15 % of the words, {over} "
        f"of them that near and found; of all rows {there} have a kept pair that near, {caught} "
        f"found: recall {caught / max(1, there):.3f}; {verified} of {flagged} hits verified: "
        f"precision {verified / max(1, flagged):.3f}"
    )


def parts(row: Any) -> list[set[Any]]:
    """The n-grams of its question and of each answer."""
    return [ngrams(text) for text in (row["prompt"][-1]["content"], *answer_texts(row))]


def alike(one: list[set[Any]], other: list[set[Any]]) -> float:
    """The least Jaccard of their texts, but for what docs/pairs.md says of single sentences."""
    return min(jaccard(*both) for both in zip(one, other, strict=True))


def ngrams(text: str) -> set[tuple[str, ...]]:
    """Its word 3-grams, by plain Python."""
    found = re.findall(r"\w+", text.casefold())
    return {tuple(found[at : at + 3]) for at in range(max(1, len(found) - 2))}


def jaccard(one: set[Any], other: set[Any]) -> float:
    """Of two sets."""
    common = len(one & other)
    return common / (len(one) + len(other) - common)


def guard(path: Path) -> None:
    """What the length guard takes: from judges of answers alike, and from one that likes length."""
    alike = [("gpt-3.5-turbo-1106", "OpenHermes-2.5-Mistral-7B"), ("claude-2.1", "vicuna-13b-v1.5")]
    sets: dict[str, list[tuple[str, str]]] = {
        "models alike": [],
        "best and worst": [],
        "longer": [],
    }
    for line, row in enumerate(recorded_rows(path)):
        by_name = {one["generator"]: one for one in row["candidates"]}
        for names in alike:
            made = preferred(line, row, [by_name[name] for name in names])
            sets["models alike"].append((made.chosen, made.rejected))
            sides = sorted((made.chosen, made.rejected), key=len)
            sets["longer"].append((sides[1], sides[0]))
        ranked = sorted(row["candidates"], key=lambda one: one["gpt4_turbo_preference"])
        sets["best and worst"].append((ranked[-1]["text"], ranked[0]["text"]))
    config = PairsConfig()
    for name, pairs in sets.items():
        sized = [Lengths(f"{at:05d}", len(a), len(b)) for at, (a, b) in enumerate(pairs)]
        for share in (config.length_guard_share, 1.0):
            gone = set(dropped_by_guard(sized, config.length_guard, share))
            left = [each for each in sized if each not in gone]
            print(
                f"length guard, {name}: chosen longer by {length_difference(sized):+.0%}, at most "
                f"{share:.0%}: {len(gone)} of {len(sized)} pairs dropped, "
                f"then {length_difference(left) or 0:+.0%}"
            )


if __name__ == "__main__":
    main()
