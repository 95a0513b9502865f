"""UltraFeedback (arXiv 2310.01377), binarized and as it was scored."""

from preferences.preference import (
    Preference,
    RawRow,
    Undecided,
    best_and_worst,
    list_of,
    name_of,
    prompt_of,
    scores_of,
    text_of,
)
from preferences.trl_shapes import two_endings


def binarized(row: RawRow) -> Preference:
    """The prompt as a text, and two conversations that hold it and differ in the last answer."""
    prompt, chosen, rejected = two_endings(row)
    if {"role": "user", "content": text_of(row, "prompt")} not in prompt:
        raise ValueError(
            "prompt is a text, and chosen a list of messages without it; expected a text or "
            "messages for both, or the whole conversation in chosen"
        )
    return Preference(prompt_of(prompt), chosen, rejected, *scores_of(row), name_of(row))


def scored_completions(row: RawRow) -> Preference | Undecided:
    """An instruction and completions, each with a response and its overall_score."""
    prompt, completions = prompt_of(text_of(row, "instruction")), list_of(row, "completions")
    answers = [text_of(completion, "response") for completion in completions]
    scores = [completion.get("overall_score") for completion in completions]
    return best_and_worst(prompt, answers, scores, None)
