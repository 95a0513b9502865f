"""What vLLM has drawn as a completion whose token ids are those of its text, and no others."""

from collections.abc import Collection
from typing import Any

from sampler.answers import Completion


def completion(
    output: Any,
    prompt_ids: list[int],
    tokenizer: Any,
    sampling: dict[str, Any],
    ends: Collection[int],
) -> Completion:
    """A vllm.CompletionOutput as a completion. `ends` are the ids that end a turn.

    vLLM cuts a stop string off the text, and leaves its tokens in the ids; it cuts a stop token
    off, and leaves its id. Here both go from the ids, but for what ends the turn and for special
    tokens, which no text shows. Where the text ends inside a token no sampled ids are those of the
    text: then they are None, as is the log-probability.
    """
    token_ids, reason = list(output.token_ids), output.stop_reason
    kept: int | None = len(token_ids)
    if isinstance(reason, str) and output.finish_reason == "stop":
        skip = sampling.get("skip_special_tokens", True)
        kept = tokens_of_text(tokenizer, prompt_ids, token_ids, output.text, skip)
    elif isinstance(reason, int) and reason not in ends:
        shown = sampling.get("include_stop_str_in_output", False)
        if not shown and tokenizer.decode([reason], skip_special_tokens=True):
            kept = len(token_ids) - 1
    logprob = output.cumulative_logprob
    if kept is None:
        n_tokens, ids, logprob = len(token_ids), None, None
    else:
        n_tokens, ids = kept, token_ids[:kept]
        if kept < len(token_ids):
            drawn = zip(ids, output.logprobs, strict=False)
            logprob = sum(ranked[token].logprob for token, ranked in drawn)
    return Completion(output.text, output.finish_reason, n_tokens, ids, logprob, prompt_ids)


def tokens_of_text(
    tokenizer: Any, prompt_ids: list[int], token_ids: list[int], text: str, skip_special: bool
) -> int | None:
    """How many of the ids are those of a text that they begin with; None where it ends inside one.

    They are read after the prompt, as vLLM reads them: the first word of an answer has a space
    before it that the first word of a text has not.
    """

    def read(ids: list[int]) -> str:
        return str(tokenizer.decode(prompt_ids + ids, skip_special_tokens=skip_special))

    whole = read([]) + text
    for count in range(len(token_ids), -1, -1):
        said = read(token_ids[:count])
        if said == whole:
            return count
        if len(said) < len(whole):
            return None
    return None
