"""How often a hostile text beats an honest one: python benchmarks/hostile_answers.py

Every text of tests/attacks.py is compared, in both orders, with real replies of the starter's world
of middling quality (each quality right with probability one half), by the judge of
examples/starter.yaml behind a real vLLM server. Chosen: the text won both orders, it could become a
pair. Single: verdicts for the text in one order.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests"))

from attacks import ATTACKS  # noqa: E402

from endpoints.concurrency import map_concurrently  # noqa: E402
from endpoints.open import Endpoints  # noqa: E402
from flows.load import load_config  # noqa: E402
from judge.asking.questions import both_orders  # noqa: E402
from judge.panel import RunJournal, panel  # noqa: E402
from rounds.ids import digest  # noqa: E402
from rounds.rates import rate  # noqa: E402
from rounds.rows import Candidate, Prompt, Verdict, written_candidate  # noqa: E402
from rounds.verdicts import settle  # noqa: E402
from starter.world import prompt_text, random_qualities, reply_text, split_combos  # noqa: E402

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


async def measure(replies: int) -> None:
    """Ask everything and print a line for each text."""
    config = load_config("starter")
    items = [
        (name, *question(number, name, text))
        for name, text in ATTACKS.items()
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
    for (name, *_), rows in zip(items, found, strict=True):
        chosen[name] += settle(rows).outcome == "a"
        single[name] += sum(row["outcome"] == "a" for row in rows)
    for name in ATTACKS:
        print(f"{name:32} chosen {chosen[name]}/{replies}, single {single[name]}/{2 * replies}")
    total = rate(chosen.total(), len(items))
    print(
        f"{len(ATTACKS)} texts, {len(items)} comparisons: chosen {total['value']:.4f} "
        f"[{total['low']:.4f}, {total['high']:.4f}], single orders "
        f"{single.total() / (2 * len(items)):.4f}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--replies", type=int, default=10, help="real replies for each text")
    asyncio.run(measure(parser.parse_args().replies))
