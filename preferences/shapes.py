"""The shapes of preference data that are recognised, by their columns and a specimen of each."""

from collections.abc import Callable
from typing import Any, NamedTuple

from preferences import battles, comparisons, named, one_a_row, openai_jsonl, scored
from preferences.answered import pair
from preferences.asked import CONVERSATIONS
from preferences.fits import any_of, asks, has, holds, is_list_of, is_side, is_text, kind_of_pair
from preferences.preference import Preference, RawRow, Undecided, is_score


class Shape(NamedTuple):
    """How a shape is told and read."""

    columns: str
    reads: tuple[str, ...]
    """The columns that make the shape, or may. Beside them asked.ASKED are read of every row."""
    fits: Callable[[RawRow], bool]
    """Whether a specimen (for each column a value that is there) is of this shape."""
    read: Callable[[RawRow], Preference | Undecided]
    """What a row says. Raises ValueError where it is malformed."""


def recognise(specimen: RawRow) -> str | None:
    """The name of the shape, or None."""
    return next((name for name, shape in SHAPES.items() if shape.fits(specimen)), None)


def _pair(name: str, columns: str, read: Callable[[RawRow], Any] = pair) -> Shape:
    return Shape(columns, ("chosen", "rejected"), lambda row: kind_of_pair(row) == name, read)


def _sides(
    columns: str, chosen: str, rejected: str, read: Callable[[RawRow], Any], *more: str
) -> Shape:
    """Two answers under these names to what is asked beside them."""
    return Shape(
        columns,
        (chosen, rejected, *more),
        lambda row: (
            is_side(row.get(chosen))
            and is_side(row.get(rejected))
            and asks(row)
            and (not more or any(name in row for name in more))
        ),
        read,
    )


