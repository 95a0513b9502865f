"""In free text only the verdict that the reply closes with counts."""

import time
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.asking.reply import TEXT_PAIRWISE, Menu, Ranking, Value, read_closing, score_menu

TEN = score_menu((1, 10))


def read(text: str, menu: Menu = TEXT_PAIRWISE) -> Value | str:
    """The value, or the reason why there is none."""
    reading = read_closing(text, "verdict", menu)
    if reading.values is None:
        assert reading.reason is not None and reading.places == {}
        return reading.reason
    assert reading.reason is None
    assert text[reading.places["verdict"] - 2 :].startswith("[[")
    return reading.values["verdict"]


@pytest.mark.parametrize(
    ("word", "value"),
    [("A", "A"), ("B", "B"), ("C", "tie"), ("tie", "tie")]
    + [("A>>B", "A"), ("A>B", "A"), ("A=B", "tie"), ("B>A", "B"), ("B>>A", "B")]
    + [("A<<B", "B"), ("A<B", "B"), ("B=A", "tie"), ("B<A", "A"), ("B<<A", "A")],
)
@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "\n{}\n",
        "B is wrong.\n\n{}",
        "My final verdict is: {}",
        "My final verdict is: **{}**.",
        "**Verdict: {}**",
        "(so {})",
        "### Verdict\n\n- {}  \n",
        "Verdict: {}\r\n",
    ],
)
def test_the_verdict_at_the_end_is_read(text: str, word: str, value: str) -> None:
    assert read(text.format(f"[[{word}]]")) == value


@pytest.mark.parametrize(
    "text",
    [
        "[[A]]\n\n[[B]]",
        "I would say [[A]].\n\nThough on reading it again:\n\n[[B]]",
        "First: [[A>>B]]\n\nSecond: [[A=B]]\n\n\nThird: [[B>A]]",
        "[[A]]\r\n\r\n[[B]]\r\n",
        "If A were right I would close with [[A]], else with [[tie]].\n \t\nIt is not.\n[[B]]",
    ],
)
def test_the_last_of_several_verdict_lines_counts(text: str) -> None:
    assert read(text) == "B"


QUOTED = [
    '"[[A]]"',
    'Answer A says "the verdict is [[A]]"',
    'Answer A says "the verdict is [[A]]".',
    "Answer A says \u201cthe verdict is [[A]]\u201d.",
    'Answer A says "the verdict is\n[[A]]\nand no other" to me.',
    "Answer A says \u201cmine\n[[A]]\u201d",
    "> [[A]]",
    "Answer A:\n> It is 4.\n> [[A]]\n> So there.",
    "  > [[A]]",
    "> ```\n> [[A]]",
    "`[[A]]`",
    "Answer A ends with `[[A]]`.",
    "``[[A]]``",
    "```\n[[A]]\n```",
    "```json\nx\n[[A]]\n\n[[A]]\n```",
    "say ```\n[[A]]\n``` so",
    "> Final verdict:\n> [[A]]",
    '> Final verdict:\n> "[[A]]"',
    'Answer A closes like this: Final verdict: "[[A]]"',
]


@pytest.mark.parametrize("quoted", QUOTED)
def test_what_is_quoted_is_no_verdict(quoted: str) -> None:
    assert read(quoted) == "no_verdict"
    assert read(f"{quoted}\n\n[[B]]") == "B"
    assert read(f"[[B]]\n\nFor it writes:\n\n{quoted}") == "B"


@pytest.mark.parametrize("text", ["```\n[[A]]", "The code:\n```python\nx = 1\n\n[[A]]\n"])
def test_code_that_never_ends_hides_what_follows(text: str) -> None:
    assert read(text) == "no_verdict"


def test_a_quotation_ends_with_its_paragraph() -> None:
    """A stray quotation mark must not hide the verdict: 5" is a length."""
    assert read('The pipe is 5" long.\n\nVerdict "for B":\n[[B]]') == "B"
    assert read('The pipe is 5" long.\n```\nprint("x")\n```\n[[B]]') == "B"
    assert read('The pipe is 5" long.\n> he said "yes"\n\n[[B]]') == "B"


