"""Which policy of a run is published, in which form, and whether that can be."""

import re
from pathlib import Path
from typing import Any, Literal, NamedTuple

from rounds.errors import UserError
from rounds.folder import (
    finished_rounds,
    in_run,
    open_run,
    policy_history,
    policy_of,
    read_manifest,
    round_number,
    selected_rounds,
)
from rounds.lineage import ancestry
from rounds.weights import Policy, local_policy

Form = Literal["full", "merged", "adapter"]
HUB_CACHE = re.compile(r"models--([^/]+?)--([^/]+)/snapshots/")
"""Where huggingface_hub keeps a model, by its name."""


class Choice(NamedTuple):
    """What is published: the policy, the folders of the finished rounds up to the one that trained
    it, whether that round was promoted, the form, and the base model as others load it.
    """

    policy: Policy
    rounds: list[Path]
    promoted: bool
    form: Form
    base: str | None

    @property
    def folder(self) -> Path:
        """The round that trained the policy."""
        return self.rounds[-1]


def choose(run_dir: Path, round: int | None, form: Form | None, base: str | None = None) -> Choice:
    """The policy in place, or the one that a round trained, with its weights found and proven.

    Raises UserError where there is none, its weights are not here or not those of its hash, or an
    adapter's base cannot be named so that others load it.
    """
    folder, facts = _trained(run_dir, round)
    manifest = read_manifest(folder) or {}
    policy = policy_of(run_dir, facts)
    number = round_number(folder)
    if policy.served is not None:
        raise UserError(
            f"{run_dir}: the policy of round {number} is {policy.model} at endpoint "
            f"{policy.served}; its weights are not here, so there is nothing to publish"
        )
    adapter = Path(policy.adapter) if policy.adapter else None
    found = local_policy(Path(policy.model), adapter).policy_id
    if found != policy.policy_id:
        raise UserError(
            f"{policy.adapter or policy.model}: these are not the weights of round {number}: their "
            f"hash is {found}, the recorded one {policy.policy_id}; put a copy of them back"
        )
    chosen = _form(policy, form, number)
    named = base or hub_name(Path(manifest["initial"]["model"]))
    if chosen == "adapter":
        named = base or hub_name(Path(policy.model))
        if named is None or in_run(facts["model"]):
            raise UserError(
                f"--adapter: the adapter of round {number} goes on {policy.model}, which others "
                "cannot load; name the same weights on the hub with --base OWNER/NAME, or publish "
                "it --merged"
            )
    rounds = [one for one in finished_rounds(run_dir) if round_number(one) <= number]
    return Choice(policy, rounds, manifest["decision"]["promoted"], chosen, named)


def hub_name(model: Path) -> str | None:
    """The hub id of a model's folder in the hub's cache; None for any other folder."""
    match = HUB_CACHE.search(f"{model.as_posix()}/")
    return f"{match[1]}/{match[2]}" if match else None


def _trained(run_dir: Path, round: int | None) -> tuple[Path, dict[str, Any]]:
    """The round whose policy is meant, and that policy's facts."""
    if round is not None:
        (folder,) = selected_rounds(run_dir, str(round))
        facts = (read_manifest(folder) or {})["trained"]
        if facts is None:
            raise UserError(f"{run_dir}: round {round} trained nothing")
        return folder, facts
    history = policy_history(open_run(run_dir))
    line = ancestry(run_dir, history["current"]["policy_id"]) if history else []
    if line:  # and not a later round that left its weights as they were
        return line[-1], (read_manifest(line[-1]) or {})["trained"]
    raise UserError(
        f"{run_dir}: the first policy is in place, which no round has trained; name a ROUND to "
        "publish the policy that it trained"
    )


def _form(policy: Policy, wanted: Form | None, number: int) -> Form:
    if policy.adapter is not None:
        return wanted or "merged"
    if wanted == "adapter":
        raise UserError(
            f"--adapter: round {number} trained all weights, there is no adapter; leave it out"
        )
    return "full"
