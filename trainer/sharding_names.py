"""What weights that are spread over processes (FSDP, DeepSpeed) do not go with: before a plan."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rounds.errors import UserError
from trainer.config import TrainerConfig

WHOLE = "stage3_gather_16bit_weights_on_model_save"
LOADING = "cpu_ram_efficient_loading"
PRECOMPUTED = (
    "trainer.args.precompute_ref_log_probs: TRL 1.16 keeps what it precomputes in a file that the "
    "other processes do not find, and with an adapter asks a policy that is not yet on its GPU; "
    "leave it out, and each step asks the reference"
)
OF_ZEROS = (
    "with FSDP 2 only the first process would load the reference model, and TRL 1.16 spreads it as "
    "each process has it: of zeros in all others"
)


def check_sharding(config: TrainerConfig) -> None:
    """Raise UserError for a combination that TRL, transformers or accelerate get wrong."""
    launched = config.accelerate or {}
    fsdp, deepspeed = bool(launched.get("use_fsdp")), bool(launched.get("use_deepspeed"))
    if fsdp and deepspeed:
        raise UserError("trainer.accelerate: use_fsdp and use_deepspeed both shard; leave one out")
    settings = launched.get("deepspeed_config_file")
    if deepspeed:
        _check_deepspeed("trainer.accelerate", settings)
        if launched.get("zero_stage") == 3 and not launched.get("zero3_save_16bit_model"):
            raise UserError(
                "trainer.accelerate.zero3_save_16bit_model: true is wanted for zero_stage: 3: "
                "without it DeepSpeed writes parts, and no whole policy"
            )
    for args in config.variants:
        if config.compares and (config.lora is None or config.reference != "previous"):
            _check_reference(launched, args)
        if args.get("deepspeed"):
            _check_deepspeed("trainer.args", args["deepspeed"])
        sharded = fsdp or deepspeed or args.get("fsdp") or args.get("deepspeed")
        several = config.processes > 1 or not config.counted
        by_trl = sharded or (config.method == "kto" and several)
        if by_trl and args.get("precompute_ref_log_probs"):
            raise UserError(PRECOMPUTED)


def _check_reference(launched: dict[str, Any], args: dict[str, Any]) -> None:
    """Raise UserError where only one process would load the reference model, and TRL shards what
    each has.
    """
    own = args.get("fsdp_config") if args.get("fsdp") else None
    sections = (  # with the defaults of accelerate launch, and of transformers
        ("trainer.accelerate.fsdp_", launched if launched.get("use_fsdp") else {}, "1", "true"),
        ("trainer.args.fsdp_config.", own if isinstance(own, dict) else {}, "2", "false"),
    )
    for key, given, version, loads in sections:
        said = {name.removeprefix("fsdp_"): str(value).lower() for name, value in given.items()}
        if given and said.get("version", version) == "2" and said.get(LOADING, loads) == "true":
            raise UserError(f"{key}{LOADING}: false is wanted: {OF_ZEROS}")


def _check_deepspeed(where: str, settings: Any) -> None:
    if find_spec("deepspeed") is None:
        raise UserError(
            f"{where}: DeepSpeed is not installed; pip install deepspeed, or shard by FSDP "
            "(accelerate: {use_fsdp: true, fsdp_version: 2})"
        )
    if isinstance(settings, str):
        try:
            settings = json.loads(Path(settings).read_text())
        except (OSError, ValueError) as error:
            raise UserError(f"{where}: {settings}: {error}") from error
    zero = (settings or {}).get("zero_optimization") or {}
    if zero.get("stage") == 3 and not zero.get(WHOLE):
        raise UserError(
            f"{where}: DeepSpeed's zero_optimization.{WHOLE}: true is wanted for stage 3: without "
            "it DeepSpeed writes parts, and no whole policy"
        )
