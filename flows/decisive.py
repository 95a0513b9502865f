"""What of a config a round's outcome follows from: not how fast it goes, who is told, what it may
cost, or where its curves go.
"""

from typing import Any

from endpoints.identity import identity
from flows.config import Config
from judge.config import JudgeConfig

OF_SAMPLER = {"chunk", "devices", "engine", "env", "vllm", "max_cut_off", "also"}
"""How the sampler runs, as its stage's key leaves it out; sources beside the policy are told
apart by the rest of theirs."""
OF_SOURCE = {"env", "vllm"}
OF_JUDGE = {"ahead", "batch", "batch_failed", "budget", "health"}
"""What a judge may cost, when and by which way it is asked, and when it is not believed."""
OF_TUNING = {"price", "max_cost", "attempts"}
TRACKED = {
    *("report_to", "run_name", "project", "trackio_space_id", "logging_dir", "disable_tqdm"),
    *("log_level", "log_level_replica", "log_on_each_node"),
    *("logging_steps", "logging_strategy", "logging_first_step", "logging_nan_inf_filter"),
    *("include_tokens_per_second", "include_num_input_tokens_seen", "skip_memory_metrics"),
    *("save_steps", "save_strategy", "save_total_limit", "save_only_model", "save_on_each_node"),
    *("dataloader_num_workers", "dataloader_pin_memory", "dataloader_prefetch_factor"),
    *("dataloader_persistent_workers", "dataset_num_proc", "torch_empty_cache_steps"),
    *("per_device_eval_batch_size", "gradient_checkpointing", "gradient_checkpointing_kwargs"),
}
"""Arguments of a training that leave what is learned as it is."""


def decisive(config: Config) -> dict[str, Any]:
    """The parts of a config by which two rounds of the same prompts could end differently."""
    kept = config.model_dump(mode="json", include={"seed", "policy", "prompts", "pairs"})
    sampler = config.sampler.model_dump(mode="json", exclude=OF_SAMPLER)
    also = {
        name: one.model_dump(mode="json", exclude=OF_SOURCE)
        for name, one in config.sampler.also.items()
    }
    gate = {name: one for name, one in config.gate.decides_by().items() if name != "judge"}
    return kept | {
        "sampler": {**sampler, "also": also},
        "judge": _judge(config.judge),
        "gate": {**gate, "judge": _judge(config.gate.judge)},
        "trainer": _trainer(config),
        "endpoints": {
            name: identity(config.endpoints[name]) for name in sorted(config.used_endpoints)
        },
    }


def _judge(judge: JudgeConfig | None) -> dict[str, Any] | None:
    return None if judge is None else judge.model_dump(mode="json", exclude=OF_JUDGE)


def _trainer(config: Config) -> dict[str, Any] | None:
    if config.trainer is None:
        return None
    section = config.trainer.keyed({"trial"})
    section["args"] = {
        name: value for name, value in section["args"].items() if name not in TRACKED
    }
    if tuning := section.get("openai"):
        section["openai"] = {name: one for name, one in tuning.items() if name not in OF_TUNING}
    return section
