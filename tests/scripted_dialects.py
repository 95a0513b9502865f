"""Endpoints that answer as servers do: each takes what its server takes, refuses the rest in its
words, and says the same of the same answers: the better by `quality`.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from scripted import Raw, completion, quality, shown

Body = dict[str, Any]
Answer = str | Body | Raw


def kind_of(body: Body) -> str:
    """What is asked for, as a model reads it in the question itself."""
    return "score" if len(shown(body)) == 1 else "verdict"


def said(body: Body) -> dict[str, Any]:
    """What the model behind all of them thinks."""
    answers = [quality(text) for text in shown(body)]
    if kind_of(body) == "score":
        return {"rationale": "read it", "score": answers[0] or 1}
    first, second = answers
    better = "A" if first > second else "B" if second > first else "tie"
    return {"rationale": "read both", "verdict": better}


def as_json(body: Body) -> str:
    return json.dumps(said(body))


def in_words(body: Body) -> str:
    """What a model says that was not told of any form: no JSON at all."""
    told = "JSON object of this schema" in body["messages"][-1]["content"]
    return as_json(body) if told else f"I would say {list(said(body).values())[-1]}."


def error(status: int, message: str, **more: Any) -> Raw:
    return Raw(status, json.dumps({"error": {"message": message, **more}}))


def openai(body: Body) -> Answer:
    """Takes everything; a schema is held to, and a chat without messages is a 400."""
    if not body["messages"]:
        return error(400, "Invalid 'messages': empty array.", param="messages")
    return completion(as_json(body) if "response_format" in body else in_words(body))


def openai_reasoning(body: Body) -> Answer:
    """o4-mini, gpt-5: one argument is refused at a time; log-probabilities with a 403."""
    if not body["messages"]:
        return error(400, "Invalid 'messages': empty array.", param="messages")
    if "max_tokens" in body:
        return error(
            400,
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
            "'max_completion_tokens' instead.",
            **{"type": "invalid_request_error", "param": "max_tokens"},
        )
    if body.get("temperature", 1) != 1:
        return error(
            400,
            "Unsupported value: 'temperature' does not support 0.0 with this model. Only the "
            "default (1) value is supported.",
            **{"param": "temperature", "code": "unsupported_value"},
        )
    if body.get("logprobs"):
        return error(403, "You are not allowed to request logprobs from this model", param=None)
    reply = completion(as_json(body))
    reply["usage"]["completion_tokens_details"] = {"reasoning_tokens": 64}
    return reply


def vllm(body: Body) -> Answer:
    """Unknown fields are ignored; the field of a reasoning parser is there."""
    if not body["messages"]:
        return Raw(500, "Internal Server Error", "text/plain")
    reply = completion(as_json(body) if "response_format" in body else in_words(body))
    reply["choices"][0]["message"] |= {"reasoning_content": "B, surely", "refusal": None}
    return reply


def llama_cpp(body: Body) -> Answer:
    """A llama-server from before json_schema (ikawrakow/ik_llama.cpp#778): a 500 says so."""
    if not body["messages"]:
        return error(500, "[json.exception.out_of_range.403] key 'messages' not found", code=500)
    form = body.get("response_format", {}).get("type", "text")
    if form not in ("text", "json_object"):
        return error(
            500,
            f'response_format type must be one of "text" or "json_object", but got: {form}',
            **{"code": 500, "type": "server_error"},
        )
    return completion(in_words(body))


def tgi(body: Body) -> Answer:
    """Errors are a string and a type; temperature is above 0; an answer ends by eos_token."""
    if not body["messages"]:
        return invalid("Input validation error: `inputs` cannot be empty")
    form = body.get("response_format")
    if form and form["type"] not in ("json", "json_object", "regex"):
        text = (
            "Failed to deserialize the JSON body into the target type: response_format: unknown "
            f"variant `{form['type']}`, expected one of `json`, `json_object`, `regex`"
        )
        return Raw(422, text, "text/plain")
    if form and "value" not in form:
        text = (
            "Failed to deserialize the JSON body into the target type: response_format: missing "
            "field `value` at line 1 column 168"
        )
        return Raw(422, text, "text/plain")
    if body.get("temperature", 1) <= 0:
        return invalid("Input validation error: `temperature` must be strictly positive")
    if (body.get("top_logprobs") or 0) > 5:
        return invalid("Input validation error: `top_n_tokens` must be >= 0 and <= 5. Given: 20")
    return completion(in_words(body), "eos_token")


def invalid(message: str) -> Raw:
    return Raw(422, json.dumps({"error": message, "error_type": "validation"}))


def ollama(body: Body) -> Answer:
    """A chat without messages loads the model and is answered; log-probabilities never come."""
    if not body["messages"]:
        return completion("", "load")
    return completion(as_json(body) if "response_format" in body else in_words(body))


def no_schema(body: Body) -> Answer:
    """A proxy that drops what it does not know, response_format too, and has no such check."""
    return Raw(404) if not body["messages"] else completion(in_words(body), "end_turn")


def fences(body: Body) -> Answer:
    """A proxy of a model that puts JSON into a code block, whatever form is asked for."""
    if not body["messages"]:
        return Raw(400)
    text = f"Here is my verdict:\n\n```json\n{json.dumps(said(body), indent=2)}\n```"
    return completion([{"type": "text", "text": text}], "end_turn")  # type: ignore[arg-type]


def without_usage(body: Body) -> Answer:
    if not body["messages"]:
        return Raw(400)
    reply = completion(as_json(body))
    del reply["usage"]
    return reply


def cached_tokens(body: Body) -> Answer:
    if not body["messages"]:
        return Raw(400)
    reply = completion(as_json(body))
    reply["usage"] |= {"prompt_tokens": 2006, "prompt_tokens_details": {"cached_tokens": 1920}}
    return reply


def picky(body: Body) -> Answer:
    """Refuses without a word what it does not know: the form, log-probabilities, temperature."""
    known = body.keys() <= {"model", "messages", "max_tokens"}
    return completion(in_words(body)) if known and body["messages"] else error(400, "Bad Request")


def no_system(body: Body) -> Answer:
    """A template without a system role, as Gemma's."""
    if any(turn["role"] == "system" for turn in body["messages"]):
        return error(400, "System role not supported")
    return openai(body)


def thinks(body: Body) -> Answer:
    """Its template opens the thinking in the prompt: the reply only closes it."""
    if not body["messages"]:
        return Raw(400)
    draft = re.sub('"(A|B)"', '"tie"', as_json(body))
    return completion(f"Hm. {draft}? No.\n</think>\n\n{as_json(body)}", "stop_sequence")


DIALECTS: dict[str, Callable[[Body], Answer]] = {
    "OpenAI": openai,
    "reasoning models": openai_reasoning,
    "vLLM": vllm,
    "llama.cpp": llama_cpp,
    "TGI": tgi,
    "Ollama": ollama,
    "no schema": no_schema,
    "fences": fences,
    "no usage": without_usage,
    "cached tokens": cached_tokens,
    "picky": picky,
    "no system role": no_system,
    "thinks": thinks,
}
