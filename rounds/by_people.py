"""Policies put in place by people: who, when and why, one line each in the run's decisions.jsonl.

A decision counts while the round that was the last when it was made is the last: the round after it
begins from that policy and says so itself. It names that round's manifest by its hash: of a round
that was made again it says nothing.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypedDict

from rounds.check_files import check_policy, policy_is_here
from rounds.checks import Looked
from rounds.errors import UserError
from rounds.files import json_text, read_json, write_text
from rounds.folder import (
    DECISIONS,
    MANIFEST,
    by_people,
    finished_rounds,
    policy_history,
    policy_of,
    read_manifest,
    round_number,
)
from rounds.ids import file_hash
from rounds.lineage import ancestry

Action = Literal["promote", "rollback"]


class ByHand(TypedDict):
    """A decision made by hand.

    `round` is whose policy it put in place, 0 for the run's first one; `policy` and `replaced` are
    facts of manifests; `after` is the last finished round then, `manifest` that one's hash.
    """

    action: Action
    round: int
    policy: dict[str, Any]
    replaced: dict[str, Any]
    by: str
    why: str
    at: str
    after: int
    manifest: str


def put_in_place(run_dir: Path, action: Action, number: int | None, by: str, why: str) -> ByHand:
    """Put another policy of a run in place, and write down who did and why.

    `promote` takes the policy that a round trained, the last one for None; `rollback` the one in
    place after a round (0: the first), for None the one that the policy in place came from. Raises
    UserError where there is no such policy, where it is in place already, and where its files are
    gone or not what its id says.
    """
    for name, text in (("--by", by), ("--why", why)):
        if not text.strip():
            raise UserError(f"{name}: is empty; say {'who' if name == '--by' else 'why'}")
    history = policy_history(run_dir)
    if history is None:
        raise UserError(f"{run_dir}: no round is finished yet, and the first policy is in place")
    manifests = [read_manifest(folder) or {} for folder in finished_rounds(run_dir)]
    current = history["current"]
    if action == "promote":
        made, policy = _trained(run_dir, manifests, number)
    else:
        made, policy = _before(run_dir, manifests, current, number)
    if policy["policy_id"] == current["policy_id"]:
        raise UserError(f"{run_dir}: policy {policy['policy_id']} is in place already")
    _check_weights(run_dir, policy)
    last = finished_rounds(run_dir)[-1]
    decision: ByHand = {
        "action": action,
        "round": made,
        "policy": policy,
        "replaced": current,
        "by": by.strip(),
        "why": why.strip(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "after": round_number(last),
        "manifest": file_hash(last / MANIFEST),
    }
    lines = [json_text(one) for one in [*by_people(run_dir), decision]]
    write_text(run_dir / DECISIONS, "\n".join(lines) + "\n")
    return decision


def check_by_people(looked: Looked, run_dir: Path) -> None:
    """Every decision by hand names a round that is there, as it is, and a policy of it."""
    folders = {round_number(folder): folder for folder in finished_rounds(run_dir)}
    for place, one in enumerate(by_people(run_dir), start=1):
        where = f"line {place}"
        if one["after"] not in folders:
            looked.leave_out(f"{DECISIONS}, {where}: round {one['after']} is not there")
            continue
        same = file_hash(folders[one["after"]] / MANIFEST) == one["manifest"]
        looked.must(same, DECISIONS, where, f"round {one['after']} was made again since")
        if one["round"] and one["round"] not in folders:
            looked.leave_out(f"{DECISIONS}, {where}: round {one['round']} is not there")
            continue
        facts = read_json(folders[one["round"] or min(folders)] / MANIFEST)
        made = facts["trained"] if one["round"] else facts["initial"]
        right = made is not None and made["policy_id"] == one["policy"]["policy_id"]
        what = f"policy {one['policy']['policy_id']} is not that of round {one['round']}"
        looked.must(right, DECISIONS, where, what)
        if not (one["by"] and one["why"]):
            looked.fault(DECISIONS, where, "does not say who and why")


def _trained(
    run_dir: Path, manifests: Sequence[dict[str, Any]], number: int | None
) -> tuple[int, dict[str, Any]]:
    """The policy that a round trained."""
    number = manifests[-1]["round"] if number is None else number
    facts = next((one for one in manifests if one["round"] == number), None)
    if facts is None:
        known = ", ".join(str(one["round"]) for one in manifests)
        raise UserError(f"{run_dir}: round {number} is not finished (finished rounds: {known})")
    if facts["trained"] is None:
        raise UserError(f"{run_dir}: round {number} trained no policy that could be promoted")
    return facts["round"], facts["trained"]


def _before(
    run_dir: Path, manifests: Sequence[dict[str, Any]], current: dict[str, Any], number: int | None
) -> tuple[int, dict[str, Any]]:
    """The policy to go back to."""
    initial = manifests[0]["initial"]
    if number is None:
        line = ancestry(run_dir, current["policy_id"])
        if not line:
            raise UserError(f"{run_dir}: the first policy is in place, and there is none before it")
        policy = (read_manifest(line[-1]) or {})["policy"]
    elif number == 0:
        policy = initial
    else:
        facts = next((one for one in manifests if one["round"] == number), None)
        if facts is None:
            known = ", ".join(str(one["round"]) for one in manifests)
            raise UserError(
                f"{run_dir}: round {number} is not finished (finished rounds: {known}; 0 is the "
                "first policy)"
            )
        policy = facts["in_place"]
    if policy["policy_id"] == initial["policy_id"]:
        return 0, initial
    made = ancestry(run_dir, policy["policy_id"])
    return (round_number(made[-1]) if made else 0), policy


def _check_weights(run_dir: Path, facts: dict[str, Any]) -> None:
    """Raise UserError where a policy's files are gone or changed."""
    policy = policy_of(run_dir, facts)
    if policy.served is not None:
        return
    where = policy.adapter or policy.model
    if not policy_is_here(policy):
        raise UserError(
            f"{where}: the weights of policy {policy.policy_id} are not there, and it cannot be "
            "put in place; put a copy of them back (a backup, the mirror)"
        )
    looked = Looked()
    check_policy(looked, run_dir, "policy", facts)
    for fault in looked.faults:
        raise UserError(
            f"{fault.table}: {fault.what}, and policy {policy.policy_id} is to be put in place; "
            "put a copy of its weights back (a backup, the mirror)"
        )
