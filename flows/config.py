"""The whole config: one tree."""

import yaml
from pydantic import Field, field_validator, model_validator

from endpoints.config import EndpointConfig, Price
from endpoints.hook_config import Hook
from gate.config import GateConfig
from gate.suite_config import PERPLEXITY
from judge.asking.reply import ANSWER_LETTERS
from judge.config import HUMAN, JudgeConfig, Select, is_endpoint
from judge.strategies import STRATEGIES
from pairs.config import PairsConfig
from rounds.folder import RUN_NAME
from rounds.keep import Keep
from rounds.mirror.address import check_address
from rounds.settings import Section
from sampler.config import PolicyConfig, SamplerConfig
from sampler.dealing.config import PromptsConfig, generate_section
from trainer.config import FROM_GOLD, TrainerConfig
from trainer.variants import LEAST_HELD_OUT
from trainer.weights import OWN

NO_LOGPROBS = {
    "logprobs_mode": ("raw_logits", "processed_logits"),
    "kv_sharing_fast_prefill": (True,),
}
"""Arguments of vLLM with which it does not say how likely given tokens are."""


class GateSection(GateConfig):
    """The gate and, where it has one of its own, its judge."""

    judge: JudgeConfig | None = None
    """Judge of the held-out answers; null takes the labelling judge."""


