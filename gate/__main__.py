"""`python -m gate runs/demo/rounds/0002`: decide about the policy of a round under way."""

from pathlib import Path
from typing import Any

from gate.config import GateConfig
from gate.stage import decide
from rounds.by_hand import by_hand, trained_policy
from rounds.folder import read_round_start
from rounds.stages import kl_of


def main(folder: Path, tree: dict[str, Any]) -> Any:
    """The gate with the run's own config, on the held-out verdicts that are there."""
    start = read_round_start(folder)
    section = {name: value for name, value in tree["gate"].items() if name != "judge"}
    new, old, first = (
        facts["policy_id"] for facts in (trained_policy(folder), start["policy"], start["initial"])
    )
    return decide(folder, GateConfig.model_validate(section), new, old, first, kl_of(folder))


if __name__ == "__main__":
    by_hand(main)
