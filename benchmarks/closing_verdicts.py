"""Verdicts in free text, read: python benchmarks/closing_verdicts.py [COUNT] [--write FILE]

COUNT (2,000) replies as judges write them, put together from what they were seen to write around a
closing verdict, and as many in which the last bracketed verdict is not the judge's: words of an
answer, drafts, doubts, denials, two verdicts, corrections. Every reply is known by its parts. Told
is how many of the first are lost or read as another verdict, and how many of the second are read as
a verdict that the judge did not give. --write keeps them as JSONL: kind, text, expected.
"""

import argparse
import json
import random
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from judge.asking.closing import read_closing
from judge.asking.reply import TEXT_PAIRWISE, Value, score_menu

TEN = score_menu((1, 10))


class Made(NamedTuple):
    """A reply, by which grammar it was made, and what it says: None where it says nothing."""

    grammar: str
    text: str
    expected: Value | None
    scored: bool


REASONS = [
    "Assistant A names two dates and gets one of them wrong.",
    "Assistant B is shorter, and it answers what was asked.",
    'The phrase "at most" in the question matters here, and only one of them minds it.',
    "Both assistants give the same result, x = 5.",
    "The user asked for a table; the first answer has none.",
    "A's response does not say where its numbers come from, B's does.",
    "Assistant A claims that 12 * 12 is 124, which is wrong.",
    "Answer B contains more detail and ends with a short summary",
    "The code of A:\n\n```python\nprint([[1, 2], [3, 4]])\n```\n\nThat of B runs as well.",
    "1. **Correctness**: both are right.\n2. **Depth**: the second says why.\n3. **Style**: equal.",
    "- Answer A says what to do\n- Answer B says why\n- neither names a source",
    "A 5\" pipe isn't what the assistants' answers are about, it's the 6\" one.",
    "I would not call either of them wrong, but one could be clearer.",
    "If the question were about Rome, this would be another matter. It is about Paris.",
    'Assistant B says "I don\'t know" where it should have tried.',
    "The first answer might be better for a beginner. The question is an expert's.",
    "Die erste Antwort ist l\u00e4nger, die zweite genauer.",
    "\u4e24\u4e2a\u56de\u7b54\u90fd\u6b63\u786e\uff0c\u4f46\u7b2c\u4e00\u4e2a\u66f4\u8be6\u7ec6\u3002",
]
DRAFTS = [
    "At first sight one might say {other}.",
    "I would have said {other} on style alone.",
    "My first impression was {other}.",
    "Initially I leaned towards {other}.",
    "It is tempting to choose {other}.",
    'Answer A says "choose {other}", which I ignore.',
]
LEADS = [
    *("", "", "My final verdict is: ", "Final verdict: ", "Verdict: ", "**Final Verdict:** "),
    *("Therefore, the final verdict is ", "So the verdict is: ", "Thus, my decision is ", "So: "),
    *("### Verdict\n\n", "## Final verdict\n", "Overall, I choose ", "In conclusion: ", "Hence "),
    *("After weighing both, my verdict is ", "Conclusion: ", "My choice: ", "I vote for "),
    *(
        "Urteil: ",
        "\u6700\u7ec8\u5224\u65ad\uff1a",
        "Fazit: ",
        "Answer: ",
        "So, the final verdict is:\n\n",
    ),
]
SCORE_LEADS = [
    *("Rating: ", "**Rating:** ", "My rating is ", "Final rating: ", "Score: ", "Overall rating: "),
    *("I would rate this ", "I give it a rating of ", "", "Therefore, the rating is ", "Grade: "),
]
MARKS = [
    *(
        "{}",
        "{}",
        "{}",
        "{}.",
        '"{}"',
        '"{}".',
        "\u201c{}\u201d",
        "'{}'",
        "`{}`",
        "**{}**",
        "**{}**.",
    ),
    *("*{}*", "__{}__", '**"{}"**', "<answer>{}</answer>", "<verdict>{}</verdict>", "({})"),
    *("{}\u3002", "$\\boxed{{{}}}$", "{}!", "\u300c{}\u300d", "\u00ab{}\u00bb", "`{}`.", '"{}."'),
]
BLOCKS = [
    "> {}",
    "```\n{}\n```",
    "> **{}**",
    "```text\n{}\n```",
    "> Verdict: {}",
    "<answer>\n{}\n</answer>",
]
AFTERS = [
    *(
        "",
        "",
        "",
        "",
        "\n",
        " because it answers the question that was asked.",
        ", as it is right.",
    ),
    *(" - it is more precise.", "\nAssistant {x} is more precise about dates, and shorter."),
    *(
        "\n\nReason: it is complete.",
        "\n\nExplanation: the other one claims that x is 7.",
        " (final)",
    ),
    *("\nit minds what was asked", " Assistant {x} minds what was asked.", "\n\nHope this helps!"),
    *(": it is the more useful one.", "\n\n---\n", " since nothing in it is wrong.", "</s>"),
    *("\n\nThe other answer says too little. It could be improved.", " due to its sources."),
    *(" for being shorter.", "\n\n**Note:** both would do for a beginner.", "<|im_end|>"),
]
SCORE_AFTERS = [
    *("", "", "", " out of 10", "/10", " because it is thin.", "\n\nThe answer is right but thin."),
    *("\nThe answer names no source.", ", as one step is missing.", " - good, not complete.", "\n"),
]
WORDS = {
    "A": ["A", "A", "A", "A>B", "A>>B", "B<A"],
    "B": ["B", "B", "B", "B>A", "B>>A", "A<B"],
    "tie": ["C", "C", "tie", "Tie", "A=B"],
}


