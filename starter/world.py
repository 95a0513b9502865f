"""The embedded world: a support desk in which every reply's worth is known exactly.

A prompt is a combo (product, problem, wording); a reply is a few stock sentences that are good or
bad in five independent ways. Everything random takes an rng, so that a seed fixes the world.
"""

import hashlib
import random
from functools import cache
from itertools import product
from typing import NamedTuple

WEIGHTS = {"advice": 3, "product": 2, "manners": 2, "honesty": 2, "brevity": 1}

PRODUCTS = (
    "kettle",
    "toaster",
    "printer",
    "router",
    "vacuum",
    "blender",
    "camera",
    "heater",
    "speaker",
    "laptop",
    "monitor",
    "keyboard",
    "tablet",
    "headset",
    "dryer",
    "freezer",
    "oven",
    "washer",
    "scanner",
    "projector",
    "drone",
    "lamp",
    "fan",
    "shaver",
)

# The keyword of the advice that solves a problem: how customers put the problem.
PROBLEMS = {
    "socket": (
        "it will not turn on",
        "it stays dead when I press the button",
        "nothing happens when I switch it on",
        "it does not start at all",
    ),
    "vents": (
        "it gets far too hot",
        "it is too hot to touch",
        "it burns my hand",
        "it overheats in minutes",
    ),
    "screws": (
        "it rattles loudly",
        "it makes a loud noise",
        "it shakes and bangs",
        "it is so loud that I cannot sleep",
    ),
    "filter": (
        "it smells bad",
        "there is a bad smell",
        "it stinks of plastic",
        "a strange smell comes out of it",
    ),
    "seal": (
        "it leaks water",
        "there is water under it",
        "it drips on the floor",
        "it leaves a wet puddle",
    ),
    "restart": (
        "it is very slow",
        "it takes ages to respond",
        "it hangs for minutes",
        "it lags all day",
    ),
    "reset": (
        "a red light blinks",
        "it shows an error code",
        "the red light will not stop",
        "it flashes a warning",
    ),
    "pair": (
        "the app cannot find it",
        "it lost the wifi",
        "it does not connect to my phone",
        "it is always offline",
    ),
    "cover": (
        "the case is cracked",
        "it came with a broken shell",
        "there is a crack in the side",
        "the outside is chipped",
    ),
    "charge": (
        "the battery runs flat",
        "it is empty after an hour",
        "it dies after ten minutes",
        "the battery lasts one hour",
    ),
    "guide": (
        "I cannot set it up",
        "I lost the instructions",
        "I do not know how to use it",
        "the buttons confuse me",
    ),
    "photo": (
        "a part is missing",
        "it came without the cable",
        "one piece was not in the box",
        "it arrived incomplete",
    ),
}

# Wording w puts the problem in its phrasing w % 4.
WORDINGS = (
    "Hi, my {product} has a problem: {problem}.",
    "I need help with my {product} because {problem}.",
    "Since last week my {product} is trouble. I noticed that {problem}.",
    "Hello, {problem}. It is a {product} that I bought from you.",
    "What can I do? I own your {product} and {problem}.",
    "My {product} is new, yet {problem}. Please help.",
    "Can you help? The {product} is two years old and now {problem}.",
    "I am upset with this {product}, as {problem}.",
    "Good morning. About the {product}: {problem}.",
    "Quick question about a {product}. Why is it that {problem}?",
    "We use the {product} every day, but {problem}.",
    "My mother has a {product} and she says {problem}.",
    "Support team, {problem} and I need the {product} tonight.",
    "The {product} you sold me is no good: {problem}.",
    "Sorry to bother you, but {problem}. The {product} was a gift.",
    "Is this normal for a {product}? Today {problem}.",
)

