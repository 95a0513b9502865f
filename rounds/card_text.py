"""What a card says of finished rounds, from their manifests: sections of markdown."""

import re
from collections.abc import Sequence
from typing import Any

from rounds.rows import HELD_OUT
from rounds.win_rate_lines import win_rate_text

Manifest = dict[str, Any]
"""manifest.json of a finished round."""


def policies(manifests: Sequence[Manifest], by_hand: Sequence[Any] = ()) -> list[str]:
    """The first policy and the one in place, with the hashes of their weights, and what people did
    by hand.
    """
    first, last = manifests[0], manifests[-1]
    lines = [f"- The first policy: {_named(first)}, id `{first['initial']['policy_id']}`."]
    if last["in_place"]["policy_id"] == first["initial"]["policy_id"]:
        lines.append(f"- In place after round {last['round']}: still the first.")
    else:
        in_place = last["in_place"]["policy_id"]
        trained_in = [facts["round"] for facts in manifests if _trained(facts) == in_place]
        of = (
            f"the one trained in round {trained_in[-1]}"
            if trained_in
            else "one of an earlier round"
        )
        lines.append(f"- In place after round {last['round']}: {of}, id `{in_place}`.")
    for one in by_hand:
        did = "promoted" if one["action"] == "promote" else "rolled back to"
        lines.append(
            f"- After round {one['after']} {one['by']} {did} `{one['policy']['policy_id']}`, in "
            f"the place of `{one['replaced']['policy_id']}`: {' '.join(one['why'].split())}"
        )
    if also := _config(last, "sampler", "also"):
        names = ", ".join(f"`{name}`" for name in also)
        lines.append(f"- Answers came from `current`, the policy in place, and from {names}.")
    lines.append("- A policy's id is the hash of its weights, or its endpoint and model.")
    return ["## Policy", "\n".join(lines)]


def judges(manifests: Sequence[Manifest]) -> list[str]:
    """Who judged, and how."""
    last = manifests[-1]
    labelled = _by_judge(manifests, "judge_id")
    decided = _by_judge(manifests, "gate_judge_id")
    lines = [f"- `{judge}`{_model(facts, judge)}" for judge, facts in labelled.items()]
    lines = lines or ["- none"]
    lines += [
        f"- at the gate: `{judge}`{_model(facts, judge)}"
        for judge, facts in decided.items()
        if judge not in labelled
    ]
    how = [
        f"{key} `{value}`"
        for key in ("strategy", "channel", "tau")
        if (value := _config(last, "judge", key)) is not None
    ]
    return ["## Judge", "\n".join([*lines, *([f"- asked with {', '.join(how)}"] if how else [])])]