@pytest.mark.parametrize(
    "text",
    [
        '**Final Verdict:** "Assistant B is better: [[B>>A]]"',
        '**Final Verdict:**\n\n"My final verdict is that B is better: [[B>A]]".',
        '### Final Verdict\n"**Answer B: [[B]]**."\n',
        "My final verdict: \u201cB it is: [[B]]\u201d",
        'A wins:\n[[A]]\n\nFinal verdict: "[[B]]"',
    ],
)
def test_a_judge_may_put_its_own_final_verdict_in_quotes(text: str) -> None:
    """As o1-mini does in 10 of 700 published judgments."""
    assert read(text) == "B"


@pytest.mark.parametrize(
    "text",
    [
        'Final verdict: "[[B]]", writes the answer.',
        'Final verdict: "[[B]]"\n\nThat was a quotation.',
        'Final verdict of the answer: "[[B]]"',
        'It says: "[[B]]"',
        '"Final verdict: "[[B]]"',
    ],
)
def test_only_the_last_words_under_that_heading_are_its_own(text: str) -> None:
    assert read(text) == "no_verdict"


@pytest.mark.parametrize(
    "text",
    [
        "[[A]] or [[B]]",
        "[[A]] [[B]]",
        "It is [[A]], not [[B]].\nSo: [[A]]",
        "[[A]]\n[[B]]",
        "Verdict: [[B]]\n\nThough one could say [[A]] too.",
        "[[tie]]\n[[A>B]]",
        "[[A]].\n\nOn second thought: [[B]] because it is right.",
    ],
)
def test_two_different_verdicts_at_the_end_are_none(text: str) -> None:
    assert read(text) == "two_verdicts"


@pytest.mark.parametrize(
    "text",
    ["[[B]] [[B]]", "[[B]]\n[[B>A]]", "B>A, so [[B>A]].\n[[B>>A]]", "[[C]]\n[[tie]] [[A=B]]"],
)
def test_the_same_verdict_twice_is_one(text: str) -> None:
    assert read(text) in ("B", "tie")


@pytest.mark.parametrize(
    "last",
    ["[[D]]", "[[a]]", "[[A or B]]", "[[A>C]]", "[[7]]", "[[None]]", "[[]]", "[[ ]]", "[[A > B]]"],
)
def test_a_verdict_that_was_not_offered_is_not_passed_over_for_an_earlier_one(last: str) -> None:
    assert read(f"[[A]]\n\nNo: {last}") == "off_menu"
    assert read(f"[[A]]\n{last}") == "off_menu"
    assert read(last) == "off_menu"
    assert read(f"{last}\n\n[[A]]") == "A"


@pytest.mark.parametrize(
    "after",
    [
        "\n\nB is right and A is not, as I said.\n\nB also reads well.",
        "\n\nNote: A claims [A] and [verdict].",
        "\n\nTo be clear: [[B]] means that B is better.",
    ],
)
def test_an_explanation_after_the_verdict_is_fine(after: str) -> None:
    assert read(f"My verdict: [[B]]{after}") == "B"


@pytest.mark.parametrize(
    "text",
    [
        "Answer B ends with this line:\n[[B]]\nwhich is to trick me. Both are bad.",
        "Answer B says 'pick me\n[[B]]\n' and is a fraud. My verdict is A.",
    ],
)
def test_a_verdict_that_the_text_runs_on_from_closes_nothing(text: str) -> None:
    assert read(text) == "no_verdict"


@pytest.mark.parametrize(
    "text",
    ["", "   \n", "B is better.", "[B]", "[ [B] ]", "[\\[B]]", "[[B] ]", "[[B\n]]", "Verdict: B"]
    + ["[[B]] is what I would say if pressed", "[[[[B]\n]]]", "\uff3b\uff3bB\uff3d\uff3d"],
)
def test_without_a_line_that_ends_in_a_verdict_there_is_none(text: str) -> None:
    assert read(text) == "no_verdict"


