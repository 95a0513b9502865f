"""The `judge.questions` section: who writes the questions about an article, and how many."""

from typing import Any

from pydantic import Field

from rounds.settings import Section


class Questions(Section):
    """Questions with one right answer each, written once for each prompt's article."""

    endpoint: str | None = None
    """An entry of `endpoints` that writes them; if not given, the first judge. The first judge
    answers them."""
    n: int = Field(5, ge=2, le=20)
    """Questions for each article."""
    write: str = "prefloop:prompts/questions_write.txt"
    """How they are asked for, a template file; placeholders {prompt} {n}."""
    answer: str = "prefloop:prompts/questions_answer.txt"
    """How they are answered from one summary, a template file; placeholders {questions}
    {answer}."""
    sampling: dict[str, Any] = Field(default_factory=dict)
    """Chat-completion arguments for writing them, over temperature 0 and max_tokens 2048; null
    leaves one out. They are answered by `judge.sampling`."""

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments that are sent for writing."""
        merged = {"temperature": 0.0, "max_tokens": 2048, **self.sampling}
        return {name: value for name, value in merged.items() if value is not None}
