"""How sure a judge is: the probability of every verdict at the place where it was written."""

import asyncio
import json
import math
from typing import Any

import pytest
from builders import candidate_row, prompt_row
from hypothesis import assume, given
from hypothesis import strategies as st

from endpoints.reply import LOGPROBS_KEPT, Reply
from judge.asking.logprobs import Logprobs, distribution, expected_value, probability_of_first
from judge.asking.questions import compare, score
from judge.asking.reply import (
    JSON_PAIRWISE,
    TEXT_PAIRWISE,
    TOKEN_PAIRWISE,
    Choice,
    Value,
    score_menu,
)
from judge.asking.rows import Judge, Juror, Question
from judge.asking.rubric import load_rubrics
from judge.config import JudgeConfig
from rounds.rows import Verdict

Chances = dict[str, float]
TEN = score_menu((1, 10))


def token(written: str | bytes, others: Chances | None = None, p: float = 1.0) -> dict[str, Any]:
    """A token as an endpoint lists it, with what else might have stood there."""

    def entry(piece: str | bytes, chance: float) -> dict[str, Any]:
        data = piece if isinstance(piece, bytes) else piece.encode()
        name = data.decode(errors="replace")
        return {"token": name, "bytes": list(data), "logprob": math.log(chance)}

    top = [entry(written, p), *(entry(piece, chance) for piece, chance in (others or {}).items())]
    return {**entry(written, p), "top_logprobs": top}


def text_of(logprobs: list[dict[str, Any]]) -> str:
    return b"".join(bytes(entry["bytes"]) for entry in logprobs).decode()


def found(
    logprobs: list[dict[str, Any]], before: str, menu: Choice = JSON_PAIRWISE
) -> tuple[dict[Value, float], float] | None:
    """The distribution at the character after `before`."""
    text = text_of(logprobs)
    return distribution(logprobs, text, text.index(before) + len(before), menu)


def approx(**chances: float) -> Any:
    return pytest.approx(chances)


HEAD = [token('{"rationale":'), token(' "x",'), token(' "verdict":')]


@pytest.mark.parametrize(
    "tail",
    [
        [token(' "'), token("A", {"B": 0.2, "tie": 0.1}, 0.7), token('"}')],
        [token(' "A', {' "B': 0.2, ' "t': 0.1}, 0.7), token('"}')],
        [token(' "A"', {' "B"': 0.2, ' "tie"': 0.1}, 0.7), token("}")],
        [token(' "A"}', {' "B"}': 0.2, ' "tie"}': 0.1}, 0.7)],
        [token(' "'), token('A"}', {'B"}': 0.2, "tie": 0.1}, 0.7)],
        [token(' "'), token('A"}', {'B"}': 0.15, "B": 0.05, "t": 0.06, "ti": 0.04}, 0.7)],
        [token(' "'), token("A", {'A"': 0.2, "B": 0.2, "tie": 0.1}, 0.5), token('"}\n')],
    ],
    ids=["apart", "quote and word", "both quotes", "all in one", "word and end", "many", "same"],
)
def test_a_word_is_found_however_the_tokens_are_cut(tail: list[dict[str, Any]]) -> None:
    known = found(HEAD + tail, '"verdict": "')
    assert known is not None
    assert known[0] == approx(A=0.7, B=0.2, tie=0.1) and known[1] == pytest.approx(1)


def test_a_space_before_the_word_does_not_matter() -> None:
    known = distribution(
        [token(" A", {"A": 0.2, " B": 0.1, "B": 0.1}, 0.6)], " A", 1, TOKEN_PAIRWISE
    )
    assert known is not None and known[0] == approx(A=0.6 / 0.7, B=0.1 / 0.7)
    # what does not begin with the space would have put its word elsewhere
    known = distribution([token("A", {" A": 0.2, " B": 0.2}, 0.6)], "A", 0, TOKEN_PAIRWISE)
    assert known is not None and known[0] == approx(A=0.8, B=0.2)


@pytest.mark.parametrize(
    "pieces", [["t", "ie"], ["ti", "e"], ["tie"], ["t", "i", "e"], ["t", 'ie"}']]
)
def test_a_word_of_several_tokens_is_known_by_its_first(pieces: list[str]) -> None:
    rest = [token(piece) for piece in pieces[1:]]
    known = found([*HEAD, token(' "'), token(pieces[0], {"A": 0.4}, 0.6), *rest], '"verdict": "')
    assert known is not None and known[0] == approx(tie=0.6, A=0.4)


