"""A regression suite of `gate.suites`: prompts, how an answer is scored, what is allowed."""

from pydantic import Field, model_validator

from rounds.settings import Section

PERPLEXITY = "perplexity"
OWN_SCORES = ("exact", "contains", "regex", PERPLEXITY)
"""Scores of our own, by the reference of the prompt's row: perplexity, and what is 1 or 0."""

YOUNG = ("at_most", "rise_at_most")
"""Keys that suites of before have not: while they are null they change no key of a stage."""


class Suite(Section):
    """Prompts that both policies answer, and how much worse the new one may be."""

    prompts: str
    """A file of prompts as `prompts.train` takes them, with a `reference` for our own scores."""
    score: str
    """`exact` (the answer is the reference, but for blanks around it), `contains` (the reference is
    in it), `regex` (the reference is a pattern that is found in it); `perplexity` of the references
    under the policy's weights, of which nothing is sampled and lower is better; or a function,
    `path/to/file.py:function` or `module:function`: it takes (messages, answer, reference) and
    returns a number, higher is better."""
    at_least: float | None = None
    """The least that the new policy's mean score may be."""
    drop_at_most: float | None = Field(None, ge=0)
    """How far below the mean of the policy in place it may be; what chance explains is no drop. 0
    where neither this nor at_least is given."""
    at_most: float | None = Field(None, ge=1)
    """For `perplexity`: the most that the new policy's may be."""
    rise_at_most: float | None = Field(None, ge=0)
    """For `perplexity`: how far above that of the policy in place it may be, in its own unit."""
    seeds: int = Field(3, ge=2)
    """How often the policy in place answers each prompt, each time from another seed: what these
    differ by is what chance does."""

    @property
    def allowed(self) -> float | None:
        """The drop that is allowed; None where only `at_least` counts. Not for perplexity."""
        if self.drop_at_most is None and self.at_least is None:
            return 0.0
        return self.drop_at_most

    @model_validator(mode="after")
    def _known_score(self) -> "Suite":
        if self.score not in OWN_SCORES and ":" not in self.score:
            raise ValueError(
                f"score: {self.score!r} is none of {', '.join(OWN_SCORES)} and no function "
                "(path/to/file.py:function or module:function)"
            )
        return self

    @model_validator(mode="after")
    def _bounds_fit(self) -> "Suite":
        below, above = ("at_least", "drop_at_most"), ("at_most", "rise_at_most")
        others, own = (below, above) if self.score == PERPLEXITY else (above, below)
        for name in others:
            if getattr(self, name) is not None:
                better = "lower" if self.score == PERPLEXITY else "higher"
                raise ValueError(
                    f"{name}: is not for score: {self.score}, of which {better} is better; take "
                    f"{' or '.join(own)}"
                )
        if self.score == PERPLEXITY and self.at_most is None and self.rise_at_most is None:
            raise ValueError("score: perplexity needs at_most or rise_at_most, or both")
        if self.score == PERPLEXITY and self.seeds != type(self).model_fields["seeds"].default:
            raise ValueError("seeds: nothing is sampled for perplexity; leave it out")
        return self
