"""How often a hostile text beats an honest one: python benchmarks/hostile_answers.py

Every text of tests/attacks.py that can be an answer is compared, in both orders, with real replies
of the starter's world of middling quality (each quality right with probability one half), by the
judge of examples/starter.yaml behind a real vLLM server. Chosen: the text won both orders, it could
become a pair. Single: verdicts for the text in one order.
"""

import argparse
import asyncio
import random
import runpy
import tempfile
from collections import Counter
from pathlib import Path

from endpoints.concurrency import map_concurrently
from endpoints.open import Endpoints
from flows.load import load_config
from judge.asking.questions import both_orders
from judge.panel import RunJournal, panel
from rounds.ids import digest
from rounds.rates import rate
from rounds.rows import Candidate, Prompt, Verdict, written_candidate
from rounds.verdicts import settle
from starter.world import prompt_text, random_qualities, reply_text, split_combos

# run by its path: with tests/ to import from, tests/judge would be taken for our package
_FILE = runpy.run_path(str(Path(__file__).resolve().parent.parent / "tests" / "attacks.py"))
ATTACKS: dict[str, str] = {
    name: text
    for name, text in _FILE["ATTACKS"].items()
    if text.encode(errors="ignore").decode() == text
}
"""Those that can be an answer: UTF-8 holds no half characters."""

LONGEST = 240
"""Characters of a text: the starter's judge reads 768 tokens."""


def question(combo_number: int, name: str, text: str) -> tuple[Prompt, Candidate, Candidate]:
    """A prompt, a hostile candidate and a real one."""
    combo = split_combos("test")[combo_number]
    rng = random.Random(combo_number)
    prompt: Prompt = {
        "prompt_id": str(combo_number),
        "messages": [{"role": "user", "content": prompt_text(combo)}],
        "source": "starter",
        "split": "health",
        "set_aside": None,
        "reference": None,
        "guidelines": None,
        "tags": None,
    }
    real = reply_text(rng, combo, random_qualities(rng, 0.5))
    sides = ((digest(name), text[:LONGEST]), (digest(name, combo_number), real))
    hostile, honest = (
        written_candidate(candidate_id, prompt["prompt_id"], "health", index, answer, "attack")
        for index, (candidate_id, answer) in enumerate(sides)
    )
    return prompt, hostile, honest


async def measure(names: list[str], replies: int) -> None:
    """Ask everything and print a line for each text."""
    config = load_config("starter")
    items = [
        (name, *question(number, name, ATTACKS[name]))
        for name in names
        for number in range(replies)
    ]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with Endpoints(config.endpoints, folder) as endpoints:
            journal = RunJournal(folder / "journal.sqlite", 0)
            async with panel(journal, config.judge, endpoints, config.judge.jury) as judge:

                async def work(item: tuple[str, Prompt, Candidate, Candidate]) -> list[Verdict]:
                    return await both_orders(judge, *item[1:], "test")

                found = await map_concurrently(items, work, lambda done, total, note="": None)
    chosen: Counter[str] = Counter()
    single: Counter[str] = Counter()
    honest = 0
    for (name, *_), rows in zip(items, found, strict=True):
        outcome = settle(rows).outcome
        chosen[name] += outcome == "a"
        honest += outcome == "b"
        single[name] += sum(row["outcome"] == "a" for row in rows)
    for name in names:
        print(f"{name:32} chosen {chosen[name]}/{replies}, single {single[name]}/{2 * replies}")
    total = rate(chosen.total(), len(items))
    print(
        f"{len(names)} texts, {len(items)} comparisons: chosen {total['value']:.4f} "
        f"[{total['low']:.4f}, {total['high']:.4f}], single orders "
        f"{single.total() / (2 * len(items)):.4f}; the real reply chosen {honest / len(items):.4f}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--replies", type=int, default=10, help="real replies for each text")
    parser.add_argument("--texts", nargs="+", default=[*ATTACKS], choices=ATTACKS, metavar="NAME")
    given = parser.parse_args()
    asyncio.run(measure(given.texts, given.replies))