def test_what_begins_otherwise_than_the_text_is_left_out() -> None:
    known = found([*HEAD, token(' "A', {"{ B": 0.2, ' "B': 0.2}, 0.6)], '"verdict": "')
    assert known is not None
    assert known[0] == approx(A=0.75, B=0.25) and known[1] == pytest.approx(0.8)


def test_what_is_not_on_the_menu_is_left_out_and_counted() -> None:
    known = found(
        [*HEAD, token(' "'), token("A", {"B": 0.2, "C": 0.1, "The": 0.2}, 0.5)], '"verdict": "'
    )
    assert known is not None
    assert known[0] == approx(A=0.5 / 0.7, B=0.2 / 0.7) and known[1] == pytest.approx(0.7)


def test_a_score_that_is_one_token_has_its_own_probability() -> None:
    known = found(
        [token('{"score": '), token("10", {"1": 0.2, "9": 0.3}, 0.5), token("}")], '"score": ', TEN
    )
    assert known is not None and known[0] == {
        10: pytest.approx(0.5),
        1: pytest.approx(0.2),
        9: pytest.approx(0.3),
    }


@pytest.mark.parametrize(
    ("then", "share"),
    [
        (token("0", {"}": 0.25}, 0.75), 0.75),
        (token("0}", {"}": 0.2, " }": 0.05}, 0.75), 0.75),
        (token("}", {"0": 0.1, "5": 0.5}, 0.4), 0.2),  # 15 is on no menu
        (token("}"), 0.0),
    ],
)
def test_a_digit_that_begins_two_scores_is_told_apart_by_what_follows(
    then: dict[str, Any], share: float
) -> None:
    known = found([token('{"score": '), token("1", {"9": 0.2}, 0.8), then], '"score": ', TEN)
    assert known is not None
    chances = {9: 0.2, 1: 0.8 * (1 - share), 10: 0.8 * share}
    assert {value: known[0].get(value, 0.0) for value in chances} == pytest.approx(chances)
    assert known[1] == pytest.approx(1)


@pytest.mark.parametrize(("unclear", "reported"), [(0.04, True), (0.06, False), (0.4, False)])
def test_too_much_on_a_digit_that_was_not_written_is_unclear(
    unclear: float, reported: bool
) -> None:
    logprobs = [token('{"score": '), token("7", {"1": unclear}, 1 - unclear), token("}")]
    known = found(logprobs, '"score": ', TEN)
    assert (known is not None) == reported
    if known is not None:
        assert set(known[0]) == {7} and known[1] == pytest.approx(1)


def test_a_digit_that_nothing_follows_is_unclear() -> None:
    assert distribution([token("1", {"7": 0.3}, 0.7)], "1", 0, TEN) is None
    assert distribution([token("1", {"7": 0.3}, 0.7)], "1", 0, score_menu((0, 9))) is not None


def test_a_letter_that_begins_several_verdicts_is_unclear() -> None:
    """[[A]] or [[A>B]]: where what follows decides nothing, no probability is made up."""
    whole = [token("[["), token("A", {"B": 0.3}, 0.7), token("]]")]
    known = found(whole, "[[", TEXT_PAIRWISE)
    assert known is None  # what follows B was not written, so 0.3 of it is unclear
    sure = [token("[["), token("A", {"B": 0.01}, 0.99), token("]]", {">": 0.1}, 0.9)]
    known = found(sure, "[[", TEXT_PAIRWISE)
    assert known is not None and known[0] == approx(A=1)
    assert found([token("[["), token("A>B"), token("]]")], "[[", TEXT_PAIRWISE) is not None


def test_the_end_of_a_long_reply_is_enough() -> None:
    words = [token(f" w\xf6rd{number}") for number in range(LOGPROBS_KEPT * 3)]
    whole = [
        token('{"rationale": "'),
        *words,
        token('", "verdict": "'),
        token("B", {"A": 0.25}, 0.75),
        token('"}'),
    ]
    text = text_of(whole)
    known = distribution(whole[-LOGPROBS_KEPT:], text, text.rindex("B"), JSON_PAIRWISE)
    assert known is not None and known[0] == approx(B=0.75, A=0.25)
    assert distribution(whole[-2:], text, text.index("w\xf6rd3"), JSON_PAIRWISE) is None
    assert distribution(whole[-1:], text, text.rindex("B"), JSON_PAIRWISE) is None


