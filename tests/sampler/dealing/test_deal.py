"""No prompt is dealt twice, and held-out prompts are never dealt at all."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from builders import begun, finished, user
from configs import TREE, load

from flows.display import Display
from flows.preflight import check
from rounds.errors import UserError
from rounds.files import write_json
from rounds.folder import round_dir
from rounds.tables import read_rows, write_rows
from sampler.dealing.config import PromptsConfig
from sampler.dealing.deal import deal, deal_warnings
from sampler.dealing.pool import near_question_keys, prompt_key, question_key, read_pool
from sampler.dealing.shares import shares
from sampler.dealing.sources.config import SourceConfig
from sampler.dealing.splits import read_supply


def prompts_file(path: Path, texts: list) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(text) + "\n" for text in texts))
    return str(path)


def ids(rows: list[dict], split: str) -> set[str]:
    return {row["prompt_id"] for row in rows if row["split"] == split}


def dealt(run_dir: Path, number: int, config: PromptsConfig, seed: int = 0) -> dict[str, list]:
    """Deal a round and finish it; the texts of each split, and the stage's facts."""
    folder = begun(run_dir, number)
    facts = deal(folder, config, seed)
    write_json(folder / "manifest.json", {})
    found: dict[str, list] = {"train": [], "gate": [], "test": []}
    for row in read_rows(folder, "prompts"):
        found[row["split"]].append(row["messages"][0]["content"])
    return {**found, "facts": facts}


def numbered(count: int, start: int = 0) -> list[str]:
    return [f"question {i}" for i in range(start, start + count)]


def test_rounds_take_every_prompt_once_and_the_last_round_is_smaller(run_dir: Path, tmp_path: Path):
    train = prompts_file(tmp_path / "t.jsonl", numbered(5))
    config = PromptsConfig(train=train, gate=0, test=0, per_round=2)
    found = [dealt(run_dir, number, config) for number in (1, 2, 3)]
    assert [len(each["train"]) for each in found] == [2, 2, 1]
    assert sorted(sum((each["train"] for each in found), [])) == numbered(5)
    assert [each["facts"]["left"] for each in found] == [3, 1, 0]
    assert [each["facts"]["used_up"] for each in found] == [[], [], ["t.jsonl"]]


def test_the_order_of_dealing_follows_from_prompts_and_seed_and_not_from_the_file(tmp_path: Path):
    runs = []
    for name, texts, seed in (("a", 1, 0), ("b", -1, 0), ("c", 1, 1)):
        train = prompts_file(tmp_path / name / "t.jsonl", numbered(40)[::texts])
        config = PromptsConfig(train=train, gate=3, test=3, per_round=10)
        runs.append([dealt(tmp_path / "run" / name, n, config, seed) for n in (1, 2)])
    for first, second, other in zip(*runs, strict=True):
        assert first == second and first["train"] != other["train"]
        assert first["gate"] == other["gate"], "held-out prompts do not depend on the seed"
    assert runs[0][0]["train"] != numbered(40)[:10]


def test_sources_that_are_used_up_say_where_to_add(run_dir: Path, tmp_path: Path):
    config = PromptsConfig(train=prompts_file(tmp_path / "t.jsonl", ["a"]), gate=0, test=0)
    dealt(run_dir, 1, config)
    says = r"prompts.train: all 1 prompts are used up after 1 rounds; add prompts to .*t\.jsonl, or"
    with pytest.raises(UserError, match=says):
        dealt(run_dir, 2, config)


def test_the_facts_tell_what_was_left_merged_and_left_out(run_dir: Path, tmp_path: Path):
    near = "Tell me in a few words why the sky over the sea is blue in summer"
    train = prompts_file(
        tmp_path / "t.jsonl", [*numbered(6), "Question  0", "held", "HELD", f"{near}, please"]
    )
    gate = prompts_file(tmp_path / "g.jsonl", ["held", "held", near])
    facts = deal(begun(run_dir), PromptsConfig(train=train, gate=gate, test=0, per_round=4), 0)
    assert facts == {
        "train": 4,
        "left": 2,
        "merged": 3,
        "held_out_again": 1,
        "near_held_out": 1,
        "epoch": 1,
        "sources": {"t.jsonl": {"dealt": 4, "left": 2}},
        "used_up": [],
        "generated": None,
    }
    (warning,) = deal_warnings(facts)
    assert warning.startswith("1 train prompts left out: they come near")


