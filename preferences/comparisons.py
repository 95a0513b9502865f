"""Two answers and what a person said of them: WebGPT, summarize-from-feedback, HC3."""

from preferences.asked import asked, beside
from preferences.preference import (
    Preference,
    RawRow,
    Undecided,
    best_and_worst,
    dict_of,
    list_of,
    optional_text,
    text_of,
    texts_of,
)
from preferences.turns import turns_of


def webgpt(row: RawRow) -> Preference | Undecided:
    """answer_0 and answer_1 with scores from -1 to 1 (arXiv 2112.09332); equal scores are a tie."""
    prompt = beside(row, turns_of(text_of(dict_of(row, "question"), "full_text")), "question")
    answers = [text_of(row, f"answer_{side}") for side in (0, 1)]
    return best_and_worst(prompt, answers, [row.get(f"score_{side}") for side in (0, 1)], None)


def summaries(row: RawRow) -> Preference:
    """Two summaries of a post and the choice, 0 or 1; the prompt is as in arXiv 2009.01325."""
    info, both, choice = dict_of(row, "info"), list_of(row, "summaries"), row.get("choice")
    if len(both) != 2 or type(choice) is not int or choice not in (0, 1):
        raise ValueError("expected two summaries, and a choice of 0 or 1")
    parts = [
        ("SUBREDDIT: r/", optional_text(info, "subreddit")),
        ("TITLE: ", optional_text(info, "title")),
        ("POST: ", optional_text(info, "post") or optional_text(info, "article")),
    ]
    if not parts[-1][1]:
        raise ValueError("info has neither a post nor an article")
    post = "\n\n".join(label + text for label, text in parts if text)
    chosen, rejected = text_of(both[choice], "text"), text_of(both[1 - choice], "text")
    # the summaries begin with the space that followed the colon
    return Preference(beside(row, turns_of(f"{post}\n\nTL;DR:")), chosen.strip(), rejected.strip())


def hc3(row: RawRow) -> Preference | Undecided:
    """The first answer of a person over the first of ChatGPT (arXiv 2301.07597)."""
    text_of(row, "question")
    prompt = asked(row, "question")
    human, machine = texts_of(row, "human_answers"), texts_of(row, "chatgpt_answers")
    if not human or not machine:
        return Undecided("one_answer", prompt)
    return Preference(prompt, human[0], machine[0])
