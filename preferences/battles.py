"""Two answers and a verdict on them: HelpSteer, SHP, arena battles, PKU-SafeRLHF, AlpacaFarm."""

import json
from typing import Any

from preferences.asked import asked, beside
from preferences.preference import Preference, RawRow, Undecided, name_of, number_of, text_or_answer
from preferences.turns import answer_to, chat_turns, without_system
from rounds.rows import Messages

STRENGTHS = ("preference_strength", "overall_preference")
HELPSTEER = (("response_1", "response_2"), ("response1", "response2"))
STRONGEST = 3

FIRST = ("model_a", "response_a", "answer_a", "conversation_a", "a", "a>b", "a>>b")
SECOND = ("model_b", "response_b", "answer_b", "conversation_b", "b", "b>a", "b>>a")
EQUAL = (
    "a=b",
    "tie",
    "tie (bothbad)",
    "tie (both bad)",
    "bothbad",
    "both_bad",
    "both",
    "neither",
    "draw",
)

WINNERS = ("winner_model_a", "winner_model_b", "winner_tie")

Verdict = int | None
"""0 for the first answer, 1 for the second, None for neither."""


def helpsteer(row: RawRow) -> Preference | Undecided:
    """A strength from -3 to 3, above 0 for the second answer (arXiv 2410.01257, 2505.11475)."""
    sides = next((both for both in HELPSTEER if both[0] in row), HELPSTEER[0])
    column = next((name for name in STRENGTHS if name in row), STRENGTHS[0])
    strength = number_of(row.get(column))
    if strength is None or abs(strength) > STRONGEST:
        raise ValueError(f"{column} is no number from -{STRONGEST} to {STRONGEST}")
    return _decided(row, asked(row), sides, int(strength > 0) if strength else None)


def shp(row: RawRow) -> Preference | Undecided:
    """A post, two comments and labels, 1 for A (arXiv 2110.08420); the scores must agree."""
    label = _one_of(row, "labels", (0, 1))
    scores = [number_of(row.get(name)) for name in ("score_A", "score_B")]
    better, worse = (scores[1 - label], scores[label])
    if better is not None and worse is not None and better < worse:
        raise ValueError(f"labels is {label}, and the scores say the opposite")
    told = _decided(row, asked(row, "history"), ("human_ref_A", "human_ref_B"), 1 - label)
    if isinstance(told, Preference):
        return told._replace(score_chosen=better, score_rejected=worse)
    return told


def safe_rlhf(row: RawRow) -> Preference | Undecided:
    """better_response_id, 0 or 1, and maybe safer_response_id (arXiv 2406.15513). Where they
    differ, the answers are better in one way each.
    """
    better = _one_of(row, "better_response_id", (0, 1))
    turns = asked(row)
    if row.get("safer_response_id") not in (None, better):
        return Undecided("criteria_differ", turns)
    return _decided(row, turns, ("response_0", "response_1"), better)


def alpaca_farm(row: RawRow) -> Preference | Undecided:
    """preference is 1 or 2, and 0, 1.5 or null for a tie (arXiv 2305.14387)."""
    value = number_of(row.get("preference"))
    if value not in (None, 0, 1, 1.5, 2):
        raise ValueError("preference is none of 1, 2 and (for a tie) 0, 1.5 and null")
    verdict = {1.0: 0, 2.0: 1}.get(value) if value is not None else None
    return _decided(row, asked(row), ("output_1", "output_2"), verdict)


def arena(row: RawRow) -> Preference | Undecided:
    """Two conversations and the winner (arXiv 2306.05685).

    `turn` says how many questions were judged. Where the answers before the last differ as well,
    nobody judged two answers to one question.
    """
    one, other = _judged(row, "conversation_a"), _judged(row, "conversation_b")
    if [turn for turn in one if turn["role"] != "assistant"] != [
        turn for turn in other if turn["role"] != "assistant"
    ]:
        raise ValueError("conversation_a and conversation_b do not ask the same")
    verdict = _winner(row)
    if one[:-1] != other[:-1]:
        return Undecided("several_answers", beside(row, one[: _first_answer(one)]))
    texts = one[-1]["content"], other[-1]["content"]
    return _of(row, beside(row, one[:-1]), texts, verdict)