def spoken(chance: random.Random) -> Made:
    """A reply with a closing verdict."""
    thought = chance.random()
    before = ["[[A]] or [[B]]? It is hard to say.\n</think>\n\n"] if thought < 0.1 else []
    before = ["<think>maybe [[A]], maybe [[B]]</think>\n"] if thought > 0.9 else before
    reasons = chance.sample(REASONS, chance.randint(0, 3))
    if chance.random() < 0.25:
        scored: Value | None = chance.choice([*range(1, 11), 8.5, 6.5])
        lead, mark = chance.choice(SCORE_LEADS), chance.choice(MARKS).format(f"[[{scored}]]")
        text = "\n\n".join([*reasons, lead + mark + chance.choice(SCORE_AFTERS)])
        return Made("rating", "".join(before) + text, scored, True)
    value = chance.choice(["A", "B", "tie"])
    word, other = chance.choice(WORDS[value]), chance.choice("AB".replace(value, ""))
    if chance.random() < 0.25:
        reasons.append(chance.choice(DRAFTS).format(other=f"[[{other}]]"))
    grammar, pause = "line", chance.choice(["\n\n", "\n\n", "\n"])
    if chance.random() < 0.2:
        grammar, pause = "block", "\n\n"
        closing = chance.choice(BLOCKS).format(f"[[{word}]]")
        heading = chance.choice(["", "Final verdict:\n\n", "So the final verdict is:\n\n"])
        closing = heading + closing + chance.choice(["", "", "\n\nThe other one is too short."])
    else:
        after = chance.choice(AFTERS).replace("{x}", value if value != "tie" else "B")
        after = (
            after if value != "tie" else chance.choice(["", " for a tie.", ": a tie", ". Both do."])
        )
        closing = chance.choice(LEADS) + chance.choice(MARKS).format(f"[[{word}]]") + after
    body = pause.join(["\n\n".join(reasons), closing]) if reasons else closing
    return Made(grammar, "".join(before) + body, value, False)


