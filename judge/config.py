"""The `judge` section: who judges, by which rubric, and which candidates are compared."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from endpoints.config import BudgetConfig
from judge.asking.config import Questions
from judge.health.config import Gold, Health, wanted_accuracy
from rounds.settings import Section

PYTHON, HUMAN = "python:", "human:"
"""What the names of judges begin with that are no endpoint."""

YOUNG = ("select.delta",)
"""Keys that rounds of before do not have; null is as they were."""

Channel = Literal["json", "token", "text"]

SAMPLING: dict[Channel, dict[str, Any]] = {
    # five cover a verdict; more are sent for every token of the rationale
    "json": {"temperature": 0.0, "max_tokens": 1024, "logprobs": True, "top_logprobs": 5},
    "token": {"temperature": 0.0, "max_tokens": 1, "logprobs": True, "top_logprobs": 20},
    "text": {"temperature": 0.0, "max_tokens": 4096},
}
"""What is sent where the config does not say otherwise."""

REPLY_FIELDS = {"rationale", "verdict"}
"""Names that a reply's own fields have."""


def is_endpoint(name: str) -> bool:
    """Whether a judge's name is that of an endpoint."""
    return not name.startswith((PYTHON, HUMAN))


def _each_named_once(judges: str | list[str]) -> str | list[str]:
    names = [judges] if isinstance(judges, str) else judges
    if not names or len(set(names)) < len(names):
        raise ValueError("needs at least one judge, each named once")
    return judges


Judges = Annotated[str | list[str], AfterValidator(_each_named_once)]
"""One judge, or a jury."""


Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class RubricFiles(Section):
    """Template files (system message, a line of ===, user message); null takes the channel's own.

    {reference} and {guidelines} may stand in each: the prompt row's, or "none". What has no place
    in a rubric is shown after the prompt, where the row has it.
    """

    pointwise: str | None = None
    """Scores one answer; placeholders {prompt} {answer}."""
    pairwise: str | None = None
    """Compares two answers; placeholders {prompt} {a} {b}."""
    listwise: str | None = None
    """Names the best and the worst of all answers; placeholders {prompt} {answers}."""


class Delta(Section):
    """Two sources of candidates: `current`, or names in sampler.also."""

    better: str
    """The stronger one, whose answers are to be chosen."""
    worse: str
    """The weaker one, whose answers are to be rejected."""

    @model_validator(mode="after")
    def _two(self) -> "Delta":
        if self.better == self.worse:
            raise ValueError(f"better and worse are both {self.better!r}; name two sources")
        return self


class Select(Section):
    """Which candidates are compared, by their scores."""

    rule: Literal["best_worst", "best_random", "best_sigma", "margin_band", "delta"] = "best_worst"
    """The best against the worst; against any other; against the one nearest to the mean minus two
    deviations (arXiv 2502.16825); pairs whose scores differ by a margin inside `band`; or the best
    of a stronger source against the worst of a weaker one (delta learning, arXiv 2507.06187)."""
    delta: Delta | None = None
    """The two sources of rule delta."""
    pairs: int = Field(1, ge=1)
    """Pairs a prompt gives at most. No candidate stands in two of them."""
    tries: int = Field(2, ge=1)
    """Comparisons for one pair: where the judge does not confirm the first two, the second best
    and the second worst have a chance (benchmarks/label_price.py)."""
    min_margin: float = Field(0.25, ge=0)
    """Smallest difference of the scores that is worth a comparison: expected scores are hardly
    ever quite equal."""
    band: tuple[float, float] = (1.0, 4.0)
    """Smallest and largest difference of the scores for margin_band."""

    @field_validator("band")
    @classmethod
    def _smallest_first(cls, band: tuple[float, float]) -> tuple[float, float]:
        if not 0 <= band[0] <= band[1]:
            raise ValueError("expected the smallest difference, then the largest")
        return band

    @model_validator(mode="after")
    def _sources_named(self) -> "Select":
        if (self.rule == "delta") != (self.delta is not None):
            raise ValueError(
                "delta: names the two sources of rule delta, {better: NAME, worse: NAME}, and is "
                "for no other rule"
            )
        return self


class Appeal(Section):
    """Who judges again what the judge could not decide."""

    endpoint: Judges
    """As `judge.endpoint`."""
    max_share: float = Field(0.3, gt=0, le=1)
    """Share of the comparisons that may be appealed; the others stay undecided."""