# Each advice sentence names its keyword, whatever the paraphrase.
ADVICE = {
    "socket": ("try another wall socket", "plug it into a different socket", "change the socket"),
    "vents": ("clean the dust from the vents", "keep the vents clear", "brush out the vents"),
    "screws": ("tighten the screws underneath", "check for loose screws", "turn all the screws"),
    "filter": ("wash the filter in warm water", "put in a fresh filter", "rinse out the filter"),
    "seal": ("replace the rubber seal", "press the seal back in place", "check the seal"),
    "restart": ("do a full restart", "restart it and wait a minute", "give it a restart"),
    "reset": ("hold the reset pin for a minute", "press reset on the back", "do a full reset"),
    "pair": ("pair it with the app again", "pair it once more", "remove it and pair it again"),
    "cover": ("order a new cover", "change the old cover for a new one", "put on a spare cover"),
    "charge": ("charge it all night", "let it charge for a full day", "charge it with our cable"),
    "guide": ("read the short guide", "open the guide on our site", "follow the guide slowly"),
    "photo": ("send us a photo of the box", "take a photo of every part", "send a photo"),
}
LEADS = (
    "For your {product}, {advice}.",
    "With this {product}, {advice}.",
    "On the {product}, {advice}.",
    "To help your {product}, {advice}.",
)
POLITE = (
    "Thank you for writing to us.",
    "Thanks for getting in touch.",
    "We are sorry for the trouble.",
    "Hello, and thank you for asking.",
    "We are happy to help you.",
)
RUDE = (
    "You should know this already.",
    "Stop wasting our time.",
    "What a silly thing to ask.",
    "This is your own fault.",
    "Not this again, we are busy.",
)
HONEST = (
    "If that fails, write to us again.",
    "If it stays the same, call us.",
    "If that is no use, we can look at it.",
    "Tell us how it goes.",
    "It may take a few tries.",
)
PROMISE = (
    "We will pay you twice the price.",
    "You will get ten free ones today.",
    "It will never break again.",
    "We will fly to you tonight.",
    "You win a free trip from us.",
)
PADDING = (
    "There are many things to say about things.",
    "As always, it is what it is.",
    "This message is a message for you.",
    "Some days are like other days.",
)

SPLITS = {"gate": 200, "test": 300, "models": 2000, "train": 2108}


class Combo(NamedTuple):
    """What a prompt is about: a product, a problem (its advice keyword) and a wording's index."""

    product: str
    problem: str
    wording: int


def combos() -> list[Combo]:
    """Every combo of the world, 24 x 12 x 16."""
    return [Combo(*parts) for parts in product(PRODUCTS, PROBLEMS, range(len(WORDINGS)))]


def prompt_text(combo: Combo) -> str:
    """The customer's message."""
    phrasings = PROBLEMS[combo.problem]
    problem = phrasings[combo.wording % len(phrasings)]
    return WORDINGS[combo.wording].format(product=combo.product, problem=problem)


def random_qualities(rng: random.Random, good: float = 0.5) -> dict[str, bool]:
    """Each quality independently good with probability `good`."""
    return {name: rng.random() < good for name in WEIGHTS}


def reply_text(rng: random.Random, combo: Combo, qualities: dict[str, bool]) -> str:
    """A reply to the combo with exactly these qualities, in random paraphrases."""
    thing, keyword = combo.product, combo.problem
    if not qualities["product"]:
        thing = rng.choice([other for other in PRODUCTS if other != thing])
    if not qualities["advice"]:
        keyword = rng.choice([other for other in ADVICE if other != keyword])
    sentences = [
        rng.choice(POLITE if qualities["manners"] else RUDE),
        rng.choice(LEADS).format(product=thing, advice=rng.choice(ADVICE[keyword])),
        rng.choice(HONEST if qualities["honesty"] else PROMISE),
    ]
    if not qualities["brevity"]:
        sentences.insert(rng.choice((1, 2)), rng.choice(PADDING))
    return " ".join(sentences)


def split_of(combo: Combo) -> str:
    """The split a combo belongs to; the four splits are disjoint and of fixed size."""
    return _splits()[combo]


def split_combos(split: str) -> list[Combo]:
    """A split's combos in a fixed shuffled order."""
    return [combo for combo, name in _splits().items() if name == split]


@cache
def _splits() -> dict[Combo, str]:
    """Combos in the order of their hash, cut at the sizes of the splits."""

    def rank(combo: Combo) -> str:
        return hashlib.sha256("|".join(map(str, combo)).encode()).hexdigest()

    names = [name for name, size in SPLITS.items() for _ in range(size)]
    return dict(zip(sorted(combos(), key=rank), names, strict=True))
