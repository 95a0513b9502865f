"""The tables of a round: every column, its type, its meaning, and whether it is deterministic.

Deterministic columns are equal between two runs of the same config and seed on the same machine;
the others (clocks, prices, floating-point sums that depend on batching) may differ. Columns are
added at the end and never change type: `load_dataset` reads all rounds with one schema.
"""

from typing import NamedTuple

import pyarrow as pa

VERSION = 3

MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
CRITERIA = pa.list_(pa.struct([("name", pa.string()), ("value", pa.float64())]))


class Column(NamedTuple):
    """One column of a table."""

    name: str
    type: pa.DataType
    meaning: str
    deterministic: bool = True


PROMPT_COLUMNS = [
    Column("prompt_id", pa.string(), "hash of the messages"),
    Column("messages", MESSAGES, "the conversation that is to be answered"),
    Column("source", pa.string(), "file and line, or dataset, template or recipe it came from"),
    Column("split", pa.string(), "train, gate, test, or gold (of the judge's gold set)"),
    Column("set_aside", pa.string(), "why the prompt was not sampled; null if it was"),
    Column("reference", pa.string(), "a right answer, for the judge; null where there is none"),
    Column("guidelines", pa.string(), "what to mind in judging this prompt; null if nothing"),
    Column("tags", pa.list_(pa.string()), "tags of the prompt, for win rates by tag; null if none"),
]

CANDIDATE_COLUMNS = [
    Column("candidate_id", pa.string(), "hash of prompt, policy, sampling, seed and index"),
    Column("prompt_id", pa.string(), "the prompt answered"),
    Column("split", pa.string(), "train, gate, test, gold, or health (texts that test the judge)"),
    Column("policy_id", pa.string(), "hash of the weights that wrote it; gold or canary/NAME"),
    Column("index", pa.int32(), "place among the prompt's candidates, from 0"),
    Column("text", pa.string(), "the answer as sampled, never altered"),
    Column("text_hash", pa.string(), "hash of the text"),
    Column(
        "token_ids",
        pa.list_(pa.int32()),
        "sampled tokens of the text and its end of turn; null where the text ends inside a token",
    ),
    Column("n_tokens", pa.int32(), "number of sampled tokens"),
    Column("logprob", pa.float64(), "summed log-probability of token_ids, nats", False),
    Column("finish_reason", pa.string(), "stop, or length when cut at max_tokens"),
    Column("seed", pa.int64(), "seed of the request; candidate i drew from seed + i"),
    Column("source", pa.string(), "which sampler wrote it: current, or a name in sampler.also"),
    Column("revised_from", pa.string(), "candidate_id of the answer that this one revises"),
    Column("critique", pa.string(), "what was said against that answer, by which it was revised"),
    Column(
        "prompt_token_ids",
        pa.list_(pa.int32()),
        "the prompt as it was sampled; null where it was not, or was another",
        False,
    ),
]

VERDICT_COLUMNS = [
    Column("verdict_id", pa.string(), "hash of the judge, the question and the order shown"),
    Column("prompt_id", pa.string(), "the prompt judged"),
    Column("split", pa.string(), "train, gate, test, gold or health (the judge itself is tested)"),
    Column(
        "kind",
        pa.string(),
        "pointwise (one candidate), pairwise (two), listwise (all); questions (written about the "
        "prompt's article) or answers (to them, from one candidate)",
    ),
    Column(
        "candidate_a", pa.string(), "first of the comparison, the one scored, or the best named"
    ),
    Column("candidate_b", pa.string(), "second of the comparison or the worst named; else null"),
    Column(
        "shown_first", pa.string(), "a or b: which the judge saw first; null if it saw no order"
    ),
    Column(
        "outcome", pa.string(), "a, b, tie, scored, written or abstain; a and b name the candidates"
    ),
    Column("reason", pa.string(), "why it abstained; null otherwise"),
    Column("score", pa.float64(), "pointwise score, expected where there are probabilities", False),
    Column("probability", pa.float64(), "probability that a wins, if the judge gives one", False),
    Column("rationale", pa.string(), "the judge's reason, as it gave it"),
    Column("raw_text", pa.string(), "the judge's whole reply"),
    Column("judge_id", pa.string(), "endpoint and model (a served model: hash of its weights)"),
    Column("rubric_hash", pa.string(), "hash of the rubric text"),
    Column("request_key", pa.string(), "key of the call in journal.sqlite"),
    Column("prompt_tokens", pa.int32(), "tokens read", False),
    Column("completion_tokens", pa.int32(), "tokens written", False),
    Column("cost", pa.float64(), "price of the call by the config's price list", False),
    Column(
        "purpose",
        pa.string(),
        "screen, confirm; or a test: gold, repeat, anchor, canary, triad, second",
    ),
    Column("level", pa.int32(), "0 for the judge or jury, 1 for the appeal"),
    Column("threshold", pa.float64(), "averaged probability that a winner had to reach"),
    Column(
        "criteria",
        CRITERIA,
        "each criterion: its score, or 1 (a better), 0, -1 (b better); each question: 1 if it "
        "holds, or is answered right",
    ),
    Column("shown", pa.list_(pa.string()), "candidates in the order shown; null unless listwise"),
    Column("ranking", pa.list_(pa.string()), "the same, best first, as the judge ranked them"),
    Column("repeat", pa.int32(), "0 for the label; a repeated measurement has its index"),
    Column("flags", pa.list_(pa.string()), "what was escaped in the judge's view of the texts"),
    Column("cached_tokens", pa.int32(), "of prompt_tokens, those from the provider's cache", False),
    Column("estimated", pa.bool_(), "the endpoint did not report the tokens; a guess", False),
]

