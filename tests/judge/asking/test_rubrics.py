"""Rubric files, and the messages and the body of a call that are made of them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from builders import prompt_row, user

from judge.asking.channel import Request, request_body
from judge.asking.reply import JSON_PAIRWISE, Menu, score_menu
from judge.asking.rubric import (
    CRITERIA,
    NEEDED,
    SHIPPED,
    conversation,
    listwise_messages,
    load_rubrics,
    pairwise_messages,
    pointwise_messages,
)
from judge.config import JudgeConfig
from rounds.errors import UserError
from rounds.settings import locate

PROMPT = prompt_row("What is 2 + 2?")
SECRET = b"of the run"


def config_of(**given: Any) -> JudgeConfig:
    given = {"endpoint": "desk", **given}
    if given.get("channel") == "token":
        given.setdefault("scale", (0, 9))
    return JudgeConfig.model_validate(given)


def refused(**given: Any) -> str:
    with pytest.raises(UserError) as caught:
        load_rubrics(config_of(**given))
    return str(caught.value)


@pytest.mark.parametrize("channel", ["json", "token", "text"])
def test_each_channel_ships_with_its_rubrics(channel: str) -> None:
    loaded = load_rubrics(config_of(channel=channel))
    for kind in ("pointwise", "pairwise"):
        path = locate(SHIPPED[channel].format(kind=kind))
        assert getattr(loaded, kind).text == path.read_text(encoding="utf-8")
    assert loaded.listwise is None


@pytest.mark.parametrize("channel", ["json", "text"])
def test_the_rubric_of_a_list_is_loaded_where_it_is_used(channel: str) -> None:
    loaded = load_rubrics(config_of(channel=channel, strategy="listwise"))
    assert loaded.listwise is not None and "{answers}" in loaded.listwise.user


@pytest.mark.parametrize("stem", ["summary_", "starter/", "criteria_"])
def test_the_other_shipped_rubrics_load(stem: str) -> None:
    names = {kind: f"prefloop:prompts/{stem}{kind}.txt" for kind in ("pointwise", "pairwise")}
    assert load_rubrics(config_of(rubrics=names)).pairwise.text == locate(
        names["pairwise"]
    ).read_text(encoding="utf-8")


def test_every_shipped_rubric_takes_its_candidates_in_the_user_message_only() -> None:
    folder = locate("prefloop:prompts/pairwise.txt").parent
    files = [
        path for path in sorted(folder.rglob("*.txt")) if any(kind in path.name for kind in NEEDED)
    ]
    assert len(files) >= 14
    for path in files:
        system, divider, rest = path.read_text(encoding="utf-8").partition("\n===\n")
        assert divider, path
        assert not re.search(r"\{[a-z_]+\}", system), path
        kind = next(kind for kind in NEEDED if kind in path.name)
        for name in NEEDED[kind]:
            assert rest.count(f"{{{name}}}") == 1, path


@pytest.mark.parametrize(
    ("stem", "scale"),
    [("pointwise", (1, 10)), ("pointwise_5", (1, 5)), ("pointwise_binary", (0, 1))]
    + [("token_pointwise", (0, 9)), ("text_pointwise", (1, 10)), ("criteria_pointwise", (1, 10))],
)
def test_every_score_of_a_shipped_scale_has_an_anchor(stem: str, scale: tuple[int, int]) -> None:
    text = locate(f"prefloop:prompts/{stem}.txt").read_text(encoding="utf-8")
    anchors = re.findall(r"(?m)^ ?(\d{1,2})  \S", text)
    assert [int(anchor) for anchor in anchors] == list(range(scale[0], scale[1] + 1))


def test_a_rubric_that_is_not_there_or_wrong_is_named(tmp_path: Path) -> None:
    assert re.match(
        r"judge.rubrics.pairwise: no such file .*nope.txt",
        refused(rubrics={"pairwise": "nope.txt"}),
    )
    path = tmp_path / "r.txt"
    path.write_text("s\n===\n{prompt} {response}")
    named = {"pointwise": str(path)}
    expected = f"judge.rubrics.pointwise: {path}: unknown placeholder {{response}}"
    assert refused(rubrics=named).startswith(expected)
    path.write_text("s\n===\n{prompt}")
    lists = {"strategy": "listwise", "rubrics": {"listwise": str(path)}}
    assert f"listwise: {path}: missing placeholder {{answers}}" in refused(**lists)


def test_criteria_have_a_rubric_of_their_own_that_must_speak_of_them(tmp_path: Path) -> None:
    loaded = load_rubrics(config_of(criteria={"honesty": 1.0, "style": 0.5}))
    path = locate(CRITERIA.format(kind="pairwise"))
    assert loaded.pairwise.text == path.read_text(encoding="utf-8")
    message = refused(criteria={"honesty": 1.0, "wit": 0.5})  # it says "with", which is not wit
    assert re.match(r"judge.criteria.wit: .*criteria_pointwise.txt does not speak of wit", message)


def test_reference_and_guidelines_are_shown_where_the_prompt_has_them() -> None:
    rubric = load_rubrics(config_of()).pointwise
    given = PROMPT | {"reference": "4 <|im_end|>", "guidelines": "Be brief. {answer}"}
    shown = pointwise_messages(rubric, SECRET, given, "4")[1]["content"]
    assert "word for word): 4 <\\|im_end|>\nWhat to mind here: Be brief. {answer}\n" in shown
    without = pointwise_messages(rubric, SECRET, PROMPT, "4")[1]["content"]
    assert "word for word): none\nWhat to mind here: none\n" in without


def test_what_questions_share_comes_first_and_the_key_after_it() -> None:
    """So that a server keeps what it has read: the prefix is the same for all answers."""
    rubrics = load_rubrics(config_of(strategy="listwise"))
    assert rubrics.listwise is not None
    shown = [
        pointwise_messages(rubrics.pointwise, SECRET, PROMPT, text)[1]["content"]
        for text in ("4", "5")
    ]
    prefixes = {text[: text.index("[A ")] for text in shown}
    assert len(prefixes) == 1 and "What is 2 + 2?" in prefixes.pop()
    assert shown[0] != shown[1]


def test_each_answer_stands_in_its_own_fence_in_the_order_shown() -> None:
    rubrics = load_rubrics(config_of(strategy="listwise"))
    assert rubrics.listwise is not None
    pair = pairwise_messages(rubrics.pairwise, SECRET, PROMPT, "one", "two")[1]["content"]
    swapped = pairwise_messages(rubrics.pairwise, SECRET, PROMPT, "two", "one")[1]["content"]
    fences = r"\[([A-Z]) (\w{8})\]\n(.*)\n\[/\1 \2\]"
    assert [(label, text) for label, _, text in re.findall(fences, pair)] == [
        ("A", "one"),
        ("B", "two"),
    ]
    assert [(label, text) for label, _, text in re.findall(fences, swapped)] == [
        ("A", "two"),
        ("B", "one"),
    ]
    texts = [f"text {number}" for number in range(26)]
    listed = listwise_messages(rubrics.listwise, SECRET, PROMPT, texts)[1]["content"]
    assert [text for _, _, text in re.findall(fences, listed)] == texts


def test_turns_of_a_conversation_are_told_apart() -> None:
    turns = [{"role": "system", "content": "Be <|brief|>."}, *user("Q")]
    assert conversation(turns) == "system: Be <\\|brief|>.\n\nuser: Q"
    assert conversation(turns[1:]) == "Q"


# what is sent


def sent(fields: dict[str, Menu] | None = None, **given: Any) -> dict[str, Any]:
    config = config_of(**given)
    rubric = load_rubrics(config).pairwise
    messages = [{"role": "user", "content": "Q"}]
    return request_body(config, Request(messages, rubric, fields or {"verdict": JSON_PAIRWISE}))


def test_each_channel_sends_its_own_arguments() -> None:
    messages = [{"role": "user", "content": "Q"}]
    as_json = sent()
    assert as_json.pop("response_format")["json_schema"]["name"] == "verdict"
    probabilities = {"logprobs": True, "top_logprobs": 5}
    assert as_json == {
        "messages": messages,
        "temperature": 0.0,
        "max_tokens": 1024,
        **probabilities,
    }
    assert sent(channel="token") == {
        "messages": messages,
        "temperature": 0.0,
        "max_tokens": 1,
        "logprobs": True,
        "top_logprobs": 20,
    }
    assert sent(channel="text") == {"messages": messages, "temperature": 0.0, "max_tokens": 4096}


def test_only_json_asks_for_a_schema() -> None:
    schema = sent({"score": score_menu((1, 3))})["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["score"]["enum"] == [1, 2, 3]
    assert "response_format" not in sent(channel="token")
    assert "response_format" not in sent(channel="text")


def test_the_configs_arguments_go_over_the_channels_and_null_leaves_one_out() -> None:
    given = {"temperature": None, "max_tokens": 9, "extra_body": {"top_k": 1}}
    body = sent(sampling=given)
    assert "temperature" not in body
    assert (body["max_tokens"], body["extra_body"], body["logprobs"]) == (9, {"top_k": 1}, True)


@pytest.mark.parametrize("off", [None, False])
def test_without_probabilities_none_of_their_alternatives_are_asked_for(off: Any) -> None:
    body = sent(sampling={"logprobs": off})
    assert not body.get("logprobs") and "top_logprobs" not in body


def test_what_is_sent_can_be_written_down() -> None:
    assert json.loads(json.dumps(sent())) == sent()
