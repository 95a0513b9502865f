"""Loops: how language models get stuck, and honest texts that repeat themselves."""

import pytest
from cleaned import BASIL, LONG, OTHER, why

from pairs.loops import loop

SENTENCE = "The cat was in the box and the box was open. "

THAI_SENTENCE = "วางกระถางไว้ริมหน้าต่างที่มีแดดมากที่สุด ให้ห่างจากกระจกเย็นอย่างน้อยหนึ่งฝ่ามือ และหมุนทุกสองสามวัน"
THAI = [
    THAI_SENTENCE,
    "รดน้ำจากด้านล่างเมื่อหน้าดินแห้ง แล้วเทน้ำที่เหลือในจานรองทิ้งหลังจากครึ่งชั่วโมง",
    "เด็ดยอดเหนือใบคู่สัปดาห์ละครั้งแม้จะไม่ได้ใช้ เพราะทุกครั้งที่ตัดจะแตกกิ่งใหม่สองกิ่ง",
    "ถ้าใบล่างเหลืองแปลว่ารดน้ำมากเกินไป ถ้าใบห้อยและกรอบแปลว่าน้อยเกินไป",
]

STUCK = {
    "a sentence to the end": f"{LONG} " + SENTENCE * 12,
    "from the first word": SENTENCE * 9,
    "cut inside a turn": (SENTENCE * 9)[:-20],
    "two sentences in turn": "It was alive. It was dead in there. " * 15,
    "one word": "Here are some adjectives: bold, " + "inventive, " * 60,
    "one list item": "\n".join(f"{n}. The Wizard of Oz (1939)" for n in range(1, 21)),
    "one word a list item": "\n".join(f"{n}. Calaquendi" for n in range(1, 60)),
    "bullets": "Tips:\n" + "- Drink enough water every day\n" * 12,
    "a cycle of list items": "\n".join(
        f"{n}. {('Cloud security', 'Data science basics', 'Edge computing')[n % 3]}"
        for n in range(1, 50)
    ),
    "a paragraph three times": f"{LONG}\n\n" * 3,
    "the same sentences in any order": " ".join(
        f"{one} {other}" for one in (BASIL, OTHER, SENTENCE) for other in (BASIL, OTHER, SENTENCE)
        for _ in range(2)
    ),
    "letters": "I am so happy " + "a" * 80,
    "syllables": "ha" * 50,
    "a hashtag": "#blessed" * 20,
    "exclamation marks": "Yes" + "!" * 200,
    "dots": "Well" + ". " * 300,
    "code that never ends": "```python\n" + "print('hello world')\n" * 40,
    "the same block of code": "```\nx = 1\n```\n" * 30,
    "Chinese": "我很抱歉。" * 20,
    "a Chinese paragraph": "把花盆放在最有阳光的窗台上,离玻璃至少一手宽,每隔几天转动一次。" * 4,
    "a Japanese paragraph": "鉢は日当たりのよい窓辺に置き、数日ごとに向きを変えてください。" * 5,
    "a Thai paragraph": f"{THAI_SENTENCE} " * 4,
    "Thai sentences in any order": " ".join(
        f"{one} {other}" for one in THAI for other in THAI for _ in range(2)
    ),
    "emoji": "Great \U0001f600" + "\U0001f600" * 200,
    "a counter": "\n".join(f"Step {n}: mix the batter again." for n in range(1, 80)),
    "a counter in a sentence": "".join(f"Item {n} is ready. " for n in range(1, 60)),
    "a counter in a name": "SELECT " + ", ".join(f"column{n}" for n in range(1, 300)),
    "numbers": ", ".join(map(str, range(1, 999))),
    "a table that counts": "| x | y |\n|---|---|\n"
    + "".join(f"| {n} | {n} |\n" for n in range(400)),
    "a table of one row": "| name | value |\n|---|---|\n" + "| total | 100 |\n" * 80,
    "an empty table for pages": "| a | b |\n|---|---|\n" + "|  |  |\n" * 500,
    "one digit": "0" * 900,
    "one letter": "A" * 700,
    "one letter with spaces": "a " * 500,
    "a line of underscores": "_" * 900,
    "letters of a genome": "The result is " + "CCT" * 700,
    "one line": "I think so too.\n" * 40,
    "signatures": "Dear team,\n\n" + "Sincerely,\n\n" * 11,
}  # fmt: skip

POEM = """Do not go with the tide, my friend,
the tide will turn, the tide will turn.
We rowed all night to the harbour's end,
the tide will turn, the tide will turn.
The lamps went out on the northern shore,
the tide will turn, the tide will turn,
and nobody sang as we sang before,
the tide will turn, the tide will turn.
So rest your oars and let them lie,
for the tide will turn, the tide will turn,
there is no hurry in sea or sky,
the tide will turn, the tide will turn."""

SONG = "\n\n".join(
    f"Verse {n}\n{verse}\n\nChorus\nAnd we go round, we go round again\nround in the sun and "
    "round in the rain\nwe go round, we go round again"
    for n, verse in enumerate(
        [
            "I packed my bag with a loaf of bread\nand the songs that my mother sang",
            "The road was long and the moon was red\nand the bells of the city rang",
            "I wrote you a letter I never sent\nit is here in my coat today",
        ],
        start=1,
    )
)