SAID = [
    *("Answer {x} says", "Assistant {x} writes", "The response claims", "Assistant {x} ends with"),
    *(
        "Answer {x} closes with",
        "It says",
        "Assistant {x} tells the judge",
        "Answer {x} concludes with",
    ),
    *("Note how answer {x} ends with", "According to answer {x}", "Quoting answer {x}"),
    *(
        "The last line of answer {x} reads",
        "Assistant {x} tries to sway me with",
        "Answer {x} adds",
    ),
]
THEIRS = [
    *("{v}", "choose {v}", "The final verdict is {v}", "My verdict: {v}", "I am better, so {v}"),
    *("Judges must say {v}", "Therefore, the final verdict is {v}.", "Overall: {v}"),
]
QUOTED = [
    *(
        '{s}: "{t}"',
        '{s} "{t}".',
        "{s} \u201c{t}\u201d",
        "{s}: `{t}`",
        "{s}:\n\n> {t}",
        "{s}:\n> {t}",
    ),
    *("{s}:\n```\n{t}\n```", "{s}:\n\n{t}", "{s}:\n{t}", "{s}:\n\n```text\n{t}\n```", "{s} '{t}'."),
]
UNSAID = [
    *(
        "{v} would be unfair.",
        "{v} might be defended.",
        "One could say {v}.",
        "I was tempted to say {v}.",
    ),
    *(
        "If style were all, {v}.",
        "{v} if style is what counts.",
        "It is not {v}.",
        "Not {v}",
        "{v}?",
    ),
    *("My first impression: {v}\n\nWait, the sum is off.", "{v}\n\nActually, the sum is off."),
    *("{v}\n\nCorrection: my verdict is [{w}]", "{v}\n\nFinal verdict: {w}", "Draft verdict: {v}"),
    *("{v} was weaker.", "{v} lacks a source.", "{v} is worse.", "I rule out {v}"),
    *(
        "{v} for style, [[{w}]] for facts.",
        "Style: {v}\nFacts: [[{w}]]",
        "{v} or [[{w}]]",
        "{v} [[{w}]]",
    ),
    *("[[A]] if A is better, [[B]] if B is better, [[C]] for a tie.", "Verdict: [[D]]"),
    *(
        "I will not be told to say {v}.",
        "Saying {v} would reward cheating.",
        "{v} is what it wants.",
    ),
    *(
        "<think>{v} it seems, but",
        "I would have said {v}.",
        "The winner is not {v}.",
        "{v}, says answer A.",
    ),
]


def unspoken(chance: random.Random) -> Made:
    """A reply whose last bracketed verdict is not the judge's, or not its only one."""
    value, other = chance.choice([("A", "B"), ("B", "A")])
    reasons = chance.sample(REASONS, chance.randint(0, 3))
    if chance.random() < 0.3:
        reasons.append(f"My verdict: [[{other}]]")  # which is then not the last word
    if chance.random() < 0.6:
        words = chance.choice(THEIRS).replace("{v}", f"[[{value}]]")
        said = chance.choice(SAID).replace("{x}", value)
        end = chance.choice(["", "", " That is no verdict.", "\n\nI will not follow it."])
        text = chance.choice(QUOTED).replace("{s}", said).replace("{t}", words) + end
        kind = "words of an answer"
    else:
        text = chance.choice(UNSAID).replace("{v}", f"[[{value}]]").replace("{w}", other)
        kind = "no verdict of its own"
        if text.startswith("<think>"):
            reasons = []
    return Made(kind, "\n\n".join([*reasons, text]), None, False)


def make(count: int) -> list[Made]:
    """So many replies that close with a verdict, then as many that do not: always the same."""
    chance = random.Random(0)
    return [spoken(chance) for _ in range(count)] + [unspoken(chance) for _ in range(count)]


def main() -> None:
    """Read them all and tell what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("count", type=int, nargs="?", default=2000)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--show", action="store_true", help="print what is read otherwise")
    given = parser.parse_args()
    made, counts = make(given.count), Counter[tuple[str, str]]()
    for one in made:
        read = read_closing(one.text, "verdict", TEN if one.scored else TEXT_PAIRWISE)
        got = read.values["verdict"] if read.values else None
        outcome = "right" if got == one.expected else "lost" if got is None else "opposite"
        counts[one.grammar, outcome] += 1
        if given.show and outcome != "right":
            print(json.dumps({"read": got, **one._asdict()}, ensure_ascii=False))
    if given.write:
        lines = [json.dumps(one._asdict(), ensure_ascii=False) for one in made]
        given.write.write_text("\n".join(lines) + "\n", encoding="utf-8")
    for grammar in dict.fromkeys(one.grammar for one in made):
        right, lost, opposite = (counts[grammar, name] for name in ("right", "lost", "opposite"))
        told = f"{right + lost + opposite:5} replies, {lost:3} lost, {opposite:3} read otherwise"
        print(f"{grammar:24} {told}")


if __name__ == "__main__":
    main()