def test_a_round_dealt_again_is_the_same_round_and_keeps_what_was_set_aside(run_dir, tmp_path):
    path = tmp_path / "t.jsonl"
    train = prompts_file(path, numbered(9))
    folder, config = begun(run_dir), PromptsConfig(train=train, gate=2, test=2, per_round=3)
    deal(folder, config, 0)
    before = [{**row, "set_aside": "long"} for row in read_rows(folder, "prompts")]
    write_rows(folder, "prompts", before)
    deal(folder, config, 0)
    assert read_rows(folder, "prompts") == before
    prompts_file(path, numbered(9)[::-1])
    deal(folder, config, 0)
    assert read_rows(folder, "prompts") == before, "lines that only moved deal nothing anew"
    prompts_file(path, [{"prompt": text, "tags": ["t"]} for text in numbered(9)])
    deal(folder, config, 0)
    tagged = read_rows(folder, "prompts")
    assert [row["prompt_id"] for row in tagged] == [row["prompt_id"] for row in before]
    assert all(row["tags"] == ["t"] and row["set_aside"] == "long" for row in tagged)


def test_prompts_held_out_by_number_do_not_move_when_lines_move(tmp_path: Path):
    texts = numbered(50)
    first, second = (
        read_supply(
            PromptsConfig(train=prompts_file(tmp_path / f"{i}.jsonl", some), gate=10, test=10)
        )
        for i, some in enumerate((texts, texts[::-1]))
    )
    for split in ("gate", "test"):
        assert ids(first.held_out, split) == ids(second.held_out, split)
        assert len(ids(first.held_out, split)) == 10
    assert len(first.pool.keys) == 30


def test_an_added_line_moves_at_most_one_prompt_of_each_split(tmp_path: Path):
    splits = []
    for count in range(50, 60):
        train = prompts_file(tmp_path / "t.jsonl", numbered(count))
        held = read_supply(PromptsConfig(train=train, gate=10, test=10)).held_out
        splits.append((ids(held, "gate"), ids(held, "test")))
    for before, after in pairwise(splits):
        assert len(after[1] - before[1]) <= 1
        assert len(after[0] - before[0]) <= 2  # one of its own, and one that test let go


def test_held_out_prompts_stay_as_the_first_round_fixed_them(run_dir: Path, tmp_path: Path):
    path = tmp_path / "t.jsonl"
    config = PromptsConfig(train=prompts_file(path, numbered(30)), gate=5, test=5, per_round=10)
    first = dealt(run_dir, 1, config)
    prompts_file(path, numbered(90))
    later = [dealt(run_dir, 2, config), dealt(run_dir, 3, config)]
    other = config.model_copy(update={"gate": 20, "test": 0})
    later.append(dealt(run_dir, 4, other))
    for each in later:
        assert (each["gate"], each["test"]) == (first["gate"], first["test"])
        assert not {*each["train"]} & {*first["train"], *first["gate"], *first["test"]}


HELD = "Tell me in a few words why the sky over the sea is blue in summer"


@pytest.mark.parametrize(
    ("later", "dealt_anyway"),
    [
        (HELD, False),
        (HELD.upper() + "  ", False),
        (f"{HELD}, please", False),
        ([{"role": "system", "content": "Be brief."}, {"role": "user", "content": HELD}], False),
        ("Tell me in a few words why the grass over the hill is green in summer", True),
    ],
)
def test_what_is_added_later_is_held_against_the_held_out_prompts(
    run_dir: Path, tmp_path: Path, later, dealt_anyway: bool
):
    path = tmp_path / "t.jsonl"
    gate = prompts_file(tmp_path / "g.jsonl", [HELD])
    config = PromptsConfig(train=prompts_file(path, ["a"]), gate=gate, test=0)
    dealt(run_dir, 1, config)
    prompts_file(path, ["a", later, "b"])
    assert len(dealt(run_dir, 2, config)["train"]) == 1 + dealt_anyway


