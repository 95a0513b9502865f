"""How new prompts are asked for: recipes, and what each call puts into them.

new shows some of the seeds and asks for others of their kind (Self-Instruct, arXiv 2212.10560),
evolve asks for a harder or a rarer version of one (Evol-Instruct, arXiv 2304.12244), persona for
what some person would ask (Persona Hub, arXiv 2406.20094).
"""

import re
from typing import Any, NamedTuple

from endpoints.hostile import neutralize
from endpoints.template import Template, fill, parse_template
from rounds.errors import UserError
from rounds.ids import digest
from rounds.rows import Messages
from sampler.dealing.sources.config import Generate, SourceConfig
from sampler.dealing.sources.files import find_file, read_lines
from sampler.dealing.sources.read import source_rows
from texts.normal import prompt_text

SHIPPED = {name: f"prefloop:prompts/recipe_{name}.txt" for name in ("new", "evolve", "persona")}
MAX_EXAMPLES = 5
"""Seeds that {examples} shows, fewer where there are fewer."""
PLACEHOLDERS = {"examples", "prompt", "persona"}
"""What a recipe can be about; it needs one of them. {way} is one of its closing lines."""


class Recipe(NamedTuple):
    """A recipe file, and its closing lines: one of them is put into each call as {way}."""

    name: str
    template: Template
    ways: list[str]
    weight: float


class Material(NamedTuple):
    """What calls are made of. The order is that of the texts' hashes, not that of the files."""

    recipes: list[Recipe]
    seeds: list[str]
    personas: list[str]


def read_material(config: Generate, key: str) -> Material:
    """The recipes, seeds and personas of a source. Raises UserError naming what is wrong."""
    recipes = [_recipe(name, weight, key) for name, weight in config.recipes.items()]
    rows = source_rows(SourceConfig(file=config.seeds), f"{key}.seeds")
    seeds = _by_hash([prompt_text(row["messages"]) for row in rows])
    personas = config.personas or []
    if isinstance(personas, str):
        personas = read_lines(personas, f"{key}.personas")
    with_persona = [recipe.name for recipe in recipes if "{persona}" in recipe.template.text]
    if with_persona and not personas:
        raise UserError(
            f"{key}.personas: the recipe {with_persona[0]} needs some; a list, or a file"
        )
    if personas and not with_persona:
        raise UserError(f"{key}.personas: no recipe has {{persona}}; add persona to recipes")
    return Material(recipes, seeds, _by_hash(personas))


def draw_call(material: Material, *which: object) -> tuple[Recipe, Messages]:
    """The recipe and the messages of one call, which follow from what `which` says."""

    def draw(what: object, count: int) -> int:
        return int(digest("draw", *which, what), 16) % count

    total = sum(recipe.weight for recipe in material.recipes)
    mark = draw("recipe", 2**32) / 2**32 * total
    recipe = material.recipes[-1]
    for choice in material.recipes:
        if mark < choice.weight:
            recipe = choice
            break
        mark -= choice.weight
    seeds = list(material.seeds)
    examples = []
    for place in range(min(MAX_EXAMPLES, len(seeds))):
        at = place + draw(["example", place], len(seeds) - place)
        seeds[place], seeds[at] = seeds[at], seeds[place]
        examples.append(f"{place + 1}. {seeds[place]}")
    values = {
        "examples": neutralize("\n\n".join(examples)),
        "prompt": neutralize(material.seeds[draw("prompt", len(material.seeds))]),
        "persona": neutralize(_pick(material.personas, draw("persona", 2**32))),
        "way": _pick(recipe.ways, draw("way", 2**32)),
    }
    return recipe, fill(recipe.template, values)


def material_key_parts(material: Material) -> list[Any]:
    """What calls follow from, for the key of a stage."""
    recipes = [
        [recipe.name, recipe.template.text, recipe.ways, recipe.weight]
        for recipe in material.recipes
    ]
    return [recipes, material.seeds, material.personas]


def _recipe(name: str, weight: float, key: str) -> Recipe:
    path = find_file(SHIPPED.get(name, name), f"{key}.recipes.{name}")
    try:
        text = path.read_text(encoding="utf-8")
        asking, closing = _split_closing_lines(text)
        template = parse_template(asking, set(), {*PLACEHOLDERS, "way"})
        if not any(f"{{{subject}}}" in asking for subject in PLACEHOLDERS):
            raise ValueError("has none of {examples}, {prompt} and {persona}")
        ways = [line.strip() for line in closing.splitlines() if line.strip()]
        if ("{way}" in asking) != bool(ways):
            raise ValueError("{way} and the lines for it, after a second line of ===, go together")
    except ValueError as error:
        raise UserError(f"{key}.recipes.{name}: {path}: {error}") from error
    return Recipe(name, template, ways, weight)


def _split_closing_lines(text: str) -> tuple[str, str]:
    """A recipe without its closing lines, and these."""
    dividers = list(re.finditer(r"(?m)^={3,}[ \t]*\n", text))
    if len(dividers) < 2:
        return text, ""
    return text[: dividers[1].start()], text[dividers[1].end() :]


def _by_hash(texts: list[str]) -> list[str]:
    return sorted(set(texts), key=digest)


def _pick(texts: list[str], number: int) -> str:
    return texts[number % len(texts)] if texts else ""