def arena_texts(row: RawRow) -> Preference | Undecided:
    """A prompt, response_a, response_b, and the winner or which of three columns is 1."""
    names = ("prompt", "response_a", "response_b")
    lists = [_listed(row.get(name)) for name in names]
    verdict = _winner(row)
    if not all(lists):
        return _decided(row, asked(row), names[1:], verdict)
    if len({len(texts) for texts in lists if texts}) > 1:
        raise ValueError("prompt, response_a and response_b are lists of different lengths")
    prompts, first, second = (
        [text_or_answer(names[at], text) for text in texts or []] for at, texts in enumerate(lists)
    )
    turns = asked({**row, "prompt": prompts[0]})
    if len(prompts) > 1:
        return Undecided("several_answers", turns)
    return _of(row, turns, (first[0], second[0]), verdict)


def _decided(
    row: RawRow, turns: Messages, sides: tuple[str, ...], verdict: Verdict
) -> Preference | Undecided:
    texts = [text_or_answer(side, row.get(side), "") for side in sides]
    first, second = (answer_to(row.get("prompt"), text) for text in texts)
    return _of(row, turns, (first, second), verdict)


def _of(
    row: RawRow, turns: Messages, texts: tuple[str, str], verdict: Verdict
) -> Preference | Undecided:
    if verdict is None:
        return Undecided("tie", turns, texts)
    return Preference(turns, texts[verdict], texts[1 - verdict], name=name_of(row))


def _winner(row: RawRow) -> Verdict:
    """Whom a battle's row names: a side, a tie, or the model of one side alone."""
    if "winner" in row:
        said = row["winner"]
        named = str(said).strip().lower() if isinstance(said, str) else ""
        first = named in FIRST or (bool(named) and said == row.get("model_a"))
        second = named in SECOND or (bool(named) and said == row.get("model_b"))
        if first != second:
            return int(second)
        if named in EQUAL and not first:
            return None
        raise ValueError(f"winner is neither a side nor a tie: {str(said)[:40]!a}")
    flags = [row.get(name) in (1, "1", "true", "True") for name in WINNERS]
    if sum(flags) != 1:
        raise ValueError(f"not one of {', '.join(WINNERS)} is 1")
    return flags.index(True) if not flags[2] else None


def _judged(row: RawRow, column: str) -> Messages:
    """The messages of a conversation up to the answer that was judged."""
    try:
        turns = chat_turns(row.get(column))
    except ValueError as error:
        raise ValueError(f"{column}: {error}") from error
    judged, answers = (
        row.get("turn"),
        [place for place, turn in enumerate(turns) if turn["role"] == "assistant"],
    )
    if type(judged) is int and 1 <= judged < len(answers):
        turns = turns[: answers[judged - 1] + 1]
    said = without_system(turns)
    if len(said) < 2 or (said[0]["role"], said[-1]["role"]) != ("user", "assistant"):
        raise ValueError(f"{column} is not what the user asked and what the assistant answered")
    return turns


def _first_answer(turns: Messages) -> int:
    return next(at for at, turn in enumerate(turns) if turn["role"] == "assistant")


def _listed(value: Any) -> list[Any] | None:
    """A list of texts, also where it is written as JSON, as the arena's CSV does."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    is_list = isinstance(value, list) and not any(isinstance(item, dict) for item in value)
    return value if is_list else None


def _one_of(row: RawRow, column: str, values: tuple[int, ...]) -> int:
    value = row.get(column)
    if type(value) not in (int, float) or value not in values:
        raise ValueError(f"{column} is none of {', '.join(map(str, values))}")
    return int(value)
