"""Candidates' ids against what they follow from: prompt, policy, sampling, seed and index."""

from pathlib import Path

from rounds.checks import Looked
from rounds.folder import policy_of, read_round_start, run_of
from rounds.ids import digest
from rounds.rows import CANDIDATES, HELD_OUT
from rounds.tables import iter_rows
from sampler.config import SamplerConfig
from sampler.revise import load_constitution

COLUMNS = ("candidate_id", "prompt_id", "split", "policy_id", "index", "text", "seed", "source")


def check_candidate_ids(
    looked: Looked, folder: Path, config: SamplerConfig, trained: str | None
) -> None:
    """Every candidate that answers a prompt of the round has the id of what it claims to be.

    `trained` is the id of the policy that the round trained, None where it trained none. What
    `current` wrote has to be of the policy in place, held-out answers of one of the round's.
    """
    start = read_round_start(folder)
    in_place = policy_of(run_of(folder), start["policy"])
    served = config.served(in_place.served is not None)
    keys = {name: _sampling_key(config, name, served[name]) for name in served}
    known = {in_place.policy_id, start["initial"]["policy_id"], trained}
    for row in iter_rows(folder, CANDIDATES, ["train", *HELD_OUT], COLUMNS):
        name, source = row["candidate_id"], row["source"]
        if source not in keys:
            looked.must(False, CANDIDATES, name, f"its source {source} is not in the config")
            continue
        if row["seed"] is None:
            made = digest("candidate", row["prompt_id"], source, row["text"])
        else:
            parts = row["prompt_id"], row["policy_id"], row["seed"], row["index"], *keys[source]
            made = digest("candidate", *parts)
        right = made == name
        looked.must(right, CANDIDATES, name, "its id is not that of its prompt, policy and seed")
        wanted = known if row["split"] in HELD_OUT else {in_place.policy_id}
        if source == "current" and row["policy_id"] not in wanted:
            looked.fault(CANDIDATES, name, f"policy {row['policy_id']} is none of the round's")


def _sampling_key(config: SamplerConfig, name: str, served: bool) -> list[object]:
    """`Writer.sampling_key`, whether its weights are there or not."""
    source = config.also.get(name)
    key: list[object] = [config.sampling_of(name, served), *([name] if source else [])]
    if source is not None and source.revise:
        where = f"sampler.also.{name}.principles"
        key.append(digest(*load_constitution(where, source.principles)))
    return key
