"""What came back from an endpoint that was asked for prompts."""

import json
import re
from typing import Any

from endpoints.hostile import flags
from texts.messages import text_fault
from texts.rendered import rendered_messages

MAX_CHARACTERS = 4000
"""Longer than any prompt that a recipe asks for: a text that did not end."""

RESPONSE_FORMAT: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {
        "name": "prompts",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"prompts": {"type": "array", "items": {"type": "string"}}},
            "required": ["prompts"],
            "additionalProperties": False,
        },
    },
}
"""Of a call whose replies are held to a schema."""

FENCE = re.compile(r"```(?:json)?\s*\n(.*?)\n?```", re.DOTALL)

ANSWER_OPENING = re.compile(
    r"(?:sure|certainly|of course|absolutely)\s?[,.!:]"
    r"|here(?:'s| is| are)\b[^.\n]{0,40}\b(?:prompts?|answers?|versions?|responses?|rewrites?)\b"
    r"|(?:i'm|i am) sorry,? but (?:i|as)\b|as an ai\b"
    r"|i (?:cannot|can't|can not|am unable to) (?:help with|assist|provide|fulfil|comply)"
    r"|(?:answer|response|assistant|solution)\s*:",
    re.IGNORECASE,
)
"""How a text begins that answers, or refuses to, instead of asking."""

ANSWER_BELOW = re.compile(r"(?i)\n\W{0,3}(?:answer|response|assistant|solution)\W{0,2}:\s*\S")
"""A line below the prompt that begins an answer."""

ABOUT_THE_TASK = re.compile(r"\b(?:given|rewritten) prompt\b", re.IGNORECASE)
"""A recipe's own words, which a careless rewrite carries along (Evol-Instruct drops them too)."""


def read_prompts(text: str) -> list[str] | None:
    """The prompts of a reply, or None where it is not {"prompts": ["...", ...]} and nothing else.

    A Markdown fence around the JSON is taken off.
    """
    fenced = FENCE.fullmatch(text.strip())
    try:
        value = json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or value.keys() != {"prompts"}:
        return None
    prompts = value["prompts"]
    if not isinstance(prompts, list) or not all(isinstance(prompt, str) for prompt in prompts):
        return None
    if any(map(text_fault, prompts)):
        return None
    return [prompt.strip() for prompt in prompts]


def rejection_reason(text: str) -> str | None:
    """Why a generated text cannot be a prompt, in one word, or None."""
    if not re.search(r"\w", text):
        return "empty"
    if len(text) > MAX_CHARACTERS:
        return "too_long"
    if ANSWER_OPENING.match(text) or ANSWER_BELOW.search(text):
        return "answer"
    if ABOUT_THE_TASK.search(text):
        return "about_the_task"
    if "special_tokens" in flags(text) or _is_rendered(text):
        return "special_tokens"
    return None


def _is_rendered(text: str) -> bool:
    """Whether a text is a chat template's, whole or not."""
    try:
        return rendered_messages(text) is not None
    except ValueError:
        return True
