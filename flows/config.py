"""The whole config: one tree, read from YAML, overridden by `--set a.b=c`, refused when wrong."""

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_origin

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from endpoints.config import EndpointConfig, Price
from gate.config import GateConfig
from judge.config import JudgeConfig
from judge.menu import LABELS
from judge.voices import HUMAN, is_endpoint
from pairs.config import PairsConfig
from rounds.errors import UserError
from rounds.section import Section
from rounds.shipped import locate
from sampler.config import PolicyConfig, PromptsConfig, SamplerConfig
from trainer.config import FROM_GOLD, TrainerConfig


class GateSection(GateConfig):
    """The gate and, where it has one of its own, its judge."""

    judge: JudgeConfig | None = None
    """Judge of the held-out answers; null takes the labelling judge."""


class Config(Section):
    """A run: what it is called, who answers, who judges, what is trained."""

    name: str
    seed: int = 0
    policy: PolicyConfig
    prompts: PromptsConfig
    endpoints: dict[str, EndpointConfig] = Field(default_factory=dict)
    sampler: SamplerConfig = SamplerConfig()
    judge: JudgeConfig
    pairs: PairsConfig = PairsConfig()
    trainer: TrainerConfig | None = TrainerConfig()
    """null makes pairs and trains nothing."""
    gate: GateSection = GateSection()

    @field_validator("name")
    @classmethod
    def _folder_name(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise ValueError(f"{name!r} is no folder name; letters, digits, '.', '_' and '-'")
        return name

    @model_validator(mode="after")
    def _fits_together(self) -> "Config":
        used = judged_by("judge", self.judge)
        if self.gate.judge:
            used += judged_by("gate.judge", self.gate.judge)
            self._gate_asks_only(self.gate.judge)
        if self.policy.endpoint:
            used.append(("policy.endpoint", self.policy.endpoint))
            if self.trainer is not None:
                raise ValueError(
                    "trainer: must be null, a policy at an endpoint has no weights here"
                )
        if self.trainer is not None and self.trainer.args.get("label_smoothing") == FROM_GOLD:
            if self.judge.gold is None:
                raise ValueError(
                    f"trainer.args.label_smoothing: {FROM_GOLD} needs judge.gold; give a number, "
                    "or a gold set"
                )
        self._judges_can()
        self._candidates_fit()
        if self.trainer is not None and self.prompts.gate == 0:
            raise ValueError("prompts.gate: 0 leaves the gate nothing to decide on")
        for key, endpoint in used:
            if endpoint not in self.endpoints:
                there = ", ".join(sorted(self.endpoints)) or "none is defined"
                raise ValueError(f"{key}: no endpoint {endpoint!r} under endpoints ({there})")
        self._endpoints_can()
        return self

    @staticmethod
    def _gate_asks_only(judge: JudgeConfig) -> None:
        """What a judge of labels can have beside would go unused at the gate."""
        if isinstance(judge.tau, str):
            raise ValueError(
                f"gate.judge.tau: {judge.tau} is for labels, the gate's judge takes a number"
            )
        for name in ("appeal", "batch", "budget", "gold"):
            if getattr(judge, name) != JudgeConfig.model_fields[name].default:
                raise ValueError(f"gate.judge.{name}: is for labels, leave it out here")

    def _judges_can(self) -> None:
        first, strategy = self.judge.jury[0], self.judge.strategy
        if first.startswith(HUMAN) and strategy == "screen_confirm":
            raise ValueError(
                f"judge.strategy: screen_confirm needs scores, and {first} has comparisons; take "
                "pairwise, random_pair, tournament or round_robin"
            )
        if strategy == "listwise" and not is_endpoint(first):
            raise ValueError(
                f"judge.strategy: listwise asks an endpoint for rankings, and {first} is none"
            )

    def _endpoints_can(self) -> None:
        first = self.endpoints.get(self.judge.jury[0])
        if self.judge.batch and (first is None or first.base_url is None):
            name = self.judge.jury[0]
            raise ValueError(
                f"judge.batch: is for an endpoint with a Batch API, and {name} has no base_url"
            )
        labelling = filter(is_endpoint, [*self.judge.jury, *self.judge.appealed_to])
        free = all(self.endpoints[name].price == Price() for name in labelling)
        if self.judge.budget.cost and free:
            raise ValueError("judge.budget.cost: no judge has a price; set endpoints.NAME.price")

    def _candidates_fit(self) -> None:
        n, strategy = self.sampler.n, self.judge.strategy
        if strategy == "pairwise" and n != 2:
            raise ValueError(f"judge.strategy: pairwise compares two, sampler.n is {n}")
        if strategy == "listwise" and n > len(LABELS):
            raise ValueError(
                f"judge.strategy: listwise ranks {len(LABELS)} at most, sampler.n is {n}"
            )

    @property
    def held_out_judge(self) -> JudgeConfig:
        """The judge of the gate."""
        return self.gate.judge or self.judge

    @property
    def secret_blocks(self) -> bool:
        """Whether a key is kept in a Prefect Secret block."""
        return any(self.endpoints[name].api_key_block for name in self.used_endpoints)

    @property
    def used_endpoints(self) -> set[str]:
        """Names of the endpoints that this run calls."""
        judges = [*judged_by("judge", self.judge), *judged_by("gate", self.held_out_judge)]
        return {name for name in (self.policy.endpoint, *(name for _, name in judges)) if name}


def judged_by(where: str, judge: JudgeConfig) -> list[tuple[str, str]]:
    """The endpoints that a judge asks, each with the key that names it."""
    return [(key, name) for key, name in named_judges(where, judge) if is_endpoint(name)]


def named_judges(where: str, judge: JudgeConfig) -> list[tuple[str, str]]:
    """Everyone who judges, endpoints or not, each with the key that names them."""
    named = [(f"{where}.endpoint", name) for name in judge.jury]
    named += [(f"{where}.appeal.endpoint", name) for name in judge.appealed_to]
    if judge.health.second is not None:
        named.append((f"{where}.health.second", judge.health.second))
    return named


def load_config(reference: str, overrides: list[str] | None = None) -> Config:
    """Read, override and validate a config. Raises UserError naming file and key.

    `reference` is a file, or the bare name of a shipped example ("starter").
    """
    path = _find(reference)
    try:
        tree = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise UserError(f"{path}{line}: not YAML ({problem})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text file ({error.reason})") from error
    if not isinstance(tree, dict):
        raise UserError(f"{path}: holds no mapping; a config begins with `name: ...`")
    for override in overrides or []:
        _override(tree, override)
    _judge_by_policy(tree)
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        lines = [_explain(entry, tree) for entry in error.errors()]
        raise UserError(f"{path}: " + "; ".join(dict.fromkeys(lines))) from error


def dump_config(config: Config) -> str:
    """The resolved config as YAML. It never holds a secret, only where one is kept."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


class _Loader(yaml.SafeLoader):
    """YAML in which 5e-7 is a number, as in YAML 1.2 and in every other config of this field, and
    in which a key that stands twice is an error and not the last one.
    """

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"{key.value} stands twice", problem_mark=key.start_mark
                    )
                seen.add(key.value)
        return node


_Loader.yaml_implicit_resolvers = {
    key: list(value) for key, value in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def _judge_by_policy(tree: dict[str, Any]) -> None:
    """`serve: {model: policy}` is the model that the policy began from."""
    policy, endpoints = tree.get("policy"), tree.get("endpoints")
    model = policy.get("model") if isinstance(policy, dict) else policy
    for section in endpoints.values() if isinstance(endpoints, dict) else ():
        served = section.get("serve") if isinstance(section, dict) else None
        if isinstance(served, dict) and served.get("model") == "policy" and model:
            served["model"] = model


def _find(reference: str) -> Path:
    path = Path(reference)
    if path.is_file():
        return path
    shipped = locate(f"prefloop:examples/{reference}.yaml")
    if "/" not in reference and shipped.is_file():
        return shipped
    names = ", ".join(sorted(file.stem for file in locate("prefloop:examples").glob("*.yaml")))
    raise UserError(f"{path}: no such config (shipped ones, by name: {names})")


def _override(tree: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise UserError(f"--set {override}: expected a.b=value")
    *parents, last = key.split(".")
    for parent in parents:
        below = tree.setdefault(parent, {})
        if not isinstance(below, dict):
            below = tree[parent] = {"model": below} if parent == "policy" else {}
        tree = below
    try:
        tree[last] = yaml.load(value, Loader=_Loader)
    except yaml.YAMLError as error:
        raise UserError(f"--set {override}: the value is not YAML") from error


NOT_OURS = {"function-after", "function-before", "str", "int", "float", "list[str]"}
"""What pydantic puts between the keys: validators, and the branches of a choice of types."""


def _explain(entry: Any, tree: Any) -> str:
    """One validation error as `key: what is wrong`, with the nearest right key."""
    location = [part for part in entry["loc"] if part not in NOT_OURS]
    where = ".".join(str(part) for part in location)
    if entry["type"] == "extra_forbidden":
        names = _keys_at(location[:-1])
        near = get_close_matches(str(location[-1]), names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(sorted(names))}"
        return f"{where}: unknown key; {hint}"
    if entry["type"] == "missing":
        return f"{where}: is missing"
    message = entry["msg"].removeprefix("Value error, ")
    given = entry["input"]
    if entry["type"] == "model_type":
        message = f"expected a section with some of {', '.join(_keys_at(location))}"
    if entry["type"] == "literal_error":
        near = get_close_matches(str(given), re.findall(r"'(\w+)'", entry["ctx"]["expected"]), n=1)
        message += f"; did you mean {near[0]}?" if near else ""
    shown = "" if isinstance(given, dict) or given is None else f" (it is {given!r})"
    if not where:
        return message
    within = re.match(r"\w+", message)  # a section's fault begins with the key that it is at
    joined = "." if within and within[0] in _keys_at(location) else ": "
    return f"{where}{joined}{message}{shown}"


def _keys_at(location: list[Any]) -> list[str]:
    """The keys a section knows, found by walking the tree of models along `location`."""
    here: Any = Config
    parts = iter(location)
    for part in parts:
        field = here.model_fields.get(part) if hasattr(here, "model_fields") else None
        if field and get_origin(field.annotation) is dict:
            next(parts, None)  # the name of an entry, which is nobody's field
        here = _model_in(field.annotation) if field else here
    return list(getattr(here, "model_fields", ()))


def _model_in(annotation: Any) -> Any:
    """The pydantic model inside an annotation such as `Model | None` or `dict[str, Model]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = [_model_in(part) for part in getattr(annotation, "__args__", ())]
    return next((model for model in found if model is not None), None)