class Config(Section):
    """A run: what it is called, who answers, who judges, what is trained."""

    name: str
    """What the run's folder is called: letters, digits, '.', '_' and '-'."""
    seed: int = 0
    """What every choice by chance follows from: which prompts a round gets, and what is sampled."""
    policy: PolicyConfig
    """The first policy: a folder or a hub id of weights, or a section."""
    prompts: PromptsConfig
    endpoints: dict[str, EndpointConfig] = Field(default_factory=dict)
    sampler: SamplerConfig = SamplerConfig()
    judge: JudgeConfig
    pairs: PairsConfig = PairsConfig()
    trainer: TrainerConfig | None = TrainerConfig()
    """null makes pairs and trains nothing."""
    gate: GateSection = GateSection()
    keep: Keep = Keep()
    """What of finished rounds stays on the disk."""
    on_promotion: list[Hook] = Field(default_factory=list)
    """Commands and webhooks that are told when a policy has come into place; what fails is tried
    again at the next start and undoes no round."""
    mirror: str | None = None
    """Where finished rounds go, and what another machine goes on from: an fsspec address such as
    s3://bucket/folder. Keys come from the environment, never from here."""

    @field_validator("name")
    @classmethod
    def _folder_name(cls, name: str) -> str:
        if not RUN_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no folder name; letters, digits, '.', '_' and '-'")
        return name

    @model_validator(mode="after")
    def _fits_together(self) -> "Config":
        if self.mirror is not None:
            try:
                check_address(self.mirror)
            except ValueError as error:  # not said with its value, which may hold a key
                raise ValueError(f"mirror: {error}") from None
        _strategy_selects("judge", self.judge)
        used = judged_by("judge", self.judge)
        if self.gate.judge:
            _strategy_selects("gate.judge", self.gate.judge)
            used += judged_by("gate.judge", self.gate.judge)
            self._gate_asks_only(self.gate.judge)
        if self.policy.endpoint:
            used.append(("policy.endpoint", self.policy.endpoint))
        self._trained_where_it_is()
        self._kl_is_measured()
        self._perplexity_can_be_measured()
        if (section := generate_section(self.prompts)) is not None:
            key, generated = section
            used.append((f"{key}.endpoint", generated.endpoint))
        used += self.sampler.endpoints()
        if self.trainer is not None and self.trainer.smooths_from_gold:
            if self.judge.gold is None:
                raise ValueError(
                    f"trainer.args.label_smoothing: {FROM_GOLD} needs judge.gold; give a number, "
                    "or a gold set"
                )
        if self.gate.sequential and self.held_out_judge.strategy == "questions":
            raise ValueError(
                "gate.sequential: does not go with strategy: questions, by which a comparison "
                "counts once its questions are answered; leave it out, or give gate.judge another"
            )
        self._judges_can()
        self._delta_sources_are_there()
        self._weights_can_be_known()
        self._variants_can_be_chosen()
        self._scores_answers()
        self._candidates_fit()
        if self.trainer is not None and self.prompts.gate == 0:
            raise ValueError("prompts.gate: 0 leaves the gate nothing to decide on")
        for key, endpoint in used:
            if endpoint not in self.endpoints:
                defined = ", ".join(sorted(self.endpoints)) or "none is defined"
                raise ValueError(f"{key}: no endpoint {endpoint!r} under endpoints ({defined})")
        self._endpoints_can()
        return self

    def _trained_where_it_is(self) -> None:
        if self.trainer is None:
            return
        hosted, endpoint = self.trainer.method == "openai", self.policy.endpoint
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
        served = self.endpoints.get(str(endpoint))
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

    def _kl_is_measured(self) -> None:
        """A KL that is never known refuses every round, once all of it is paid."""
        if self.gate.kl_at_most is None or self.trainer is None:
            return
        if self.trainer.method == "openai":
            raise ValueError(
                "gate.kl_at_most: a policy that is trained at an endpoint has no KL that could be "
                "measured, and every one would be refused; leave it out"
            )
        if self.trainer.processes > 1 or not self.trainer.counted:
            launcher = "accelerate" if self.trainer.ray is None else "ray"
            more = "more" if self.trainer.counted else "one for each GPU without num_processes"
            raise ValueError(
                "gate.kl_at_most: the KL is measured where one process trains, and "
                f"trainer.{launcher} starts {more}: every policy would be refused; leave one of "
                "them out"
            )

    def _perplexity_can_be_measured(self) -> None:
        if self.trainer is None:
            return
        vllm = self.sampler.vllm
        for name, suite in self.gate.suites.items():
            if suite.score != PERPLEXITY:
                continue
            for argument, values in NO_LOGPROBS.items():
                if (given := vllm.get(argument)) in values:
                    raise ValueError(
                        f"gate.suites.{name}.score: perplexity is read from what vLLM says of "
                        f"given tokens, which sampler.vllm.{argument}: {given} changes; leave "
                        "one of them out"
                    )
            if self.policy.endpoint:
                raise ValueError(
                    f"gate.suites.{name}.score: perplexity is measured with the policy's weights, "
                    f"and {self.policy.endpoint} does not say how likely a given answer is; take "
                    "another score"
                )

    @staticmethod
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

    def _delta_sources_are_there(self) -> None:
        delta, known = self.judge.select.delta, list(self.sampler.counts())
        for key, name in delta.model_dump().items() if delta else ():
            if name not in known:
                raise ValueError(
                    f"judge.select.delta.{key}: no source {name!r}; there are {', '.join(known)} "
                    "(sampler.also names more)"
                )
            if name in self.sampler.absent_at_first():
                raise ValueError(
                    f"judge.select.delta.{key}: {name} has no policy in round 1, so that no round "
                    "would make a pair, and none train the policy that it waits for"
                )

    def _weights_can_be_known(self) -> None:
        weights = self.trainer.weights if self.trainer else None
        if weights is None:
            return
        titles = [source.title for source in self.prompts.train]
        for name in weights.sources:
            if name not in (*OWN, *titles):
                raise ValueError(
                    f"trainer.weights.sources: {name!r} is none of {', '.join((*OWN, *titles))}"
                )
        silent = all(weights.sources.get(title) == 0 for title in titles)
        if silent and self.trainer is not None and not self.trainer.taught_beside:
            raise ValueError(
                "trainer.weights.sources: every source of prompts.train has 0, so that no pair of "
                "a round teaches"
            )
        judge = self.judge
        probable = judge.arguments.get("logprobs") and not judge.criteria
        if weights.by == "probability" and not (probable and any(map(is_endpoint, judge.jury))):
            why = "there are none without logprobs"
            if judge.criteria:
                why = "criteria have none"
            elif not any(map(is_endpoint, judge.jury)):
                why = f"{judge.jury[0]} is no endpoint"
            raise ValueError(f"trainer.weights.by: probability needs the judge's, and {why}")

    def _variants_can_be_chosen(self) -> None:
        if self.trainer is None or self.trainer.sweep is None:
            return
        a_prompt = self.judge.select.pairs if STRATEGIES[self.judge.strategy].selects else 1
        most, share = self.prompts.per_round * a_prompt, self.trainer.held_out_pairs
        if int(most * share) < LEAST_HELD_OUT:
            raise ValueError(
                f"trainer.sweep: its variants are told apart on {LEAST_HELD_OUT} held-out pairs or "
                f"more; trainer.held_out_pairs: {share:g} of at most {most} pairs a round is "
                f"{int(most * share)}: raise it, or prompts.per_round"
            )

    def _judges_can(self) -> None:
        first, strategy = self.judge.jury[0], self.judge.strategy
        if first.startswith(HUMAN) and strategy == "screen_confirm":
            raise ValueError(
                f"judge.strategy: screen_confirm needs scores, and {first} has comparisons; take "
                "pairwise, random_pair, tournament or round_robin"
            )
        lowest, highest = self.judge.scale
        if (self.judge.channel, strategy) == ("token", "screen_confirm") and not (
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

    def _scores_answers(self) -> None:
        lines = self.trainer.kto if self.trainer is not None else None
        if lines is None:
            return
        if self.judge.strategy != "screen_confirm":
            raise ValueError(
                f"trainer.kto: needs the scores of judge.strategy: screen_confirm (it is "
                f"{self.judge.strategy}); leave it out, and KTO learns from the pairs"
            )
        lowest, highest = self.judge.scale
        if lines.above > highest or lines.below < lowest:
            raise ValueError(
                f"trainer.kto: judge.scale goes from {lowest} to {highest}, so nothing would be "
                f"above {lines.above:g} or below {lines.below:g}"
            )

    def _endpoints_can(self) -> None:
        first = self.endpoints.get(self.judge.jury[0])
        if self.judge.batch and (first is None or first.base_url is None):
            name = self.judge.jury[0]
            raise ValueError(
                f"judge.batch: is for an endpoint with a Batch API, and {name} has no base_url"
            )
        if self.judge.batch and first is not None and first.servers > 1:
            name = self.judge.jury[0]
            raise ValueError(
                f"judge.batch: is for one server, and endpoints.{name}.base_url names several; "
                "write the one that keeps the batches"
            )
        labelling = filter(is_endpoint, [*self.judge.jury, *self.judge.appealed_to])
        free = all(self.endpoints[name].price == Price() for name in labelling)
        if self.judge.budget.cost and free:
            raise ValueError("judge.budget.cost: no judge has a price; set endpoints.NAME.price")
        if (section := generate_section(self.prompts)) is not None:
            key, generated = section
            if generated.budget.cost and self.endpoints[generated.endpoint].price == Price():
                raise ValueError(
                    f"{key}.budget.cost: {generated.endpoint} has no price; set "
                    f"endpoints.{generated.endpoint}.price"
                )

    def _candidates_fit(self) -> None:
        n, strategy = self.sampler.candidates, self.judge.strategy
        many = f"sampler.n is {n}" if not self.sampler.also else f"the sampler's sources give {n}"
        if strategy == "pairwise" and n != 2:
            raise ValueError(f"judge.strategy: pairwise compares two, {many}")
        if strategy == "listwise" and n > len(ANSWER_LETTERS):
            raise ValueError(
                f"judge.strategy: listwise ranks {len(ANSWER_LETTERS)} at most, {many}"
            )

    @property
    def held_out_judge(self) -> JudgeConfig:
        """The judge of the gate."""
        return self.gate.judge or self.judge

    @property
    def trains_here(self) -> bool:
        """Whether rounds leave weights on this machine."""
        return self.trainer is not None and self.trainer.method != "openai"

    @property
    def secret_blocks(self) -> bool:
        """Whether a key is kept in a Prefect Secret block."""
        return any(self.endpoints[name].api_key_block for name in self.used_endpoints)

    @property
    def used_endpoints(self) -> set[str]:
        """Names of the endpoints that this run calls."""
        judges = [*judged_by("judge", self.judge), *judged_by("gate", self.held_out_judge)]
        if (section := generate_section(self.prompts)) is not None:
            judges.append((section[0], section[1].endpoint))
        judges += self.sampler.endpoints()
        return {name for name in (self.policy.endpoint, *(name for _, name in judges)) if name}


def _strategy_selects(where: str, judge: JudgeConfig) -> None:
    """A strategy without scores would pass `select` over."""
    if judge.select != Select() and not STRATEGIES[judge.strategy].selects:
        selecting = ", ".join(name for name, strategy in STRATEGIES.items() if strategy.selects)
        raise ValueError(
            f"{where}.select: {judge.strategy} selects nothing; leave it out, or take {selecting}"
        )


def judged_by(where: str, judge: JudgeConfig) -> list[tuple[str, str]]:
    """The endpoints that a judge asks, each with the key that names it."""
    return [(key, name) for key, name in named_judges(where, judge) if is_endpoint(name)]


def named_judges(where: str, judge: JudgeConfig) -> list[tuple[str, str]]:
    """Everyone who judges, endpoints or not, each with the key that names them."""
    named = [(f"{where}.endpoint", name) for name in judge.jury]
    if judge.writer is not None and judge.writer not in judge.jury:
        named.append((f"{where}.questions.endpoint", judge.writer))
    named += [(f"{where}.appeal.endpoint", name) for name in judge.appealed_to]
    if judge.health.second is not None:
        named.append((f"{where}.health.second", judge.health.second))
    return named


def dump_config(config: Config) -> str:
    """The resolved config as YAML. It never holds a secret, only where one is kept."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
