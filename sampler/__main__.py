"""`python -m sampler runs/demo/rounds/0002`: sample the candidates of a round under way."""

from pathlib import Path
from typing import Any

from endpoints.open import Endpoints, read_endpoints
from rounds.by_hand import by_hand, show_progress
from rounds.folder import policy_of, read_round_start, run_of
from sampler.config import SamplerConfig
from sampler.stage import sample


def main(folder: Path, tree: dict[str, Any]) -> Any:
    """The sampler stage with the run's own config."""
    start, run_dir = read_round_start(folder), run_of(folder)
    config = SamplerConfig.model_validate(tree["sampler"])
    policy = policy_of(run_dir, start["policy"])
    with Endpoints(read_endpoints(tree), run_dir / "logs", show_progress) as endpoints:
        held_out = tree["trainer"] is not None
        return sample(folder, config, policy, start["seed"], endpoints, held_out, show_progress)


if __name__ == "__main__":
    by_hand(main)
