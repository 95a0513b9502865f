"""The model card of a published policy: what it was made from, by what, and how good it is."""

from typing import Any

import yaml

from rounds.card import MARK
from rounds.card_text import dropped, fenced, judges, made_with, policies, rounds_table
from rounds.folder import by_people, read_manifest, read_metrics, round_number, run_of
from rounds.win_rate_lines import win_rate_lines
from trainer.publish.choice import Choice

CARD = "README.md"
KEY = "prefloop"
"""Of the card's front: which policy of which run it is, and the files that were published."""
THEIRS = ("license", "license_name", "license_link")
"""Of the front: what whoever publishes has written there, and finds again."""


def model_card(choice: Choice, files: list[str], weights: str, title: str, old_front: Any) -> str:
    """The card as text. `files` are those beside it, `weights` the hash of what was written,
    `old_front` the front of the card that it replaces.
    """
    manifests = [read_manifest(folder) or {} for folder in choice.rounds]
    last, number = manifests[-1], round_number(choice.folder)
    trainer = (last.get("config") or {}).get("trainer") or {}
    front: dict[str, Any] = {}
    if isinstance(old_front, dict):
        front |= {name: old_front[name] for name in THEIRS if name in old_front}
    front |= {
        "library_name": "peft" if choice.form == "adapter" else "transformers",
        "pipeline_tag": "text-generation",
        **({"base_model": choice.base} if choice.base else {}),
        "tags": ["trl", trainer.get("method", "dpo"), "preference", MARK],
        KEY: {
            "run": run_of(choice.folder).name,
            "round": number,
            "policy_id": choice.policy.policy_id,
            "weights": weights,
            "form": choice.form,
            "files": sorted([CARD, *files]),
        },
    }
    parts = [
        f"---\n{yaml.safe_dump(front, sort_keys=False).strip()}\n---",
        f"# {title}",
        _what_it_is(choice, number),
        "## Use",
        _use(choice),
        "## Win rates",
        _win_rates(choice),
        *policies(manifests, _by_hand(choice)),
        *rounds_table(manifests),
        *_training(trainer, read_metrics(choice.folder).get("train") or {}),
        *judges(manifests),
        *dropped(manifests),
        *made_with(manifests),
    ]
    return "\n\n".join(parts) + "\n"


def _what_it_is(choice: Choice, number: int) -> str:
    form = {
        "full": "all weights",
        "merged": "a LoRA adapter merged into its base, added in float32",
        "adapter": f"a LoRA adapter on `{choice.base}`",
    }[choice.form]
    text = (
        f"A policy made by a closed loop of preference data, round {number}: {form}. Its id in the "
        f"run is `{choice.policy.policy_id}`. Made with prefloop."
    )
    decided = _by_hand(choice)
    if not choice.promoted:
        text += "\n\n**The gate refused this policy**"
        text += "." if decided else ": it did not take over in its own run."
    if decided:
        put = decided[-1]["policy"]["policy_id"] == choice.policy.policy_id
        text += "\n\nBy hand it was " + ("put in place." if put else "replaced by another policy.")
    return text + "\n\nNo licence is given here: that of the base and of the data decide it."


def _by_hand(choice: Choice) -> list[dict[str, Any]]:
    """What people decided about the policy."""
    return [
        one
        for one in by_people(run_of(choice.folder))
        if choice.policy.policy_id in (one["policy"]["policy_id"], one["replaced"]["policy_id"])
    ]


def _use(choice: Choice) -> str:
    if choice.form == "adapter":
        code = (
            "from peft import AutoPeftModelForCausalLM\n\n"
            'model = AutoPeftModelForCausalLM.from_pretrained("THIS FOLDER OR REPOSITORY")'
        )
    else:
        code = (
            "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
            'model = AutoModelForCausalLM.from_pretrained("THIS FOLDER OR REPOSITORY")\n'
            'tokenizer = AutoTokenizer.from_pretrained("THIS FOLDER OR REPOSITORY")'
        )
    return f"```python\n{code}\n```"


def _win_rates(choice: Choice) -> str:
    metrics = read_metrics(choice.folder)
    lines = [f"- {what}: {text}" for what, text in win_rate_lines(metrics)]
    reasons = "; ".join(metrics["reasons"])
    decided = "promoted" if choice.promoted else "refused"
    return "\n".join([*(lines or ["- none was measured"]), f"- decision: {decided} ({reasons})"])


def _training(trainer: dict[str, Any], measured: dict[str, Any]) -> list[str]:
    """Method and arguments, on how much."""
    named = ("method", "preset", "reference", "args", "lora", "warm_start", "replay")
    given = {name: trainer[name] for name in named if trainer.get(name) not in (None, {})}
    lines = []
    if (pairs := measured.get("pairs")) is not None:
        lines.append(f"On {pairs} pairs, {measured.get('held_out_pairs') or 0} more held out.")
    if (accuracy := measured.get("held_out_accuracy")) is not None:
        lines.append(f"Held-out preference accuracy {accuracy:.3f} (n={measured['held_out_n']}).")
    text = yaml.safe_dump(given, sort_keys=False) if given else "method: dpo\n"
    return ["## Training", *([" ".join(lines)] if lines else []), fenced(text)]
