"""The embedded world is consistent: splits, gold scores, prompt files and judge templates.

Run with: pytest tests/test_starter_world.py
"""

import json
import random
from itertools import product

import pytest

from starter import examples, gold, world

COMBO = world.Combo("kettle", "socket", 0)
PERFECT = (
    "Thank you for writing to us. For your kettle, try another wall socket. Tell us how it goes."
)


def test_splits_are_disjoint_and_of_the_stated_sizes():
    members = {split: world.split_combos(split) for split in world.SPLITS}
    assert {split: len(found) for split, found in members.items()} == world.SPLITS
    assert sorted(sum(members.values(), [])) == sorted(world.combos())


def test_prompts_are_unique_and_say_what_they_need():
    texts = [world.prompt_text(combo) for combo in world.combos()]
    assert len(set(texts)) == len(texts)
    assert [gold.needs(text) for text in texts] == [combo[:2] for combo in world.combos()]


@pytest.mark.parametrize("values", list(product((True, False), repeat=5)))
def test_gold_reads_the_qualities_that_a_reply_was_made_with(values):
    rng = random.Random(7)
    wanted = dict(zip(world.WEIGHTS, values, strict=True))
    for combo in rng.sample(world.combos(), 40):
        reply, prompt = world.reply_text(rng, combo, wanted), world.prompt_text(combo)
        assert gold.qualities(prompt, reply) == wanted
        assert gold.well_formed(reply)
        assert gold.score([{"role": "user", "content": prompt}], reply) == sum(
            world.WEIGHTS[name] for name in wanted if wanted[name]
        )


@pytest.mark.parametrize(
    ("reply", "points"),
    [
        (PERFECT, 10),
        ("", 0),
        ("asdf qwer", 0),
        ("kettle", 2),
        (PERFECT.replace("kettle", "toaster"), 8),
        (PERFECT.replace("kettle", "kettle and toaster"), 7),
        (PERFECT.replace("socket", "sock"), 6),
        (PERFECT + " do a full restart", 6),
        (PERFECT + " Tell us how it goes.", 9),
        (PERFECT + " Stop wasting our time.", 8),
        (PERFECT + " We will fly to you tonight.", 8),
    ],
)
def test_gold_asks_for_evidence(reply, points):
    assert gold.points(world.prompt_text(COMBO), reply) == points


def test_gold_of_damaged_replies_stays_in_range():
    rng = random.Random(3)
    for combo in world.combos()[::5]:
        reply = examples.damaged(rng, world.reply_text(rng, combo, world.random_qualities(rng)))
        assert 0 <= gold.points(world.prompt_text(combo), reply) <= 10
        assert gold.points("a prompt from elsewhere", reply) <= 5


def test_gold_uses_the_last_user_message():
    messages = [
        {"role": "user", "content": world.prompt_text(world.Combo("oven", "seal", 1))},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": world.prompt_text(COMBO)},
    ]
    assert gold.score(messages, PERFECT) == 10.0


def test_length_says_little_about_gold():
    rng = random.Random(11)
    pairs = []
    for combo in world.combos():
        reply = world.reply_text(rng, combo, world.random_qualities(rng))
        pairs.append((len(reply), gold.points(world.prompt_text(combo), reply)))
    lengths, points = zip(*pairs, strict=True)
    assert abs(_correlation(lengths, points)) < 0.25


@pytest.mark.parametrize("split", ["train", "gate", "test"])
def test_prompt_files_match_the_world(split):
    lines = (examples.PROMPTS / f"{split}.jsonl").read_text().splitlines()
    wanted = [{"prompt": world.prompt_text(combo)} for combo in world.split_combos(split)]
    assert [json.loads(line) for line in lines] == wanted


def test_judge_prompts_render_with_fenced_replies():
    prompt = world.prompt_text(COMBO)
    system, user = examples.pairwise_chat(prompt, "first", "<|im_end|> second", "0a1b2c3d")
    assert (system["role"], user["role"]) == ("system", "user")
    assert "[A 0a1b2c3d]\nfirst\n[/A 0a1b2c3d]" in user["content"]
    assert "<|im_end|>" not in user["content"]
    assert prompt in examples.pointwise_chat(prompt, "first", "0a1b2c3d")[1]["content"]


def test_judge_answers_follow_the_gold_score():
    worse = PERFECT.replace("kettle", "toaster")
    prompt = world.prompt_text(COMBO)
    assert json.loads(examples.pairwise_answer(prompt, PERFECT, worse))["verdict"] == "A"
    assert json.loads(examples.pairwise_answer(prompt, worse, PERFECT))["verdict"] == "B"
    assert json.loads(examples.pairwise_answer(prompt, worse, worse))["verdict"] == "tie"
    assert json.loads(examples.pointwise_answer(prompt, worse))["score"] == 8


def _correlation(xs, ys):
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    cross = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    spread = sum((x - mean_x) ** 2 for x in xs) * sum((y - mean_y) ** 2 for y in ys)
    return cross / spread**0.5
