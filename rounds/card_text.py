"""What a card says of finished rounds, from their manifests: sections of markdown."""

import re
from collections.abc import Sequence
from typing import Any

Facts = dict[str, Any]


def policies(facts: Sequence[Facts]) -> list[str]:
    """The first policy and the one in place, with the hashes of their weights."""
    first, last = facts[0], facts[-1]
    lines = [f"- The first policy: {_named(first)}, id `{first['initial']['policy_id']}`."]
    if last["in_place"]["policy_id"] == first["initial"]["policy_id"]:
        lines.append(f"- In place after round {last['round']}: still the first.")
    else:
        made = [each for each in facts if _trained(each) == last["in_place"]["policy_id"]]
        of = f"the one trained in round {made[-1]['round']}" if made else "one of an earlier round"
        in_place = f"`{last['in_place']['policy_id']}`"
        lines.append(f"- In place after round {last['round']}: {of}, id {in_place}.")
    if also := _config(last, "sampler", "also"):
        names = ", ".join(f"`{name}`" for name in also)
        lines.append(f"- Answers came from `current`, the policy in place, and from {names}.")
    lines.append("- A policy's id is the hash of its weights, or its endpoint and model.")
    return ["## Policy", "\n".join(lines)]


def judges(facts: Sequence[Facts]) -> list[str]:
    """Who judged, and how."""
    last = facts[-1]
    found = {name: each for each in facts for name in (each["judge_id"] or "").split(", ") if name}
    lines = [f"- `{name}`{_model(each, name)}" for name, each in found.items()] or ["- none"]
    gate = {
        name: each
        for each in facts
        for name in (each.get("gate_judge_id") or "").split(", ")
        if name and name not in found
    }
    lines += [f"- at the gate: `{name}`{_model(each, name)}" for name, each in gate.items()]
    how = [
        f"{key} `{value}`"
        for key in ("strategy", "channel", "tau")
        if (value := _config(last, "judge", key)) is not None
    ]
    return ["## Judge", "\n".join([*lines, *([f"- asked with {', '.join(how)}"] if how else [])])]


def rounds_table(facts: Sequence[Facts]) -> list[str]:
    """A line a round: what went in, what came out, what was decided."""
    lines = [
        "| round | answers of the train prompts | policy in place | pairs kept | dropped "
        "| what became of the policy trained on them |",
        "|---|---|---|---|---|---|",
    ]
    for each in facts:
        counts, decided = each["counts"], each["decision"]["promoted"]
        what = ("promoted" if decided else "not promoted") if each["trained"] else "none trained"
        lines.append(
            f"| {each['round']} | {counts['candidates']} | `{each['policy']['policy_id']}` "
            f"| {counts['pairs']} | {sum(counts['dropped'].values())} | {what} |"
        )
    partial = [
        f"Round {each['round']} is partial: {each['partial']['left_out']} prompts were not judged, "
        f"`judge.budget.{each['partial']['limit']}` was used up."
        for each in facts
        if each.get("partial")
    ]
    return ["## Rounds", "\n".join(lines), *partial]


def dropped(facts: Sequence[Facts]) -> list[str]:
    """Dropped comparisons: a line a reason, a column a round."""
    reasons = sorted({reason for each in facts for reason in each["counts"]["dropped"]})
    if not reasons:
        return ["## Dropped, by reason", "None."]
    heads = [f"round {each['round']}" for each in facts]
    lines = [f"| reason | {' | '.join(heads)} |", "|---" * (len(facts) + 1) + "|"]
    for reason in reasons:
        counts = [str(each["counts"]["dropped"].get(reason, 0)) for each in facts]
        lines.append(f"| {_cell(reason)} | {' | '.join(counts)} |")
    return ["## Dropped, by reason", "\n".join(lines)]


def rubrics(facts: Sequence[Facts]) -> list[str]:
    """Every rubric text in full, with the rounds whose verdicts rest on it."""
    found: dict[str, Facts] = {}
    rounds: dict[str, list[str]] = {}
    for each in facts:
        for rubric in each.get("rubrics", []):
            found[rubric["hash"]] = rubric
            rounds.setdefault(rubric["hash"], []).append(str(each["round"]))
    parts = []
    for name, rubric in found.items():
        where = f"`{rubric['name']}`, hash `{name}`, round {', '.join(rounds[name])}:"
        parts += [where, fenced(rubric["text"])]
    return ["## Rubrics", *parts] if parts else []


def made_with(facts: Sequence[Facts]) -> list[str]:
    """The commands that ran the rounds, and the versions of what ran."""
    commands: dict[str, list[str]] = {}
    for each in facts:
        if each.get("command"):
            commands.setdefault(each["command"], []).append(str(each["round"]))
    parts = []
    for typed, rounds in commands.items():
        parts += command(f"Round {', '.join(rounds)} made by", typed)
    versions = ", ".join(f"{name} {value}" for name, value in facts[-1].get("versions", {}).items())
    if versions:
        parts.append(f"Versions (round {facts[-1]['round']}): {versions}.")
    return ["## Made with", *parts] if parts else []


def command(what: str, typed: str) -> list[str]:
    """A command, word for word."""
    return [f"{what}:", fenced(typed)]


def fenced(text: str) -> str:
    """Text as it is between two fences that nothing in it can close (CommonMark 4.5)."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.rstrip()}\n{fence}"


def _named(facts: Facts) -> str:
    """A policy as the config names it."""
    policy = _config(facts, "policy") or {}
    named = policy.get("model") or policy.get("endpoint") or facts["initial"]["model"]
    adapter = f" with adapter `{policy['adapter']}`" if policy.get("adapter") else ""
    return f"`{named}`{adapter}"


def _model(facts: Facts, judge: str) -> str:
    """The model behind a judge, where the config names one."""
    endpoint = _config(facts, "endpoints", judge.partition("/")[0]) or {}
    model = (endpoint.get("serve") or endpoint).get("model")
    return f" (`{model}`)" if model else ""


def _trained(facts: Facts) -> str | None:
    return facts["trained"] and facts["trained"]["policy_id"]


def _config(facts: Facts, *keys: str) -> Any:
    """A value of the round's config; None where there is none."""
    found: Any = facts.get("config")
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
