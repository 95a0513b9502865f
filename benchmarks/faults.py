"""Faults to plant in pairs of answers, and the faults that AlpacaEval's answers have anyway."""

import random
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple


class Made(NamedTuple):
    """A pair as it goes in: its texts, what is planted in it, and what its answers have anyway."""

    prompt: str
    chosen: str
    rejected: str
    planted: str | None = None
    natural: frozenset[str] = frozenset()
    tie: bool = False
    end: str = "stop"
    source: "Made | None" = None  # type: ignore[misc]


Loop = Callable[[str, random.Random], str]

PHI, ALPACA, VICUNA = "phi-2", "alpaca-7b", "vicuna-13b-v1.5"
GPT, CLAUDE, GEMMA, HERMES = (
    "gpt-3.5-turbo-1106",
    "claude-2.1",
    "gemma-2b-it",
    "OpenHermes-2.5-Mistral-7B",
)

READ = {
    "loop": {
        PHI: [47, 52, 67, 94, 129, 169, 207, 303, 322, 341, 343, 352, 475, 506, 534, 560, 561, 651,
              653, 679, 680, 681, 687, 734, 770],
        ALPACA: [129], HERMES: [202, 263, 384], VICUNA: [263, 621],
    },
    "refusal": {
        GEMMA: [50, 122, 284, 294, 422, 451, 459, 647, 672, 700, 708],
        CLAUDE: [96, 126, 130, 218, 249, 256, 258, 289, 292, 294, 341, 390, 394, 396, 407, 431, 434,
                 451, 454, 456, 459, 491, 608, 623, 654, 718, 744],
        VICUNA: [206, 258, 292, 294, 459, 479, 586, 624, 641],
        GPT: [206, 256, 258, 289, 292, 294, 325, 377, 407, 456, 479, 482, 491, 623, 718],
        ALPACA: [313],
    },
}  # fmt: skip
"""Read by hand, by generator and line from 0. Loops: every answer with a third of its 5-grams
repeated, or a passage three times in a row. Refusals: every answer of up to 600 characters with a
word of refusing (sorry, cannot, unable, ...) in its first 150."""

FLAWED = {
    flaw: {(line, name) for name, lines in by_name.items() for line in lines}
    for flaw, by_name in READ.items()
}


def _first(text: str) -> str:
    return " ".join(re.split(r"(?<=[.!?])\s", text)[0].split()[:25])


LOOPS: list[Loop] = [
    lambda text, rng: text + f"\n\n{_first(text)} " * rng.randint(8, 40),  # a sentence to the end
    lambda text, rng: f"{_first(text)} " * rng.randint(8, 30),  # from the start
    lambda text, rng: text + f" {text.split()[0]}" * rng.randint(60, 300),  # one word
    lambda text, rng: "\n".join(f"{n}. {text[:30].strip()}" for n in range(1, rng.randint(20, 60))),
    lambda text, rng: f"{text[:60]} " + "ha" * rng.randint(40, 200),  # a syllable
    lambda text, rng: text + "!" * (len(text) + 100),  # a mark
    lambda text, rng: "\n\n".join([text] * rng.randint(3, 6)),  # the whole answer
    lambda text, rng: text + "\n" + "- Item one here\n- Another item\n" * rng.randint(12, 30),
    lambda text, rng: text[:200] + "\n```python\n" + "print(total + 1)\n" * rng.randint(40, 90),
    lambda text, rng: f"{text} " + (_first(text)[:40] + " and so on. ") * rng.randint(12, 40),
]

NO = [
    "I'm sorry, but I can't assist with that request.",
    "I cannot help you with this. Is there anything else you would like to know?",
    "As an AI language model, I am not able to provide advice on this matter.",
    "I apologize, but I must decline to answer this question.",
    "Unfortunately, I am unable to fulfill this request, as it goes against my guidelines.",
    "I'm just an AI assistant and I cannot discuss this topic. Please ask an expert.",
    "I won't write that. It could hurt people.",
    "I do not feel comfortable answering that.",
    "Sorry, I can\u2019t do that.",
    "Thank you for your question. However, I will not engage in this conversation.",
    "My apologies, but I don't have access to the internet, so I can't say.",
    "I understand your interest, but I can't share instructions of this kind.",
    "That is not something I can help with.",
    "Let's talk about something else, shall we?",
]

FOREIGN = [
    "Das ist eine gute Frage. Am besten beginnt man mit einem einfachen Plan, prüft jeden Schritt "
    "und fragt jemanden, der es schon einmal gemacht hat.",
    "C'est une bonne question. Le mieux est de commencer par un plan simple, de vérifier chaque "
    "étape et de demander conseil à quelqu'un qui l'a déjà fait.",
    "Es una buena pregunta. Lo mejor es empezar con un plan sencillo, comprobar cada paso y "
    "preguntar a alguien que ya lo haya hecho antes.",
    "È una bella domanda. Conviene iniziare con un piano semplice, controllare ogni passo e "
    "chiedere consiglio a chi lo ha già fatto.",
    "Это хороший вопрос. Лучше всего начать с простого плана, проверять каждый шаг и спросить "
    "того, кто уже это делал.",
    "これは良い質問です。まず簡単な計画を立てて、一つずつ確認しながら進めましょう。",
    "这是一个很好的问题。最好先制定一个简单的计划，检查每一步，并向做过这件事的人请教。",
    "To dobre pytanie. Najlepiej zacząć od prostego planu, sprawdzać każdy krok i zapytać kogoś, "
    "kto już to kiedyś robił.",
]

