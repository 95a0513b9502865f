"""Answers in the wrong language, told by py3langid, which carries its model with it."""

import re
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier  # type: ignore[import-untyped]

from pairs.config import PairsConfig
from pairs.pair import CandidatePair, DropReason
from rounds.errors import UserError
from texts.normal import prompt_text

MIN_LETTERS = 60
"""Letters that a judgement rests on; a third of them where most are Chinese, Japanese or Korean."""
MIN_PROBABILITY = 0.95
"""Probability that the classifier gives its guess. With both it judged 2,591 single sentences and
5,624 answers of AlpacaEval, and mistook none."""
NO_LANGUAGE = "zxx"
"""What the classifier calls text that is in no language, such as code."""

NOT_PROSE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|<[^<>\n]{1,200}>", re.DOTALL)
LINE_OF_CODE = re.compile(r"(?m)^.*(?:[{};=]|\|[^|\n]*\|)[ \t]*$")
ASKS_FOR_ANOTHER = re.compile(
    r"\b(?:translat\w*|language|arabic|bengali|chinese|mandarin|czech|danish|dutch|english|finnish"
    r"|french|german|greek|hebrew|hindi|hungarian|indonesian|italian|japanese|korean|latin"
    r"|norwegian|persian|polish|portuguese|romanian|russian|spanish|swedish|thai|turkish"
    r"|ukrainian|urdu|vietnamese|auf deutsch|auf englisch|en (?:fran\u00e7ais|anglais|ingl\u00e9s"
    r"|espa\u00f1ol)|\u00fcbersetz\w*|tradui\w*|traduc\w*)\b|\u7ffb\u8bd1|\u82f1\u6587",
    re.IGNORECASE,
)


def language(pair: CandidatePair, config: PairsConfig) -> DropReason | None:
    """A side that is not in the language of the prompt, or not in the one the config names.

    A side that is short, or mostly code, or that the classifier is not sure of, is let pass; so
    is every answer to a prompt that speaks of languages, where its own is expected.
    """
    if config.language is None:
        return None
    wanted: str | None = config.language
    if wanted == "prompt":
        prompt = prompt_text(pair.row["prompt"])
        wanted = None if ASKS_FOR_ANOTHER.search(prompt) else language_of(prompt)
    for side, text in zip(("chosen", "rejected"), pair.texts, strict=True):
        code = language_of(text)
        if wanted is not None and code not in (None, wanted):
            return DropReason("language", f"{side} is {code}, not {wanted}")
    return None


def language_of(text: str) -> str | None:
    """The language of a text by its ISO 639-1 code, or None where that is not clear."""
    prose = LINE_OF_CODE.sub(" ", NOT_PROSE.sub(" ", text))
    letters = "".join(character for character in prose if character.isalpha())
    dense = sum(letter > "\u2e80" for letter in letters) > len(letters) / 2
    if len(letters) < (MIN_LETTERS / 3 if dense else MIN_LETTERS):
        return None
    code, probability = _identifier().classify(prose)
    return str(code) if probability >= MIN_PROBABILITY and code != NO_LANGUAGE else None


def check_language(code: str | None) -> None:
    """Raise UserError for a language that the classifier does not know."""
    if code in (None, "prompt"):
        return
    known = set(_identifier().labels) - {NO_LANGUAGE}
    if code not in known:
        raise UserError(
            f"pairs.language: {code!r} is no language that can be told; expected prompt or one of "
            + ", ".join(sorted(known))
        )


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
