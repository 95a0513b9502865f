"""A rubric file and a question to the messages of one call."""

import re
from collections.abc import Set
from typing import NamedTuple

from endpoints.hostile import neutralize
from endpoints.template import Template, fence, fill, nonce, parse_template
from judge.asking.reply import ANSWER_LETTERS
from judge.config import JudgeConfig
from rounds.errors import UserError
from rounds.rows import Messages, Prompt
from rounds.settings import locate

NEEDED = {
    "pointwise": {"prompt", "answer"},
    "pairwise": {"prompt", "a", "b"},
    "listwise": {"prompt", "answers"},
    "write": {"prompt", "n"},
    "answer": {"questions", "answer"},
}
BESIDE = {
    "reference": "A right answer (it need not be matched word for word)",
    "guidelines": "What to mind here",
}
"""What a prompt row may say for the judge; its words stand after the prompt where the rubric has no
place of its own for it."""

SHIPPED = {
    "json": "prefloop:prompts/{kind}.txt",
    "token": "prefloop:prompts/token_{kind}.txt",
    "text": "prefloop:prompts/text_{kind}.txt",
}
CRITERIA = "prefloop:prompts/criteria_{kind}.txt"
OF_SUMMARIES = "prefloop:prompts/summary_pairwise.txt"


class Rubrics(NamedTuple):
    """The rubrics of a judge, parsed."""

    pointwise: Template
    pairwise: Template
    listwise: Template | None
    write: Template | None = None
    answer: Template | None = None


def load_rubrics(config: JudgeConfig, own: tuple[str, ...] = ()) -> Rubrics:
    """Read and check the rubric files. Raises UserError naming file and fault.

    `own` are the control tokens of the run's tokenizers, beside those of the one list.
    """
    pointwise, pairwise = _load(config, "pointwise", own), _load(config, "pairwise", own)
    listwise = _load(config, "listwise", own) if config.strategy == "listwise" else None
    if config.strategy != "questions":
        return Rubrics(pointwise, pairwise, listwise)
    asked = config.asked
    write = _read("judge.questions.write", asked.write, NEEDED["write"])._replace(own=own)
    answer = _read("judge.questions.answer", asked.answer, NEEDED["answer"])._replace(own=own)
    return Rubrics(pointwise, pairwise, listwise, write, answer)


def rubric_texts(config: JudgeConfig) -> dict[str, str]:
    """The text of each rubric by its kind, for the manifest of a round."""
    loaded = load_rubrics(config)._asdict().items()
    return {kind: rubric.text for kind, rubric in loaded if rubric}


def pointwise_messages(rubric: Template, secret: bytes, prompt: Prompt, answer: str) -> Messages:
    """The question "how good is this answer?"."""
    values = _prompt_values(rubric, prompt)
    key = nonce(secret, "pointwise", values["prompt"], answer)
    return fill(rubric, {**values, "answer": fence("A", answer, key, rubric.own)})


def pairwise_messages(
    rubric: Template, secret: bytes, prompt: Prompt, first: str, second: str
) -> Messages:
    """The question "which is better?", with `first` shown as A and `second` as B."""
    values = _prompt_values(rubric, prompt)
    key = nonce(secret, "pairwise", values["prompt"], first, second)
    a, b = fence("A", first, key, rubric.own), fence("B", second, key, rubric.own)
    return fill(rubric, {**values, "a": a, "b": b})


def listwise_messages(
    rubric: Template, secret: bytes, prompt: Prompt, answers: list[str]
) -> Messages:
    """The question "which is the best, which the worst?", the answers named A, B, C ..."""
    values = _prompt_values(rubric, prompt)
    key = nonce(secret, "listwise", values["prompt"], *answers)
    fenced = [
        fence(letter, text, key, rubric.own)
        for letter, text in zip(ANSWER_LETTERS, answers, strict=False)
    ]
    return fill(rubric, {**values, "answers": "\n\n".join(fenced)})


def conversation(messages: Messages, own: tuple[str, ...] = ()) -> str:
    """A prompt as the judge reads it: the text alone, or the turns with who said them."""
    if len(messages) == 1:
        return neutralize(messages[0]["content"], own)
    return "\n\n".join(f"{turn['role']}: {neutralize(turn['content'], own)}" for turn in messages)


def _prompt_values(rubric: Template, prompt: Prompt) -> dict[str, str]:
    """What the placeholders that every rubric may have stand for.

    A row with neither reference nor guidelines is asked about in the rubric's words alone.
    """
    given = {
        "reference": neutralize(prompt.get("reference") or "", rubric.own),
        "guidelines": neutralize(prompt.get("guidelines") or "", rubric.own),
    }
    without_place = [
        f"{BESIDE[name]}: {text}"
        for name, text in given.items()
        if text and f"{{{name}}}" not in rubric.text
    ]
    shown = [conversation(prompt["messages"], rubric.own), "\n".join(without_place)]
    named = {name: text or "none" for name, text in given.items()}
    return {"prompt": "\n\n".join(filter(None, shown)), **named}


def _load(config: JudgeConfig, kind: str, own: tuple[str, ...]) -> Template:
    shipped = CRITERIA if config.criteria and kind != "listwise" else SHIPPED[config.channel]
    if config.strategy == "questions" and kind == "pairwise":
        shipped = OF_SUMMARIES
    reference = getattr(config.rubrics, kind) or shipped.format(kind=kind)
    rubric = _read(f"judge.rubrics.{kind}", reference, NEEDED[kind], BESIDE.keys())
    for name in config.criteria:
        if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", rubric.text):
            raise UserError(f"judge.criteria.{name}: {locate(reference)} does not speak of {name}")
    return rubric._replace(own=own)


def _read(
    where: str, reference: str, needed: Set[str], optional: Set[str] = frozenset()
) -> Template:
    """A template file. Raises UserError that begins with `where`, its config key."""
    path = locate(reference)
    try:
        return parse_template(path.read_text(encoding="utf-8"), needed, optional)
    except FileNotFoundError:
        raise UserError(f"{where}: no such file {path.resolve()}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{where}: {path}: {error}") from error
