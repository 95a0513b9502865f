"""The `pairs` section: which confirmed comparisons become pairs."""

from typing import Literal

from pydantic import Field

from rounds.settings import Section
from texts.leaks import LeakLimits

YOUNG = ("max_pairs", "max_length_gap")
"""Keys that rounds of before do not have; null is as they were."""


class Semantic(Section):
    """Duplicates by meaning, as an embedding of your own sees it."""

    embed: str
    """`path/to/file.py:function` or `module:function`; takes a list of texts, returns a vector for
    each."""
    threshold: float = Field(0.95, gt=0, le=1)
    """Cosine similarity from which two pairs are duplicates; embeddings differ, look at yours."""


class PairsConfig(Section):
    """What is kept; null switches a check off."""

    min_margin: float = Field(0.0, ge=0)
    """Smallest difference of the screen's scores."""
    min_score: float | None = None
    """Smallest screen score of the chosen answer: below it both are bad. Off: scales differ."""
    max_similarity: float | None = Field(0.95, gt=0, le=1)
    """Largest n-gram Jaccard of the two sides. Where they are almost the same text, DPO lowers the
    likelihood of both (arXiv 2402.13228); one changed word in 120 gives 0.95."""
    loops: bool = True
    """Drop a pair with a side that repeats itself over and over."""
    refusals: Literal["both", "chosen", "any"] | None = "both"
    """Drop where both sides refuse, or the chosen, or any. Two refusals show no preference; to
    prefer a refusal can be right, for a harmful prompt."""
    language: str | None = None
    """`prompt` (answers in the language of the prompt) or a code such as `de`. Off: most prompts
    say themselves what language they want."""
    max_length_ratio: float | None = Field(None, gt=1)
    """Longer side over shorter side, in characters. Off: a short answer can be the right one, and
    the guard holds the mean."""
    max_length_gap: int | None = Field(None, ge=0)
    """Tokens by which one side may be longer than the other (100 in OLMo 3's chat pairs, table
    48). A pair with a side whose tokens nobody counted is kept."""
    length_guard: float | None = Field(0.25, gt=0)
    """Bound on mean chosen length minus mean rejected length, as a share of the latter. Beyond it
    the pairs with the largest excess go. Answers of policies alike in strength differ by about
    0.2 under GPT-4's preferences; a policy trained on more learns to be long (arXiv 2403.19159)."""
    length_guard_share: float = Field(0.1, gt=0, le=1)
    """Largest share of the pairs that the guard takes. The first tenth brings the difference down
    most; to the bound it can be half of them (benchmarks/cleaning.py)."""
    held_out_near: float | None = Field(0.8, gt=0, le=1)
    """Share of a held-out prompt of 17 words or more, in runs of five letters, that a passage of a
    prompt may not hold: it is that one in other words."""
    held_out_overlap: float | None = Field(0.5, gt=0, le=1)
    """Share of the 8-grams of a held-out prompt or reference that a pair may not hold (half, as
    in arXiv 2411.15124)."""
    max_pairs: int | None = Field(None, ge=1)
    """Pairs that a round keeps at most, after everything else. Which ones is by hash: the largest
    margins would be the pairs that teach least, and not every judge gives a margin."""
    near_duplicates: float | None = Field(0.8, gt=0, le=1)
    """N-gram Jaccard from which two pairs are duplicates, in this round or an earlier one: of their
    prompts, and of the answers of each side."""
    ngram: int = Field(3, ge=1)
    """Words in an n-gram of `near_duplicates`."""
    semantic: Semantic | None = None

    @property
    def leak_limits(self) -> LeakLimits:
        """How close a pair may come to the held-out prompts."""
        return LeakLimits.of(dict(self))