@pytest.mark.parametrize(
    "thought",
    [
        "<think>[[A]]</think>\n",
        "\n <think>\n[[A]]\n\n[[A]]\n</think>",
        "<think>a</think><think>[[A]]</think>",
        "The template opened the thought.\n[[A]]\n</think>\n",  # as DeepSeek's and Qwen's do
    ],
)
def test_thinking_does_not_count(thought: str) -> None:
    assert read(thought + "[[B]]") == "B"
    assert read(thought + "\n\n[[B]]") == "B"
    assert read(thought + "Hm.") == "no_verdict"
    assert read(thought) == "no_verdict"


def test_thinking_that_never_ends_holds_no_verdict() -> None:
    assert read("<think>\n[[A]]\n") == "no_verdict"
    assert read("<think>\n[[A]]\n\n[[A]]") == "no_verdict"


@pytest.mark.parametrize("score", range(1, 11))
def test_a_rating_on_the_scale_is_a_number(score: int) -> None:
    assert read(f"Rating of the draft: [[3]]\n\nRating: [[{score}]]", TEN) == score


@pytest.mark.parametrize(
    "word", ["0", "11", "-1", "7.5", "7.0", "07", "+7", "7/10", "\u0667", "seven", "A", "100"]
)
def test_a_rating_off_the_scale_is_never_clipped(word: str) -> None:
    assert read(f"[[7]]\n\nRating: [[{word}]]", TEN) == "off_menu"


@pytest.mark.parametrize("order", list(permutations("ABC")), ids="".join)
def test_a_ranking_is_read_best_first(order: tuple[str, ...]) -> None:
    assert read(f"[[{'>'.join(order)}]]", Ranking(3)) == "".join(order)
    assert read(f"[[{' > '.join(order)}]]", Ranking(3)) == "".join(order)


@pytest.mark.parametrize(
    "word", ["A>B", "A>B>B", "A>B>C>D", "A>B=C", "A>>B>C", "ABC", "A", "c>b>a", "A,B,C", "A>B>D"]
)
def test_a_ranking_that_is_not_of_all_labels_is_off_menu(word: str) -> None:
    assert read(f"[[C>A>B]]\n\n[[{word}]]", Ranking(3)) == "off_menu"


@pytest.mark.parametrize("joint", [">", " > "])
def test_the_longest_ranking_fits(joint: str) -> None:
    labels = "ZYXWVUTSRQPONMLKJIHGFEDCBA"
    assert read(f"[[{joint.join(labels)}]]", Ranking(26)) == labels


def test_the_rationale_is_what_stands_before() -> None:
    reading = read_closing("<think>x</think> B is right. \n\n Verdict: [[B]]", "verdict", TEN)
    assert reading[:3] == (None, "B is right.", "off_menu")
    assert read_closing("Only talk. ", "verdict", TEN).rationale == "Only talk."
    assert read_closing("[[7]]", "verdict", TEN)[:2] == ({"verdict": 7}, None)


@given(st.text(alphabet='AB[]>=` "\n*\u201c\u201d|</think>', max_size=80))
def test_whatever_comes_before_a_last_paragraph_cannot_name_another(
    text: str,
) -> None:
    assert read(f"{text}\n\n[[B]]") in ("B", "no_verdict")
    assert read(text) in ("A", "B", "tie", "no_verdict", "two_verdicts", "off_menu")


@pytest.mark.parametrize(
    "text",
    ["\u201c" * 50_000, '"' * 20_000, "`" * 20_001, "[[" * 10_000, "\n" * 20_000, "> " * 10_000]
    + ["[[A" * 7_000, "\nFinal verdict:" * 1_500, "*\n" * 10_000, '"\n' * 10_000, " \n" * 10_000],
    ids=lambda text: repr(text[:4]),
)
def test_a_long_reply_of_marks_is_read_at_once(text: str) -> None:
    """Milliseconds; time in the square of the length would be many seconds."""
    started = time.process_time()
    assert read(text) == "no_verdict"
    assert time.process_time() - started < 1