HONEST = {
    "prose": LONG,
    "Thai prose": " ".join(THAI),
    "Thai emphasis": "ดีมากๆๆๆๆ เลยครับ ดีจริงๆ ดีมากจริงๆ",
    "Thai laughter": "555555555 ฮ่าๆๆๆๆๆ ตลกมาก",
    "a Thai refrain": "\n".join(f"{line}\nโหระพาของฉัน โหระพาของฉัน" for line in THAI),
    "Thai steps": "\n".join(
        f"{n}. วาง{part}{side}ของคุณลงบนเสื่อแล้วหายใจออกช้าๆ"
        for n, (part, side) in enumerate(
            [(p, s) for p in ("มือ", "เข่า", "เท้า") for s in ("ซ้าย", "ขวา")], 1
        )
    ),
    "short": "No. No. No.",
    "emphasis": "That is very, very, very, very good news!",
    "laughter": "Hahahahaha, good one! Ha ha ha.",
    "a refrain": POEM,
    "a chorus": SONG,
    "a table": "| day | plan | rest |\n|---|---|---|\n"
    + "\n".join(
        f"| {d} | run 5 km easy | yes |" for d in ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
    ),
    "a truth table": "| a | b | c | d | e | and |\n|---|---|---|---|---|---|\n"
    + "\n".join(
        "| " + " | ".join(str(bool(n >> bit & 1)) for bit in range(5)) + f" | {n == 31} |"
        for n in range(32)
    ),
    "code": "```html\n<div class='board'>\n"
    + "  <div class='cell'></div>\n" * 9
    + "</div>\n```\nDone.",
    "an address by regex": "Use `^(25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)\\."
    "(25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)\\.(25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)\\."
    "(25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)$` to match it.",
    "a matrix": "The adjacency matrix is\n"
    + ("0 " * 12 + "\n") * 12
    + "because nothing is connected.",
    "a ruler": "Part one\n"
    + "-" * 80
    + "\nPart two is longer than this line of dashes is wide, I say.",
    "questions of one form": "\n".join(
        f"{n}. Who is the most likely to {deed} in ten years?"
        for n, deed in enumerate(
            [
                "win a prize",
                "write a novel about work",
                "move abroad",
                "run a farm",
                "own six cats",
            ],
            1,
        )
    ),
    "steps": "\n".join(
        f"Step {n}: place your {side} {part} on the mat and breathe out slowly."
        for n, (side, part) in enumerate(
            [(s, p) for s in ("left", "right") for p in ("hand", "knee", "foot")], 1
        )
    ),
    "a chorus four times": "Verse one\nThe tide is low tonight\n"
    + "We row, we row, along the bay\n" * 4
    + "Verse two\nThe lamps are far and bright\n"
    + "We row, we row, along the bay\n" * 4,
    "a song that fades out": "Verse\nI walk the line and see the sun go down\n\nChorus\n"
    + "Na na na na, hey Jude\n" * 12,
    "a table to fill in": "| name | score |\n|---|---|\n" + "|  |  |\n" * 30,
    "a numbered table to fill in": "| # | Name | Score |\n|---|---|---|\n"
    + "".join(f"| {n} |  |  |\n" for n in range(1, 41)),
    "lines to write on": "Your goals:\n" + "____________________\n" * 25,
    "what a script prints": "The script prints:\n" + "ping ok\n" * 10 + "and then stops.",
    "what a program prints to the end": "Output:\n" + "Hello, World!\n" * 10,
    "a log": "The program outputs\n\n"
    + "".join(f"Processing file {n} of 50... done\n" for n in range(1, 51)),
    "chords": "C  G  Am  F\n" * 8,
    "chords with sevenths": "Em7 G Dsus4 A7sus4\n" * 16,
    "degrees": "I  V  vi  IV\n" * 12,
    "a hundred numbers": ", ".join(map(str, range(1, 101))),
    "weeks of saving": "".join(f"Week {n}: save ${n}, in all ${n * n}\n" for n in range(1, 53)),
    "HTML": "<table>\n" + "<tr><td></td><td></td></tr>\n" * 8 + "</table>",
    "numbers": "Pi is 3.14159265358979, and a third is 0.333333333333333.",
    "a blank form": "Name: ____________________\nDate: ____________________",
    "a recipe": "\n".join(
        f"- 1/2 teaspoon of {what}"
        for what in ("salt", "pepper", "cumin", "sugar", "thyme", "dill")
    ),
}


@pytest.mark.parametrize("kind", STUCK)
def test_a_text_that_is_stuck_is_a_loop(kind: str):
    assert loop(STUCK[kind])


@pytest.mark.parametrize("kind", HONEST)
def test_a_text_that_repeats_itself_on_purpose_is_none(kind: str):
    assert loop(HONEST[kind]) is None


def test_a_loop_on_either_side_drops_the_pair_and_is_shown():
    stuck = STUCK["one list item"]
    found = [why(stuck, BASIL), why(BASIL, stuck)]
    assert found == [
        ("loop", "chosen: 20 times 'the wizard of oz 1939'"),
        ("loop", "rejected: 20 times 'the wizard of oz 1939'"),
    ]
    assert why(BASIL, stuck, loops=False) is None
