"""Sampled ids of tables that are older than `prompt_token_ids`."""

from typing import Any

from rounds.tokenizers import decoded, tokens_of_text


def without_stop_string(
    tokenizer: Any, prompt_ids: list[int], ids: list[int], text: str
) -> list[int] | None:
    """Sampled ids of a table that is older than `prompt_token_ids`: they may go beyond the text, by
    a stop string. None where the text ends inside a token.
    """
    whole, said = (decoded(tokenizer, prompt_ids + some, True) for some in ([], ids))
    if len(said) <= len(whole + text) or not said.startswith(whole + text):
        return ids
    kept = tokens_of_text(tokenizer, prompt_ids, ids, text, True)
    return None if kept is None else ids[:kept]
