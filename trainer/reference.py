"""The reference model of a round's training, by its name in the config."""

from pathlib import Path

from endpoints.children import run_child
from endpoints.hub import named_policy, policy_folders
from rounds.errors import UserError
from rounds.files import write_json
from rounds.folder import round_number, run_of
from rounds.ids import digest
from rounds.lineage import accepted_policies
from rounds.weights import Policy, local_policy, require_weights
from trainer.config import REFERENCES


def reference_policies(folder: Path, name: str, policy: Policy, initial: Policy) -> list[Policy]:
    """The policy that is the reference model of a round, or those whose mean it is.

    Raises UserError for a policy whose weights are not there.
    """
    if name == "initial":
        return [initial]
    if name != "average":
        return [policy if name == "previous" else own_reference(name)]
    accepted = accepted_policies(run_of(folder), policy, initial, round_number(folder))
    if len(accepted) > 1:
        for one in accepted:
            for path in filter(None, (one.model, one.adapter)):
                try:
                    require_weights(Path(path))
                except UserError as error:
                    raise UserError(f"trainer.reference: average: {error}") from None
    return accepted


def own_reference(name: str) -> Policy:
    """A policy by its folder or hub id, hashed. Raises UserError where there is none."""
    find_reference(name)
    return named_policy(name)


def find_reference(name: str) -> None:
    """Raise UserError where there is no such policy."""
    try:
        policy_folders(name)
    except (UserError, ValueError) as error:
        raise UserError(
            f"trainer.reference: {error}; expected {', '.join(REFERENCES)}, or a policy's folder "
            "or hub id"
        ) from error


def reference_id(policies: list[Policy]) -> str:
    """What a training depends on: the reference's policy id, or one made of those it is made of."""
    ids = [policy.policy_id for policy in policies]
    return ids[0] if len(ids) == 1 else digest("average", *ids)


def reference_here(policies: list[Policy], work: Path, log: Path) -> Policy:
    """The reference with its weights on the disk. A mean is written below `work`, once, by a child
    process: whole or not at all.
    """
    if len(policies) == 1:
        return policies[0]
    out = work / "reference"
    if not out.exists():
        job = work / "average.json"
        write_json(job, {"policies": [one._asdict() for one in policies], "out": str(out)})
        run_child("trainer.average", job, log, lambda _: None)
    return local_policy(out)