def test_a_prompt_of_two_files_belongs_to_test_then_gate(tmp_path: Path):
    files = {
        name: prompts_file(tmp_path / f"{name}.jsonl", list(texts))
        for name, texts in {"train": "abc", "gate": "bd", "test": "cd"}.items()
    }
    supply = read_supply(PromptsConfig(**files))
    texts = {split: set() for split in ("gate", "test")}
    for row in supply.held_out:
        texts[row["split"]].add(row["messages"][0]["content"])
    assert texts == {"gate": {"b"}, "test": {"c", "d"}} and supply.held_out_again == 2
    assert supply.pool.keys.tolist() == [prompt_key([{"role": "user", "content": "a"}])]


def test_a_question_of_test_is_in_no_other_split_under_another_system_turn(tmp_path: Path):
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "c"}]
    gate = prompts_file(tmp_path / "gate.jsonl", ["c", "d"])
    test = prompts_file(tmp_path / "test.jsonl", [turns])
    train = prompts_file(tmp_path / "train.jsonl", ["C", "e"])
    supply = read_supply(PromptsConfig(train=train, gate=gate, test=test), near=False)
    assert [row["messages"][-1]["content"] for row in supply.held_out] == ["d", "c"]
    assert supply.held_out_again == 1 and len(supply.pool.keys) == 1


@pytest.mark.parametrize(
    ("held", "says"),
    [
        ({"gate": 3, "test": 0}, "3 to hold out of the 3 different prompts of prompts.train: that"),
        ({"gate": 2, "test": 1}, "2 to hold out of the 3 .* of which 1 are held out already: that"),
    ],
)
def test_holding_out_everything_leaves_nothing_to_train_on(tmp_path: Path, held: dict, says: str):
    train = prompts_file(tmp_path / "t.jsonl", ["a", "b", "c"])
    with pytest.raises(UserError, match=rf"prompts.gate: {says} leaves none to train on"):
        read_supply(PromptsConfig(train=train, **held))


def test_a_train_file_inside_the_gate_file_is_refused(tmp_path: Path):
    train = prompts_file(tmp_path / "t.jsonl", ["a", "b"])
    with pytest.raises(UserError, match="every prompt is a gate or test prompt; nothing to train"):
        read_supply(PromptsConfig(train=train, gate=train, test=0))


def test_a_gate_that_test_leaves_empty_is_found_before_anything_is_spent(tmp_path: Path):
    names = ("train", "gate", "test")
    texts = (["a", "b"], ["c"], ["C ", "d"])
    files = [prompts_file(tmp_path / f"{n}.jsonl", t) for n, t in zip(names, texts, strict=True)]
    given = [f"prompts.{name}={file}" for name, file in zip(names, files, strict=True)]
    with pytest.raises(UserError, match=r"^prompts.gate: every prompt of it is in prompts.test as"):
        check(load(tmp_path, TREE, *given), Display(), tmp_path / "run")
    with pytest.raises(UserError, match="endpoints.desk: nothing answers"):
        check(load(tmp_path, TREE, *given, "trainer=null"), Display(), tmp_path / "run")


def test_few_prompts_of_one_pattern_are_all_near_and_the_message_says_what_helps(tmp_path: Path):
    pattern = "Please explain to me in a few short and simple sentences of plain words what a {} is"
    train = prompts_file(tmp_path / "t.jsonl", [pattern.format(f"w{i}") for i in range(4)])
    config = PromptsConfig(train=train, gate=2, test=0, near_held_out=0.5)
    with pytest.raises(UserError, match=r"2 hold 0.5 or more of .* need prompts.near_held_out: 1"):
        read_supply(config)
    assert len(read_supply(config.model_copy(update={"near_held_out": 1.0})).pool.keys) == 2
    many = prompts_file(tmp_path / "m.jsonl", [pattern.format(f"w{i}") for i in range(9)])
    of_a_pattern = PromptsConfig(train=many, gate=2, test=0, near_held_out=0.5)
    assert len(read_supply(of_a_pattern).pool.keys) == 7, "what many share is no leak"


