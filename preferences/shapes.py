"""The shapes of preference data that are recognised, by their columns and a specimen of each."""

from collections.abc import Callable
from typing import Any, NamedTuple

from preferences import comparisons, hh_rlhf, openai_jsonl, scored, trl_shapes, ultrafeedback
from preferences.preference import Preference, RawRow, Undecided, is_score


class Shape(NamedTuple):
    """How a shape is told and read."""

    columns: str
    fits: Callable[[RawRow], bool]
    """Whether a specimen (for each column a value that is there) is of this shape."""
    read: Callable[[RawRow], Preference | Undecided]
    """What a row says. Raises ValueError where it is malformed."""


def recognise(specimen: RawRow) -> str | None:
    """The name of the shape, or None."""
    return next((name for name, shape in SHAPES.items() if shape.fits(specimen)), None)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _list_of(value: Any, fits: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and bool(value) and all(fits(item) for item in value)


def _messages(value: Any) -> bool:
    return _list_of(value, lambda turn: isinstance(turn, dict) and "role" in turn)


def _sides(row: RawRow, fits: Callable[[Any], bool]) -> bool:
    return fits(row.get("chosen")) and fits(row.get("rejected"))


def _transcript(value: Any) -> bool:
    return _text(value) and hh_rlhf.is_transcript(value)


def _has(value: Any, *names: str) -> bool:
    return isinstance(value, dict) and all(name in value for name in names)


def _any_of(row: RawRow, names: tuple[str, ...], fits: Callable[[Any], bool]) -> bool:
    return any(fits(row.get(name)) for name in names)


SHAPES = {
    "trl_standard": Shape(
        "prompt, chosen, rejected: texts",
        lambda row: _text(row.get("prompt")) and _sides(row, _text),
        trl_shapes.standard,
    ),
    "trl_conversational": Shape(
        "prompt, chosen, rejected: messages",
        lambda row: _messages(row.get("prompt")) and _sides(row, _messages),
        trl_shapes.conversational,
    ),
    "trl_implicit_messages": Shape(
        "chosen, rejected: whole conversations",
        lambda row: "prompt" not in row and _sides(row, _messages),
        trl_shapes.implicit_messages,
    ),
    "hh_rlhf": Shape(
        'chosen, rejected: "Human: ... Assistant: ..."',
        lambda row: "prompt" not in row and _sides(row, _transcript),
        hh_rlhf.transcripts,
    ),
    "trl_implicit_texts": Shape(
        "chosen, rejected: texts that begin alike",
        lambda row: (
            "prompt" not in row
            and _sides(row, _text)
            and not _transcript(row["chosen"])
            and not trl_shapes.filled(row, trl_shapes.PROMPT_LIKE)
        ),
        trl_shapes.implicit_texts,
    ),
    "question_and_texts": Shape(
        "question (instruction, input), chosen, rejected: texts; system",
        lambda row: (
            "prompt" not in row
            and _sides(row, _text)
            and not _transcript(row["chosen"])
            and _any_of(row, trl_shapes.QUESTIONS, lambda value: _text(value) and bool(value))
        ),
        trl_shapes.question,
    ),
    "ultrafeedback_binarized": Shape(
        "prompt: a text, chosen, rejected: whole conversations",
        lambda row: _text(row.get("prompt")) and _sides(row, _messages),
        ultrafeedback.binarized,
    ),
    "ultrafeedback": Shape(
        "instruction, completions: response and overall_score",
        lambda row: (
            _text(row.get("instruction"))
            and _list_of(
                row.get("completions"), lambda item: _has(item, "response", "overall_score")
            )
        ),
        ultrafeedback.scored_completions,
    ),
    "webgpt": Shape(
        "question.full_text, answer_0, answer_1, score_0, score_1",
        lambda row: (
            _has(row.get("question"), "full_text")
            and _has(row, "answer_0", "answer_1", "score_0", "score_1")
        ),
        comparisons.webgpt,
    ),
    "summarize_from_feedback": Shape(
        "info, summaries, choice",
        lambda row: (
            _has(row, "info", "choice")
            and _list_of(row.get("summaries"), lambda item: _has(item, "text"))
        ),
        comparisons.summaries,
    ),
    "hc3": Shape(
        "question, human_answers, chatgpt_answers",
        lambda row: _text(row.get("question")) and _has(row, "human_answers", "chatgpt_answers"),
        comparisons.hc3,
    ),
    "eli5": Shape(
        "title, answers: text and score",
        lambda row: _text(row.get("title")) and _has(row.get("answers"), "text", "score"),
        scored.eli5,
    ),
    "graded": Shape(
        "prompt, answers (responses, completions), grades (ratings, scores): lists",
        lambda row: (
            "prompt" in row
            and _any_of(row, scored.ANSWERS, lambda value: _list_of(value, _text))
            and _any_of(row, scored.GRADES, lambda value: isinstance(value, list))
        ),
        scored.graded,
    ),
    "one_answer_a_row": Shape(
        "prompt, response, helpfulness (grade, rating, score)",
        lambda row: (
            "prompt" in row and _text(row.get("response")) and _any_of(row, scored.GRADE, is_score)
        ),
        scored.one_prompt,
    ),
    "openai": Shape(
        "input.messages, preferred_output, non_preferred_output",
        lambda row: (
            _has(row.get("input"), "messages")
            and _has(row, "preferred_output", "non_preferred_output")
        ),
        openai_jsonl.preference,
    ),
}
"""By name. Where a table has the columns of two, the first one is taken."""
