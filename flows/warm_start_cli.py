"""`prefloop warm-start`: SFT on your own answers before the first round."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.terminal import ConfigFile, Overrides, one_message, prepare_libraries

if TYPE_CHECKING:
    from flows.config import Config
    from sampler.dealing.sources.config import SourceConfig
    from trainer.config import TrainerConfig


def warm_start(
    config: ConfigFile,
    data: Annotated[
        str,
        typer.Option(
            help="Prompts with a `reference` each, the good answer: a file of any kind that "
            "prompts.train takes, or a source such as '{dataset: owner/name, column: text}'."
        ),
    ],
    to: Annotated[Path, typer.Option(help="A new or empty folder, or one that was begun.")],
    arg: Annotated[
        list[str] | None,
        typer.Option(help="An argument of trl.SFTConfig, such as learning_rate=1e-5; repeatable."),
    ] = None,
    set: Overrides = None,
) -> None:
    """Teach the config's policy your answers (SFT); what is left is a policy to begin a run with.

    Gate and test prompts are left out. Killed, the same command goes on from the last checkpoint.
    """
    with one_message("run the same command again to continue"):
        from flows.load import load_config

        loaded = load_config(config, set)
        prepare_libraries(to.resolve().parent)
        record = run_warm_start(loaded, data, to, arg or [])
        print(f"{to / 'policy'}: {record['policy_id']}, from {record['trained_from']}")
        left = ", ".join(f"{why} {n}" for why, n in record["left_out"].items())
        taught = f"taught {record['answers']} answers of {record['data']}"
        print(f"{taught}; left out: {left}" if left else taught)
        print(f"write `policy: {to / 'policy'}` into the config to begin from it")


def run_warm_start(config: "Config", data: str, to: Path, args: list[str]) -> dict[str, Any]:
    """The record of a warm start that is finished when this returns.

    Raises UserError for data, arguments or a folder that is wrong.
    """
    from flows.control_tokens import own_tokens
    from flows.display import Display
    from flows.preflight import first_policy
    from rounds.errors import UserError
    from sampler.dealing.sources.read import source_rows
    from sampler.dealing.splits import read_supply
    from texts.leaks import LeakLimits
    from trainer.argument_names import check_argument_names
    from trainer.warm_start import answers_to_teach, warm_start

    section = sft_section(config, args)
    try:
        check_argument_names(section)
    except UserError as error:
        raise UserError(str(error).replace("trainer.args.", "--arg ", 1)) from error
    if config.policy.endpoint is not None:
        raise UserError("policy.endpoint: a policy at an endpoint has no weights to train")
    source = data_source(data)
    rows = list(source_rows(source, "--data"))
    answers = [(row["messages"], row["reference"]) for row in rows if row["reference"] is not None]
    if not answers:
        raise UserError(f"--data: no row of {source.title} has a `reference`, the good answer")
    policy = first_policy(config)
    limits = LeakLimits(config.pairs.held_out_near, config.pairs.held_out_overlap)
    held_out = read_supply(config.prompts, near=False).held_out
    taught = answers_to_teach(answers, held_out, limits, tuple(own_tokens(config, policy)))
    if without := len(rows) - len(answers):
        taught.left_out["no_reference"] = without
    display = Display()
    return warm_start(
        taught, source.title, section, policy, to, config.seed, display.stage("warm start")
    )


def sft_section(config: "Config", args: list[str]) -> "TrainerConfig":
    """The trainer section of the warm start: SFT with these arguments, and the config's adapter and
    launcher.
    """
    from flows.load import parse_yaml
    from rounds.errors import UserError
    from trainer.config import TrainerConfig

    given: dict[str, Any] = {}
    for one in args:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise UserError(f"--arg {one}: expected name=value")
        if name == "output_dir":
            raise UserError("--arg output_dir: is set by prefloop: the folder of --to")
        given[name] = parse_yaml(value, f"--arg {name}")
    own = config.trainer or TrainerConfig()
    launched = {"accelerate": own.accelerate, "ray": own.ray}
    kept = {"lora": own.lora, "held_out_pairs": own.held_out_pairs, **launched}
    return TrainerConfig(method="sft", args=given, **kept)


def data_source(data: str) -> "SourceConfig":
    """The source that `--data` names: a path, or a section in YAML."""
    from pydantic import ValidationError

    from flows.explain import explained
    from flows.load import parse_yaml
    from rounds.errors import UserError
    from sampler.dealing.sources.config import SourceConfig

    value = parse_yaml(data, "--data") if data.lstrip().startswith("{") else data
    try:
        source = SourceConfig.model_validate(value)
    except ValidationError as error:
        raise UserError(f"--data: {explained(error.errors(), SourceConfig)}") from error
    if source.generate is not None or source.template is not None:
        raise UserError("--data: needs answers, which no template or generator has; name a file")
    return source