@pytest.mark.parametrize("ends", [["<|im_end|>"], ["\n", "</s>"]])
def test_tokens_that_end_the_turn_are_no_text(ends: list[str]) -> None:
    whole = [*HEAD, token(' "'), token("B", {"A": 0.1}, 0.9), token('"}')]
    text = text_of(whole)
    known = distribution([*whole, *map(token, ends)], text, text.index('B"'), JSON_PAIRWISE)
    assert known is not None and known[0] == approx(B=0.9, A=0.1)


def test_thinking_that_is_kept_apart_from_the_text_is_passed_over() -> None:
    reply = [token('{"verdict": "'), token("B", {"A": 0.1}, 0.9), token('"}')]
    text = text_of(reply)
    logprobs = [token("<think>"), token("A\xe9"), token("</think>"), *reply]
    known = distribution(logprobs, text, text.index('B"'), JSON_PAIRWISE)
    assert known is not None and known[0] == approx(B=0.9, A=0.1)


@pytest.mark.parametrize("before", ["caf\xe9 \u5b57", "\U0001f44d\U0001f3fd", "a\u0301"])
def test_text_of_several_bytes_and_characters_cut_in_two_are_passed_over(before: str) -> None:
    data = before.encode()
    split = [token(data[:1]), token(data[1:3]), token(data[3:])]  # a token may hold half of one
    whole = [
        token('{"rationale": "'),
        *split,
        token('", "verdict": "'),
        token("tie", {"A": 0.5}, 0.5),
        token('"}'),
    ]
    known = found(whole, '"verdict": "')
    assert known is not None and known[0] == approx(tie=0.5, A=0.5)


def test_half_a_character_joined_to_the_word_is_no_hindrance() -> None:
    whole = [token(b"x\xc3"), token(b'\xa9 "A', {}, 0.75), token('"')]
    whole[1]["top_logprobs"].append(
        {"token": "?", "bytes": list(b'\xa9 "B'), "logprob": math.log(0.25)}
    )
    known = found(whole, 'x\xe9 "')
    assert known is not None and known[0] == approx(A=0.75, B=0.25)


def test_an_endpoint_that_lists_no_bytes_is_read_by_its_tokens() -> None:
    whole = [*HEAD, token(' "'), token("B", {"A": 0.1}, 0.9), token('"}')]
    text = text_of(whole)
    for entry in whole:
        for one in [entry, *entry["top_logprobs"]]:
            one["bytes"] = None
    whole[0] |= {"token": "\ud83d"}  # half a character; it stands before what is looked for
    known = distribution(whole[1:], text, text.index('B"'), JSON_PAIRWISE)
    assert known is not None and known[0] == approx(B=0.9, A=0.1)
    assert distribution(whole, text, text.index('B"'), JSON_PAIRWISE) is None


@pytest.mark.parametrize("logprobs", [None, []])
def test_without_probabilities_nothing_is_known(logprobs: Logprobs) -> None:
    assert distribution(logprobs, '{"verdict": "A"}', 13, JSON_PAIRWISE) is None


@pytest.mark.parametrize(
    ("text", "place"),
    [('{"verdict": "B"}', 13), ("another text", 3), ('{"verdict": "A"}', 99), ("", 0)],
)
def test_a_text_that_the_tokens_do_not_spell_tells_nothing(text: str, place: int) -> None:
    logprobs = [token('{"verdict": "'), token("A"), token('"}')]
    assert distribution(logprobs, text, place, JSON_PAIRWISE) is None


def test_a_place_with_nothing_of_the_menu_tells_nothing() -> None:
    assert found([token("The", {"But": 0.3}, 0.7)], "") is None


def test_the_written_token_counts_once_and_counts_without_alternatives() -> None:
    nothing: tuple[list[Any] | None, ...] = ([], None)
    for listed in nothing:
        alone = token("A", None, 0.9) | {"top_logprobs": listed}
        known = distribution([alone], "A", 0, JSON_PAIRWISE)
        assert known is not None
        assert known[0] == {"A": 1.0} and known[1] == pytest.approx(0.9)
    unlisted = token("A", {"B": 0.5}, 0.1)  # sampled, but not among the likeliest
    unlisted["top_logprobs"] = unlisted["top_logprobs"][1:]
    known = distribution([unlisted], "A", 0, JSON_PAIRWISE)
    assert known is not None and known[0] == approx(A=0.1 / 0.6, B=0.5 / 0.6)


