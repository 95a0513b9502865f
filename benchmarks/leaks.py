"""Held-out prompts in disguise, and prompts that are none: python benchmarks/leaks.py FILE

FILE holds AlpacaEval prompts (JSONL, may be gzipped: `prompt`). Some are held out; the others are a
round's train prompts, and what is found among them is a false alarm, but for those printed, which
one may judge. Then held-out prompts are planted in a disguise, each kind on other prompts, all of
them natural; that of edited words on such as have 17 words or more, for in a shorter one nothing
tells an edit from another question. Everything goes through the check of the pairs stage, once.
"""

import argparse
import math
import random
import time
from collections.abc import Callable
from pathlib import Path

from recorded_rows import recorded_rows

from pairs.contamination import Contamination
from rounds.ids import prompt_id
from rounds.rows import Messages, Prompt
from texts.leaks import DEFAULT_LIMITS, MIN_NEAR_WORDS, LeakFinder

LOOK_ALIKE = dict(
    zip(
        "aceopxyijsABEHIKMNOPTX",
        "\u0430\u0441\u0435\u043e\u0440\u0445\u0443\u0456\u0458\u0455"
        "\u0391\u0412\u0415\u041d\u0399\u039a\u041c\u039d\u041e\u0420\u03a4\u03a7",
        strict=True,
    )
)
"""Cyrillic and Greek letters."""

WRITTEN = 'Please help me with this one. "{}" Thank you very much, and take all the time you need.'

Disguise = Callable[[str, random.Random], Messages]


def user(text: str) -> Messages:
    """A prompt of one turn."""
    return [{"role": "user", "content": text}]


def two_turns(text: str, chance: random.Random) -> Messages:
    """Half of it in a turn before."""
    words = text.split(" ")
    place = chance.randint(1, max(1, len(words) - 1))
    first, second = " ".join(words[:place]), " ".join(words[place:])
    return [*user(first), {"role": "assistant", "content": "I see. Go on, please."}, *user(second)]


def hyphenated(text: str, chance: random.Random) -> Messages:
    """Broken into lines of thirty characters, within words."""
    lines, width = [""], 30
    for word in text.split():
        room = width - len(lines[-1])
        if len(word) > room > 2 and len(word) > 4:
            cut = min(room, len(word) - 2)
            lines[-1] += word[:cut] + "-"
            lines.append(word[cut:] + " ")
        elif len(word) > room:
            lines.append(word + " ")
        else:
            lines[-1] += word + " "
    return user("\n".join(line.rstrip() for line in lines))


def marked_up(text: str, chance: random.Random) -> Messages:
    """HTML between its words."""
    tags = ["<b>{}</b>", "<span class='q'>{}</span>", "<i>{}</i><br/>", "{}&nbsp;", "{}", "{}"]
    return user(f"<p>{' '.join(chance.choice(tags).format(word) for word in text.split())}</p>")


def look_alike(text: str, chance: random.Random) -> Messages:
    """Half of the letters that have a double in another alphabet."""
    change = [LOOK_ALIKE.get(mark, mark) if chance.random() < 0.5 else mark for mark in text]
    return user("".join(change))


def spaced(text: str, chance: random.Random) -> Messages:
    """A space after each letter."""
    return user(" ".join(text))


def edited(text: str, chance: random.Random) -> Messages:
    """Five per cent of its words, one at least, replaced, dropped, doubled or misspelt."""
    words = text.split(" ")
    others = ["really", "house", "seven", "about", "green", "often", "maybe", "under", "always"]
    for place in chance.sample(range(len(words)), math.ceil(0.05 * len(words))):
        word = words[place]
        edits = [chance.choice(others), "", f"{word} {word}", word[::-1]]
        words[place] = chance.choice(edits)
    return user(" ".join(words))


def wrapped(text: str, chance: random.Random) -> Messages:
    """Among other sentences, edited as well."""
    return user(WRITTEN.format(edited(text, chance)[0]["content"]))


DISGUISES: dict[str, Disguise] = {
    "two turns": two_turns,
    "hyphenated": hyphenated,
    "HTML": marked_up,
    "look-alike letters": look_alike,
    "spaced letters": spaced,
    "edited words": edited,
    "edited and wrapped": wrapped,
}


def row(messages: Messages, name: str | None = None) -> Prompt:
    """A prompt row as far as leaks look at it."""
    asked: Prompt = {"prompt_id": name or prompt_id(messages), "messages": messages}  # type: ignore[typeddict-item]
    return asked


def main() -> None:
    """Print how many of each are found."""
    parser = argparse.ArgumentParser(description="held-out prompts in disguise")
    parser.add_argument("file", type=Path, help="alpaca_eval_8x803.jsonl.gz")
    parser.add_argument("--held-out", type=int, default=118, help="prompts that are held out")
    parser.add_argument("--each", type=int, default=20, help="prompts in each disguise")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    chance = random.Random(args.seed)
    texts = [row["prompt"] for row in recorded_rows(args.file)]
    chance.shuffle(texts)
    held_out, train = texts[: args.held_out], texts[args.held_out :]
    long = [text for text in held_out if len(text.split()) >= MIN_NEAR_WORDS]
    planted: dict[str, list[Prompt]] = {}
    for kind, disguise in DISGUISES.items():
        pool = long if disguise in (edited, wrapped) else held_out
        chosen = chance.sample(pool, min(args.each, len(pool)))
        planted[kind] = [
            row(disguise(text, chance), f"{kind} {place} of {texts.index(text)}")
            for place, text in enumerate(chosen)
        ]
    start = time.process_time()
    leaks = LeakFinder(
        (row(user(text), str(place)) for place, text in enumerate(held_out)), DEFAULT_LIMITS
    )
    built = time.process_time()
    natural = [row(user(text), text) for text in train]
    prompts = [*natural, *(each for kind in planted.values() for each in kind)]
    checked = Contamination(leaks, prompts)
    looked = time.process_time()
    found = {
        each["prompt_id"]: checked.leak_of(each["prompt_id"], each["messages"]) for each in prompts
    }
    quoted = time.process_time()
    alarms = [each["prompt_id"] for each in natural if found[each["prompt_id"]]]
    print(f"natural prompts: {len(alarms)} of {len(natural)} taken for a leak")
    for text in alarms:
        print(f"    {text[:90]!r}: {found[text]}")
    for kind, each in planted.items():
        missed = [one for one in each if not found[one["prompt_id"]]]
        print(f"{kind}: {len(each) - len(missed)} of {len(each)} found")
        for one in missed:
            print(f"    missed: {one['messages'][-1]['content'][:100]!r}")
    print(
        f"CPU: {1e6 * (built - start) / len(held_out):.0f} us a held-out prompt, "
        f"{1e6 * (looked - built) / len(prompts):.0f} us a train prompt, "
        f"{1e6 * (quoted - looked) / len(prompts):.0f} us for its quotations"
    )


if __name__ == "__main__":
    main()
