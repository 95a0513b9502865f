"""The trial of a training, of saving it and of sampling what it saved: once for each config.

Its stamp is trial.json in the run folder; it holds while nothing that the trial depends on changes.
"""

from pathlib import Path

from endpoints.children import ChildFailed
from endpoints.hub import policy_folders
from endpoints.log_end import reason_in
from flows.config import Config
from rounds.errors import UserError
from rounds.files import read_json, read_json_if_whole, remove, write_json
from rounds.finish import versions
from rounds.folder import run_of
from rounds.ids import digest
from rounds.stages import Progress, stage_stamps
from rounds.weights import Policy
from sampler.dealing.config import generate_section
from sampler.trial import try_policy
from trainer.config import TrainerConfig
from trainer.trial import training_hash, try_training

DRIVER = Path("/dev/nvidiactl")
"""A file that is there where an NVIDIA GPU is."""


def trial_due(config: Config, folder: Path) -> bool:
    """Whether the round trains, has not done so yet, and nobody has tried whether it can."""
    trains = config.trainer is not None and config.trainer.trial and config.trains_here
    return trains and "train" not in stage_stamps(folder) and not was_tried(config, run_of(folder))


def was_tried(config: Config, run_dir: Path) -> bool:
    """Whether this very training was tried in this run, and works."""
    stamp = read_json_if_whole(run_dir / "trial.json")
    return isinstance(stamp, dict) and trial_key(config) in (stamp.get("key"), stamp.get("sent"))


def note_tried(config: Config, run_dir: Path) -> None:
    """Note that the trial was made for this config where it was sent to, whose GPU and versions,
    and so the key there, are others than here.
    """
    path = run_dir / "trial.json"
    write_json(path, {**read_json(path), "sent": trial_key(config)})


def trial_key(config: Config) -> str:
    """What a trial depends on: arguments, what lies beside the weights, versions, a GPU."""
    assert config.trainer is not None and config.policy.model is not None
    folder, adapter = policy_folders(config.policy.model, config.policy.adapter)
    sampling = config.sampler.vllm, config.sampler.env, config.sampler.devices
    tried = training_hash(config.trainer, folder, adapter)
    return digest(tried, *sampling, versions(), DRIVER.exists())


def beside_sampling(config: Config) -> bool:
    """Whether the trial may run while the policy samples: not where the two would share a GPU's
    memory, or could wait for room on one cluster, nor where prompts or candidates are paid for.
    """
    if config.sampler.engine is not None or (config.trainer and config.trainer.ray):
        return False
    paid = generate_section(config.prompts) is not None or config.sampler.endpoints()
    return not paid and not DRIVER.exists()


def try_round(
    config: Config, run_dir: Path, policy: Policy, progress: Progress, sampled: bool = False
) -> str | None:
    """Train the policy in small, and have what was saved answer once: where it is like the policy,
    which answers meanwhile, that policy's answers show as much. `sampled` says that it does not.

    Returns why there was no trial, where this policy cannot be made small. Raises UserError naming
    the key of what does not work; then no stamp is left.
    """
    assert config.trainer is not None
    folder = run_dir / "work" / "trial"  # as a round's, so that its logs lie beside theirs
    remove(folder)
    try:
        progress(0, 2, "training in small")
        tried = try_training(folder, config.trainer, policy)
        shown = tried.alike and not sampled and beside_sampling(config)
        if tried.policy is not None and not shown:
            progress(1, 2, "sampling what was saved")
            _sample(config, config.trainer, folder, tried.policy)
        progress(2, 2)
        stamp = {"key": trial_key(config), "not_tried": tried.reason or None}
        write_json(run_dir / "trial.json", stamp)
    finally:
        remove(folder.parent)
    return None if tried.policy is not None else tried.reason


def _sample(config: Config, trainer: TrainerConfig, folder: Path, policy: Policy) -> None:
    log = run_of(folder) / "logs" / f"{folder.name}-sampler.log"
    try:
        try_policy(folder, config.sampler, policy)
    except ChildFailed as error:
        if (reason := reason_in(log)) is None:
            raise
        of_adapter = trainer.lora is not None and "lora" in reason.lower()
        key = "trainer.lora" if of_adapter else "sampler.vllm"
        raise UserError(
            f"{key}: vLLM does not sample the policy that a trial of the training in small left: "
            f"{reason} (the log is {log}; trainer.trial: false leaves the trial out)"
        ) from error
