"""distinct-n and self-similarity by hand, and that length alone changes neither."""

import random

from pytest import approx

from texts.diversity import diversities


def test_what_is_counted():
    measured, _ = diversities(["a b a b", "a b c d"], ["p q r s", "t u v w"])
    assert measured.distinct_1 == 4 / 8
    assert measured.distinct_2 == 4 / 6  # ab ba bc cd
    assert measured.distinct_3 == 4 / 4
    assert measured.self_similarity == 1 / 4  # of ab, ba, bc and cd both have ab


def test_a_constant_reply_is_alike_whatever_it_is():
    draw = random.Random(1)
    various = [" ".join(str(draw.randrange(50)) for _ in range(20)) for _ in range(40)]
    for reply in ("Yes.", "I am sorry to hear that."):
        constant, first = diversities([reply] * 40, various)
        assert constant.self_similarity == 1.0
        assert first.self_similarity is not None and first.self_similarity < 0.1


def test_longer_answers_of_the_same_words_are_as_diverse():
    draw = random.Random(2)
    texts = [" ".join(str(draw.randrange(30)) for _ in range(50)) for _ in range(50)]
    longer, short = diversities(texts, [" ".join(text.split()[:10]) for text in texts])
    assert longer == short


def test_nothing_to_count():
    assert diversities(["", "a"], ["b c", ""])[0] == (None, None, None, None)
    one, _ = diversities(["a b c"], ["a b c"])
    assert (one.distinct_3, one.self_similarity) == (1.0, None)


def test_of_many_texts_some_pairs_are_compared_and_the_same_each_time():
    draw = random.Random(3)
    texts = [" ".join(str(draw.randrange(9)) for _ in range(6)) for _ in range(200)]
    (once, _), (again, _) = diversities(texts, texts), diversities(texts, texts)
    assert once == again
    assert once.self_similarity == approx(0.1, abs=0.08)
