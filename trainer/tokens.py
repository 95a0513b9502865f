"""Pairs as the token ids that are trained on: those that were sampled, and no others.

A tokenizer may cut a text differently from how the policy wrote it, a template may render a prompt
differently on another day, and it may close an answer with tokens that no policy samples after it.
What was sampled is taken as it is; of texts that nobody sampled the tokens are the template's, up
to the end of the turn.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, NotRequired, TypedDict

from rounds.answer_ids import answer_ids, plain_ids
from rounds.errors import UserError
from rounds.rows import Messages
from rounds.tokenizers import Spelling, rendered_prompt, spelling_of
from rounds.weights import Policy
from trainer.rows import TrainingRow
from trainer.written import without_stop_string

MOST_NAMED = 10
"""Pairs that are named of those that are too long."""


class TokenRow(TypedDict):
    """What TRL is given of a pair, in its own names; the other columns are for the facts."""

    prompt_ids: list[int]
    chosen_ids: list[int]
    rejected_ids: list[int]
    pair_id: str
    extra: bool
    logprobs: dict[str, tuple[str, float]]
    label: NotRequired[bool]


class Tokenised(NamedTuple):
    """Rows to train on, rows held out, and what training.json says of how they became tokens."""

    train: list[TokenRow]
    held_out: list[TokenRow]
    facts: dict[str, Any]


def tokenised(
    spelling: Spelling, train: list[TrainingRow], held_out: list[TrainingRow], limit: float
) -> Tokenised:
    """The rows as ids, without those of which the prompt and an answer exceed `limit` tokens: cut,
    they would train the policy never to end.

    Raises UserError for a prompt that the chat template refuses and where no row to train on is
    left.
    """
    too_long: list[str] = []

    def fitting(rows: Iterable[TrainingRow]) -> list[TokenRow]:
        written = [_token_row(spelling, row) for row in rows]
        too_long.extend(row["pair_id"] for row in written if length(row) > limit)
        return [row for row in written if length(row) <= limit]

    kept, aside = fitting(train), fitting(held_out)
    if not kept:
        raise UserError(
            f"trainer.args.max_length: every pair has more than {limit:g} tokens, prompt and "
            "answer together, so that there is nothing to train on; raise it, up to what the model "
            "takes"
        )
    rows = train + held_out
    facts = {
        "pairs": len(kept),
        "extra_pairs": sum(row["extra"] for row in kept),
        "held_out_pairs": len(aside),
        "too_long": {"pairs": len(too_long), "first": too_long[:MOST_NAMED]},
        "cut_inside_a_token": sum(len(row["cut"]) for row in rows),
        "prompts_differ": sum(row["prompts_differ"] for row in rows),
    }
    return Tokenised(kept, aside, facts)


def tokens_of(
    job: dict[str, Any], train: list[TrainingRow], held_out: list[TrainingRow]
) -> Tokenised:
    """Pairs as token ids of the policy that is trained, without those that are too long."""
    policy = Policy(**job["policy"])
    return tokenised(spelling_of(policy), train, held_out, limit_of(policy, job["args"]))


def length(row: TokenRow) -> int:
    """The tokens of the longer of the two conversations."""
    return len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"]))


def limit_of(policy: Policy, args: dict[str, Any]) -> float:
    """As length_limit, with what the policy's config says that it takes, if it can be read."""
    from transformers import AutoConfig

    kwargs = args.get("model_init_kwargs") or {}
    trust = bool(kwargs.get("trust_remote_code"))
    try:
        config = AutoConfig.from_pretrained(policy.model, trust_remote_code=trust)
    except Exception:  # of any model's own code; loading the model will say so
        return length_limit(args, None)
    return length_limit(args, getattr(config, "max_position_embeddings", None))


def length_limit(args: dict[str, Any], context: int | None) -> float:
    """Tokens that prompt and answer may have: trainer.args.max_length where the user sets it, and
    what the model takes.
    """
    limits = [limit for limit in (args.get("max_length"), context) if limit is not None]
    return min(limits, default=float("inf"))


def token_row(spelling: Spelling, row: TrainingRow) -> TokenRow:
    """A pair's ids. Raises what the chat template raises."""
    prompt_ids = row["prompt_token_ids"]
    if prompt_ids is None:
        prompt_ids = rendered_prompt(spelling.tokenizer, row["prompt"])

    def ids(side: str, sampled: list[int] | None, answer: Messages) -> list[int]:
        text, cut = answer[0]["content"], side in row["cut"]
        if sampled is not None and row["prompt_token_ids"] is None:
            sampled = without_stop_string(spelling.tokenizer, prompt_ids, sampled, text)
            cut = sampled is None
        if sampled is not None:
            return sampled
        if cut:  # no end of turn was sampled
            return plain_ids(spelling, text)
        return answer_ids(spelling, row["prompt"], prompt_ids, text)

    made: TokenRow = {
        "prompt_ids": prompt_ids,
        "chosen_ids": ids("chosen", row["chosen_token_ids"], row["chosen"]),
        "rejected_ids": ids("rejected", row["rejected_token_ids"], row["rejected"]),
        "pair_id": row["pair_id"],
        "extra": row["extra"],
        "logprobs": row.get("logprobs", {}),
    }
    if "label" in row:
        made["label"] = row["label"]
    return made


def _token_row(spelling: Spelling, row: TrainingRow) -> TokenRow:
    try:
        return token_row(spelling, row)
    except Exception as error:  # a template raises what it likes
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(
            f"pair {row['pair_id']}: the policy's chat template refuses its prompt ({reason})"
        ) from error