TOKENS = [
    "<|im_end|>", "<|im_start|>user", "<|eot_id|>", "<|endoftext|>", "</s>", "[INST]", "[/INST]",
    "<start_of_turn>", "<end_of_turn>", "<<SYS>>", "<eos>",
    "<\uff5cend\u2581of\u2581sentence\uff5c>",
    "<|start_header_id|>assistant", "[TOOL_CALLS]", "<extra_id_1>", "[|endofturn|]",
]  # fmt: skip


def planted(
    base: list[Made],
    spare: list[Made],
    earlier: list[Made],
    held_out: list[str],
    rng: random.Random,
    each: int,
) -> Iterator[Made]:
    """Pairs with one fault each, of spare answers without one: `each` of a kind, 5 times as many
    near duplicates.

    Duplicates are of `base`, the pairs of the same round, and of `earlier`.
    """
    fresh = (made for made in rng.sample(spare, len(spare)) if clean(made))
    sources = [made for made in [*base, *earlier] if clean(made)]
    for made in rng.sample(sources, each):
        yield made._replace(prompt=f"{made.prompt.upper()} ", planted="duplicate", source=made)
    for made in rng.sample(sources, 5 * each):
        share = rng.uniform(0.02, 0.15)
        texts = [edit(text, share, rng) for text in made[:3]]
        yield Made(*texts, planted="near")
    long = [text for text in held_out if len(text.split()) > 16]
    for text in rng.sample(held_out, each):
        yield next(fresh)._replace(prompt=f" {text.swapcase()}", planted="held_out_prompt")
    for text in rng.sample(long, each):
        yield next(fresh)._replace(prompt=edit(text, 0.01, rng), planted="held_out_near")
    for at, text in enumerate(rng.sample(long, each)):
        quoted = edit(text, 0.01, rng) if at % 2 else text
        yield put(next(fresh), lambda old, quoted=quoted: f'"{quoted}"\n\n{old}', rng)._replace(
            planted="held_out_overlap"
        )
    for at in range(each):
        yield next(fresh)._replace(tie=True, planted="tie")
        yield next(fresh)._replace(end="length", planted="cut_off")
        made = next(fresh)
        yield made._replace(rejected=f" {made.chosen.upper()}", planted="identical")
        stuck = LOOPS[at % len(LOOPS)](made.chosen, rng)
        yield put(next(fresh), lambda old, stuck=stuck: stuck, rng)._replace(planted="loop")
        blank = ("", " ", "\n\n", "\u200b")[at % 4]
        yield put(next(fresh), lambda old, blank=blank: blank, rng)._replace(planted="empty")
        no = NO[at % len(NO)]
        yield put(next(fresh), lambda old, no=no: no, rng)._replace(planted="refusal")
        other = FOREIGN[at % len(FOREIGN)]
        made = next(made for made in fresh if len(made.prompt) > 100)
        yield put(made, lambda old, other=other: other, rng)._replace(planted="language")
        made = next(made for made in fresh if len(made.chosen.split()) > 150)
        twin = (edit(made.chosen, 0.001, rng), f"**{made.chosen}**", f"{made.chosen} Enjoy!")
        yield made._replace(rejected=twin[at % 3], planted="near_identical")
        yield next(fresh)._replace(rejected="As above.", planted="length_ratio")
        made, token = next(fresh), TOKENS[at % len(TOKENS)]
        cut = rng.randrange(min(len(made.chosen), len(made.rejected)))
        yield put(
            made, lambda old, cut=cut, token=token: old[:cut] + token + old[cut:], rng
        )._replace(planted="chat_tokens")


def clean(made: Made) -> bool:
    """Whether a pair has no fault of its own, and enough text to plant one."""
    short, long = sorted((len(made.chosen), len(made.rejected)))
    return not made.natural and short > 300 and long < 10 * short


def put(made: Made, change: Callable[[str], str], rng: random.Random) -> Made:
    """One of the two sides changed."""
    if rng.random() < 0.5:
        return made._replace(chosen=change(made.chosen))
    return made._replace(rejected=change(made.rejected))


def edit(text: str, share: float, rng: random.Random) -> str:
    """A share of the words replaced, dropped or doubled, one at least."""
    parts = text.split(" ")
    for at in rng.sample(range(len(parts)), max(1, round(share * len(parts)))):
        old, more = parts[at], f"{parts[at]} indeed"
        new = rng.choice(["thus", "", more, old[::-1] or "so"])
        parts[at] = more if new == old else new
    return " ".join(parts)
