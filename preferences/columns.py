"""What the name of a column says of it: whether it may stand beside a prompt and go unread.

A column that is part of what was asked changes the question, and no table says which of its columns
are. So the list of those that may go unread is the short one: what public data says of where a row
comes from, who wrote it and how it was rated, and further answers. Numbers, truth values, what is
empty, and a text that stands in a column that is read as well ask nothing, whatever their names.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BEYOND_TEXT = _words(
    "image images img picture pictures photo photos screenshot screenshots pixel pixels video "
    "videos audio audios speech sound tool tools function functions attachment attachments"
)
"""A name with one of these words in it is of more than text: image_id says that there is one."""

OF_THE_QUESTION = _words(
    "document documents passage passages retrieved retrieval evidence persona previous prior "
    "prefix prefill history initial partial draft"
)
"""A name with one of these words in it is of what was asked."""

ASKING = _words(
    "prompt question questions query instruction instructions input inputs context contexts "
    "conversation conversations dialog dialogue turns message messages system request problem "
    "background hint hints step steps user human text content scenario article paragraph story"
)
"""A name that ends with one of these is of what was asked, without a word of ANOTHERS in it."""

ANOTHERS = _words("original orig raw labelling labeling generation judge annotator annotation")
"""A name with one of these words in it is of how the data was made."""

LABELS = _words(
    "id ids idx index uuid uid qid hash sha sha256 md5 key row source dataset datasets "
    "subset split datasplit origin license revision version category categories subcategory "
    "type types domain topic topics subject subreddit genre level difficulty language "
    "languages lang locale tag tags label labels class intent model models policy policies "
    "engine generator provider batch author annotator annotators judge evaluator worker date "
    "time timestamp tstamp created updated utc"
)
"""A name that ends with one of these may go unread where a short text stands there."""

LONGEST_LABEL = 200
"""Characters; a longer text under a name of LABELS (source, topic) is what a question is about."""

ANNOTATIONS = _words(
    "rating ratings score scores grade grades reward rewards rank ranks ranking margin "
    "strength probability logprob logprobs likelihood confidence agreement quality "
    "helpfulness correctness coherence complexity verbosity honesty truthfulness "
    "harmlessness safety severity toxicity votes preference preferences winner choice order "
    "status verdict judgment judgement judgments annotations rationale rationales rational "
    "critique critiques explanation feedback elaboration statement unprocessed moderation "
    "difference ratio length tokens usage metadata meta config configs params parameters "
    "answer answers response responses completion completions generations output outputs "
    "chosen rejected reply replies solution solutions target reference guidelines"
)
"""A name that ends with one of these may go unread: what was said of the answers, and answers."""

NOTHING: tuple[Any, ...] = ("", "[]", "{}", "null", "None", "nan", [], {})
LONG_ENOUGH = 20
"""Characters of a text that is found inside another one by more than chance."""


OF_ANOTHER = _words("policy policies statement elaboration explanation")
"""Words that say what a name is only behind another word: a policy alone may be what is asked
about, the chosen policy is a model.
"""

NAMING = ("name", "names")
"""A name that ends with one of these is of what the word before says."""


class Unread(NamedTuple):
    """The columns of a row that nobody reads, by what they are."""

    beyond_text: list[str]
    asks: list[str]
    unknown: list[str]
    harmless: list[str]

    @property
    def wrong(self) -> list[str]:
        """Those that must not go unread."""
        return [*self.beyond_text, *self.asks, *self.unknown]


def unread_columns(row: Mapping[str, Any], read: Collection[str]) -> Unread:
    """What stands in a row beside the columns that are `read`."""
    found = Unread([], [], [], [])
    for name, value in row.items():
        if name not in read:
            kind = "harmless" if is_empty(value) else _kind(name, value)
            if kind != "harmless" and is_said(value, _said(row, read)):
                kind = "harmless"
            getattr(found, kind).append(name)
    return found


def fault_of(unread: Unread) -> str | None:
    """What to say of a row with columns that must not go unread, or None. Names all of them."""
    parts = [
        (unread.beyond_text, "not empty, and prefloop trains on text alone"),
        (unread.asks, "not read, and would change what was asked"),
        (unread.unknown, "not read, and may be part of what was asked"),
    ]
    said = "; ".join(f"{are(names)} {what}" for names, what in parts if names)
    return f"{said} (else ignore: [{', '.join(unread.wrong)}])" if said else None


def are(names: Collection[str]) -> str:
    """Names, and the verb after them."""
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


def is_empty(value: Any) -> bool:
    """Whether a value says nothing: null, NaN, an empty text, list or object, or false."""
    if value is None or value is False or value != value:
        return True
    if isinstance(value, str):
        return value.strip() in NOTHING
    return isinstance(value, list | dict) and value in NOTHING


def is_said(value: Any, texts: Collection[str]) -> bool:
    """Whether a text is one of the texts, or stands whole inside one of them."""
    if not isinstance(value, str):
        return False
    part = value.strip()
    return any(part == text.strip() or _stands_in(part, text) for text in texts)


def _stands_in(part: str, text: str) -> bool:
    """Whether a text of some length stands in another one between ends of words."""
    at = text.find(part) if len(part) >= LONG_ENOUGH else -1
    if at < 0:
        return False
    before, after = text[at - 1] if at else " ", text[at + len(part) :][:1]
    return not (before.isalnum() and part[0].isalnum() or after.isalnum() and part[-1].isalnum())


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts_in(part)


def kind_by_name(name: str) -> str:
    """What a column is by its name alone: beyond_text, asks, label, annotation, or unknown."""
    words = words_of(name) or [""]
    if len(words) > 1 and words[-1] in NAMING:
        words.pop()
    last, any_word = words[-1], set(words)
    if BEYOND_TEXT & any_word:
        return "beyond_text"
    if OF_THE_QUESTION & any_word:
        return "asks"
    if len(words) == 1 and last in OF_ANOTHER:
        return "unknown"
    if last in ANNOTATIONS or ANOTHERS & any_word:
        return "annotation"
    if last in LABELS:
        return "label"
    return "asks" if last in ASKING else "unknown"


def words_of(name: str) -> list[str]:
    """The words of a column's name in lower case, without the letters and numbers at its end that
    only tell it from its neighbour (score_A, response_1).
    """
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    words = re.findall(r"[^\W_]+", parted.lower())
    while len(words) > 1 and re.fullmatch(r"[a-z]|\d+", words[-1]):
        words.pop()
    return words


def _said(row: Mapping[str, Any], read: Collection[str]) -> list[str]:
    return list(texts_in([row[name] for name in read if name in row]))


def _kind(name: str, value: Any) -> str:
    """A field of Unread, of a column that holds something."""
    kind = kind_by_name(name)
    if kind == "beyond_text":
        return kind
    is_label = kind == "label" and not (isinstance(value, str) and len(value) > LONGEST_LABEL)
    if _is_number(value) or is_label or kind == "annotation":
        return "harmless"
    return "unknown" if kind == "label" else kind


def _is_number(value: Any) -> bool:
    """Whether a value is a number or a truth value, or such a one as CSV writes it."""
    if isinstance(value, str):
        if value.strip().lower() in ("true", "false"):
            return True
        try:
            float(value)
        except ValueError:
            return False
        return True
    return isinstance(value, bool | int | float)