@given(st.data())
def test_any_distribution_over_any_menu_comes_back(data: st.DataObject) -> None:
    words = data.draw(st.lists(st.text("ABCDxyz", min_size=1, max_size=3), min_size=2, unique=True))
    menu = Choice(dict(zip(words, words, strict=True)))
    weights = data.draw(
        st.lists(st.floats(0.01, 1), min_size=len(words) + 1, max_size=len(words) + 1)
    )
    total = sum(weights)
    chances = {word: weight / total for word, weight in zip(words, weights, strict=False)}
    written = data.draw(st.sampled_from(words))
    others = {word: chance for word, chance in chances.items() if word != written}
    before = data.draw(st.text(max_size=8))
    whole = [token(before), token(written, {**others, "~": weights[-1] / total}, chances[written])]
    known = distribution(whole, before + written, len(before), menu)
    assert known is not None
    assert sum(known[0].values()) == pytest.approx(1)
    assert known[1] == pytest.approx(sum(chances.values()))
    inside = sum(chances.values())
    assert known[0] == pytest.approx({word: chance / inside for word, chance in chances.items()})


@given(
    st.dictionaries(st.text("1023456789 ", min_size=1, max_size=2), st.floats(0.01, 0.3)),
    st.sampled_from(["1", "7", "10"]),
    st.sampled_from(["}", "0", "0}", " "]),
)
def test_whatever_the_tokens_chances_sum_to_one(others: Chances, word: str, then: str) -> None:
    others.pop(word, None)
    assume(sum(others.values()) < 0.9)
    whole = [
        token(word, others, 1 - sum(others.values())),
        token(then, {"0": 0.3} | {"}": 0.2}, 0.5),
    ]
    known = distribution(whole, word + then, 0, TEN)
    if known is not None:
        chances, mass = known
        assert sum(chances.values()) == pytest.approx(1) and 0 < mass <= 1
        assert set(chances) <= set(range(1, 11))
        assert 1 <= expected_value(chances) <= 10


@pytest.mark.parametrize(
    ("chances", "a"),
    [
        ({"A": 1.0}, 1.0),
        ({"B": 1.0}, 0.0),
        ({"tie": 1.0}, 0.5),
        ({"A": 0.5, "B": 0.3, "tie": 0.2}, 0.6),
        ({"A": 0.5, "tie": 0.5}, 0.75),
    ],
)
def test_a_tie_counts_half_for_each(chances: dict[Value, float], a: float) -> None:
    assert probability_of_first(chances, "A", "B") == pytest.approx(a)
    assert probability_of_first(chances, "B", "A") == pytest.approx(1 - a)


@pytest.mark.parametrize(
    ("chances", "mean"), [({7: 1.0}, 7), ({1: 0.5, 10: 0.5}, 5.5), ({3: 0.25, 4: 0.75}, 3.75)]
)
def test_the_expected_score_is_the_mean(chances: dict[Value, float], mean: float) -> None:
    assert expected_value(chances) == pytest.approx(mean)


# the channels

PROMPT = prompt_row()
GOOD, BAD = candidate_row(PROMPT, "good"), candidate_row(PROMPT, "bad", 1)


def asked(
    logprobs: list[dict[str, Any]] | None,
    text: str | None = None,
    channel: str = "token",
    b_first: bool = False,
    pointwise: bool = False,
    **settings: Any,
) -> Verdict:
    """The row of a question that this reply answers."""
    reply = text if text is not None else text_of(logprobs or [])
    scale = (0, 9) if channel == "token" else (1, 10)
    tree = {"endpoint": "desk", "channel": channel, "scale": scale, **settings}
    config = JudgeConfig.model_validate(tree)

    async def ask(body: dict[str, Any], rubric: str, repeat: int = 0, near: str = "") -> Reply:
        return Reply("key", reply, None, logprobs=logprobs)

    voice = Juror("desk/m", ask)
    judge = Judge(config, load_rubrics(config), b"secret", [voice])
    if pointwise:
        return asyncio.run(
            score(judge, voice, Question("pointwise", PROMPT, GOOD, None, None, "screen"))
        )
    first = "b" if b_first else "a"
    question = Question("pairwise", PROMPT, GOOD, BAD, first, "confirm")
    return asyncio.run(compare(judge, voice, question))