class JudgeConfig(Section):
    """A judge and how it is asked."""

    endpoint: Judges
    """An entry of `endpoints`, `python:path/to/file.py:function` (or `python:module:function`), or
    `human:FILE`; a list is a jury."""
    strategy: Literal[
        "screen_confirm",
        "listwise",
        "tournament",
        "random_pair",
        "round_robin",
        "pairwise",
        "questions",
    ] = "screen_confirm"
    """Which candidates are compared: see docs/judge.md."""
    questions: Questions | None = None
    """strategy questions: who writes them, and how many; its defaults if not given."""
    select: Select = Select()
    channel: Channel = "json"
    """json: a rationale, then the verdict, held to a schema. token: one token with its
    probability, no rationale. text: free text that closes with the verdict (reasoning judges)."""
    rubrics: RubricFiles = RubricFiles()
    scale: tuple[int, int] = (1, 10)
    """Lowest and highest score of the pointwise rubric, which screen_confirm alone asks for."""
    criteria: dict[str, Weight] = Field(default_factory=dict)
    """Weights by the name that the rubric gives them, one score each; json channel."""
    tau: float | str = 0.7
    """Averaged probability that a winner must reach where the judge gives probabilities, or
    `from_gold(0.9)`: the smallest beyond which the gold set shows it to be right on this share of
    the pairs, also of those to come (one-sided, confidence 0.9). `from_gold(0.9, point)`: the
    smallest that was right on this share of the gold set, which promises nothing of others."""
    sampling: dict[str, Any] = Field(default_factory=dict)
    """Chat-completion arguments of every call, over the channel's own: temperature 0, and but for
    text logprobs. null leaves one out, as reasoning models want it of temperature."""
    batch: bool = False
    """Send the screen through the endpoint's Batch API, at half the price."""
    batch_failed: Literal["stop", "ask", "submit"] = "stop"
    """What becomes of calls that a failed batch did not answer. stop: nothing, the stage ends and
    says why. ask: they are asked one by one, at full price. submit: the next run puts them into a
    new batch."""
    ahead: bool | None = None
    """Ask about a prompt as soon as its candidates are on disk, while others are sampled. null:
    where the judge is at a `base_url` that the sampler does not ask as well. true: also of a model
    that is served here, which then starts beside the sampler, and of one that both ask, which then
    has both's `max_in_flight`. false: once all is sampled."""
    appeal: Appeal | None = None
    budget: BudgetConfig = BudgetConfig()
    gold: Gold | None = None
    health: Health = Health()

    @property
    def jury(self) -> list[str]:
        """Who judges first."""
        return [self.endpoint] if isinstance(self.endpoint, str) else self.endpoint

    @property
    def appealed_to(self) -> list[str]:
        """Who judges what was not decided."""
        if self.appeal is None:
            return []
        judges = self.appeal.endpoint
        return [judges] if isinstance(judges, str) else judges

    @property
    def asked(self) -> Questions:
        """The questions of the strategy of that name."""
        return self.questions or Questions()

    @property
    def writer(self) -> str | None:
        """The endpoint that writes questions; None where none are written."""
        return (self.asked.endpoint or self.jury[0]) if self.strategy == "questions" else None

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments that are sent."""
        merged = SAMPLING[self.channel] | self.sampling
        if not merged.get("logprobs"):
            merged.pop("top_logprobs", None)
        return {name: value for name, value in merged.items() if value is not None}

    @field_validator("tau")
    @classmethod
    def _threshold(cls, tau: float | str) -> float | str:
        value = wanted_accuracy(tau)
        if value is None and not (isinstance(tau, (int, float)) and 0.5 <= tau < 1):
            raise ValueError(
                "expected a number from 0.5 to 1, from_gold(0.9), or from_gold(0.9, point)"
            )
        return tau

    @field_validator("criteria")
    @classmethod
    def _no_reserved_names(cls, criteria: dict[str, float]) -> dict[str, float]:
        if reserved := sorted(criteria.keys() & REPLY_FIELDS):
            raise ValueError(f"{reserved[0]} is a field that every reply has, name it otherwise")
        return criteria

    @model_validator(mode="after")
    def _fits_together(self) -> "JudgeConfig":
        lowest, highest = self.scale
        if lowest >= highest:
            raise ValueError(f"scale: {[lowest, highest]} has no room between lowest and highest")
        if self.channel == "token" and self.strategy == "listwise":
            raise ValueError("channel: one token cannot rank a list; take json or text")
        if self.channel == "token" and not self.arguments.get("logprobs"):
            raise ValueError("sampling.logprobs: the token channel reads its verdict from them")
        if self.criteria and (self.channel != "json" or self.strategy == "listwise"):
            raise ValueError("criteria: are read from the json channel, pointwise and pairwise")
        self._questions_can_be_asked()
        if self.batch and self.strategy != "screen_confirm":
            raise ValueError(
                f"batch: is for the screen of screen_confirm, and {self.strategy} has none"
            )
        if self.batch_failed != "stop" and not self.batch:
            raise ValueError("batch_failed: is for batch: true")
        if self.ahead:
            if self.batch:
                raise ValueError("ahead: a batch is submitted as a whole; leave one of them out")
            if others := [name for name in self.jury if not is_endpoint(name)]:
                raise ValueError(f"ahead: is for endpoints, and {others[0]} is none; leave it out")
        if self.batch and self.budget != BudgetConfig():
            raise ValueError("batch: is submitted as a whole, a budget could not stop it")
        self._gold_can_give_the_threshold()
        self._no_judge_twice()
        return self

    def _questions_can_be_asked(self) -> None:
        if self.strategy != "questions":
            if self.questions is not None:
                raise ValueError("questions: is for strategy: questions")
            return
        if self.channel != "json":
            raise ValueError("channel: questions are answered in json, take that")
        if self.criteria:
            raise ValueError("criteria: a summary is scored by questions, leave them out")
        if self.asked.endpoint is not None and not is_endpoint(self.asked.endpoint):
            raise ValueError(f"questions.endpoint: {self.asked.endpoint} is no endpoint")
        if not is_endpoint(self.jury[0]):
            raise ValueError(
                f"endpoint: {self.jury[0]} cannot answer questions; name an endpoint first"
            )

    def _gold_can_give_the_threshold(self) -> None:
        if not isinstance(self.tau, str):
            return
        if self.gold is None:
            raise ValueError(f"tau: {self.tau} needs judge.gold; give a number, or a gold set")
        if self.criteria or not self.arguments.get("logprobs"):
            why = "criteria have none" if self.criteria else "there are none without logprobs"
            raise ValueError(f"tau: {self.tau} needs probabilities, and {why}; give a number")

    def _no_judge_twice(self) -> None:
        for key, names in (
            ("appeal.endpoint", self.appealed_to),
            ("health.second", [self.health.second] if self.health.second else []),
        ):
            if again := [name for name in names if name in self.jury]:
                raise ValueError(f"{key}: {again[0]} has judged already; name another judge")
