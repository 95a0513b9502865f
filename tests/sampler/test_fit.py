"""Which prompts a model can be asked, known before it is loaded."""

import pytest
from builders import prompt_row
from jinja2 import Environment

from rounds.errors import UserError
from rounds.weights import Policy
from sampler.config import SamplerConfig
from sampler.fit import Asked, Model, check_fit, no_answer, render
from sampler.requests import PromptRequest, WriterRequest
from sampler.writers import Writer, writer_in_place

GEMMA = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
GEMMA += "{% endif %}{% for turn in messages %}{{ turn['content'] }}{% endfor %}"


class Tokenizer:
    """A token a character of what a template makes of the messages."""

    def __init__(self, template: str) -> None:
        environment = Environment()
        environment.globals["raise_exception"] = self._raise
        self.template = environment.from_string(template)

    def apply_chat_template(self, messages: list[dict[str, str]], **_: object) -> list[int]:
        return [*range(len(self.template.render(messages=messages)))]

    @staticmethod
    def _raise(why: str) -> None:
        raise ValueError(why)


def request(text: str, split: str = "train", system: bool = False) -> PromptRequest:
    row = prompt_row(text, split)
    messages = [{"role": "system", "content": "s"}] * system + row["messages"]
    one = [WriterRequest("current", 1, 0)]
    return PromptRequest(row["prompt_id"], split, messages, 0, one, [], f"mine.jsonl:{text[:2]}")


def writer(max_tokens: int | None) -> Writer:
    config = SamplerConfig(sampling={"max_tokens": max_tokens})
    return writer_in_place(config, Policy("m", None, "p0"))


def check(*requests: PromptRequest, stop: bool = False, answered: tuple[str, ...] = ()) -> None:
    tokenizer = Tokenizer(GEMMA)
    model = Model(lambda messages: render(tokenizer, messages), 12)
    check_fit([Asked(model, {"current": writer(4)})], lambda: requests, stop, answered)


def test_a_prompt_has_an_answer_if_template_and_context_take_it():
    tokenizer = Tokenizer(GEMMA)
    assert render(tokenizer, request("ab").messages) == [0, 1]
    refused = render(tokenizer, request("ab", system=True).messages)
    assert refused == "the chat template refuses it (System role not supported)"
    assert no_answer(refused, {}, 99) == refused
    assert no_answer([0] * 8, {"max_tokens": 4}, 12) is None
    assert no_answer([0] * 9, {"max_tokens": 4}, 12) == (
        "9 tokens and 4 for the answer; the model takes 12"
    )
    assert no_answer([0] * 11, {"max_tokens": None}, 12) is None
    assert no_answer([0] * 12, {"max_tokens": None}, 12) is not None


def test_some_that_do_not_fit_are_no_error_unless_it_is_to_stop_there():
    prompts = [request("q1"), request("q2", system=True), request("q3" * 5)]
    check(*prompts)
    with pytest.raises(UserError) as told:
        check(*prompts, stop=True)
    message = str(told.value)
    assert message.startswith("sampler cannot answer 2 of 3 train prompts: mine.jsonl:q2 (")
    assert "the chat template refuses it (System role not supported); mine.jsonl:q3 (" in message


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            request("t" * 20, "test"),
            r"no test prompt fits: mine.jsonl:tt .*; lower max_tokens in",
        ),
        (request("t", "test", True), r"no test prompt fits: .*not supported\); change the prompts"),
    ],
)
def test_a_split_that_is_left_empty_is_told_with_what_helps(asked: PromptRequest, told: str):
    with pytest.raises(UserError, match=told):
        check(request("q1"), asked)
    check(request("q1"), asked, request("t2", "test"))
    check(request("q1"), asked, answered=("test",))


def test_each_writer_is_looked_at_with_its_own_template_and_key():
    plain = Tokenizer("{% for turn in messages %}{{ turn['content'] }}{% endfor %}")
    picky = Tokenizer(GEMMA)
    here = Asked(Model(lambda messages: render(plain, messages), 12), {"current": writer(4)})
    big = writer(4)._replace(name="big")
    there = Asked(Model(lambda messages: render(picky, messages), 12), {"big": big})
    system = request("q1", system=True)
    both = system._replace(writer_requests=[*system.writer_requests, WriterRequest("big", 1, 1)])
    check_fit([here], lambda: [both], True, ())
    with pytest.raises(UserError, match=r"no train prompt fits: mine.jsonl:q1 .*not supported"):
        check_fit([here, there], lambda: [both], False, ())
    with pytest.raises(UserError, match=r"sampler\.also\.big cannot answer 1 of 1 train prompts"):
        check_fit([here, there], lambda: [both], True, ())
