"""What of a config has to fit how the policy is trained, and what the gate measures of that."""

from typing import TYPE_CHECKING

from gate.suite_config import PERPLEXITY
from judge.config import is_endpoint
from trainer.config import FROM_GOLD
from trainer.variants import LEAST_HELD_OUT
from trainer.weights import OWN

if TYPE_CHECKING:
    from flows.config import Config

NO_LOGPROBS = {
    "logprobs_mode": ("raw_logits", "processed_logits"),
    "kv_sharing_fast_prefill": (True,),
}
"""Arguments of vLLM with which it does not say how likely given tokens are."""


def check_training_fits(config: "Config") -> None:
    """Raise ValueError, beginning with the key, for what a training contradicts."""
    _trained_where_it_is(config)
    _kl_is_measured(config)
    _perplexity_can_be_measured(config)
    if config.trainer is not None and config.trainer.smooths_from_gold and not config.judge.gold:
        raise ValueError(
            f"trainer.args.label_smoothing: {FROM_GOLD} needs judge.gold; give a number, or a gold "
            "set"
        )
    if config.trainer is not None and config.prompts.gate == 0:
        raise ValueError("prompts.gate: 0 leaves the gate nothing to decide on")
    _weights_can_be_known(config)
    _variants_can_be_chosen(config)
    _scores_answers(config)


def _trained_where_it_is(config: "Config") -> None:
    if config.trainer is None:
        return
    hosted, endpoint = config.trainer.method == "openai", config.policy.endpoint
    if endpoint and not hosted:
        raise ValueError(
            "trainer: a policy at an endpoint has no weights here; trainer.method: openai "
            "trains it there, trainer: null makes pairs alone"
        )
    if hosted and not endpoint:
        raise ValueError(
            "trainer.method: openai trains a policy at an endpoint, and policy names weights; "
            "write policy: {endpoint: NAME}, or leave trainer.method out"
        )
    served = config.endpoints.get(str(endpoint))
    if hosted and served is not None and served.base_url is None:
        raise ValueError(
            f"trainer.method: openai needs a policy at a base_url, and endpoints.{endpoint} is "
            "served here; name its weights as the policy instead"
        )
    if hosted and served is not None and served.servers > 1:
        raise ValueError(
            f"trainer.method: openai trains at one server, and endpoints.{endpoint}.base_url "
            "names several; write the one that keeps the jobs"
        )


def _kl_is_measured(config: "Config") -> None:
    """A KL that is never known refuses every round, once all of it is paid."""
    if config.gate.kl_at_most is None or config.trainer is None:
        return
    if config.trainer.method == "openai":
        raise ValueError(
            "gate.kl_at_most: a policy that is trained at an endpoint has no KL that could be "
            "measured, and every one would be refused; leave it out"
        )
    if config.trainer.processes > 1 or not config.trainer.counted:
        launcher = "accelerate" if config.trainer.ray is None else "ray"
        more = "more" if config.trainer.counted else "one for each GPU without num_processes"
        raise ValueError(
            "gate.kl_at_most: the KL is measured where one process trains, and "
            f"trainer.{launcher} starts {more}: every policy would be refused; leave one of "
            "them out"
        )


def _perplexity_can_be_measured(config: "Config") -> None:
    if config.trainer is None:
        return
    vllm = config.sampler.vllm
    for name, suite in config.gate.suites.items():
        if suite.score != PERPLEXITY:
            continue
        for argument, values in NO_LOGPROBS.items():
            if (given := vllm.get(argument)) in values:
                raise ValueError(
                    f"gate.suites.{name}.score: perplexity is read from what vLLM says of "
                    f"given tokens, which sampler.vllm.{argument}: {given} changes; leave "
                    "one of them out"
                )
        if config.policy.endpoint:
            raise ValueError(
                f"gate.suites.{name}.score: perplexity is measured with the policy's weights, "
                f"and {config.policy.endpoint} does not say how likely a given answer is; take "
                "another score"
            )


def _weights_can_be_known(config: "Config") -> None:
    weights = config.trainer.weights if config.trainer else None
    if weights is None:
        return
    titles = [source.title for source in config.prompts.train]
    for name in weights.sources:
        if name not in (*OWN, *titles):
            raise ValueError(
                f"trainer.weights.sources: {name!r} is none of {', '.join((*OWN, *titles))}"
            )
    silent = all(weights.sources.get(title) == 0 for title in titles)
    if silent and config.trainer is not None and not config.trainer.taught_beside:
        raise ValueError(
            "trainer.weights.sources: every source of prompts.train has 0, so that no pair of "
            "a round teaches"
        )
    judge = config.judge
    probable = judge.arguments.get("logprobs") and not judge.criteria
    if weights.by == "probability" and not (probable and any(map(is_endpoint, judge.jury))):
        why = "there are none without logprobs"
        if judge.criteria:
            why = "criteria have none"
        elif not any(map(is_endpoint, judge.jury)):
            why = f"{judge.jury[0]} is no endpoint"
        raise ValueError(f"trainer.weights.by: probability needs the judge's, and {why}")


def _variants_can_be_chosen(config: "Config") -> None:
    if config.trainer is None or config.trainer.sweep is None:
        return
    most, share = config.most_pairs(), config.trainer.held_out_pairs
    if int(most * share) < LEAST_HELD_OUT:
        raise ValueError(
            f"trainer.sweep: its variants are told apart on {LEAST_HELD_OUT} held-out pairs or "
            f"more; trainer.held_out_pairs: {share:g} of at most {most} pairs a round is "
            f"{int(most * share)}: raise it, or prompts.per_round (pairs.max_pairs)"
        )


def _scores_answers(config: "Config") -> None:
    lines = config.trainer.kto if config.trainer is not None else None
    if lines is None:
        return
    if config.judge.strategy != "screen_confirm":
        raise ValueError(
            f"trainer.kto: needs the scores of judge.strategy: screen_confirm (it is "
            f"{config.judge.strategy}); leave it out, and KTO learns from the pairs"
        )
    lowest, highest = config.judge.scale
    if lines.above > highest or lines.below < lowest:
        raise ValueError(
            f"trainer.kto: judge.scale goes from {lowest} to {highest}, so nothing would be "
            f"above {lines.above:g} or below {lines.below:g}"
        )
