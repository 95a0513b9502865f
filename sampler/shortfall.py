"""What a sampling came short of: prompts set aside, candidates not written, answers cut off."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rounds.errors import Stopped
from rounds.places import Places
from rounds.rows import CANDIDATES, PROMPTS
from rounds.tables import iter_rows
from sampler.config import SamplerConfig
from sampler.fit import SHOWN, writer_key
from sampler.writers import Writer


def aside_of(folder: Path, wanted: Places) -> dict[str, Any]:
    """How many of these prompts of a round are set aside, and some of them with the reason."""
    rows = [
        f"{row['source']} ({row['prompt_id']}): {row['set_aside']}"
        for row in iter_rows(folder, PROMPTS, columns=["prompt_id", "source", "set_aside"])
        if row["set_aside"] and row["prompt_id"] in wanted
    ]
    return {"n": len(rows), "shown": rows[:SHOWN]}


def missing_candidates(
    writers: Sequence[Writer], written: Mapping[str, int], answered: int, reasons: Counter[Any]
) -> dict[str, Any]:
    """Of each writer that wrote less than it was asked for: how many are missing, and why most.

    `written` are its train candidates, `answered` the train prompts that anybody answered,
    `reasons` counts by writer and reason. A reference that is not there is not missing.
    """
    missing = {}
    for writer in writers:
        asked = written.get(writer.revises, 0) if writer.revises else writer.n * answered
        count = 0 if writer.policy is None else asked - written.get(writer.name, 0)
        if count > 0:
            own = [(n, reason) for (name, reason), n in reasons.items() if name == writer.name]
            reason = max(own)[1] if own else "no answer"
            missing[writer.name] = {"n": count, "asked": asked, "reason": reason}
    return missing


def sampling_warnings(facts: Mapping[str, Any]) -> list[str]:
    """What a person should know of a sampling that stops nothing."""
    warnings = []
    aside = facts.get("aside")
    if aside and aside["n"]:
        more = f"; and {aside['n'] - len(aside['shown'])} more" if aside["n"] > SHOWN else ""
        prompts = "prompt" if aside["n"] == 1 else "prompts"
        warnings.append(f"{aside['n']} {prompts} set aside: {'; '.join(aside['shown'])}{more}")
    for name, missing in facts.get("missing", {}).items():
        warnings.append(
            f"{writer_key(name)} gave {missing['asked'] - missing['n']} of {missing['asked']} "
            f"candidates: {missing['reason']}"
        )
    return warnings


def check_set_aside(config: SamplerConfig, facts: Mapping[str, Any]) -> None:
    """Raise Stopped where prompts were set aside and the config does not go on without them."""
    if config.unanswerable == "stop" and facts["set_aside"]:
        raise Stopped(
            f"sampler.unanswerable: {sampling_warnings({'aside': facts['aside']})[0]}. Take them "
            "out of the prompts, or set_aside to go on without them"
        )


def check_cut_off(folder: Path, config: SamplerConfig, writers: Sequence[Writer]) -> None:
    """Raise Stopped where more train answers of a round are cut off than sampler.max_cut_off."""
    if config.max_cut_off is None:
        return
    cut, total = Counter[str](), Counter[str]()
    by_name = {writer.name: writer for writer in writers if writer.policy is not None}
    for row in iter_rows(folder, CANDIDATES, ["train"], ["source", "finish_reason"]):
        if row["source"] in by_name:
            total[row["source"]] += 1
            cut[row["source"]] += row["finish_reason"] == "length"
    share = cut.total() / max(total.total(), 1)
    if share <= config.max_cut_off:
        return
    counts = ", ".join(
        f"{name} {cut[name]} of {total[name]} at {_limit(by_name[name])}" for name in total
    )
    key = f"{writer_key(max(cut, key=lambda name: cut[name]))}.sampling"
    raise Stopped(
        f"{share:.0%} of the answers are cut off ({counts}), and no pair is made of such: raise "
        f"max_tokens in {key}, or sampler.max_cut_off ({config.max_cut_off:g}) if that is meant"
    )


def _limit(writer: Writer) -> str:
    limit = writer.sampling.get("max_tokens", writer.sampling.get("max_completion_tokens"))
    return f"max_tokens {limit}" if limit else "the end of the context"
