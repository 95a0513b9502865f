"""Phrases as patterns, for reading what a judge says in plain words."""

import re


def any_of(phrases: str) -> str:
    r"""The pattern of one of some phrases, with commas between them.

    A space stands for \s+, an apostrophe for each that there is, and (...)
    for a group that is not kept.
    """
    kept = [re.sub(r"\s+", r"\\s+", phrase.strip()) for phrase in phrases.split(",")]
    return "(?:" + re.sub(r"\((?!\?)", "(?:", "|".join(kept)).replace("'", "['\u2019]") + ")"


VERDICT = any_of(
    """verdict, decision, judge?ment, rating, score, grade, choice, conclusion, vote, answer,
    ranking, pick, preference, evaluation, assessment, winner"""
)
"""What judges call what they come to."""
