"""Judges that are no endpoint: a function of the user's, or a file of a person's verdicts."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from builders import candidate_row, prompt_row

from judge.asking.questions import orders
from judge.asking.rows import Judge, Juror, Question, rule_row
from judge.asking.rubric import load_rubrics
from judge.config import JudgeConfig, is_endpoint
from judge.panel import load_rule
from rounds.errors import UserError

PROMPT = prompt_row() | {"reference": "4"}
A, B, C = (candidate_row(PROMPT, text, index) for index, text in enumerate(("four", "4", "five")))

MODULE = """\
import math

def right(prompt, answer):
    return float(answer == prompt["reference"])

def length(prompt, answer):
    return len(answer)

def unsure(prompt, answer):
    return None if answer == "five" else 1

def flag(prompt, answer):
    return answer == "4"

def words(prompt, answer):
    return "good"

def not_a_number(prompt, answer):
    return math.nan

def endless(prompt, answer):
    return math.inf

def breaks(prompt, answer):
    return 1 / (len(answer) - 1)

NUMBER = 3
"""


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module in the current folder with functions that judge."""
    name = f"rules_{abs(hash(str(tmp_path)))}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return name


def rule_of(name: str) -> Any:
    juror = load_rule("judge.endpoint", name)
    assert juror.ask is None and juror.rule is not None
    return juror.rule


def refused(name: str) -> str:
    with pytest.raises(UserError) as caught:
        load_rule("judge.endpoint", name)
    return str(caught.value)


def human(folder: Path, *lines: object) -> str:
    """The name of a file with these lines; a row is written as JSON."""
    path = folder / "verdicts.jsonl"
    written = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(written), encoding="utf-8")
    return f"human:{path}"


def verdict(a: Any, b: Any, outcome: Any) -> dict[str, Any]:
    return {"candidate_a": a["candidate_id"], "candidate_b": b["candidate_id"], "verdict": outcome}


def test_names_tell_endpoints_from_rules() -> None:
    assert is_endpoint("desk") and is_endpoint("humane") and is_endpoint("pythonic")
    assert not is_endpoint("python:m:f") and not is_endpoint("human:file.jsonl")


# a function


@pytest.mark.parametrize(
    ("function", "a", "b", "outcome"),
    [
        ("right", A, B, "b"),
        ("right", B, A, "a"),
        ("right", A, C, "tie"),
        ("length", A, B, "a"),
        ("flag", A, B, "b"),
    ],
)
def test_the_answer_with_the_higher_value_is_better(
    rules: str, function: str, a: Any, b: Any, outcome: str
) -> None:
    assert rule_of(f"python:{rules}:{function}")(PROMPT, a, b) == outcome


def test_one_answer_gets_its_value(rules: str) -> None:
    assert rule_of(f"python:{rules}:right")(PROMPT, B, None) == 1.0
    assert rule_of(f"python:{rules}:length")(PROMPT, A, None) == 4.0


@pytest.mark.parametrize("pair", [(A, C), (C, A), (C, C), (C, None)])
def test_none_is_no_verdict(rules: str, pair: tuple[Any, Any]) -> None:
    assert rule_of(f"python:{rules}:unsure")(PROMPT, *pair) is None


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        ("words", "gave 'good', neither a number nor None"),
        ("not_a_number", "gave nan, neither a number nor None"),
        ("endless", "gave inf, neither a number nor None"),
        ("breaks", r"failed \(ZeroDivisionError: .*\)"),
    ],
)
def test_a_function_that_fails_is_named_with_its_fault(
    rules: str, function: str, fault: str
) -> None:
    name = f"python:{rules}:{function}"
    with pytest.raises(UserError, match=f"^judge.endpoint: {name} {fault}"):
        rule_of(name)(PROMPT, B, A)


@pytest.mark.parametrize("reference", ["", "no_such_module:f", "{}:nope", "{}", "{}:", "a b:c"])
def test_a_function_that_is_not_there_is_named(rules: str, reference: str) -> None:
    name = "python:" + reference.format(rules)
    message = refused(name)
    assert message.startswith(f"judge.endpoint: cannot load {name} (")
    assert message.endswith("expected python:module:function")


def test_what_is_no_function_is_named(rules: str) -> None:
    name = f"python:{rules}:NUMBER"
    assert refused(name) == f"judge.endpoint: {name} is not a function"


def test_a_module_that_breaks_as_it_is_imported_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken_rules.py").write_text("raise RuntimeError('no licence')")
    assert "cannot load python:broken_rules:f (no licence; " in refused("python:broken_rules:f")


def test_a_function_that_changes_is_another_judge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rules: str
) -> None:
    one = load_rule("judge.endpoint", f"python:{rules}:right").judge_id
    (tmp_path / f"{rules}.py").write_text(MODULE.replace("float(", "int("))
    other = load_rule("judge.endpoint", f"python:{rules}:right").judge_id
    assert one.startswith(f"python:{rules}:right@") and one.split("@")[1] != other.split("@")[1]
    assert load_rule("x", "python:math:gcd").judge_id.startswith("python:math:gcd@")


# a person's file