@pytest.mark.parametrize("split", ["gate", "test"])
def test_a_negative_number_cannot_be_held_out(split: str):
    with pytest.raises(ValueError, match="cannot be negative"):
        PromptsConfig(train="x", **{split: -1})


def test_used_prompts_are_dealt_again_in_another_order_when_told_to(run_dir: Path, tmp_path: Path):
    train = prompts_file(tmp_path / "t.jsonl", numbered(10))
    config = PromptsConfig(train=train, gate=0, test=0, per_round=4, at_end="reshuffle")
    found = [dealt(run_dir, number, config) for number in range(1, 11)]
    assert [each["facts"]["epoch"] for each in found] == [1, 1, 2, 2, 2, 3, 3, 4, 4, 4]
    order = sum((each["train"] for each in found), [])
    for each in found:
        assert len(set(each["train"])) == 4, "never twice in one round"
    for start in range(0, 40, 20):
        assert sorted(order[start : start + 20]) == sorted(numbered(10) * 2)
    assert set(found[0]["train"]) != set(found[5]["train"])
    prompts_file(tmp_path / "t.jsonl", [*numbered(10), "new 1", "new 2"])
    assert {"new 1", "new 2"} <= {*dealt(run_dir, 11, config)["train"]}, "new ones come first"


def test_a_changed_system_turn_makes_no_prompt_new(run_dir: Path, tmp_path: Path):
    path = tmp_path / "t.jsonl"
    own = [{"role": "system", "content": "Mine."}, {"role": "user", "content": "own"}]
    prompts_file(path, [*numbered(7), own])

    def given(system: str | None, at_end: str = "stop") -> PromptsConfig:
        source = SourceConfig(file=str(path), system=system)
        return PromptsConfig(train=[source], gate=0, test=0, per_round=3, at_end=at_end)

    systems = (None, "Be brief.", "Be long.")
    facts = [dealt(run_dir, number, given(one))["facts"] for number, one in enumerate(systems, 1)]
    assert [one["train"] for one in facts] == [3, 3, 2] and facts[-1]["left"] == 0
    rounds = [read_rows(round_dir(run_dir, number), "prompts") for number in (1, 2, 3)]
    said = [row["messages"][-1]["content"] for rows in rounds for row in rows]
    assert sorted(said) == sorted([*numbered(7), "own"])
    assert {row["messages"][0]["content"] for row in rounds[2]} <= {"Be long.", "Mine."}
    own[0]["content"] = "Mine too."
    prompts_file(path, [*numbered(7), own])
    with pytest.raises(UserError, match="all 8 prompts are used up"):
        dealt(run_dir, 4, given("Be kind."))
    assert dealt(run_dir, 4, given("Be kind.", "reshuffle"))["facts"]["epoch"] == 2


def test_one_question_under_two_system_turns_is_two_prompts(run_dir: Path, tmp_path: Path):
    turns = [
        [{"role": "system", "content": f"You are {who}."}, {"role": "user", "content": "Who?"}]
        for who in "abc"
    ]
    train = prompts_file(tmp_path / "t.jsonl", [*turns, "Who?"])
    config = PromptsConfig(train=train, gate=0, test=0, per_round=1)
    found = [dealt(run_dir, number, config)["train"] for number in (1, 2, 3, 4)]
    assert sorted(sum(found, [])) == ["Who?", "You are a.", "You are b.", "You are c."]


def test_sources_share_a_round_by_weight_and_take_over_what_another_cannot_fill(run_dir, tmp_path):
    files = {
        name: prompts_file(tmp_path / name, [f"{name} {i}" for i in range(20)]) for name in "ab"
    }
    sources = [{"file": files["a"], "weight": 3, "tags": ["a"]}, {"file": files["b"], "weight": 1}]
    config = PromptsConfig(train=sources, gate=0, test=0, per_round=8)
    found = [dealt(run_dir, number, config) for number in range(1, 6)]
    counts = [[sum(text[0] == name for text in each["train"]) for name in "ab"] for each in found]
    assert counts == [[6, 2], [6, 2], [6, 2], [2, 6], [0, 8]]
    warnings = [deal_warnings(each["facts"]) for each in found]
    assert [bool(each) for each in warnings] == [False, False, False, True, True], "said once"
    assert "a: the last new prompts are dealt" in warnings[3][0]


