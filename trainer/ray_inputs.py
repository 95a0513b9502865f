"""What a training reads, by its hash: the same on every node that takes part in it."""

import hashlib
from pathlib import Path
from typing import Any
from uuid import uuid4

from rounds.errors import UserError
from rounds.weights import Policy, local_policy

POLICIES = ("policy", "reference")
HELP = (
    "the run's folder and the policies have to lie on storage that every node has under the same "
    "path"
)


def inputs_of(job_path: Path, job: dict[str, Any]) -> dict[str, Any]:
    """The files of a job with their hashes, and its policies, whose ids are hashes."""
    files = [job_path, *(Path(job[name]) for name in ("weights",) if job.get(name))]
    if "round_dir" in job:
        files += sorted(Path(job["round_dir"]).glob("*.parquet"))
    if job.get("shared"):
        files += sorted(path for path in Path(job["shared"]).rglob("*") if path.is_file())
    named = [job[name] for name in POLICIES if isinstance(job.get(name), dict)]
    policies = [one for place, one in enumerate(named) if one not in named[:place]]
    return {"files": {str(path): file_hash(path) for path in files}, "policies": policies}


def file_hash(path: Path) -> str:
    """16 hex digits over what a file holds."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def missing_here(inputs: dict[str, Any], storage: Path) -> list[str]:
    """What of `inputs` is not on this machine, or is something else, and whether `storage` can be
    written to, in sentences.
    """
    faults = []
    for name, wanted in inputs["files"].items():
        path = Path(name)
        try:
            if file_hash(path) == wanted:
                continue
            why = "is another file than on the machine that started the training"
        except FileNotFoundError:
            why = "is not there"
        except OSError as error:  # of another user, for one
            why = f"cannot be read ({error.strerror})"
        faults.append(f"{path} {why}")
    for policy in (Policy(**given) for given in inputs["policies"]):
        try:
            adapter = Path(policy.adapter) if policy.adapter else None
            found = local_policy(Path(policy.model), adapter).policy_id
        except (UserError, OSError) as error:
            faults.append(str(error))
            continue
        if found != policy.policy_id:
            faults.append(f"{policy.adapter or policy.model} holds other weights ({found})")
    mark = storage / f"seen-{uuid4().hex}"
    try:
        mark.touch()
        mark.unlink()
    except OSError as error:
        faults.append(f"{storage} cannot be written to ({error.strerror})")
    if faults:
        faults[-1] = f"{faults[-1]}; {HELP}"
    return faults