def test_a_persons_verdict_holds_whichever_is_called_a(tmp_path: Path) -> None:
    rule = rule_of(human(tmp_path, verdict(A, B, "a"), verdict(B, C, "tie"), verdict(C, A, "b")))
    assert (rule(PROMPT, A, B), rule(PROMPT, B, A)) == ("a", "b")
    assert (rule(PROMPT, B, C), rule(PROMPT, C, B)) == ("tie", "tie")
    assert (rule(PROMPT, A, C), rule(PROMPT, C, A)) == ("a", "b")


def test_what_a_person_has_not_judged_has_no_verdict(tmp_path: Path) -> None:
    rule = rule_of(human(tmp_path, verdict(A, B, "a")))
    assert rule(PROMPT, A, C) is None and rule(PROMPT, A, None) is None
    assert rule_of(human(tmp_path))(PROMPT, A, B) is None


def test_empty_lines_other_fields_and_repetitions_are_fine(tmp_path: Path) -> None:
    lines = [verdict(A, B, "a") | {"by": "me"}, "", "  ", verdict(B, A, "b"), verdict(A, B, "a")]
    name = human(tmp_path, *lines)
    assert rule_of(name)(PROMPT, B, A) == "b"
    path = Path(name.removeprefix("human:"))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert rule_of(name)(PROMPT, B, A) == "b"


@pytest.mark.parametrize(
    "second", [verdict(A, B, "b"), verdict(A, B, "tie"), verdict(B, A, "a"), verdict(B, A, "tie")]
)
def test_a_person_who_contradicts_themselves_is_told_where(tmp_path: Path, second: Any) -> None:
    name = human(tmp_path, verdict(A, B, "a"), "", second)
    path = name.removeprefix("human:")
    assert refused(name) == f"{path}, line 3: contradicts an earlier line on the two"


@pytest.mark.parametrize(
    "line",
    [
        "a",
        "[]",
        "3",
        "null",
        '{"candidate_a": "x", "candidate_b": "y"}',
        '{"candidate_a": "x", "candidate_b": "y", "verdict": "A"}',
        '{"candidate_a": "x", "candidate_b": "y", "verdict": null}',
        '{"candidate_a": "x", "candidate_b": "y", "verdict": ["a"]}',
        '{"candidate_a": "x", "candidate_b": "x", "verdict": "a"}',
        '{"candidate_a": 1, "candidate_b": "y", "verdict": "a"}',
        '{"candidate_a": "x", "candidate_b": null, "verdict": "a"}',
        '{"candidate_a": "x", "candidate_b": "y", "verdict": "a"} x',
        "[" * 100_000,
    ],
    ids=lambda line: line[:60],
)
def test_a_line_that_is_no_verdict_is_named(tmp_path: Path, line: str) -> None:
    name = human(tmp_path, verdict(A, B, "a"), line)
    path = name.removeprefix("human:")
    try:
        json.loads(line)
        reason = ""
    except (ValueError, RecursionError):
        reason = "not JSON ("
    said = refused(name)
    assert said.startswith(f"{path}, line 2: {reason}") and "expected {" in said


def test_verdicts_packed_with_gzip_are_the_same_judge(tmp_path: Path) -> None:
    name = human(tmp_path, verdict(A, B, "a"))
    plain = Path(name.removeprefix("human:"))
    packed = plain.with_name("packed.jsonl.gz")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    ids = [load_rule("k", f"human:{path}").judge_id.rpartition("@")[2] for path in (plain, packed)]
    assert ids[0] == ids[1]


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "none.jsonl"
    assert refused(f"human:{missing}") == f"judge.endpoint: no such file {missing}"
    assert refused(f"human:{tmp_path}") == f"judge.endpoint: no such file {tmp_path}"
    missing.write_bytes(b"\xff\xfe")
    assert refused(f"human:{missing}").startswith(f"judge.endpoint: {missing} is not text")


def test_other_verdicts_are_another_judge(tmp_path: Path) -> None:
    ids = set()
    for outcome in ("a", "b"):
        ids.add(load_rule("judge.endpoint", human(tmp_path, verdict(A, B, outcome))).judge_id)
    assert len(ids) == 2


# the rows


def row_of(value: str | float | None, b: Any = B) -> Any:
    juror = Juror("rule", None, lambda prompt, a, b: value)
    config = JudgeConfig(endpoint="desk")
    judge = Judge(config, load_rubrics(config), b"", [juror])
    kind = "pairwise" if b else "pointwise"
    return rule_row(judge, juror, Question(kind, PROMPT, A, b, None, "confirm"))


def test_a_rule_is_asked_once_and_costs_nothing() -> None:
    assert orders(Juror("rule", None, lambda prompt, a, b: None)) == (None,)
    row = row_of("b")
    assert (row["outcome"], row["reason"], row["shown_first"]) == ("b", None, None)
    assert (row["prompt_tokens"], row["completion_tokens"], row["cost"]) == (0, 0, 0)
    assert row["rubric_hash"] is None and row["judge_id"] == "rule"


def test_a_score_and_no_verdict_are_told_apart_from_a_comparison() -> None:
    scored, none = row_of(0.0, b=None), row_of(None)
    assert (scored["outcome"], scored["score"], scored["candidate_b"]) == ("scored", 0.0, None)
    assert (none["outcome"], none["reason"]) == ("abstain", "not_judged")