def test_a_prompt_that_stands_twice_is_merged_whatever_the_order(tmp_path: Path, run_dir: Path):
    lines = [
        {"prompt": "Why?", "reference": "b", "tags": ["x"]},
        {"prompt": "why? ", "reference": "a", "guidelines": "short", "tags": ["y"]},
        {"prompt": "WHY?"},
    ]
    rows = []
    for name, some in (("one", lines), ("two", lines[::-1])):
        train = prompts_file(tmp_path / name / "t.jsonl", some)
        folder = begun(run_dir / name)
        deal(folder, PromptsConfig(train=train, gate=0, test=0), 0)
        (row,) = read_rows(folder, "prompts")
        rows.append({**row, "source": ""})
    assert rows[0] == rows[1]
    said = [rows[0][name] for name in ("reference", "guidelines", "tags")]
    assert said == ["a", "short", ["x", "y"]]


def test_a_prompt_of_two_sources_belongs_to_the_first(tmp_path: Path):
    files = [prompts_file(tmp_path / name, ["both", name]) for name in "ab"]
    sources = [(f"prompts.train.{i}", SourceConfig(file=file)) for i, file in enumerate(files)]
    pool = read_pool(sources)
    owners = dict(zip(pool.keys.tolist(), pool.owners.tolist(), strict=True))
    key = prompt_key([{"role": "user", "content": "both"}])
    assert owners[key] == 0 and len(owners) == 3 and pool.merged == 1


def test_a_round_of_an_older_run_counts_as_dealt(run_dir: Path, tmp_path: Path):
    finished(run_dir)  # its prompts are "kept 1" and "dropped 1"
    train = prompts_file(tmp_path / "t.jsonl", ["kept 1", "dropped 1", "new"])
    config = PromptsConfig(train=train, gate=0, test=0)
    assert dealt(run_dir, 2, config)["train"] == ["new"]


@pytest.mark.parametrize(
    ("places", "weights", "supply", "given"),
    [
        (10, [1, 1, 1], [99, 99, 99], [4, 3, 3]),
        (10, [0.5, 0.3, 0.2], [99, 99, 99], [5, 3, 2]),
        (10, [3, 1], [2, 99], [2, 8]),
        (10, [3, 1], [2, 4], [2, 4]),
        (12, [3, 2, 1], [1, 99, 99], [1, 7, 4]),
        (1, [1, 100], [9, 0], [1, 0]),
        (0, [1, 1], [9, 9], [0, 0]),
        (5, [1, 0], [2, 9], [2, 0]),
    ],
)
def test_places_are_shared_by_weight_and_by_what_there_is(places, weights, supply, given):
    assert shares(places, weights, supply) == given


def test_near_prompts_are_found_over_all_turns_but_the_system_turn(tmp_path: Path):
    system = {"role": "system", "content": "word " * 50}
    turns = [{"role": "user", "content": "Hello there my friend"}]
    turns += [{"role": "assistant", "content": "Good day to you too"}]
    turns += [{"role": "user", "content": HELD}]
    lines = [{"messages": [system, *turns]}, {"messages": [system, *turns[:1]]}, HELD]
    path = prompts_file(tmp_path / "t.jsonl", lines)
    held = {"prompt_id": "h", "messages": turns}
    found = near_question_keys([("k", SourceConfig(file=path))], [held], 0.9)
    assert found == {question_key([system, *turns])} == {prompt_key(turns)}


def test_a_held_out_prompt_with_something_around_it_is_not_dealt(tmp_path: Path):
    wrapped = [f"Q: {HELD}\nA:", f"Hello!\n{HELD}", "Hello! What is the weather like?"]
    path = prompts_file(tmp_path / "t.jsonl", wrapped)
    held = [{"prompt_id": "h", "messages": user(HELD)}]
    found = near_question_keys([("k", SourceConfig(file=path))], held, 1)
    assert found == {prompt_key(user(text)) for text in wrapped[:2]}
