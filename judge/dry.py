"""The kinds of question that a judge is asked in a round, each about a pair whose answer is known.

They are what `endpoints.settle` tries an endpoint out with.
"""

from collections.abc import Callable, Collection

from endpoints.reply import Reply
from endpoints.settle import DryCall, DryQuestion
from judge.asking.answered import answer_request, writing_body
from judge.asking.channel import Request, read, request_body
from judge.asking.questions import compare_request, rank_request, score_request
from judge.asking.rows import ANSWERS, QUESTIONS, Judge, Question
from judge.asking.rubric import load_rubrics
from judge.asking.written import Written, why_not
from judge.config import JudgeConfig, is_endpoint
from judge.health.config import wanted_accuracy
from judge.health.gold import gold_rows, read_gold
from judge.panel import nonce_secret
from rounds.ids import text_hash
from rounds.rows import Candidate, Prompt
from rounds.tables import by_prompt

CANNED = "prefloop:prompts/canned.jsonl"
PAIRS = 3
"""Pairs that a kind of question is tried on at most."""

CANNED_QUESTIONS = [
    Written(f"What is said {place}?", {letter: f"this {letter}" for letter in "ABCD"}, "A")
    for place in ("first", "last")
]
"""What an endpoint is tried out with where there is no article yet."""

GATE = "gate.judge"
"""The section of a judge that is asked for comparisons alone."""

Ask = Callable[[Judge, Prompt, list[Candidate]], Request]

FIRST_ASKED = {"screen_confirm": "pointwise", "listwise": "listwise", "questions": ANSWERS}
"""What a strategy asks the first of the jury beside comparisons."""

KINDS: dict[str, Ask] = {
    "pointwise": lambda judge, prompt, answers: score_request(judge, prompt, answers[0]),
    "pairwise": lambda judge, prompt, answers: compare_request(
        judge, Question("pairwise", prompt, answers[0], answers[1], "a", "gold")
    ),
    "listwise": rank_request,
    ANSWERS: lambda judge, prompt, answers: answer_request(
        judge, answers[0]["text"], CANNED_QUESTIONS
    ),
}


def judge_questions(where: str, config: JudgeConfig, seed: int) -> list[tuple[str, DryQuestion]]:
    """What a round asks of the endpoints that judge by this section (`judge`, `gate.judge`)."""
    kind = None if where == GATE else FIRST_ASKED.get(config.strategy)
    asked = [(config.jury[0], where, kind)] if kind else []
    if config.writer is not None and where != GATE:
        asked.append((config.writer, where, QUESTIONS))
    asked += [(name, where, "pairwise") for name in config.jury]
    asked += [(name, f"{where}.appeal", "pairwise") for name in config.appealed_to]
    if config.health.second is not None and config.health.sample:
        asked.append((config.health.second, f"{where}.health.second", "pairwise"))
    judge = Judge(config, load_rubrics(config), nonce_secret(seed), [])
    questions = []
    for name, role, kind in asked:
        if is_endpoint(name):
            needs = _needs(where, config, measured=role == where and kind == "pairwise")
            calls = _calls(judge, kind, needs)
            section = f"{where}.questions" if kind == QUESTIONS else where
            questions.append(
                (name, DryQuestion(f"{role}, {kind}", f"{section}.sampling", calls, needs))
            )
    return questions


def _needs(where: str, config: JudgeConfig, measured: bool) -> dict[str, str]:
    """The arguments that the verdicts rest on; a threshold from the gold set rests on theirs."""
    if config.channel == "token":
        return {"logprobs": f"set {where}.channel to json or text, whose verdicts need none"}
    if measured and wanted_accuracy(config.tau) is not None:
        return {"logprobs": f"set {where}.tau to a number, for {config.tau} rests on them"}
    return {}


def _calls(judge: Judge, kind: str, needs: Collection[str]) -> list[DryCall]:
    path = judge.config.gold.path if judge.config.gold else CANNED  # what is asked of it anyway
    prompts, candidates = gold_rows(read_gold(path, "judge.gold.path")[:PAIRS])
    answers = by_prompt(candidates)
    calls = []
    for prompt in prompts:
        pair = answers[prompt["prompt_id"]]
        if kind == QUESTIONS:
            calls.append(_writing(judge, prompt))
            continue
        request = KINDS[kind](judge, prompt, pair)
        texts = [prompt["messages"][-1]["content"], *(answer["text"] for answer in pair)]
        body, rubric = request_body(judge.config, request), text_hash(request.rubric.text)
        reader = _reader(judge.config, request, "logprobs" in needs)
        calls.append(DryCall(body, rubric, 0, texts, reader))
    return calls


def _writing(judge: Judge, prompt: Prompt) -> DryCall:
    """Questions about a canned prompt: whether they hold in it is not asked here."""
    template, n = judge.rubrics.write, judge.config.asked.n
    assert template is not None, "who writes has a template"
    texts = [prompt["messages"][-1]["content"]]
    body = writing_body(judge, prompt)
    return DryCall(body, text_hash(template.text), 0, texts, lambda reply: why_not(reply, n))


def _reader(
    config: JudgeConfig, request: Request, needs_logprobs: bool
) -> Callable[[Reply], str | None]:
    def why_not(reply: Reply) -> str | None:
        if reply.failure is not None:
            return reply.failure
        reason = read(config.channel, reply, request).reason
        return reason or ("missing_logprobs" if needs_logprobs and not reply.logprobs else None)

    return why_not
