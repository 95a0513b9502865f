"""Named settings of published recipes: they set values and do nothing else."""

from typing import Any, NamedTuple


class Preset(NamedTuple):
    """The method and the arguments that a name stands for, and where they come from."""

    method: str
    args: dict[str, Any]
    source: str


PRESETS = {
    "iterative": Preset(
        "dpo",
        {"loss_type": "sigmoid", "beta": 0.1},
        "Self-Rewarding, arXiv 2401.10020, and RLHF Workflow, arXiv 2405.07863",
    ),
    "olmo": Preset(
        "dpo",
        {"loss_type": "sigmoid_norm", "beta": 5.0},
        "OLMo 3, table 48: length-normalised DPO, as in Tulu 3, arXiv 2411.15124",
    ),
    "smol": Preset(
        "dpo", {"loss_type": "apo_zero", "beta": 0.05}, "SmolLM3; APO, arXiv 2408.06266"
    ),
    "simpo": Preset(
        "cpo",
        {"loss_type": "simpo", "cpo_alpha": 0.0, "beta": 2.5, "simpo_gamma": 1.4},
        "SimPO, arXiv 2405.14734: Llama-3-8B-Instruct on its own answers",
    ),
}
"""By name. Learning rate, epochs and batch stay TRL's, or the user's: they depend on the model."""


def with_preset(section: Any) -> Any:
    """A trainer section as it was read, with the values of its preset where it has none of its own.

    What is no section, or has no such preset, is given back for pydantic to refuse. Raises
    ValueError where the section names another method than the preset is for.
    """
    if not isinstance(section, dict) or section.get("preset") not in [*PRESETS]:
        return section
    preset, args = PRESETS[section["preset"]], section.get("args") or {}
    if not isinstance(args, dict):
        return section
    method = section.get("method", preset.method)
    if method != preset.method:
        raise ValueError(
            f"preset: {section['preset']} is for method {preset.method} (it is {method}); leave "
            "out one of them"
        )
    return {**section, "method": method, "args": {**preset.args, **args}}


def preset_text(name: str, args: dict[str, Any]) -> str:
    """What a preset has set, and what of it the user's own arguments are instead."""
    preset = PRESETS[name]
    own = {key: args[key] for key, value in preset.args.items() if args[key] != value}
    values = {"method": preset.method} | {
        key: value for key, value in preset.args.items() if key not in own
    }
    said = f"{name} sets " + ", ".join(f"{key}: {value}" for key, value in values.items())
    if own:
        kept = ", ".join(f"{key}: {value}" for key, value in own.items())
        said += f"; yours in its place: {kept}"
    return f"{said} ({preset.source})"
