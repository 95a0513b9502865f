"""What an endpoint takes: OpenAI-compatible servers differ in which arguments they refuse.

A body is written as OpenAI documents it, and turned here into what the endpoint takes. For one that
takes everything it is the same body, byte for byte: so are the keys of the journal.
"""

import json
from typing import Any, Literal

from rounds.rows import Messages
from rounds.settings import Section


class Dialect(Section):
    """What an endpoint takes of a chat completion; the defaults are everything."""

    token_limit: Literal["max_tokens", "max_completion_tokens"] | None = "max_tokens"
    """How the limit on the answer's tokens is called; null where neither name is taken."""
    temperature: bool = True
    response_format: Literal["json_schema", "json_object"] | None = "json_schema"
    """How a reply is held to its form. Where the endpoint is not told the schema, the question
    is, and a reply is read as strictly as ever."""
    schema_in_prompt: bool = False
    """Whether the question shows the schema as well: some take a schema and do not mind it."""
    logprobs: bool = True
    top_logprobs: int = 20
    """Alternatives to a token that may be asked for."""
    seed: bool = True
    system_role: bool = True
    """Whether there may be a system message; else it stands before the user's."""


PLAIN = Dialect()

PRESETS: dict[str, Dialect] = {
    # platform.openai.com/docs/api-reference/chat/create
    "openai": PLAIN,
    # platform.openai.com/docs/guides/reasoning; logprobs: confident-ai/deepeval#2184
    "openai_reasoning": Dialect(
        token_limit="max_completion_tokens", temperature=False, logprobs=False
    ),
    # docs.vllm.ai/en/latest/features/structured_outputs
    "vllm": PLAIN,
    # ggml-org/llama.cpp tools/server/README.md; before its #9527 (and in forks of then) json_schema
    # is answered with 500, see ikawrakow/ik_llama.cpp#778
    "llama_cpp": Dialect(response_format="json_object"),
    # huggingface/text-generation-inference#2899 and #3276; temperature 0: vibrantlabsai/ragas#264;
    # router/src/validation.rs: max_top_n_tokens is 5
    "tgi": Dialect(response_format=None, temperature=False, top_logprobs=5),
    # docs.ollama.com/api/openai-compatibility
    "ollama": PLAIN,
    # api-docs.deepseek.com/guides/json_mode; karakeep-app/karakeep#1160
    "deepseek": Dialect(response_format="json_object"),
}
"""Dialects of known servers, as `endpoints.NAME.dialect` names them, with their sources."""


def spoken(body: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    """A call's body as the endpoint takes it; the body itself where it takes everything."""
    if dialect == PLAIN:
        return body
    fields = dict(body)
    if not dialect.temperature:
        fields.pop("temperature", None)
    if not dialect.seed:
        fields.pop("seed", None)
    if not dialect.logprobs:
        fields.pop("logprobs", None)
        fields.pop("top_logprobs", None)
    elif fields.get("top_logprobs"):
        fields["top_logprobs"] = min(fields["top_logprobs"], dialect.top_logprobs)
    if dialect.token_limit != "max_tokens" and "max_tokens" in fields:
        limit = fields.pop("max_tokens")
        if dialect.token_limit:
            fields.setdefault(dialect.token_limit, limit)
    if (schema := schema_of(fields)) is not None:
        if dialect.response_format is None:
            del fields["response_format"]
        elif dialect.response_format == "json_object":
            fields["response_format"] = {"type": "json_object"}
        if dialect.schema_in_prompt or dialect.response_format != "json_schema":
            fields["messages"] = with_schema(fields["messages"], schema)
    if not dialect.system_role:
        fields["messages"] = _without_system(fields["messages"])
    return fields


def schema_of(body: dict[str, Any]) -> dict[str, Any] | None:
    """The JSON schema that a call's reply is held to."""
    form = body.get("response_format")
    if not isinstance(form, dict) or form.get("type") != "json_schema":
        return None
    schema: dict[str, Any] = form["json_schema"]["schema"]
    return schema


def with_schema(messages: Messages, schema: dict[str, Any]) -> Messages:
    """The messages with the form of the reply after everything else."""
    last = messages[-1]
    form = (
        "Reply with one JSON object of this schema and nothing else, without a code block:\n"
        f"{json.dumps(schema)}"
    )
    return [*messages[:-1], {**last, "content": f"{last['content']}\n\n{form}"}]


def described(dialect: Dialect) -> str:
    """What is special about a dialect, in words; empty where nothing is."""
    words = []
    if dialect.token_limit != "max_tokens":
        words.append(
            f"{dialect.token_limit} in place of max_tokens"
            if dialect.token_limit
            else "no max_tokens, so that only its own limit ends an answer"
        )
    if not dialect.temperature:
        words.append("no temperature, so that it answers at its own")
    if dialect.response_format == "json_object":
        words.append("response_format json_object, with the schema in the question")
    elif dialect.response_format is None:
        words.append("no response_format: the schema is in the question")
    elif dialect.schema_in_prompt:
        words.append("the schema in the question as well, for it alone is not minded")
    if not dialect.logprobs:
        words.append("no logprobs, so that verdicts have no probability")
    elif dialect.top_logprobs < PLAIN.top_logprobs:
        words.append(f"at most {dialect.top_logprobs} top_logprobs")
    if not dialect.seed:
        words.append("no seed")
    if not dialect.system_role:
        words.append("no system message: it stands before the user's")
    return "; ".join(words)


def _without_system(messages: Messages) -> Messages:
    systems = [turn["content"] for turn in messages if turn["role"] == "system"]
    others = [turn for turn in messages if turn["role"] != "system"]
    if not systems or not others:
        return messages
    first = {**others[0], "content": "\n\n".join([*systems, others[0]["content"]])}
    return [first, *others[1:]]