def said(row: Verdict) -> tuple[Any, Any]:
    return row["outcome"], row["reason"]


def test_one_token_gives_verdict_and_probability_in_both_orders() -> None:
    logprobs = [token("B", {"A": 0.2, "C": 0.2}, 0.6)]
    row, swapped = asked(logprobs), asked(logprobs, b_first=True)
    assert (row["outcome"], row["probability"]) == ("b", pytest.approx(0.3))
    assert (swapped["outcome"], swapped["probability"]) == ("a", pytest.approx(0.7))


def test_one_token_may_be_a_tie() -> None:
    row = asked([token("C", {"A": 0.2}, 0.8)])
    assert (row["outcome"], row["probability"]) == ("tie", pytest.approx(0.6))


@pytest.mark.parametrize("logprobs", [None, []])
def test_one_token_without_its_probability_is_no_verdict(logprobs: list[Any] | None) -> None:
    assert said(asked(logprobs, "A")) == ("abstain", "missing_logprobs")


@pytest.mark.parametrize(("inside", "read"), [(0.51, True), (0.49, False), (0.1, False)])
def test_one_token_needs_half_of_the_probability_on_the_menu(inside: float, read: bool) -> None:
    row = asked([token("A", {"The": 1 - inside}, inside)])
    assert said(row) == (("a", None) if read else ("abstain", "off_menu"))


@pytest.mark.parametrize("text", ["D", "The", "a", "[[A]]"])
def test_one_token_off_the_menu_is_no_verdict_however_sure(text: str) -> None:
    assert said(asked([token(text, {"A": 0.3}, 0.7)])) == ("abstain", "off_menu")


def test_probabilities_of_another_text_are_no_verdict() -> None:
    assert said(asked([token("B")], "A")) == ("abstain", "off_menu")


def test_a_digit_gives_the_expected_score() -> None:
    row = asked([token("7", {"8": 0.25, "5": 0.25}, 0.5)], pointwise=True)
    assert (row["outcome"], row["score"]) == ("scored", pytest.approx(6.75))


def test_json_gives_the_expected_score_where_there_are_probabilities() -> None:
    logprobs = [token('{"rationale": "7", "score": '), token("8", {"9": 0.5}, 0.5), token("}")]
    assert asked(logprobs, channel="json", pointwise=True)["score"] == pytest.approx(8.5)
    text = text_of(logprobs)
    assert asked(None, text, channel="json", pointwise=True)["score"] == 8.0
    unsure = [token('{"rationale": "7", "score": '), token("8", {"~": 0.6}, 0.4), token("}")]
    assert asked(unsure, channel="json", pointwise=True)["score"] == 8.0


def test_json_gives_a_probability_only_for_a_single_verdict() -> None:
    logprobs = [token('{"rationale": "", "verdict": "'), token("A", {"B": 0.1}, 0.9), token('"}')]
    assert asked(logprobs, channel="json")["probability"] == pytest.approx(0.9)
    assert asked(None, text_of(logprobs), channel="json")["probability"] is None
    text = json.dumps({"rationale": "", "helpfulness": "A", "style": "tie"})
    weights = {"helpfulness": 2.0, "style": 1.0}
    row = asked(None, text, channel="json", criteria=weights)
    assert (row["outcome"], row["probability"]) == ("a", None)
    assert row["criteria"] == [
        {"name": "helpfulness", "value": 1.0},
        {"name": "style", "value": 0.0},
    ]


@pytest.mark.parametrize("b_first", [False, True])
def test_criteria_that_weigh_the_same_are_a_tie(b_first: bool) -> None:
    """0.1 + 0.2 - 0.3 is not quite nothing to a computer."""
    weights = {"helpfulness": 0.1, "correctness": 0.2, "style": 0.3}
    verdicts = {"helpfulness": "A", "correctness": "A", "style": "B"}
    text = json.dumps({"rationale": "", **verdicts})
    row = asked(None, text, channel="json", criteria=weights, b_first=b_first)
    assert row["outcome"] == "tie"
