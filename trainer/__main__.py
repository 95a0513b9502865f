"""`python -m trainer runs/demo/rounds/0002`: train on the pairs of a round under way."""

from pathlib import Path
from typing import Any

from endpoints.open import Endpoints, read_endpoints
from rounds.by_hand import by_hand, show_progress
from rounds.errors import UserError
from rounds.folder import policy_of, read_round_start, run_of
from rounds.stages import stage_stamps
from texts.leaks import LeakLimits
from trainer.config import TrainerConfig
from trainer.hosted import train_hosted
from trainer.stage import train


def main(folder: Path, tree: dict[str, Any]) -> Any:
    """The trainer stage with the run's own config."""
    start, run_dir = read_round_start(folder), run_of(folder)
    policy, initial = (policy_of(run_dir, start[name]) for name in ("policy", "initial"))
    if tree["trainer"] is None:
        raise UserError("run.yaml: trainer is null; this run trains nothing")
    config = TrainerConfig.model_validate(tree["trainer"])
    gold = stage_stamps(folder).get("gold", {"facts": {}})
    flip_rate = gold["facts"].get("flip_rate")
    limits = LeakLimits.of(tree["pairs"])
    if config.method == "openai":
        with Endpoints(read_endpoints(tree), run_dir / "logs", show_progress) as endpoints:
            given = policy, initial, start["seed"], endpoints
            return train_hosted(folder, config, *given, show_progress, limits)[0]
    trained, _ = train(
        folder, config, policy, initial, start["seed"], show_progress, flip_rate, limits
    )
    return trained


if __name__ == "__main__":
    by_hand(main)
