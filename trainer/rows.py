"""The pairs that are trained on: the round's pairs and what is trained on beside them."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, NotRequired, TypedDict

from preferences.conversational import preference_fault
from rounds.errors import UserError
from rounds.folder import earlier_rounds, round_dir, run_of
from rounds.ids import digest
from rounds.rows import CANDIDATES, EXTRA, PAIRS, AnyRow, ExtraPair, Messages, Pair, Table
from rounds.tables import iter_rows, read_rows, table_path

Answer = tuple[list[int], list[int]]
"""The ids of a prompt and of an answer to it."""


class TrainingRow(TypedDict):
    """A pair to train on. `extra` says that the round did not make it.

    The ids of the prompt and of an answer are those that were sampled; None where nobody sampled
    them. `cut` names the sides that a stop string ended inside a token: sampled, but under no ids.
    `logprobs` has, of the sides that were sampled on this very prompt, the policy that did and the
    summed log-probability that it gave the ids, nats.
    `label` is of a single answer, which stands on both sides.
    """

    prompt: Messages
    chosen: Messages
    rejected: Messages
    prompt_token_ids: list[int] | None
    chosen_token_ids: list[int] | None
    rejected_token_ids: list[int] | None
    cut: list[str]
    prompts_differ: bool
    prompt_id: str
    pair_id: str
    extra: bool
    logprobs: NotRequired[dict[str, tuple[str, float]]]
    label: NotRequired[bool]


class Sampled(NamedTuple):
    """The ids under which a candidate was sampled, where they are known, and by whom."""

    token_ids: list[int] | None
    prompt_token_ids: list[int] | None
    logprob: float | None
    policy_id: str | None

    @property
    def likely(self) -> tuple[str, float] | None:
        """Who sampled the ids, and how likely they were."""
        if self.token_ids is None or self.logprob is None or self.policy_id is None:
            return None
        return self.policy_id, self.logprob


def training_rows(folder: Path) -> list[TrainingRow]:
    """The pairs to train on, with the tokens that were sampled where a policy of the run sampled.

    Raises UserError naming a bad row.
    """
    own, extra = _checked(folder, PAIRS), _checked(folder, EXTRA)
    sampled = _sampled(folder, [*own, *extra])
    return [
        *(_training_row(pair, sampled, extra=False) for pair in own),
        *(_training_row(pair, sampled, extra=True) for pair in extra),
    ]


def split(rows: list[TrainingRow], share: float) -> tuple[list[TrainingRow], list[TrainingRow]]:
    """Training rows and the held-out share of the round's own, chosen by the prompt's hash.

    Nothing is trained on whose prompt is held out. Where that leaves nothing, as in a small round
    of many pairs a prompt, none is held out: its labels are paid.
    """
    own = [row for row in rows if not row["extra"]]
    order = sorted(own, key=lambda row: digest("held-out pair", row["prompt_id"]))
    held_out = {row["prompt_id"] for row in order[: int(len(own) * share)]}
    train = [row for row in rows if row["prompt_id"] not in held_out]
    if not train:
        return rows, []
    return train, [row for row in own if row["prompt_id"] in held_out]


def held_out_answers(folder: Path, policy_id: str) -> list[Answer]:
    """What the policy in place sampled at the gate prompts, in this round or, where it had them
    before, in an earlier one.
    """
    columns = ["policy_id", "prompt_token_ids", "token_ids"]
    for place in (folder, *reversed(earlier_rounds(folder))):
        found = [
            (row["prompt_token_ids"], row["token_ids"])
            for row in iter_rows(place, CANDIDATES, ["gate"], columns)
            if row["policy_id"] == policy_id and row["prompt_token_ids"] and row["token_ids"]
        ]
        if found:
            return found
    return []


def _checked(folder: Path, table: Table[AnyRow]) -> list[AnyRow]:
    """The rows of a table. Raises UserError for the first that TRL would train on wrongly."""
    rows = read_rows(folder, table)
    for number, row in enumerate(rows, start=1):
        if wrong := preference_fault(row):
            raise UserError(
                f"{table_path(folder, table)}, row {number} ({row['pair_id']}): {wrong}"
            )
    return rows


def _training_row(pair: Pair | ExtraPair, sampled: dict[str, Sampled], extra: bool) -> TrainingRow:
    unknown = Sampled(None, None, None, None)
    chosen, rejected = (
        sampled.get(name or "", unknown) for name in (pair["chosen_id"], pair["rejected_id"])
    )
    prompts = [one.prompt_token_ids for one in (chosen, rejected) if one.prompt_token_ids]
    sides = {"chosen": chosen, "rejected": rejected}
    return {
        "prompt": pair["prompt"],
        "chosen": pair["chosen"],
        "rejected": pair["rejected"],
        # one prompt for both: where they were sampled under two (another day), that of chosen
        "prompt_token_ids": prompts[0] if prompts else None,
        "chosen_token_ids": chosen.token_ids,
        "rejected_token_ids": rejected.token_ids,
        "cut": [
            side for side, one in sides.items() if one.prompt_token_ids and one.token_ids is None
        ],
        "prompts_differ": any(prompt != prompts[0] for prompt in prompts),
        "prompt_id": pair["prompt_id"],
        "pair_id": pair["pair_id"],
        "extra": extra,
        "logprobs": {
            side: likely
            for side, one in sides.items()
            if one.prompt_token_ids and one.prompt_token_ids == prompts[0]
            if (likely := one.likely)
        },
    }


def _sampled(folder: Path, pairs: Sequence[Pair | ExtraPair]) -> dict[str, Sampled]:
    """The pairs' answers by candidate, each from the round that sampled it."""
    answers = {pair["chosen_id"] for pair in pairs} | {pair["rejected_id"] for pair in pairs}
    numbers = {pair["round"] for pair in pairs}
    folders = [round_dir(run_of(folder), number) for number in numbers if number is not None]
    columns = ["candidate_id", *Sampled._fields]
    return {
        row["candidate_id"]: Sampled(
            row["token_ids"], row["prompt_token_ids"], row["logprob"], row["policy_id"]
        )
        for sampled in folders
        for row in iter_rows(sampled, CANDIDATES, ["train"], columns)
        if row["candidate_id"] in answers
    }