PAIR_COLUMNS = [
    Column("pair_id", pa.string(), "hash of the two candidates compared"),
    Column("prompt_id", pa.string(), "the prompt answered"),
    Column("round", pa.int32(), "round that judged the pair"),
    Column("prompt", MESSAGES, "TRL conversational: the prompt"),
    Column("chosen", MESSAGES, "TRL conversational: the preferred answer; null if undecided"),
    Column("rejected", MESSAGES, "TRL conversational: the other answer; null if undecided"),
    Column("chosen_id", pa.string(), "candidate_id of chosen; null if undecided"),
    Column("rejected_id", pa.string(), "candidate_id of rejected; null if undecided"),
    Column("candidate_ids", pa.list_(pa.string()), "the candidates considered"),
    Column("score_chosen", pa.float64(), "screen score of chosen; null without a screen", False),
    Column("score_rejected", pa.float64(), "the same of rejected", False),
    Column("margin", pa.float64(), "score_chosen - score_rejected", False),
    Column("policy_id", pa.string(), "the policy in place, which the round trains"),
    Column("judge_id", pa.string(), "judge that confirmed the pair"),
    Column("verdict_ids", pa.list_(pa.string()), "every verdict the decision rests on"),
    Column("probability", pa.float64(), "averaged probability of chosen; null if not given", False),
    Column("chosen_source", pa.string(), "which sampler wrote chosen; null if undecided"),
    Column("rejected_source", pa.string(), "which sampler wrote rejected; null if undecided"),
]

DROPPED_COLUMNS = [
    *PAIR_COLUMNS,
    Column("reason", pa.string(), "why it was not kept"),
    Column("detail", pa.string(), "what it duplicates or overlaps, and how much; else null"),
]

EXTRA_COLUMNS = [
    *PAIR_COLUMNS,
    Column("origin", pa.string(), 'where it was made: "round 2", or the file and the row'),
]

SUITE_COLUMNS = [
    Column("suite", pa.string(), "name of the regression suite, of gate.suites"),
    Column("prompt_id", pa.string(), "hash of the messages"),
    Column("messages", MESSAGES, "the conversation that was answered"),
    Column("reference", pa.string(), "what the answer is scored against; null if nothing"),
    Column("source", pa.string(), "file and line that it came from"),
    Column("candidate_id", pa.string(), "hash of prompt, policy, sampling, seed and index"),
    Column("policy_id", pa.string(), "hash of the weights that wrote it: in place, or the new"),
    Column("index", pa.int32(), "0, and of the policy in place those of its other seeds"),
    Column("text", pa.string(), "the answer as sampled, never altered"),
    Column("text_hash", pa.string(), "hash of the text"),
    Column("n_tokens", pa.int32(), "number of sampled tokens"),
    Column("finish_reason", pa.string(), "stop, or length when cut at max_tokens"),
    Column("seed", pa.int64(), "seed of the request; answer i drew from seed + i"),
    Column(
        "logprob",
        pa.float64(),
        "of perplexity, whose text is the reference: its summed log-probability, nats; else null",
        False,
    ),
]

TABLES: dict[str, list[Column]] = {
    "prompts": PROMPT_COLUMNS,
    "candidates": CANDIDATE_COLUMNS,
    "verdicts": VERDICT_COLUMNS,
    "pairs": PAIR_COLUMNS,
    "dropped": DROPPED_COLUMNS,
}
"""The tables that every round has."""

OPTIONAL = {"extra": EXTRA_COLUMNS, "suites": SUITE_COLUMNS}
"""What a round may have beside them: pairs trained on that it did not make, and the answers to the
gate's regression suites."""


def arrow_schema(table: str) -> pa.Schema:
    """The pyarrow schema of a table."""
    return pa.schema([(column.name, column.type) for column in _columns(table)])


def deterministic(table: str) -> list[str]:
    """Names of the columns that two equal runs agree on."""
    return [column.name for column in _columns(table) if column.deterministic]


def _columns(table: str) -> list[Column]:
    return TABLES[table] if table in TABLES else OPTIONAL[table]
