"""A rubric file and a question to the messages of one call."""

import re
from typing import NamedTuple

from endpoints.hostile import neutralize
from endpoints.template import Template, fence, fill, nonce, parse_template
from judge.asking.reply import LABELS
from judge.config import JudgeConfig
from rounds.errors import UserError
from rounds.settings import locate
from rounds.tables import Row

Messages = list[dict[str, str]]

NEEDED = {
    "pointwise": {"prompt", "answer"},
    "pairwise": {"prompt", "a", "b"},
    "listwise": {"prompt", "answers"},
}
OPTIONAL = {"reference", "guidelines"}

SHIPPED = {
    "json": "prefloop:prompts/{kind}.txt",
    "token": "prefloop:prompts/token_{kind}.txt",
    "text": "prefloop:prompts/text_{kind}.txt",
}
CRITERIA = "prefloop:prompts/criteria_{kind}.txt"


class Rubrics(NamedTuple):
    """The rubrics of a judge, parsed."""

    pointwise: Template
    pairwise: Template
    listwise: Template | None


def load_rubrics(config: JudgeConfig) -> Rubrics:
    """Read and check the rubric files. Raises UserError naming file and fault."""
    pointwise, pairwise = _load(config, "pointwise"), _load(config, "pairwise")
    listwise = _load(config, "listwise") if config.strategy == "listwise" else None
    return Rubrics(pointwise, pairwise, listwise)


def rubric_texts(config: JudgeConfig) -> dict[str, str]:
    """The text of each rubric by its kind, for the manifest of a round."""
    loaded = load_rubrics(config)._asdict().items()
    return {kind: rubric.text for kind, rubric in loaded if rubric}


def pointwise_messages(rubric: Template, secret: bytes, prompt: Row, answer: str) -> Messages:
    """The question "how good is this answer?"."""
    asked = _asked(prompt)
    key = nonce(secret, "pointwise", asked["prompt"], answer)
    return fill(rubric, {**asked, "answer": fence("A", answer, key)})


def pairwise_messages(
    rubric: Template, secret: bytes, prompt: Row, first: str, second: str
) -> Messages:
    """The question "which is better?", with `first` shown as A and `second` as B."""
    asked = _asked(prompt)
    key = nonce(secret, "pairwise", asked["prompt"], first, second)
    return fill(rubric, {**asked, "a": fence("A", first, key), "b": fence("B", second, key)})


def listwise_messages(rubric: Template, secret: bytes, prompt: Row, answers: list[str]) -> Messages:
    """The question "which is the best, which the worst?", the answers named A, B, C ..."""
    asked = _asked(prompt)
    key = nonce(secret, "listwise", asked["prompt"], *answers)
    fenced = [fence(label, text, key) for label, text in zip(LABELS, answers, strict=False)]
    return fill(rubric, {**asked, "answers": "\n\n".join(fenced)})


def conversation(messages: Messages) -> str:
    """A prompt as the judge reads it: the text alone, or the turns with who said them."""
    if len(messages) == 1:
        return neutralize(messages[0]["content"])
    return "\n\n".join(f"{turn['role']}: {neutralize(turn['content'])}" for turn in messages)


def _asked(prompt: Row) -> dict[str, str]:
    return {
        "prompt": conversation(prompt["messages"]),
        "reference": neutralize(prompt.get("reference") or "none"),
        "guidelines": neutralize(prompt.get("guidelines") or "none"),
    }


def _load(config: JudgeConfig, kind: str) -> Template:
    shipped = CRITERIA if config.criteria and kind != "listwise" else SHIPPED[config.channel]
    path = locate(getattr(config.rubrics, kind) or shipped.format(kind=kind))
    try:
        rubric = parse_template(path.read_text(encoding="utf-8"), NEEDED[kind], OPTIONAL)
    except FileNotFoundError:
        raise UserError(f"judge.rubrics.{kind}: no such file {path.resolve()}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"judge.rubrics.{kind}: {path}: {error}") from error
    for name in config.criteria:
        if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", rubric.text):
            raise UserError(f"judge.criteria.{name}: {path} does not speak of {name}")
    return rubric
