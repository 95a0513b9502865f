"""Held-out prompts are found in every script, whether it puts spaces between words or not."""

from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from texts.disguises import undisguised
from texts.leaks import DEFAULT_LIMITS, Leak, LeakFinder
from texts.normal import words

SMALL_CAPITALS = (
    "\u1d00\u1d04\u1d05\u1d07\ua730\u0262\u029c\u026a"
    "\u1d0d\u0274\u1d0f\u1d18\u0280\u1d1b\u1d1c\u1d21"
)
BASIL = {
    "English": "How do I keep basil alive on a kitchen window?",
    "Thai": "ฉันจะดูแลต้นโหระพาบนขอบหน้าต่างห้องครัวให้รอดได้อย่างไร",
    "Chinese": "怎样让厨房窗台上的罗勒活下去?",
    "Japanese": "キッチンの窓辺でバジルを枯らさずに育てるにはどうすればよいですか?",
    "Khmer": "តើខ្ញុំត្រូវថែទាំដើមជីរនៅលើបង្អួចផ្ទះបាយយ៉ាងដូចម្តេច។",
}

WRAPPED = {
    "English": [
        "Hello! {} Thank you.",
        "Q: {}\nA:",
        "Hello\n{}\nThank you",
        'Somebody asked me: "{}"',
    ],
    "Thai": [
        "สวัสดีครับ {} ขอบคุณครับ",
        "คำถาม: {}\nตอบ:",
        "Question: {}\nAnswer:",
        "สวัสดีครับ\n{}\nขอบคุณครับ",
        "มีคนถามฉันว่า “{}”",
    ],
    "Chinese": [
        "你好!{}谢谢。",
        "你好 {} 谢谢",
        "问题:{}\n回答:",
        "Question: {}\nAnswer:",
        "有人问我:“{}”",
    ],
    "Japanese": [
        "こんにちは。{}ありがとう。",
        "こんにちは {} ありがとう",
        "質問:{}\n答え:",
        "Question: {}\nAnswer:",
        "ある人に「{}」と聞かれました。",
    ],
    "Khmer": ["សួស្តី។{}សូមអរគុណ។", "សំណួរ៖ {}\nចម្លើយ៖"],
}

QUOTED = {
    "English": "In my notes it says: {} I have no answer yet.",
    "Thai": "ในสมุดบันทึกของฉันเขียนว่า {} แต่ยังไม่มีคำตอบ",
    "Chinese": "我的笔记里写着:{}还没有答案。",
    "Japanese": "私のノートにはこう書いてあります。{}まだ答えはありません。",
    "Khmer": "ក្នុងកំណត់ត្រារបស់ខ្ញុំ៖ {} មិនទាន់មានចម្លើយ។",
}

IN_OTHER_WORDS = {
    "English": (
        "My neighbour keeps bees behind the fence of our garden and my daughter is allergic to "
        "their stings, so I would like to know what I may ask of him before I speak with a lawyer.",
        ("garden", "yard"),
    ),
    "Thai": (
        "เพื่อนบ้านของฉันเลี้ยงผึ้งอยู่หลังรั้วสวน และลูกสาวของฉันแพ้พิษผึ้ง "
        "ฉันจึงอยากรู้ว่าฉันขออะไรจากเขาได้บ้างก่อนที่จะไปปรึกษาทนายความ",
        ("สวน", "บ้าน"),
    ),
    "Chinese": (
        "我的邻居在我们花园的篱笆后面养蜜蜂,而我的女儿对蜂毒过敏,"
        "所以我想知道在找律师谈之前可以向他提出什么要求。",
        ("花园", "院子"),
    ),
    "Japanese": (
        "隣の人が私たちの庭の柵の後ろでミツバチを飼っていて、娘はハチの毒にアレルギーがあります。"
        "弁護士に相談する前に、隣の人に何を頼めるのか知りたいです。",
        ("庭", "家"),
    ),
}

OTHERS = {
    "English": [
        "Water the basil.",
        "How do I keep mint alive in a dark room?",
        "Put the basil on the window of the kitchen, water it from below and cut off its flowers.",
    ],
    "Thai": [
        "ฉันชอบกินข้าวผัดมากกว่าก๋วยเตี๋ยว",
        "ฉันจะปลูกสะระแหน่ในห้องมืดได้ไหม",
        "วางกระถางโหระพาไว้ริมหน้าต่างที่มีแดด รดน้ำจากด้านล่างวันเว้นวัน และเด็ดดอกทิ้งเสมอ",
        "ขอบคุณครับ",
    ],
    "Chinese": [
        "今天天气怎么样?",
        "怎样在暗的房间里种薄荷?",
        "把罗勒放在厨房的窗台上,从下面浇水,并剪掉花。",
        "谢谢。",
    ],
    "Japanese": [
        "今日の天気はどうですか?",
        "暗い部屋でミントを育てるにはどうすればよいですか?",
        "バジルは窓辺に置き、下から水をやり、花を切りましょう。",
        "ありがとう。",
    ],
    "Khmer": ["ថ្ងៃនេះអាកាសធាតុយ៉ាងម៉េចដែរ?", "សូមអរគុណ។"],
}


