"""Other ways in which judges close: what they take back, doubt, deny or say of something else."""

import pytest

from judge.asking.closing import read_closing
from judge.asking.reply import TEXT_PAIRWISE, Menu, Value, score_menu

TEN = score_menu((1, 10))


def read(text: str, menu: Menu = TEXT_PAIRWISE) -> Value | None:
    reading = read_closing(text, "verdict", menu)
    return reading.values["verdict"] if reading.values else None


@pytest.mark.parametrize(
    "after",
    [
        *("That's not right; B gives the correct sum.", "This is wrong.", "Changed my mind: B."),
        *("Please disregard the above.",),
        *("Disregard that. B is better.", "I withdraw this verdict."),
        *("Ignore my previous verdict.", "(Edit: should be B)", "Typo: I mean B.", "I mean B."),
        *("No! The answer is B.", "My mistake, B.", "I'm sorry, ignore the last line."),
        *("So the better one is B.", "Therefore B wins.", "That said, B is the better one."),
        *("B is actually better.", "Updated verdict - B"),
        *("Winner: Assistant B", "My verdict is a tie."),
        *("So I choose B.", "I prefer B.", "I'd go with B after all.", "In the end it is a tie."),
        *("**B**", "B", '"B"', "(B)"),
        *("<answer>B</answer>", '{"verdict": "B"}', "[B]]", "[[B", "[["),
        *("Nein, B ist besser.", "Korrektur: B", "En fait, B est meilleure.", "Correction : B"),
        *("\u66f4\u6b63:B\u66f4\u597d\u3002",),
        *("\u4e0d\u5bf9,\u5e94\u8be5\u662fB\u3002",),
        *("\u3044\u3084\u3001B\u306e\u65b9\u304c\u826f\u3044\u3002",),
        *("\uc544\ub2c8, B\uac00 \ub0ab\ub2e4.",),
        *("\u041d\u0435\u0442, B \u043b\u0443\u0447\u0448\u0435.",),
    ],
)  # fmt: skip
def test_a_verdict_that_is_taken_back_in_any_words_is_none(after: str) -> None:
    assert read(f"A is right.\n\n[[A]]\n\n{after}") is None
    assert read(f"A is right.\n\n[[A]]\n\n{after}\n\nFinal verdict: [[B]]") == "B"


@pytest.mark.parametrize(
    "after",
    [
        *("I hope this evaluation helps.", "**Confidence:** 80%", "B gets the date wrong."),
        *("This is because Assistant B is wrong.",),
        *("It is a better answer.", "This is a fair result."),
        *("I preferred A because it is right.",),
        *("My verdict is a firm one.", "It is a tie in style."),
        *("1. It is short.\n2. It is right.", "Assistant B is better at style, but wrong."),
    ],
)  # fmt: skip
def test_what_takes_nothing_back_leaves_the_verdict(after: str) -> None:
    assert read(f"[[A]]\n\n{after}") == "A"


@pytest.mark.parametrize(
    "text",
    [
        *("Nicht [[A]].", "\u4e0d\u662f[[A]]\u3002"),
        *("\u521d\u6b65\u5224\u65ad:[[A]]", "Si seul le style comptait, [[A]]."),
        *("\u5982\u679c\u53ea\u770b\u98ce\u683c,[[A]]\u3002",),
        *("Wenn nur der Stil z\u00e4hlte: [[A]]",),
        *("Der erste Text endet mit [[A]].",),
        *("\u7b2c\u4e00\u4e2a\u56de\u7b54\u5199\u9053:[[A]]", "La primera respuesta dice: [[A]]"),
        *("Normally [[A]], but not here.", "Someone might answer [[A]].", "I considered [[A]]."),
        *("Other graders would go with [[A]].", "If it named its sources, I would say [[A]]."),
        *("Had A been shorter, my verdict would be [[A]].", "Were this a poem, I'd say [[A]]."),
        *("[[B]] beats [[A]].", "~~[[A]]~~", "<del>[[A]]</del>", "Overall: [[B]]\n\nStyle: [[A]]"),
        *("A versus mine: [[A>B]]", "Against my own answer: [[A]]", "[[A]] relative to mine."),
        *("Answer A against the reference: [[A]]", "Compared with my own answer: [[A]]"),
        *("```r\nx[[A]]\n```", "x[[A]]", "matrix_1[[A]]"),
    ],
)  # fmt: skip
def test_a_verdict_in_another_tongue_of_another_mind_or_on_something_else_is_none(
    text: str,
) -> None:
    assert read(text) is None
    assert read(f"My verdict: [[B]]\n\n{text}") is None
    assert read(f"{text}\n\nFinal verdict: [[B]]") == "B"


@pytest.mark.parametrize(
    "text",
    [
        *("Zun\u00e4chst [[A]], aber am Ende [[B]].", "B \u00e9crit mieux, donc [[B]]."),
        *("[[\u200bB\u200b]]", "[[B.]]"),
        *("\u52a9\u624bA\u8bf4\u300c[[A]]\u300d\u3002\u8fd9\u4e0d\u53ef\u4fe1\u3002[[B]]",),
        *("\ucd5c\uc885 \ud310\uc815: [[B]]\uc774\ub2e4.",),
        *("I considered [[A]] and [[B]]; I go with [[B]].", "[[A]]\n\nSorry, I meant [[B]]."),
        *("~~[[A]]~~ [[B]]", "A vs my own answer: [[A]]\n\nA vs B: [[B>A]]"),
        *("Compared with the reference, B is clearer. [[B]]", "If I must decide, B wins, so [[B]]"),
    ],
)  # fmt: skip
def test_what_leads_to_a_verdict_of_its_own_does_not_hide_it(text: str) -> None:
    assert read(text) == "B"


@pytest.mark.parametrize(
    "thought",
    [
        *("<thought>{}</thought>", "<scratchpad>{}</scratchpad>", "<reflection>{}</reflection>"),
        *("<seed:think>{}</seed:think>", "<|begin_of_thought|>{}<|end_of_thought|>"),
        *("<|START_THINKING|>{}<|END_THINKING|>", "<|channel>thought{}<channel|>"),
        "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>",
        "analysisWe compare.{}assistantfinal",
    ],
)
def test_thinking_in_whatever_tags_does_not_count(thought: str) -> None:
    begin, _ = thought.split("{}")
    assert read(thought.format("\n[[A]] so far.\n") + "[[B]]") == "B"
    assert read(thought.format("\n[[A]]\n")) is None
    assert read(f"{begin}\nso [[A]]\n") is None


@pytest.mark.parametrize(
    ("text", "score"),
    [
        *(("Rating: [[5]]/5", None), ("Rating: [[5]] out of 5", None), ("[[8]]%", None)),
        *(("At least [[5]].", None), ("At most [[8]].", None), ("[[7]]\n\nRating: 8", None)),
        *(("[[7]]\n\n8", None), ("Rating: [[8]] / 10", 8), ("Bewertung: [[8]] von 10", 8)),
        *(("\u8bc4\u5206:[[8]]\u5206\u3002", 8),),
        *(("\uc810\uc218: [[8]]\uc810", 8), ("Rating: **[[8]]**/10", 8)),
        *(("At least [[5]], so my rating is [[6]].", 6),),
        *(("[[8]] (4/5 stars)", 8), ("[[7]]\n\n1. Short.", 7)),
    ],
)  # fmt: skip
def test_a_score_of_another_scale_or_a_bound_is_none(text: str, score: int | None) -> None:
    assert read(text, TEN) == score
