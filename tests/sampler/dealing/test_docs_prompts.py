"""The prompts section that docs/prompts.md shows is one that works."""

from pathlib import Path

import yaml

from sampler.dealing.config import PromptsConfig, generate_section
from sampler.dealing.sources.read import source_rows
from sampler.dealing.sources.recipes import read_material

DOCS = Path(__file__).resolve().parents[3] / "docs" / "prompts.md"


def test_the_prompts_that_the_docs_show_can_be_read(tmp_path: Path, monkeypatch):
    lines = DOCS.read_text(encoding="utf-8").splitlines(keepends=True)
    tree = yaml.safe_load("".join(line for line in lines if line.startswith("    ")))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts.jsonl").write_text('"Why?"\n"How?"\n')
    for name in ("topics.txt", "people.txt"):
        (tmp_path / name).write_text("a cat\na dog\n")
    config = PromptsConfig.model_validate(tree["prompts"])
    file, dataset, template = config.finite
    assert [len(list(source_rows(source, "k"))) for source in (file, template)] == [2, 4]
    assert dataset.dataset == "org/name"
    key, generated = generate_section(config) or ("", None)
    assert generated is not None, "the docs show no prompts that are written by a model"
    recipes = [recipe.name for recipe in read_material(generated, key).recipes]
    assert recipes == ["new", "evolve", "persona"]
