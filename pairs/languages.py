"""Which language a text is in: by its script, by py3langid, and where it is short by its words.

Language codes are those of ISO 639-1. Languages that are mistaken for each other count as one, and
go by the first of their group.
"""

import re
from collections import Counter
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier  # type: ignore[import-untyped]

from pairs.language_words import ALIKE, DENSE, IN_CODE, SCRIPTS, VIETNAMESE, WORDS

MIN_LETTERS = 60
"""Letters that py3langid's judgement rests on; a third of them in Chinese, Japanese or Korean."""
MIN_PROBABILITY = 0.95
"""Probability that py3langid gives its guess. With both it judged 2,591 single sentences and 5,624
answers of AlpacaEval, and mistook none."""
MAX_READ = 2000
"""Characters that it reads."""
MIN_SCRIPT, MIN_SHARE = 8, 0.6
"""Letters, and share of those that are not Latin, from which a script tells the language."""
MIN_PROBABILITY_SHORT = (1.1, 0.97, 0.9)
"""Probability, among the languages of WORDS, for a short text with none, one, two of its words."""
MIN_HITS, MIN_SHARE_SAID = 2, 0.25
"""Different words of a language, and share of all words, by which a short text is told at last."""
MAX_ENGLISH = 5
"""Different English words from which a text is English with something else in it."""
NO_LANGUAGE = "zxx"
"""What py3langid calls text that is in no language, such as code."""

NOT_PROSE = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|<[^<>\n]{1,200}>|\$[^$\n]+\$", re.DOTALL
)
WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")


def language_of(text: str) -> str | None:
    """The language of a text, or None where that is not clear."""
    prose = prose_of(text)
    found = scripts_in(prose)
    other = found.total() - found["latin"]
    if other < found["latin"] and len(VIETNAMESE.findall(prose)) > max(1, found["latin"] / 20):
        return "vi"
    if other > 0.1 * found.total():
        code, letters = max(found.items(), key=lambda one: one[1] * (one[0] != "latin"))
        if letters < max(MIN_SCRIPT, MIN_SHARE * other):
            return None
        latin_prose = other < found["latin"] and len(hits(prose)["en"]) > MAX_ENGLISH
        return None if latin_prose else code
    return _in_latin_script(prose, found["latin"])


def _in_latin_script(prose: str, letters: int) -> str | None:
    """By py3langid where there is enough of a text; by its words and a guess among few else."""
    if letters >= MIN_LETTERS:
        guess, probability = identifier().classify(prose[:MAX_READ])
        code = alike(str(guess))
        if probability >= MIN_PROBABILITY and code not in SCRIPTS and guess != NO_LANGUAGE:
            return code
    by_words = hits(prose)
    guess, probability = _identifier_of_few().classify(prose[:MAX_READ])
    code = alike(str(guess))
    if probability >= MIN_PROBABILITY_SHORT[min(len(by_words[code]), 2)]:
        return code
    said = [word.replace("\u2019", "'") for word in WORD.findall(prose.lower())]
    (best, most), (_, second) = sorted(by_words.items(), key=lambda hit: -len(hit[1]))[:2]
    clear = len(most) >= MIN_HITS and len(most) >= 2 * len(second)
    return (
        best if clear and sum(word in most for word in said) >= MIN_SHARE_SAID * len(said) else None
    )


def languages_in(text: str) -> set[str]:
    """Every language that a text has some words of, clear or not."""
    prose = prose_of(text)
    found = {code for code, letters in scripts_in(prose).items() if letters > 1 and code != "latin"}
    if "zh" in found and "ja" in found:
        found.remove("zh")
    words = hits(prose)
    found |= {code for code, said in words.items() if len(said) >= 3 and code != "en"}
    if len(words["en"] - IN_CODE) >= MAX_ENGLISH:
        found.add("en")
    return found


def prose_of(text: str) -> str:
    """A text without its code, tables, addresses, formulas and tags."""
    lines = NOT_PROSE.sub(" ", text).splitlines()
    return "\n".join(line for line in lines if not _is_code(line.rstrip()))


def _is_code(line: str) -> bool:
    if sum(map(str.isalpha, line)) - len(re.findall("[A-Za-z]", line)) >= MIN_SCRIPT:
        return False
    return line.endswith(("{", "}", ";", "=")) or (line.endswith("|") and line.count("|") > 1)


def scripts_in(prose: str) -> Counter[str]:
    """Letters of each script; a character of a dense one counts for three."""
    if prose.isascii():
        return +Counter({"latin": sum(map(str.isalpha, prose))})
    found = Counter(
        {
            code: len(letters.findall(prose)) * (3 if code in DENSE else 1)
            for code, letters in SCRIPTS.items()
        }
    )
    if found["ja"] * 5 > found["zh"]:  # kana between Chinese characters
        found["ja"] += found.pop("zh", 0)
    return +found


def hits(prose: str) -> dict[str, set[str]]:
    """Which of each language's words a text has."""
    said = {word.replace("\u2019", "'") for word in WORD.findall(prose.lower())}
    return {code: known & said for code, known in WORDS.items()}


def alike(code: str) -> str:
    """The code that stands for a language and those it is mistaken for."""
    return ALIKE.get(code, code)


@cache
def identifier() -> LanguageIdentifier:
    """Py3langid with its own model."""
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


@cache
def _identifier_of_few() -> LanguageIdentifier:
    """Py3langid for the languages of WORDS alone, which has to know less of a text."""
    few = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    few.set_languages([code for code in {*WORDS, "da", "sv", "sk"} if code in few.labels])
    return few
