"""Whether the sections of a config fit together: what one names is in another, and can be."""

from typing import TYPE_CHECKING

from endpoints.config import Price
from flows.fits_training import check_training_fits
from judge.asking.reply import ANSWER_LETTERS
from judge.config import HUMAN, JudgeConfig, Select, is_endpoint
from judge.strategies import STRATEGIES
from rounds.mirror.address import check_address
from sampler.dealing.config import generate_section

if TYPE_CHECKING:
    from flows.config import Config


def check_fits(config: "Config") -> None:
    """Raise ValueError, beginning with the key, for the first thing that contradicts another."""
    if config.mirror is not None:
        try:
            check_address(config.mirror)
        except ValueError as error:  # not said with its value, which may hold a key
            raise ValueError(f"mirror: {error}") from None
    _strategy_selects("judge", config.judge)
    if config.gate.judge:
        _strategy_selects("gate.judge", config.gate.judge)
        _gate_asks_only(config.gate.judge)
    check_training_fits(config)
    if config.gate.sequential and config.held_out_judge.strategy == "questions":
        raise ValueError(
            "gate.sequential: does not go with strategy: questions, by which a comparison "
            "counts once its questions are answered; leave it out, or give gate.judge another"
        )
    _judges_can(config)
    _delta_sources_are_there(config)
    _candidates_fit(config)
    _endpoints_are_there(config)
    _endpoints_can(config)


def _endpoints_are_there(config: "Config") -> None:
    for key, endpoint in config.named_endpoints:
        if endpoint not in config.endpoints:
            defined = ", ".join(sorted(config.endpoints)) or "none is defined"
            raise ValueError(f"{key}: no endpoint {endpoint!r} under endpoints ({defined})")


def _strategy_selects(where: str, judge: JudgeConfig) -> None:
    """A strategy without scores would pass `select` over."""
    if judge.select != Select() and not STRATEGIES[judge.strategy].selects:
        selecting = ", ".join(name for name, strategy in STRATEGIES.items() if strategy.selects)
        raise ValueError(
            f"{where}.select: {judge.strategy} selects nothing; leave it out, or take {selecting}"
        )


def _gate_asks_only(judge: JudgeConfig) -> None:
    """What a judge of labels can have beside would go unused at the gate."""
    if isinstance(judge.tau, str):
        raise ValueError(
            f"gate.judge.tau: {judge.tau} is for labels, the gate's judge takes a number"
        )
    labels = "strategy questions select scale appeal batch batch_failed budget gold health"
    for name in labels.split():
        if getattr(judge, name) != JudgeConfig.model_fields[name].default:
            raise ValueError(f"gate.judge.{name}: is for labels, leave it out here")


def _delta_sources_are_there(config: "Config") -> None:
    delta, known = config.judge.select.delta, list(config.sampler.counts())
    for key, name in delta.model_dump().items() if delta else ():
        if name not in known:
            raise ValueError(
                f"judge.select.delta.{key}: no source {name!r}; there are {', '.join(known)} "
                "(sampler.also names more)"
            )
        if name in config.sampler.absent_at_first():
            raise ValueError(
                f"judge.select.delta.{key}: {name} has no policy in round 1, so that no round "
                "would make a pair, and none train the policy that it waits for"
            )


def _judges_can(config: "Config") -> None:
    first, strategy = config.judge.jury[0], config.judge.strategy
    if first.startswith(HUMAN) and strategy == "screen_confirm":
        raise ValueError(
            f"judge.strategy: screen_confirm needs scores, and {first} has comparisons; take "
            "pairwise, random_pair, tournament or round_robin"
        )
    lowest, highest = config.judge.scale
    if (config.judge.channel, strategy) == ("token", "screen_confirm") and not (
        0 <= lowest and highest <= 9
    ):
        raise ValueError(
            f"judge.scale: {[lowest, highest]} is beyond one token; with channel: token a "
            "score lies between 0 and 9, [0, 9] for one"
        )
    if strategy == "listwise" and not is_endpoint(first):
        raise ValueError(
            f"judge.strategy: listwise asks an endpoint for rankings, and {first} is none"
        )


def _endpoints_can(config: "Config") -> None:
    first = config.endpoints.get(config.judge.jury[0])
    if config.judge.batch and (first is None or first.base_url is None):
        name = config.judge.jury[0]
        raise ValueError(
            f"judge.batch: is for an endpoint with a Batch API, and {name} has no base_url"
        )
    if config.judge.batch and first is not None and first.servers > 1:
        name = config.judge.jury[0]
        raise ValueError(
            f"judge.batch: is for one server, and endpoints.{name}.base_url names several; "
            "write the one that keeps the batches"
        )
    labelling = filter(is_endpoint, [*config.judge.jury, *config.judge.appealed_to])
    free = all(config.endpoints[name].price == Price() for name in labelling)
    if config.judge.budget.cost and free:
        raise ValueError("judge.budget.cost: no judge has a price; set endpoints.NAME.price")
    if (section := generate_section(config.prompts)) is not None:
        key, generated = section
        if generated.budget.cost and config.endpoints[generated.endpoint].price == Price():
            raise ValueError(
                f"{key}.budget.cost: {generated.endpoint} has no price; set "
                f"endpoints.{generated.endpoint}.price"
            )


def _candidates_fit(config: "Config") -> None:
    n, strategy = config.sampler.candidates, config.judge.strategy
    many = f"sampler.n is {n}" if not config.sampler.also else f"the sampler's sources give {n}"
    if strategy == "pairwise" and n != 2:
        raise ValueError(f"judge.strategy: pairwise compares two, {many}")
    if strategy == "listwise" and n > len(ANSWER_LETTERS):
        raise ValueError(f"judge.strategy: listwise ranks {len(ANSWER_LETTERS)} at most, {many}")
