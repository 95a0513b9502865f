"""Datasets and templates as sources, and sources that a config cannot have."""

import json
import re
from pathlib import Path

import pytest
from builders import begun, user
from configs import TREE, load, refused

from flows.config import dump_config
from rounds.errors import UserError
from rounds.ids import digest
from rounds.tables import read_rows
from sampler.dealing.config import PromptsConfig
from sampler.dealing.deal import deal
from sampler.dealing.sources.config import SourceConfig
from sampler.dealing.sources.read import source_rows
from sampler.dealing.sources.rows import SourcePrompt


def texts(rows: list[SourcePrompt]) -> list[str]:
    return [row["messages"][-1]["content"] for row in rows]


def made(template: str, **given: object) -> list[str]:
    return texts(list(source_rows(SourceConfig(template=template, **given), "prompts.train")))


def wrong(template: str, **given: object) -> str:
    with pytest.raises(UserError) as caught:
        made(template, **given)
    return str(caught.value)


def test_a_template_makes_all_combinations_whatever_the_order_of_the_lists():
    found = made("What is {{ x }} {{ y }}?", over={"x": ["a", "b"], "y": [1, 2, 3]})
    assert sorted(found) == [f"What is {x} {y}?" for x in "ab" for y in (1, 2, 3)]
    turned = made("What is {{ x }} {{ y }}?", over={"y": [3, 2, 1, 1], "x": ["b", "a"]})
    assert turned == found


def test_a_sample_of_a_template_is_by_hash_and_of_distinct_combinations():
    numbers = list(range(1000))
    over = {"x": numbers, "y": numbers, "z": numbers}
    found = made("{{ x }} {{ y }} {{ z }}", over=over, sample=200)
    assert len(set(found)) == 200
    assert made("{{ x }} {{ y }} {{ z }}", over=over, sample=200) == found
    assert len({one.split()[0] for one in found}) > 150, "from everywhere"
    assert len(made("{{ x }}", over={"x": [1, 2, 3]}, sample=7)) == 3


def test_a_sample_of_nearly_all_draws_those_that_stay_out(monkeypatch: pytest.MonkeyPatch):
    drawn = []

    def counted(*parts: object) -> str:
        drawn.append(parts)
        return digest(*parts)

    monkeypatch.setattr("sampler.dealing.sources.template.digest", counted)
    over = {"x": list(range(30)), "y": list(range(30))}
    found = [set(made("{{ x }} {{ y }}", over=over, sample=count)) for count in (898, 899, 900)]
    assert [len(one) for one in found] == [898, 899, 900] and found[0] < found[1] < found[2]
    assert len(drawn) < 200


def test_a_template_and_its_values_may_stand_in_files(tmp_path: Path):
    (tmp_path / "t.j2").write_text("{% for one in parts %}{{ one }},{% endfor %} {{ what }}\n")
    (tmp_path / "what.txt").write_text("a\n\nb\n")
    over = {"what": str(tmp_path / "what.txt"), "parts": [["x", "y"], ["z"]]}
    found = made(str(tmp_path / "t.j2"), over=over)
    assert sorted(found) == ["x,y, a", "x,y, b", "z, a", "z, b"]


