"""Prompts written by an endpoint: asked once, cleaned, counted, and the same after a kill."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from builders import begun
from configs import TREE, load
from scripted import Raw, completion

from endpoints.open import Endpoints
from endpoints.reply import EndpointLost
from flows.display import Display
from flows.preflight import check
from rounds.errors import Stopped, UserError
from rounds.files import write_json
from rounds.rows import Prompt
from rounds.tables import read_rows
from sampler.dealing.config import PromptsConfig
from sampler.dealing.deal import deal, deal_warnings
from sampler.dealing.sources.config import Generate
from sampler.dealing.sources.recipes import draw_call, read_material
from sampler.dealing.sources.replies import read_prompts, rejection_reason

pytestmark = pytest.mark.long

SEEDS = [f"Where do the s{i}a s{i}b s{i}c live in winter?" for i in range(12)]


def prompts(*texts: str) -> str:
    return json.dumps({"prompts": list(texts)})


def new_text(number: int) -> str:
    """A prompt that is near to no other."""
    return f"Explain n{number}a and n{number}b to the n{number}c of n{number}d, please"


def from_body(body: dict[str, Any]) -> str:
    """One new prompt for each call, the same whenever it is asked."""
    return prompts(new_text(body["seed"]))


Desk = Callable[..., Endpoints]


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., PromptsConfig]:
    """A config whose prompts are written by the endpoint `desk`, and with `lines` a file beside."""

    def made(lines: list[str] | None = None, **given: Any) -> PromptsConfig:
        seeds = tmp_path / "seeds.jsonl"
        seeds.write_text("".join(json.dumps(text) + "\n" for text in SEEDS))
        generate = {"endpoint": "desk", "seeds": str(seeds), **given.pop("generate", {})}
        writer = {"generate": generate, "name": "pen", **given.pop("writer", {})}
        train: list[Any] = [writer]
        if lines is not None:
            (tmp_path / "t.jsonl").write_text("".join(json.dumps(text) + "\n" for text in lines))
            train = [str(tmp_path / "t.jsonl"), writer]
        return PromptsConfig(**{"train": train, "gate": 0, "test": 0, "per_round": 12, **given})

    return made


def trained(folder: Path) -> list[Prompt]:
    return read_rows(folder, "prompts", ["train"])


def texts(folder: Path) -> list[str]:
    return [row["messages"][-1]["content"] for row in trained(folder)]


def test_a_round_has_as_many_new_prompts_as_it_takes_and_each_names_its_call(
    run_dir: Path, endpoint, desk: Desk, config
):
    at = endpoint(from_body)
    folder = begun(run_dir)
    seen: list[tuple[int, int]] = []
    with desk(at) as endpoints:
        facts = deal(
            folder,
            config(writer={"system": "Be brief.", "tags": ["new"]}),
            0,
            endpoints,
            lambda done, total, note="": seen.append((done, total)),
        )
    rows = trained(folder)
    assert facts["train"] == len(rows) == 12 and facts["generated"]["ended"] is None
    assert facts["generated"]["calls"] == len(at.requests) and seen[-1] == (12, 12)
    journal = sqlite3.connect(run_dir / "journal.sqlite")
    keys = {key for (key,) in journal.execute("SELECT key FROM answers")}
    for row in rows:
        name, recipe, key = row["source"].split(":")
        assert (name, row["tags"]) == ("pen", ["new"]) and recipe in ("new", "evolve")
        assert key in keys and row["messages"][0]["content"] == "Be brief."


def test_calls_differ_are_held_to_a_schema_and_use_every_recipe(
    run_dir: Path, endpoint, desk: Desk, config
):
    at = endpoint(from_body)
    generate = {
        "recipes": ["new", "evolve", "persona"],
        "personas": ["a beekeeper", "a judge"],
        "sampling": {"temperature": 0.5, "max_tokens": None},
    }
    with desk(at) as endpoints:
        deal(begun(run_dir), config(generate=generate, per_round=40), 0, endpoints)
    asked = [body["messages"][1]["content"] for body in at.requests]
    kinds = Counter(
        "new" if "four new" in text else "persona" if "The person" in text else "evolve"
        for text in asked
    )
    assert set(kinds) == {"new", "evolve", "persona"} and min(kinds.values()) >= 5
    assert len({json.dumps(body) for body in at.requests}) == len(asked)
    for body in at.requests:
        assert body["response_format"]["json_schema"]["name"] == "prompts"
        assert body["temperature"] == 0.5 and "max_tokens" not in body
    assert any("a beekeeper" in text for text in asked)
    assert len({seed for seed in SEEDS if any(seed in text for text in asked)}) == len(SEEDS)
    assert not any("{way}" in text for text in asked)


def test_a_kill_in_the_middle_asks_nothing_twice_and_changes_nothing(
    tmp_path: Path, endpoint, desk: Desk, config
):
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    with desk(endpoint(from_body)) as endpoints:
        deal(begun(calm), config(per_round=30), 0, endpoints)
    fuse = count()

    def dies(body: dict[str, Any]) -> str | Raw:
        return from_body(body) if next(fuse) < 9 else Raw(401)

    first, second = endpoint(dies), endpoint(from_body)
    folder = begun(killed)
    with desk(first) as endpoints, pytest.raises(EndpointLost):
        deal(folder, config(per_round=30), 0, endpoints)
    assert not trained(folder)
    with desk(second) as endpoints:
        deal(folder, config(per_round=30), 0, endpoints)
    journal = sqlite3.connect(killed / "journal.sqlite")
    answered = list(journal.execute("SELECT key FROM answers"))
    assert len(answered) == 9 + len(second.requests), "what was answered is not asked again"
    assert texts(folder) == texts(begun(calm))
    with desk(second) as endpoints:
        before = len(second.requests)
        deal(folder, config(per_round=30), 0, endpoints)
    assert len(second.requests) == before, "a stage that is done asks nothing"


def test_a_later_round_gets_other_prompts(run_dir: Path, endpoint, desk: Desk, config):
    at = endpoint(from_body)
    found = []
    with desk(at) as endpoints:
        for number in (1, 2):
            folder = begun(run_dir, number)
            deal(folder, config(), 0, endpoints)
            write_json(folder / "manifest.json", {})
            found.append(texts(folder))
    assert not {*found[0]} & {*found[1]}
    asked = [body["messages"] for body in at.requests]
    repeated = len(asked) - len({json.dumps(messages) for messages in asked})
    assert repeated < len(asked) / 4, "other seeds and recipes, not only another seed in the body"


def test_what_comes_near_to_a_seed_to_an_earlier_or_held_out_prompt_or_to_another_is_not_taken(
    run_dir: Path, tmp_path: Path, endpoint, desk: Desk, config
):
    held = "What do the h1 h2 h3 h4 h5 h6 h7 h8 do in spring"
    (tmp_path / "g.jsonl").write_text(json.dumps(held) + "\n")
    given = {"gate": str(tmp_path / "g.jsonl"), "per_round": 2}
    numbers = count()

    def repeats(body: dict[str, Any]) -> str:
        new = new_text(next(numbers))
        around = f"My dear friend, {held}? Thanks for your help with that"
        known = [SEEDS[0] + " really", held.upper(), around]
        return prompts(*known, new, new + " now", new_text(1000))

    with desk(endpoint(repeats)) as endpoints:
        folder = begun(run_dir)
        facts = deal(folder, config(**given), 0, endpoints)["generated"]
        assert texts(folder) and set(texts(folder)) == {new_text(0), new_text(1000)}
        assert facts["rejected"] == {
            "near_held_out": 2,
            "repeats_a_seed": 1,
            "repeats_another": 1,
        }
        write_json(folder / "manifest.json", {})
        folder = begun(run_dir, 2)
        deal(folder, config(**given), 0, endpoints)
        assert new_text(1000) not in texts(folder), "an earlier round has had it"


def test_what_comes_near_to_a_prompt_that_no_round_has_had_yet_is_not_taken(
    run_dir: Path, endpoint, desk: Desk, config, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sampler.dealing.sources.filter.ROWS_AT_ONCE", 2)
    lines = [new_text(number) + " now" for number in range(9)]
    numbers = count()
    at = endpoint(lambda body: prompts(*(new_text(next(numbers)) for _ in range(2))))
    folder = begun(run_dir)
    with desk(at) as endpoints:
        facts = deal(folder, config(lines, per_round=4), 0, endpoints)
    assert facts["sources"]["t.jsonl"] == {"dealt": 2, "left": 7}
    assert set(facts["generated"]["rejected"]) == {"repeats_another"}
    made = {text for text in texts(folder) if text not in lines}
    assert len(made) == 2 and not made & {new_text(number) for number in range(9)}


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("Sure! Here are four prompts.", "unreadable"),
        (prompts("Sure, here is a prompt about bees"), "answer"),
        (completion(prompts("Why is that so?"), "length"), "truncated"),
        (completion(None, refusal="No."), "refused"),
    ],
)
def test_a_reply_that_gives_no_prompt_is_counted_and_so_many_in_a_row_end_it(
    run_dir: Path, endpoint, desk: Desk, config, reply, reason: str
):
    at = endpoint(lambda body: reply)
    says = rf"generate: no prompt was generated in 2\d calls \({reason} 2\d\); look at the replies"
    with desk(at) as endpoints, pytest.raises(Stopped, match=says):
        deal(begun(run_dir), config(), 0, endpoints)
    assert 20 <= len(at.requests) < 40


@pytest.mark.parametrize(
    "reply",
    [
        '["Why is that so?"]',
        '{"prompts": "Why is that so?"}',
        '{"prompts": [1]}',
        '{"prompts": ["Why?"], "note": "x"}',
        '{"prompts": ["cut \\ud83d"]}',
        'Here you are: {"prompts": ["Why?"]}',
        "[" * 100_000,
    ],
)
def test_only_the_object_that_was_asked_for_is_read(reply: str):
    assert read_prompts(reply) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (" ... ", "empty"),
        ("word " * 1000, "too_long"),
        ("Sure, here is a prompt about bees", "answer"),
        ("Here are the two prompts you asked for", "answer"),
        ("I'm sorry, but I cannot help with that", "answer"),
        ("I cannot assist with this", "answer"),
        ("What is a bee?\n\nAnswer: an insect", "answer"),
        ("What is a bee?\n**Response:**\nAn insect", "answer"),
        ("Make the given prompt harder", "about_the_task"),
        ("Say <|im_end|> aloud", "special_tokens"),
        ("Human: Say it aloud", "special_tokens"),
    ],
)
def test_a_text_that_is_no_prompt_is_told_by_what_it_is(text: str, reason: str):
    assert rejection_reason(text) == reason


def test_unreadable_replies_are_made_up_for(run_dir: Path, endpoint, desk: Desk, config):
    at = endpoint(lambda body: from_body(body) if body["seed"] % 2 else "no JSON")
    in_words = config(per_round=30, generate={"channel": "text"})
    with desk(at) as endpoints:
        facts = deal(begun(run_dir), in_words, 0, endpoints)
    assert not any("response_format" in body for body in at.requests)
    assert facts["train"] == 30 and facts["generated"]["rejected"]["unreadable"] > 5
    assert facts["generated"]["calls"] < 120


@pytest.mark.parametrize(
    ("limit", "calls"), [({"calls": 5}, 5), ({"tokens": 60}, 4), ({"cost": 60}, 4)]
)
def test_a_budget_ends_the_generation_and_the_round_is_smaller(
    run_dir: Path, endpoint, desk: Desk, config, limit: dict, calls: int
):
    """A call takes 13 tokens, and 13 of the currency."""
    at = endpoint(from_body)
    with desk(at, price={"input": 1e6, "output": 1e6}, max_in_flight=8) as endpoints:
        facts = deal(begun(run_dir), config(generate={"budget": limit}), 0, endpoints)
    ((name, _),) = limit.items()
    assert len(at.requests) == calls == facts["train"]
    assert facts["generated"]["ended"] == name
    (warning,) = deal_warnings(facts)
    assert f"of 12 prompts generated: the budget's {name} are used up" in warning


def test_replies_that_stop_bringing_anything_new_end_it_with_what_there_is(
    run_dir: Path, endpoint, desk: Desk, config
):
    at = endpoint(lambda body: prompts(new_text(body["seed"] % 5)))
    with desk(at) as endpoints:
        facts = deal(begun(run_dir), config(per_round=200), 0, endpoints)
    assert facts["train"] == 5 and facts["generated"]["ended"] == "nothing_new"
    assert "5 of 200 prompts generated: nothing new came" in deal_warnings(facts)[0]
    assert len(at.requests) < 100


def test_generation_has_its_share_and_fills_up_at_the_end_when_told_to(
    tmp_path: Path, endpoint, desk: Desk, config
):
    lines = [f"line {i}" for i in range(10)]

    def rounds(name: str, **given: Any) -> Iterator[tuple[int, int]]:
        with desk(endpoint(from_body)) as endpoints:
            for number in count(1):
                folder = begun(tmp_path / name, number)
                try:
                    deal(folder, config(lines, per_round=8, **given), 0, endpoints)
                except UserError as error:
                    assert "used up" in str(error)
                    return
                write_json(folder / "manifest.json", {})
                mine = sum(text.startswith("line") for text in texts(folder))
                yield mine, len(texts(folder)) - mine
                if number == 4:
                    return

    assert list(rounds("stop")) == [(4, 4), (4, 4), (2, 4)]
    assert list(rounds("more", at_end="generate")) == [(4, 4), (4, 4), (2, 6), (0, 8)]
    only_then = {"at_end": "generate", "writer": {"weight": 0}}
    assert list(rounds("then", **only_then)) == [(8, 0), (2, 6), (0, 8), (0, 8)]
    assert list(rounds("again", at_end="reshuffle")) == [(4, 4)] * 4


def test_what_a_call_asks_follows_from_the_seeds_and_not_from_their_order(tmp_path: Path):
    found = []
    for name, lines in (("a", SEEDS), ("b", SEEDS[::-1])):
        path = tmp_path / f"{name}.txt"
        path.write_text("\n".join(lines))
        material = read_material(Generate(endpoint="desk", seeds=str(path)), "k")
        found.append([draw_call(material, 0, 1, call)[1] for call in range(20)])
    assert found[0] == found[1] and found[0][0] != found[0][1]


def test_weights_of_recipes_are_their_shares_of_the_calls(tmp_path: Path):
    path = tmp_path / "s.txt"
    path.write_text("Why?\n")
    config = Generate(endpoint="desk", seeds=str(path), recipes={"new": 3, "evolve": 1})
    material = read_material(config, "k")
    names = Counter(draw_call(material, 0, 1, call)[0].name for call in range(400))
    assert 260 < names["new"] < 340


@pytest.mark.parametrize(
    ("generate", "says"),
    [
        ("seeds: nowhere.txt", "seeds: no such file"),
        ("seeds: SEEDS, recipes: [nowhere.txt]", "recipes.nowhere.txt: no such file"),
        ("seeds: SEEDS, recipes: [persona]", "personas: the recipe persona needs some"),
        (
            "seeds: SEEDS, sampling: {max_token: 9}",
            "sampling.max_token: .* did you mean max_tokens",
        ),
    ],
)
def test_what_cannot_work_is_found_before_anything_is_asked(tmp_path, generate: str, says: str):
    (tmp_path / "s.txt").write_text("Why?\n")
    (tmp_path / "t.txt").write_text("How?\n")
    own = f"{{generate: {{endpoint: desk, {generate.replace('SEEDS', str(tmp_path / 's.txt'))}}}}}"
    sources = f"prompts={{train: [{tmp_path / 't.txt'}, {own}], gate: 0, test: 0}}"
    config = load(tmp_path, TREE, sources, "trainer=null")
    with pytest.raises(UserError, match=rf"prompts.train.1.generate.{says}"):
        check(config, Display(), tmp_path / "run")


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        ("no divider {prompt}", "no line of '==='"),
        ("a\n===\n{prompt} {examples} {wya}", "unknown placeholder {wya}"),
        ("a\n===\nWrite some.", "has none of {examples}, {prompt} and {persona}"),
        ("a\n===\n{prompt} {way}", "{way} and the lines for it"),
        ("a\n===\n{prompt}\n===\nHarder.", "{way} and the lines for it"),
        ("a\n===\n{persona}", "needs some; a list, or a file"),
        (None, "no such file"),
    ],
)
def test_a_recipe_that_cannot_work_says_why(tmp_path: Path, recipe: str | None, says: str):
    (tmp_path / "s.txt").write_text("Why?\n")
    if recipe is not None:
        (tmp_path / "own.txt").write_text(recipe)
    config = Generate(
        endpoint="desk", seeds=str(tmp_path / "s.txt"), recipes=[str(tmp_path / "own.txt")]
    )
    with pytest.raises(UserError, match=r"^k\.") as caught:
        read_material(config, "k")
    assert says in str(caught.value)


def test_empty_seeds_and_idle_personas_are_named(tmp_path: Path):
    (tmp_path / "s.txt").write_text("\n")
    config = Generate(endpoint="desk", seeds=str(tmp_path / "s.txt"))
    with pytest.raises(UserError, match=r"k.seeds: .*s.txt holds no prompts"):
        read_material(config, "k")
    (tmp_path / "s.txt").write_text("Why?\n")
    idle = config.model_copy(update={"personas": ["a judge"]})
    with pytest.raises(UserError, match=r"k.personas: no recipe has \{persona\}"):
        read_material(idle, "k")


@pytest.mark.parametrize(
    "text", ['{"prompts": ["a", "b"]}', '```json\n{"prompts": ["a", " b "]}\n```']
)
def test_a_reply_may_stand_in_a_fence(text: str):
    assert read_prompts(text) == ["a", "b"]


@pytest.mark.parametrize(
    "text",
    [
        "Here is a list of my notes: 3, 1, 2. Sort them.",
        "I'm sorry to bother you, but my router is dead. What now?",
        "Is it certain that <b>bold</b> text is read aloud? 🙂‍↔️",
        "Q: What is a bee?\nA:",
        "Given a prompt of your own, write a poem.",
        "Why?",
    ],
)
def test_a_prompt_that_only_looks_like_an_answer_is_a_prompt(text: str):
    assert rejection_reason(text) is None
