"""Candidate rows of texts that no sampler drew: references, gold answers, tests of the judge."""

from rounds.ids import text_hash
from rounds.tables import Row


def written_candidate(
    candidate_id: str, prompt_id: str, split: str, index: int, text: str, writer: str
) -> Row:
    """The row of a text that was written and not sampled; `writer` stands in for a policy's id."""
    return {
        "candidate_id": candidate_id,
        "prompt_id": prompt_id,
        "split": split,
        "policy_id": writer,
        "index": index,
        "text": text,
        "text_hash": text_hash(text),
        "token_ids": None,
        "n_tokens": None,
        "logprob": None,
        "finish_reason": "stop",
        "seed": None,
        "source": writer,
        "revised_from": None,
        "critique": None,
    }