def finder(*texts: str) -> LeakFinder:
    """Of these held-out prompts, each named by its place."""
    rows = [{**prompt(text), "prompt_id": str(place)} for place, text in enumerate(texts)]
    return LeakFinder(rows, DEFAULT_LIMITS)


def prompt(text: str) -> dict:
    return {"messages": [{"role": "user", "content": text}], "reference": None}


def leak_of_prompt(leaks: LeakFinder, text: str) -> Leak | None:
    return leaks.leaks_of_prompts([prompt(text)["messages"]])[0]


def leak_of_answer(leaks: LeakFinder, answer: str) -> Leak | None:
    return leaks.quoted_leak(prompt("?")["messages"], [answer])


EVERY_WRAPPING = [(script, text) for script, texts in WRAPPED.items() for text in texts]


@pytest.mark.parametrize(("script", "wrapping"), EVERY_WRAPPING)
def test_a_held_out_prompt_is_found_whatever_stands_around_it(script: str, wrapping: str):
    leak = leak_of_prompt(finder(BASIL[script]), wrapping.format(BASIL[script]))
    assert leak == ("held_out_prompt", "holds all of 0")


@pytest.mark.parametrize("script", QUOTED)
def test_one_that_an_answer_quotes_is_found(script: str):
    leak = leak_of_answer(finder(BASIL[script]), QUOTED[script].format(BASIL[script]))
    assert leak == ("held_out_overlap", "all of 0")


@pytest.mark.parametrize("script", IN_OTHER_WORDS)
def test_one_that_differs_in_a_word_is_near(script: str):
    text, (word, other) = IN_OTHER_WORDS[script]
    assert text.count(word) == 1
    leaks = finder(BASIL[script], text)
    leak = leak_of_prompt(leaks, text.replace(word, other))
    assert leak and leak.reason == "held_out_near" and leak.detail.endswith("% of 1")
    quoting = QUOTED[script].format(text.replace(word, other))
    leak = leak_of_answer(leaks, quoting)
    assert leak and leak.reason == "held_out_overlap" and "8-grams of 1" in leak.detail


@pytest.mark.parametrize("script", OTHERS)
def test_other_texts_of_the_same_script_are_none(script: str):
    near = IN_OTHER_WORDS.get(script)
    leaks = finder(BASIL[script], *([near[0]] if near else []))
    for text in OTHERS[script]:
        assert leak_of_prompt(leaks, text) is None
        assert leak_of_answer(leaks, text) is None
        assert leak_of_answer(leaks, QUOTED[script].format(text)) is None


def test_the_mark_that_ends_a_sentence_is_no_word():
    assert words("ដើមជីរ។ ပင်စိမ်း။ 花。") == [*"ដើមជីរ", *"ပင်စိမ်း", "花"]


def test_what_many_texts_share_is_a_pattern_and_copies_of_one_are_one():
    pattern = "Could you please give me a simple recipe for {} that my children will love to eat at"
    pattern += " the weekend?"
    leaks = finder(pattern.format("pancakes"))
    others = [pattern.format(dish) for dish in ("noodle soup", "apple pie", "fish", "green beans")]
    found = leaks.leaks_of_prompts([prompt(text)["messages"] for text in others])
    assert found == [None] * 4
    edited = pattern.format("pancakes").replace("weekend", "holidays")
    copies = leaks.leaks_of_prompts([prompt(edited)["messages"]] * 5)
    assert all(leak and leak.reason == "held_out_near" for leak in copies)


@pytest.mark.parametrize(
    "disguise",
    [
        quote,
        quote_plus,
        lambda text: f"https://example.org/ask?q={quote_plus(text)}&lang=en",
        lambda text: text.translate(str.maketrans("aeiost", "431057")),
        lambda text: text.translate(str.maketrans("aeo", "@30")),
        lambda text: text.translate(str.maketrans("acdefghimnoprtuw", SMALL_CAPITALS)),
    ],
)
def test_letters_written_as_others_hide_nothing(disguise: Callable[[str], str]):
    text = BASIL["English"]
    assert leak_of_prompt(finder(text), disguise(text)) is not None


def test_numbers_and_formulas_stay_what_they_are():
    for text in ("Is mp3 or h264 better for a 4k film of 30 GB?", "a+b+c+d+e = 100%25 of it"):
        assert undisguised(text) == text.lower()
