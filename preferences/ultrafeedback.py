"""UltraFeedback (arXiv 2310.01377), binarized and as it was scored."""

from preferences.preference import (
    Preference,
    Undecided,
    best_and_worst,
    list_of,
    name_of,
    prompt_of,
    scores_of,
    text_of,
)
from preferences.trl_shapes import two_endings
from rounds.tables import Row


def binarized(row: Row) -> Preference:
    """The prompt as a text, and two conversations that hold it and differ in the last answer."""
    prompt, chosen, rejected = two_endings(row)
    if {"role": "user", "content": text_of(row, "prompt")} not in prompt:
        raise ValueError(
            "prompt is a text, and chosen a list of messages without it; expected a text or "
            "messages for both, or the whole conversation in chosen"
        )
    return Preference(prompt_of(prompt), chosen, rejected, *scores_of(row), name_of(row))


def completions(row: Row) -> Preference | Undecided:
    """An instruction and completions, each with a response and its overall_score."""
    prompt, found = prompt_of(text_of(row, "instruction")), list_of(row, "completions")
    scored = [(text_of(one, "response"), one.get("overall_score")) for one in found]
    return best_and_worst(prompt, [one[0] for one in scored], [one[1] for one in scored], None)
