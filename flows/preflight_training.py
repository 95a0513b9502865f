"""What can be found wrong with the training, before what it would be trained on is paid for."""

from math import inf
from pathlib import Path

from endpoints.hub import policy_folders
from endpoints.open import api_key
from endpoints.tuning_check import check_tuning
from flows.config import Config
from flows.display import Display
from flows.preflight_judge import check_gold_suffices
from flows.secrets import read_secret_block
from flows.trial import was_tried
from rounds.errors import UserError
from rounds.folder import next_round, run_config
from rounds.scratch import scratch
from rounds.stages import stage_stamps
from sampler.dealing.config import generate_section
from trainer.config import FROM_GOLD, TrainerConfig
from trainer.hosted import check_imported
from trainer.hosted_estimate import check_hosted
from trainer.presets import preset_text
from trainer.row_counts import check_row_counts
from trainer.stage import check_training


def check_trained(
    config: Config,
    trainer: TrainerConfig,
    display: Display,
    run_dir: Path,
    prompts: int,
    stages_here: bool,
) -> None:
    """Raise UserError for an argument, or imported data, that the training would refuse.

    `prompts` are the train prompts that there are.
    """
    if (endpoint := config.policy.endpoint) is not None:
        there = config.endpoints[endpoint]
        check_tuning(endpoint, there, api_key(endpoint, there, read_secret_block))
        check_hosted(trainer, _most_rows(config, trainer, prompts)[0])
        for sentence in check_imported(trainer):
            display.tell(sentence)
        return
    if (preset := trainer.preset) is not None:
        display.tell(f"trainer.preset: {preset_text(preset, trainer.args)}")
    if trainer.smooths_from_gold:
        check_gold_suffices("judge", config.judge, f"trainer.args.label_smoothing: {FROM_GOLD}")
    _check_row_counts(config, trainer, prompts)
    if not _training_was_checked(config, trainer, run_dir):
        with scratch("trainer") as work:
            shown = display.stage("trainer data")
            folders = policy_folders(str(config.policy.model), config.policy.adapter)
            elsewhere = not stages_here or trainer.ray is not None
            for sentence in check_training(trainer, *folders, work, shown, elsewhere):
                display.tell(sentence)


def _training_was_checked(config: Config, trainer: TrainerConfig, run_dir: Path) -> bool:
    """Whether the round under way began with this very training: importing TRL takes seconds.

    Data of others may have changed meanwhile and is looked at each time.
    """
    if not trainer.imported and trainer.trial and was_tried(config, run_dir):
        return True
    if trainer.imported or not stage_stamps(next_round(run_dir)):
        return False
    try:
        before = run_config(run_dir)
    except UserError:  # it is written anew by this very run
        return False
    now = config.model_dump(mode="json")
    return all(before.get(section) == now[section] for section in ("policy", "trainer"))


def _check_row_counts(config: Config, trainer: TrainerConfig, prompts: int) -> None:
    """Raise UserError for an argument of TRL that needs more pairs than a round can have.

    `prompts` are the train prompts that there are.
    """
    own, rows = _most_rows(config, trainer, prompts)
    for args in trainer.variants:
        check_row_counts(args, trainer.held_out_pairs, own, rows, trainer.processes)


def _most_rows(config: Config, trainer: TrainerConfig, prompts: int) -> tuple[int, float]:
    """The most pairs that a round can make of so many train prompts, and can train on."""
    per_round = config.prompts.per_round
    if generate_section(config.prompts) is None:
        per_round = min(per_round, prompts)
    own = config.most_pairs(per_round)
    replayed = trainer.replay.share if trainer.replay else 0.0
    unknown = trainer.warm_start or trainer.method == "kto"  # of which each side is a row
    return own, inf if unknown else own / (1 - replayed)
