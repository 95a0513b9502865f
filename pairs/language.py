"""Answers in the wrong language: another one than the prompt is in, speaks of or quotes."""

from pairs.config import PairsConfig
from pairs.language_words import NAMES, SPEAKS_OF_LANGUAGE
from pairs.languages import (
    NO_LANGUAGE,
    alike,
    identifier,
    language_of,
    languages_in,
    prose_of,
    scripts_in,
)
from pairs.pair import CandidatePair, DropReason
from rounds.errors import UserError
from texts.normal import prompt_text

MIN_FOREIGN, MAX_FOREIGN = 60, 0.3
"""Letters, and their share of an answer, in a script that its prompt has nothing of."""


def language(pair: CandidatePair, config: PairsConfig) -> DropReason | None:
    """A side that is not in the language of the prompt, or not in the one the config names.

    A side whose language is not clear is let pass; so is every answer to a prompt whose own is not,
    or that speaks of languages without a name.
    """
    if config.language is None:
        return None
    if config.language == "prompt":
        wanted, allowed = expected(prompt_text(pair.row["prompt"]))
    else:
        wanted, allowed = config.language, {alike(config.language)}
    if wanted is None:
        return None
    for side, text in zip(("chosen", "rejected"), pair.texts, strict=True):
        if found := foreign(text, allowed):
            return DropReason("language", f"{side} is {found}, not {wanted}")
    return None


def expected(prompt: str) -> tuple[str | None, set[str]]:
    """The language of a prompt, None where that is not clear; and all that its answer may be in."""
    own = language_of(prompt)
    if own is None or SPEAKS_OF_LANGUAGE.search(prompt):
        return None, set()
    named = {code for code, name in NAMES.items() if name.search(prompt)}
    return own, {own} | named | languages_in(prompt)


def foreign(text: str, allowed: set[str]) -> str | None:
    """The language of an answer, or of a large part of it in another script, if not allowed."""
    code = language_of(text)
    if code is not None and code not in allowed:
        return code
    found = scripts_in(prose_of(text))
    for script, letters in found.items():
        large = letters >= max(MIN_FOREIGN, MAX_FOREIGN * found.total())
        if (
            large
            and script != "latin"
            and script not in allowed
            and not (script == "zh" and "ja" in allowed)
        ):
            return script
    return None


def check_language(code: str | None) -> None:
    """Raise UserError for a language that the classifier does not know."""
    if code in (None, "prompt"):
        return
    known = set(identifier().labels) - {NO_LANGUAGE}
    if code not in known:
        raise UserError(
            f"pairs.language: {code!r} is no language that can be told; expected prompt or one of "
            + ", ".join(sorted(known))
        )