def rounds_table(manifests: Sequence[Manifest]) -> list[str]:
    """A line a round: what went in, what came out, what was decided."""
    lines = [
        "| round | answers of the train prompts | policy in place | pairs kept | dropped "
        "| gate (decides): win rate vs the one in place | test (reported): the same "
        "| what became of the policy trained on them |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for facts in manifests:
        counts, decided = facts["counts"], facts["decision"]["promoted"]
        what = ("promoted" if decided else "not promoted") if facts["trained"] else "none trained"
        lines.append(
            f"| {facts['round']} | {counts['candidates']} | `{facts['policy']['policy_id']}` "
            f"| {counts['pairs']} | {sum(counts['dropped'].values())} "
            f"| {_win_rate(facts, 'gate')} | {_win_rate(facts, 'test')} | {what} |"
        )
    partial = [
        f"Round {facts['round']} is partial: {facts['partial']['left_out']} prompts were not "
        f"judged, `judge.budget.{facts['partial']['limit']}` was used up."
        for facts in manifests
        if facts.get("partial")
    ]
    rated = any(_win_rate(facts, split) for facts in manifests for split in HELD_OUT)
    ties = ["A tie is half a win, and two identical answers are a tie."] if rated else []
    return ["## Rounds", "\n".join(lines), *ties, *partial]


def dropped(manifests: Sequence[Manifest]) -> list[str]:
    """Dropped comparisons: a line a reason, a column a round."""
    reasons = sorted({reason for facts in manifests for reason in facts["counts"]["dropped"]})
    if not reasons:
        return ["## Dropped, by reason", "None."]
    heads = [f"round {facts['round']}" for facts in manifests]
    lines = [f"| reason | {' | '.join(heads)} |", "|---" * (len(manifests) + 1) + "|"]
    for reason in reasons:
        counts = [str(facts["counts"]["dropped"].get(reason, 0)) for facts in manifests]
        lines.append(f"| {_cell(reason)} | {' | '.join(counts)} |")
    return ["## Dropped, by reason", "\n".join(lines)]


def rubrics(manifests: Sequence[Manifest]) -> list[str]:
    """Every rubric text in full, with the rounds whose verdicts rest on it."""
    by_hash: dict[str, dict[str, str]] = {}
    rounds: dict[str, list[str]] = {}
    for facts in manifests:
        for rubric in facts.get("rubrics", []):
            by_hash[rubric["hash"]] = rubric
            rounds.setdefault(rubric["hash"], []).append(str(facts["round"]))
    parts = []
    for hashed, rubric in by_hash.items():
        where = f"`{rubric['name']}`, hash `{hashed}`, round {', '.join(rounds[hashed])}:"
        parts += [where, fenced(rubric["text"])]
    return ["## Rubrics", *parts] if parts else []


def made_with(manifests: Sequence[Manifest]) -> list[str]:
    """The commands that ran the rounds, and the versions of what ran."""
    commands: dict[str, list[str]] = {}
    for facts in manifests:
        if facts.get("command"):
            commands.setdefault(facts["command"], []).append(str(facts["round"]))
    parts = []
    for typed, rounds in commands.items():
        parts += command(f"Round {', '.join(rounds)} made by", typed)
    versions = ", ".join(
        f"{name} {value}" for name, value in manifests[-1].get("versions", {}).items()
    )
    if versions:
        parts.append(f"Versions (round {manifests[-1]['round']}): {versions}.")
    return ["## Made with", *parts] if parts else []


def command(what: str, typed: str) -> list[str]:
    """A command, word for word."""
    return [f"{what}:", fenced(typed)]


def fenced(text: str) -> str:
    """Text as it is between two fences that nothing in it can close (CommonMark 4.5)."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.rstrip()}\n{fence}"


def _win_rate(manifest: Manifest, split: str) -> str:
    """The win rate of the trained policy against the one in place; empty where there is none."""
    rate = manifest.get("win_rates", {}).get(split, {}).get("win_rate_vs_previous")
    return win_rate_text(rate) if rate else ""


def _named(manifest: Manifest) -> str:
    """A policy as the config names it."""
    policy = _config(manifest, "policy") or {}
    named = policy.get("model") or policy.get("endpoint") or manifest["initial"]["model"]
    adapter = f" with adapter `{policy['adapter']}`" if policy.get("adapter") else ""
    return f"`{named}`{adapter}"


def _model(manifest: Manifest, judge: str) -> str:
    """The model behind a judge, where the config names one."""
    endpoint = _config(manifest, "endpoints", judge.partition("/")[0]) or {}
    model = (endpoint.get("serve") or endpoint).get("model")
    return f" (`{model}`)" if model else ""


def _by_judge(manifests: Sequence[Manifest], column: str) -> dict[str, Manifest]:
    """Each judge that a column of the manifests names, with the last manifest that does."""
    return {
        judge: facts
        for facts in manifests
        for judge in (facts.get(column) or "").split(", ")
        if judge
    }


def _trained(manifest: Manifest) -> str | None:
    return manifest["trained"] and manifest["trained"]["policy_id"]


def _config(manifest: Manifest, *keys: str) -> Any:
    """A value of the round's config; None where there is none."""
    value: Any = manifest.get("config")
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
