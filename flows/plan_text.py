"""What the plan says in words: prompts, candidates, the gate, and what is trained on beside."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from flows.config import Config
from gate.config import GateConfig
from gate.win_rate import detectable
from rounds.early import PROMOTE, stopped
from rounds.folder import finished_rounds, policy_history, read_metrics
from rounds.lineage import ancestry
from sampler.dealing.cursor import Deal
from trainer.config import TrainerConfig
from trainer.extra import warm_start_due
from trainer.hosted_config import LEAST_PAIRS
from trainer.hosted_estimate import estimated_tokens
from trainer.variants import setting_text, settings_of

POWER = 0.8
TOKENS_A_PAIR = (600, 400)
"""Of a pair, and of its prompt and chosen answer, before a fine-tuning job has measured them."""


def prompts_text(config: Config, deal: Deal) -> str:
    """What the round takes of each source, and what that leaves."""
    sources = config.prompts.finite
    taken = sum(map(len, deal.keys))
    if not taken and not deal.generated:
        return "none left: the round cannot run"
    if deal.epoch > 1:
        new = sum(deal.fresh) - sum(deal.left)
        return f"{taken}, dealt before (epoch {deal.epoch}), {new} new ones among them"
    text = f"{taken} of {sum(deal.fresh)} left" if sources else ""
    if len(sources) > 1:
        each = [
            f"{source.title} {len(keys)} of {count}"
            for source, keys, count in zip(sources, deal.keys, deal.fresh, strict=True)
        ]
        text += f" ({', '.join(each)})"
    if deal.generated:
        text += f"{', ' if text else ''}{deal.generated} to be generated"
    return text


def candidates_text(config: Config, prompts: int) -> str:
    """How many answers, and of whom."""
    counts = config.sampler.counts()
    each = config.sampler.candidates
    if len(counts) == 1:
        return f"{prompts * each} ({each} a prompt)"
    shares = ", ".join(f"{name} {n}" for name, n in counts.items())
    return f"at most {prompts * each} ({each} a prompt: {shares})"


def gate_prompts(held_out: Iterable[Mapping[str, Any]]) -> int:
    """How many of the held-out prompts are the gate's."""
    return sum(row["split"] == "gate" for row in held_out)


def gate_text(config: Config, prompts: int) -> str:
    """What so many gate prompts can show."""
    early = config.gate.early(config.seed)
    if early:
        prompts = early.horizon(prompts)
    if too_few(prompts, config.gate):
        return f"{prompts} prompts{_too_few_text(config.gate)}"
    text = f"{prompts} prompts{_shown_by(prompts, config.gate)}"
    if people := config.gate.people:
        most, least = min(prompts, people.most), min(prompts, people.min_n)
        text += f"; the round then waits for {least} labels by people, {most} where it is close"
    return text


def too_few(prompts: int, gate: GateConfig) -> bool:
    """Whether so many gate prompts, all won, would not promote."""
    if gate.must_exceed == "value":
        return False
    if early := gate.early(0):
        stop = stopped([1.0] * prompts, early, prompts)
        return stop is None or stop.decision != PROMOTE
    return detectable(prompts, gate.confidence, POWER, gate.bar) is None


def _too_few_text(gate: GateConfig) -> str:
    kind = "confidence sequence" if gate.sequential else "interval"
    return (
        f" are too few: all won would not show more than {gate.bar} ({gate.confidence:.0%} {kind})"
    )


def _shown_by(prompts: int, gate: GateConfig) -> str:
    if gate.must_exceed == "value":
        return f", of which the win rate itself must exceed {gate.bar}: that is no test"
    interval = f"{gate.confidence:.0%} interval"
    rate = detectable(prompts, gate.confidence, POWER, gate.bar)
    assert rate is not None, "so few were told before"
    text = (
        f" show a win rate of {rate:.2f} or more to exceed {gate.bar} "
        f"({interval}, power {POWER:.0%}, nothing tied)"
    )
    if gate.sequential:
        text += "; asked about in order until it is decided, they show somewhat less"
    return text


def training_text(config: Config, trainer: TrainerConfig, prompts: int, run_dir: Path) -> str:
    """What is trained on a round of so many prompts, against which reference model, and by whom."""
    pairs = config.most_pairs(prompts)
    if trainer.method != "openai":
        how = "" if trainer.method == "dpo" else f"{trainer.method} on "
        against = f", reference model: {trainer.reference}" if trainer.compares else ""
        text = f"{how}at most {pairs} pairs"
        if lines := trainer.kto:
            text = (
                f"{how}answers scored {lines.above:g} or more, or {lines.below:g} or less, at most "
                f"{prompts * config.sampler.candidates}; with too few of them on the pairs"
            )
        text += _weighted_text(trainer) + against
        if trainer.sweep is None:
            return text
        settings = "; ".join(map(setting_text, settings_of(trainer.sweep)))
        return f"{text}; {len(trainer.variants)} variants, of which one is taken ({settings})"
    tokens, first = hosted_tokens(trainer, pairs, run_dir)
    price = trainer.openai.price if trainer.openai else None
    jobs = "a supervised job, then one by DPO" if first else "a job by DPO"
    text = f"at most {pairs} pairs, {jobs} at {config.policy.endpoint}: about {tokens:,} tokens"
    text += f", {tokens * price / 1e6:.2f}" if price else ", no price given"
    most = trainer.openai.max_cost if trainer.openai else None
    if price and most is not None and tokens * price / 1e6 > most:
        text += f"; trainer.openai.max_cost is {most:g}: a round that keeps so many sends nothing"
    return f"{text}; of fewer than {LEAST_PAIRS} pairs none is trained"


def _weighted_text(trainer: TrainerConfig) -> str:
    """How much which pair teaches, where that is not the same."""
    if (weights := trainer.weights) is None:
        return ""
    by = ["the judge's probability"] if weights.by == "probability" else []
    by += [f"{name} x {factor:g}" for name, factor in weights.sources.items()]
    return f", weighted by {', '.join(by)}"


def hosted_tokens(trainer: TrainerConfig, pairs: int, run_dir: Path) -> tuple[int, bool]:
    """The tokens that fine-tuning jobs train on in the next round, estimated, and whether one is
    supervised.
    """
    done = finished_rounds(run_dir)
    first = bool(trainer.openai and trainer.openai.supervised_first and not _standing(run_dir))
    measured = (read_metrics(done[-1]).get("train") or {}) if done else {}
    known, of = measured.get("epoch_tokens"), measured.get("pairs")
    a_pair = (known["dpo"] / of, known["supervised"] / of) if known and of else TOKENS_A_PAIR
    return estimated_tokens(trainer, pairs * a_pair[0], pairs * a_pair[1], first), first


def _standing(run_dir: Path) -> list[Path]:
    """The rounds whose policies the one in place came from."""
    history = policy_history(run_dir)
    return ancestry(run_dir, history["current"]["policy_id"]) if history else []


def trained_beside_text(trainer: TrainerConfig, run_dir: Path) -> str:
    """The warm start, until a policy trained with it is in place, and the replay."""
    parts = []
    if trainer.warm_start and warm_start_due(_standing(run_dir)):
        limit = trainer.warm_start.limit
        most = f" (at most {limit})" if limit is not None else ""
        parts.append(f"warm start from {trainer.warm_start}{most}")
    if trainer.replay:
        sources = ", ".join(map(str, trainer.replay.data))
        last = "" if trainer.replay.last is None else f" (the last {trainer.replay.last})"
        share = f"{trainer.replay.share:.0%} of all that is trained on"
        parts.append(f"replay of {sources}{last}, {share}")
    return "; ".join(parts)
