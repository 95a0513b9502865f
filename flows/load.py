"""A config from its file: YAML, overridden by `--set a.b=c`, refused with the key that is wrong."""

import json
import math
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from flows.config import Config
from flows.explain import explained
from flows.secrets import refuse_secrets
from judge.config import PYTHON
from rounds.errors import UserError
from rounds.functions import absolute
from rounds.mirror.address import whole_address
from rounds.settings import locate


def load_config(reference: str, overrides: list[str] | None = None) -> Config:
    """Read, override and validate a config. Raises UserError naming file and key.

    `reference` is a file, or the bare name of a shipped example ("starter").
    """
    path = _find(reference)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text file ({error.reason})") from error
    tree = parse_yaml(text, str(path))
    if not isinstance(tree, dict):
        raise UserError(f"{path}: holds no mapping; a config begins with `name: ...`")
    return config_of(tree, str(path), path.resolve().parent, overrides)


def config_of(
    tree: dict[str, Any], where: str, folder: Path, overrides: list[str] | None = None
) -> Config:
    """A tree of sections, overridden and validated; the tree changes with it.

    `where` is what a fault is said of, and `folder` where functions that are named by their file
    are looked for first. Raises UserError naming the key.
    """
    for override in overrides or []:
        _override(tree, override)
    refuse_secrets(tree)
    _judge_by_policy(tree)
    _locate_functions(tree, folder)
    if isinstance(tree.get("mirror"), str):
        tree["mirror"] = whole_address(tree["mirror"])
    try:
        config = Config.model_validate(tree)
    except ValidationError as error:
        raise UserError(f"{where}: {explained(error.errors())}") from error
    _check_finite(tree, where)
    return config


def parse_yaml(text: str, where: str) -> Any:
    """The value of a YAML text. Raises UserError where it is none, or holds itself."""
    try:
        value = yaml.load(text, Loader=_Loader)
        json.dumps(value, default=str)  # of a value that holds itself there is no end
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise UserError(f"{where}{line}: not YAML ({problem})") from error
    except RecursionError as error:
        raise UserError(f"{where}: nested too deeply to be a config") from error
    except (ValueError, TypeError) as error:  # a date that is none, a value that holds itself
        fault = "an alias is inside of what it stands for" if "Circular" in str(error) else error
        raise UserError(f"{where}: not a value of YAML ({fault})") from error
    return value


class _Loader(yaml.SafeLoader):
    """YAML in which 5e-7 is a number, as in YAML 1.2 and in every other config of this field, and
    in which a key that stands twice is an error and not the last one.
    """

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"{key.value} stands twice", problem_mark=key.start_mark
                    )
                seen.add(key.value)
        return node


_Loader.yaml_implicit_resolvers = {
    key: list(value) for key, value in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def _check_finite(value: Any, path: str, where: str = "") -> None:
    """Raise UserError for a number that JSON, and so a record of the run, cannot hold."""
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{path}: {where}: {value} is no finite number")
    parts = list(enumerate(value)) if isinstance(value, list) else []
    for name, part in value.items() if isinstance(value, dict) else parts:
        _check_finite(part, path, f"{where}.{name}" if where else str(name))


def _judge_by_policy(tree: dict[str, Any]) -> None:
    """`serve: {model: policy}` is the model that the policy began from."""
    policy, endpoints = tree.get("policy"), tree.get("endpoints")
    model = policy.get("model") if isinstance(policy, dict) else policy
    for section in endpoints.values() if isinstance(endpoints, dict) else ():
        served = section.get("serve") if isinstance(section, dict) else None
        if isinstance(served, dict) and served.get("model") == "policy" and model:
            served["model"] = model


def _locate_functions(tree: dict[str, Any], folder: Path) -> None:
    """Functions that are named by their file get its whole path: beside the config, or from the
    current folder. So they are found from wherever the run goes on.
    """

    def located(name: Any, prefix: str) -> Any:
        if isinstance(name, list):
            return [located(one, prefix) for one in name]
        if not isinstance(name, str) or not name.startswith(prefix):
            return name
        return prefix + absolute(name.removeprefix(prefix), folder)

    gate = _section(tree, "gate")
    metrics, semantic = _section(gate, "metrics"), _section(_section(tree, "pairs"), "semantic")
    places = [*((metrics, name, "") for name in metrics), (semantic, "embed", "")]
    suites = _section(gate, "suites")
    places += [(_section(suites, name), "score", "") for name in suites]
    for judge in (_section(tree, "judge"), _section(gate, "judge")):
        jurors = (judge, "endpoint"), (_section(judge, "appeal"), "endpoint")
        places += [(*place, PYTHON) for place in (*jurors, (_section(judge, "health"), "second"))]
    for section, key, prefix in places:
        if key in section:
            section[key] = located(section[key], prefix)


def _section(tree: dict[str, Any], key: str) -> dict[str, Any]:
    """A section of the tree; an empty one where there is none."""
    section = tree.get(key)
    return section if isinstance(section, dict) else {}


def _find(reference: str) -> Path:
    path = Path(reference)
    try:
        if path.is_file():
            return path
    except (OSError, ValueError):  # a text of any kind where a path is expected
        raise UserError(f"{reference[:60]!r} is no path of a config") from None
    shipped = locate(f"prefloop:examples/{reference}.yaml")
    if "/" not in reference and shipped.is_file():
        return shipped
    names = ", ".join(sorted(file.stem for file in locate("prefloop:examples").glob("*.yaml")))
    raise UserError(f"{path}: no such config (shipped ones, by name: {names})")


def _override(tree: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise UserError(f"--set {override}: expected a.b=value")
    *parents, last = key.split(".")
    for parent in parents:
        below = tree.setdefault(parent, {})
        if not isinstance(below, dict):
            below = tree[parent] = {"model": below} if parent == "policy" else {}
        tree = below
    tree[last] = parse_yaml(value, f"--set {key}")  # the value may be a secret