SHAPES = {
    "trl_standard": _pair("trl_standard", "prompt, chosen, rejected: texts"),
    "trl_conversational": _pair("trl_conversational", "prompt, chosen, rejected: messages"),
    "trl_implicit_messages": _pair(
        "trl_implicit_messages", "chosen, rejected: whole conversations"
    ),
    "hh_rlhf": _pair("hh_rlhf", 'chosen, rejected: "Human: ... Assistant: ..."', named.rendered),
    "question_and_texts": _pair(
        "question_and_texts", "question (instruction, query, input), chosen, rejected: texts"
    ),
    "ultrafeedback_binarized": _pair(
        "ultrafeedback_binarized", "prompt: a text, chosen, rejected: messages"
    ),
    "turns_and_answers": _pair(
        "turns_and_answers",
        "messages (conversations, context, prompt), chosen, rejected: messages or texts",
    ),
    "response_names": _sides(
        "prompt (instruction), chosen_response, rejected_response",
        *("chosen_response", "rejected_response", named.response_names),
    ),
    "stack_exchange_paired": _sides(
        "question, response_j (the better one), response_k",
        *("response_j", "response_k", named.stack_exchange_paired),
    ),
    "rejected_response": Shape(
        "messages with the better answer, or query and response; rejected_response",
        ("rejected_response", "response"),
        lambda row: (
            is_side(row.get("rejected_response"))
            and "chosen_response" not in row
            and (holds(row.get("messages"), "role") or (is_side(row.get("response")) and asks(row)))
        ),
        named.rejected_response,
    ),
    "rejected_messages": _sides(
        "messages, rejected_messages: whole conversations",
        *("messages", "rejected_messages", named.rejected_messages),
    ),
    "ultrafeedback": Shape(
        "instruction, completions: response and overall_score",
        ("instruction", "completions"),
        lambda row: (
            is_text(row.get("instruction"))
            and holds(row.get("completions"), "response", "overall_score")
        ),
        scored.ultrafeedback,
    ),
    "webgpt": Shape(
        "question.full_text, answer_0, answer_1, score_0, score_1",
        ("question", "answer_0", "answer_1", "score_0", "score_1", "quotes_0", "quotes_1"),
        lambda row: (
            has(row.get("question"), "full_text")
            and has(row, "answer_0", "answer_1", "score_0", "score_1")
        ),
        comparisons.webgpt,
    ),
    "summarize_from_feedback": Shape(
        "info, summaries, choice",
        ("info", "summaries", "choice", "extra"),
        lambda row: (
            has(row, "info", "choice")
            and is_list_of(row.get("summaries"), lambda item: has(item, "text"))
        ),
        comparisons.summaries,
    ),
    "hc3": Shape(
        "question, human_answers, chatgpt_answers",
        ("question", "human_answers", "chatgpt_answers"),
        lambda row: is_text(row.get("question")) and has(row, "human_answers", "chatgpt_answers"),
        comparisons.hc3,
    ),
    "eli5": Shape(
        "title, answers: text and score",
        scored.ELI5,
        lambda row: is_text(row.get("title")) and holds(row.get("answers"), "text", "score"),
        scored.eli5,
    ),
    "stack_exchange": Shape(
        "question, answers: text and pm_score",
        ("question", "answers"),
        lambda row: asks(row) and holds(row.get("answers"), "text", "pm_score"),
        scored.stack_exchange,
    ),
    "nectar": Shape(
        "prompt, answers: answer and rank, 1 for the best",
        ("answers", "turns"),
        lambda row: asks(row) and holds(row.get("answers"), "answer", "rank"),
        scored.nectar,
    ),
    "graded": Shape(
        "prompt, answers (responses, completions, generations), grades (ratings, scores): lists",
        (*scored.ANSWERS, *scored.GRADES),
        lambda row: (
            asks(row)
            and not is_side(row.get("chosen"))
            and any_of(row, scored.ANSWERS, lambda value: is_list_of(value, is_text))
            and any_of(row, scored.GRADES, lambda value: isinstance(value, list))
        ),
        scored.graded,
    ),
    "one_answer_a_row": Shape(
        "prompt, response, helpfulness (grade, rating, score)",
        (*one_a_row.ANSWER, *one_a_row.GRADE, "rows", "came_back", "fault"),
        lambda row: (
            asks(row)
            and any_of(row, one_a_row.ANSWER, is_side)
            and any_of(row, one_a_row.GRADE, is_score)
        ),
        one_a_row.one_prompt,
    ),
    "kto": Shape(
        "prompt, completion (or messages with the answer), label (kto_tag): true or false",
        ("completion", "label", "kto_tag", "rows", "came_back", "fault"),
        lambda row: (
            not any_of(row, one_a_row.GRADE, is_score)
            and (
                is_side(row.get("completion"))
                or any_of(row, CONVERSATIONS, lambda value: is_side(value) and not is_text(value))
            )
            and any_of(row, one_a_row.LABEL, one_a_row.is_label)
            and asks(row)
        ),
        one_a_row.one_prompt,
    ),
    "helpsteer_preference": Shape(
        "prompt (context), response_1, response_2, preference_strength (overall_preference): "
        "above 0 for the second",
        (*battles.HELPSTEER[0], *battles.HELPSTEER[1], *battles.STRENGTHS),
        lambda row: (
            asks(row)
            and any(all(is_side(row.get(name)) for name in both) for both in battles.HELPSTEER)
            and any_of(row, battles.STRENGTHS, is_score)
        ),
        battles.helpsteer,
    ),
    "shp": Shape(
        "history, human_ref_A, human_ref_B, labels: 1 for A",
        ("history", "human_ref_A", "human_ref_B", "labels"),
        lambda row: has(row, "human_ref_A", "human_ref_B", "labels") and "history" in row,
        battles.shp,
    ),
    "safe_rlhf": _sides(
        "prompt, response_0, response_1, better_response_id: 0 for the first, 1 for the second",
        *("response_0", "response_1", battles.safe_rlhf, "better_response_id"),
    ),
    "alpaca_farm": _sides(
        "instruction, input, output_1, output_2, preference: 1 for the first, 2 for the second",
        *("output_1", "output_2", battles.alpaca_farm, "preference"),
    ),
    "arena": Shape(
        "conversation_a, conversation_b, winner: model_a, model_b or tie",
        ("conversation_a", "conversation_b", "winner", "model_a", "model_b", "turn"),
        lambda row: has(row, "conversation_a", "conversation_b", "winner"),
        battles.arena,
    ),
    "arena_texts": Shape(
        "prompt, response_a, response_b, winner: model_a, model_b or tie (or winner_model_a, "
        "winner_model_b, winner_tie)",
        ("response_a", "response_b", "winner", *battles.WINNERS),
        lambda row: (
            has(row, "response_a", "response_b")
            and asks(row)
            and (has(row, "winner") or has(row, *battles.WINNERS))
        ),
        battles.arena_texts,
    ),
    "openai": Shape(
        "input.messages, preferred_output, non_preferred_output",
        ("input", "preferred_output", "non_preferred_output"),
        lambda row: (
            has(row.get("input"), "messages")
            and has(row, "preferred_output", "non_preferred_output")
        ),
        openai_jsonl.preference,
    ),
}
"""By name. Where a table has the columns of two, the first one is taken."""

ONE_A_ROW = ("one_answer_a_row", "kto")
"""Shapes of which `one_a_row.together` puts the rows of a prompt together."""