@pytest.mark.parametrize(
    ("template", "over", "says"),
    [
        ("{{ x", {"x": [1]}, "prompts.train.template: not a Jinja template"),
        ("{{ x }}", {"x": [1], "y": [1]}, r"prompts.train.over.y: the template has no {{ y }}"),
        ("{{ x }} {{ y }}", {"x": [1]}, r"prompts.train.over: the template has {{ y }}, over has"),
        ("{{ x.name }}", {"x": [{"nam": 1}]}, "prompts.train.template: 'dict object' has no"),
        ("{{ x / 0 }}", {"x": [1]}, "prompts.train.template: division by zero"),
        ("{{ x.__class__.__mro__ }}", {"x": ["a"]}, "prompts.train.template: .* unsafe"),
        ("{{ x }}", {"x": [" "]}, "template, row 1: an empty prompt"),
        ("nowhere.j2", {"x": [1]}, "prompts.train.template: no such file"),
        ("{{ x }}", {"x": "nowhere.txt"}, "prompts.train.over.x: no such file"),
    ],
)
def test_a_template_that_cannot_work_says_why(template: str, over: dict, says: str):
    message = wrong(template, over=over)
    assert re.search(says.replace("{{", r"\{\{").replace("}}", r"\}\}"), message), message


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset in a folder, in a parquet file that `datasets` wrote."""
    datasets = pytest.importorskip("datasets")
    folder = tmp_path_factory.mktemp("shelf") / "main"
    folder.mkdir()
    rows = [
        {"prompt": user("2 + 2?"), "reference": "4", "tags": ["sums"], "id": 1},
        {"prompt": user("Why?"), "reference": None, "tags": [], "id": 2},
    ]
    datasets.Dataset.from_list(rows).to_parquet(folder / "train.parquet")
    (folder.parent / "other").mkdir()
    datasets.Dataset.from_dict({"q": ["How?"]}).to_parquet(folder.parent / "other/test.parquet")
    return folder


def from_shelf(shelf: Path, **given: object) -> list[SourcePrompt]:
    cache = pytest.MonkeyPatch()
    import datasets

    cache.setattr(datasets.config, "HF_DATASETS_CACHE", str(shelf.parent / "cache"))
    try:
        source = SourceConfig(dataset=str(shelf), name="shelf", **given)
        return list(source_rows(source, "prompts.train"))
    finally:
        cache.undo()


def test_a_parquet_file_that_datasets_wrote_is_read_as_file_and_as_dataset(shelf: Path):
    file = SourceConfig(file=str(shelf / "train.parquet"), name="shelf")
    for rows in (list(source_rows(file, "k")), from_shelf(shelf)):
        assert texts(rows) == ["2 + 2?", "Why?"]
        assert [row["reference"] for row in rows] == ["4", None]
        assert [row["tags"] for row in rows] == [["sums"], None]
        assert [row["source"] for row in rows] == ["shelf:1", "shelf:2"]


def test_a_dataset_has_splits_and_columns(shelf: Path, tmp_path: Path):
    assert texts(from_shelf(shelf.parent / "other", split="test", column="q")) == ["How?"]
    with pytest.raises(UserError, match=r"prompts.train.dataset: cannot load .*, split dev \("):
        from_shelf(shelf, split="dev")
    with pytest.raises(UserError, match=r"no column 'prompt' \(there are q\); set `column`"):
        from_shelf(shelf.parent / "other", split="test")
    with pytest.raises(UserError, match=r"prompts.train.dataset: cannot load .*nowhere"):
        from_shelf(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"train.parquet is a file; name it under `file`"):
        from_shelf(shelf / "train.parquet")


def test_every_kind_of_source_is_dealt_with_what_it_says(run_dir: Path, tmp_path: Path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"prompt": "Why?", "tags": ["why"]}) + "\n")
    (tmp_path / "b.csv").write_text("prompt,reference\n2 + 2?,4\n")
    sources = [
        str(tmp_path / "a.jsonl"),
        {"file": str(tmp_path / "b.csv"), "tags": ["sums"]},
        {"template": "Say {{ x }}.", "over": {"x": ["a", "b"]}, "system": "Be brief."},
    ]
    config = PromptsConfig(train=sources, gate=0, test=0)
    facts = deal(begun(run_dir), config, 0)
    counts = {name: one["dealt"] for name, one in facts["sources"].items()}
    assert counts == {"a.jsonl": 1, "b.csv": 1, "template": 2}
    rows = {row["messages"][-1]["content"]: row for row in read_rows(begun(run_dir), "prompts")}
    assert rows["Why?"]["tags"] == ["why"]
    assert (rows["2 + 2?"]["tags"], rows["2 + 2?"]["reference"]) == (["sums"], "4")
    assert rows["Say a."]["messages"][0] == {"role": "system", "content": "Be brief."}


def test_held_out_prompts_may_be_a_source_too(tmp_path: Path, run_dir: Path):
    (tmp_path / "a.jsonl").write_text('"Why?"\n"How?"\n')
    (tmp_path / "g.csv").write_text("question,tags\nWhy?,a;b\n")
    gate = {"file": str(tmp_path / "g.csv"), "column": "question"}
    config = PromptsConfig(train=str(tmp_path / "a.jsonl"), gate=gate, test=0)
    assert deal(begun(run_dir), config, 0)["held_out_again"] == 1
    (row,) = read_rows(begun(run_dir), "prompts", ["gate"])
    assert row["tags"] == ["a", "b"] and row["source"] == "g.csv:2"


WRITER = "generate: {endpoint: desk, seeds: s.jsonl}"


@pytest.mark.parametrize(
    ("prompts", "says"),
    [
        ("train=[]", "prompts.train: names no source"),
        ("train={weight: 2}", "prompts.train.0: needs exactly one of file, dataset, template, gen"),
        ("train=[{file: a, dataset: b}]", "prompts.train.0: needs exactly one of"),
        ("train=[{fil: a}]", "prompts.train.0.fil: unknown key; did you mean file?"),
        ("train=[{file: a, over: {x: [1]}}]", "prompts.train.0.over: is for a template, and this"),
        ("train=[{file: a, split: x}]", "prompts.train.0.split: is for a dataset, and this is a f"),
        ("train=[{template: a}]", "prompts.train.0.over: names no variable"),
        ("train=[{template: a, over: {x: []}}]", "prompts.train.0.over.x: has no values"),
        ("train=[{template: a, over: {x: 5}}]", "prompts.train.0.over.x: 5 is no list of values"),
        ('train=[{file: a, system: "\\ud83d"}]', "prompts.train.0.system: half a character"),
        ('train=[{file: a, tags: ["\\ud83d"]}]', "prompts.train.0.tags: half a character"),
        (
            'train=[{template: a, over: {x: [1, {y: "\\ud83d"}]}}]',
            "prompts.train.0.over: half a character",
        ),
        ("train=[{file: a, weight: -1}]", "prompts.train.0.weight: Input should be greater than"),
        ("train=[{file: a, weight: 0}]", "prompts.train: a weight of 0 would never be dealt"),
        ("train=[{file: a, tags: [x;y]}]", "prompts.train.0.tags: are words"),
        ("train=[x/a, y/a]", "prompts.train: two sources are called 'a'; give one a name"),
        ("at_end=generate", "prompts.at_end: generate needs a source with `generate` under train"),
        ("at_end=genrate", "prompts.at_end: .* did you mean generate?"),
        ("near_held_out=0", "prompts.near_held_out: Input should be greater than 0"),
        ("gate={fil: a}", "prompts.gate.fil: unknown key; did you mean file?"),
        (
            "gate=many.jsonl test=-1",
            "prompts.test: how many prompts to hold out cannot be neg",
        ),
        (f"gate={{{WRITER}}}", "prompts.gate: generated prompts change with the round"),
        (f"train=[{{{WRITER}}}]", "prompts.gate: generated prompts cannot be held out; name a f"),
        (f"train=[a, {{{WRITER}}}, {{{WRITER}, name: b}}]", "prompts.train: takes one `generate`"),
        (f"train=[a, {{{WRITER}, weight: 0}}]", "prompts.train: `generate` of weight 0 needs at_"),
        (
            "train=[a, {generate: {endpoint: jury, seeds: s}}]",
            r"prompts.train.1.generate.endpoint: no endpoint 'jury' under endpoints \(desk\)",
        ),
        *(
            (
                f"train=[a, {{generate: {{endpoint: desk, seeds: s, personas: {personas}}}}}]",
                f"prompts.train.1.generate.personas: {says}",
            )
            for personas, says in (
                ("5", "expected a list of descriptions, or a file with one a line .it is 5.$"),
                ("[a judge, 7]", "expected a list of descriptions"),
                ("[' ']", "expected a list of descriptions"),
                ('["\\ud83d"]', "half a character"),
            )
        ),
        (
            "train=[a, {generate: {endpoint: desk, seeds: s, recipes: []}}]",
            "prompts.train.1.generate.recipes: names no recipe",
        ),
        (
            "train=[a, {generate: {endpoint: desk, seeds: s, budget: {cost: 3}}}]",
            "prompts.train.1.generate.budget.cost: desk has no price; set endpoints.desk.price",
        ),
    ],
)
def test_sources_that_cannot_work_are_refused_with_the_key(tmp_path: Path, prompts: str, says: str):
    given = [f"prompts.{one}" for one in re.split(r" (?=test=)", prompts)]
    message = refused(tmp_path, TREE, *given)
    assert re.search(f"config.yaml: {says}", message), message


def test_sources_are_written_down_as_they_are_and_their_endpoint_is_used(tmp_path: Path):
    override = (
        "prompts.train=[a.jsonl, {dataset: o/n, split: x, weight: 2}, {generate: {endpoint: pen, "
        "seeds: s.jsonl, recipes: {new: 2, own.txt: 1}}, name: writer}]"
    )
    config = load(tmp_path, TREE, override, "endpoints.pen={base_url: http://x, model: m}")
    assert load(tmp_path, dump_config(config)) == config
    assert config.used_endpoints == {"desk", "pen"}
    assert [source.title for source in config.prompts.train] == ["a.jsonl", "o/n", "writer"]
