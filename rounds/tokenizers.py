"""A policy's tokenizer: what writes its prompts as ids, and which ids end its answers.

transformers is imported where it is used: it takes seconds.
"""

from pathlib import Path
from typing import Any, NamedTuple

from rounds.errors import UserError
from rounds.files import read_json
from rounds.rows import Messages
from rounds.weights import Policy

OWN_TOKENIZER = "tokenizer_config.json"
OWN_TEMPLATE = "chat_template.jinja"


class Spelling(NamedTuple):
    """How a policy writes text as tokens: its tokenizer, and the ids that end its answers."""

    tokenizer: Any
    ends: list[int]


def spelling_of(policy: Policy) -> Spelling:
    """The spelling of a policy. Raises UserError for one without a chat template."""
    tokenizer = policy_tokenizer(policy)
    return Spelling(tokenizer, end_ids(policy, tokenizer))


def tokenizer_folder(policy: Policy) -> str:
    """The folder of a policy's tokenizer: the adapter's where it has one, else the model's."""
    own = policy.adapter is not None and (Path(policy.adapter) / OWN_TOKENIZER).exists()
    return str(policy.adapter) if own else policy.model


def policy_tokenizer(policy: Policy) -> Any:
    """The tokenizer of a policy, with the adapter's own chat template where it has one.

    Raises UserError where neither the adapter nor the model has a chat template.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder(policy), trust_remote_code=False)
    if policy.adapter is not None:
        template = Path(policy.adapter) / OWN_TEMPLATE
        if template.exists():
            tokenizer.chat_template = template.read_text(encoding="utf-8")
        elif not tokenizer.chat_template:
            tokenizer.chat_template = AutoTokenizer.from_pretrained(
                policy.model, trust_remote_code=False
            ).chat_template
    if not tokenizer.chat_template:
        where = policy.model if policy.adapter is None else f"{policy.adapter} and {policy.model}"
        raise UserError(
            f"{where}: the policy's tokenizer has no chat template; prefloop trains and samples "
            f"chat models (put a {OWN_TEMPLATE} into the folder)"
        )
    return tokenizer


def rendered_prompt(tokenizer: Any, messages: Messages) -> list[int]:
    """The ids of a conversation up to where the answer begins. Raises what the template raises."""
    ids: list[int] = tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_dict=False
    )
    return ids


def end_ids(policy: Policy, tokenizer: Any) -> list[int]:
    """The ids that end an answer of a policy, by its tokenizer and by generation_config.json (or
    where there is none config.json), which may name several.
    """
    ends = set() if tokenizer.eos_token_id is None else {int(tokenizer.eos_token_id)}
    for folder in filter(None, (policy.model, policy.adapter)):
        files = (Path(folder) / name for name in ("generation_config.json", "config.json"))
        if written := next((path for path in files if path.exists()), None):
            ids = read_json(written).get("eos_token_id")
            ends |= set(ids if isinstance(ids, list) else [] if ids is None else [ids])
    return sorted(ends)


def decoded(tokenizer: Any, ids: list[int], skip_special: bool) -> str:
    """The text of ids as vLLM reads it: without what some tokenizers make of spaces and commas."""
    given = {"skip_special_tokens": skip_special, "clean_up_tokenization_spaces": False}
    return str(tokenizer.decode(ids, **given))


def tokens_of_text(
    tokenizer: Any, prompt_ids: list[int], token_ids: list[int], text: str, skip_special: bool
) -> int | None:
    """How many of the ids are those of a text that they begin with; None where it ends inside one.

    They are read after the prompt, as vLLM reads them: the first word of an answer has a space
    before it that the first word of a text has not.
    """

    whole = decoded(tokenizer, prompt_ids, skip_special) + text
    for count in range(len(token_ids), -1, -1):
        said = decoded(tokenizer, prompt_ids + token_ids[:count], skip_special)
        if said == whole:
            return count
        if len(said) < len(whole):
            return None
    return None
