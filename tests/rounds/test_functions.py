"""A user's functions are the user's, whatever their files are called and wherever they lie."""

import importlib
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from rounds import functions
from rounds.errors import UserError
from rounds.functions import absolute, is_number, load_function, short_reference
from rounds.ids import file_hash

ROOT = Path(functions.__file__).resolve().parent.parent
OURS = ["judge", "pairs", "rounds", "trainer", "endpoints", "gate", "texts", "flows", "sampler"]


@pytest.fixture(autouse=True)
def clean_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test loads is gone after it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(functions, "SEARCHED", [])
    monkeypatch.setattr(functions, "NEIGHBOURS", {})
    yield
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


class MakesUp(ModuleType):
    """A module that answers for every attribute, as torch.classes does."""

    def __getattr__(self, name: str) -> object:
        return object()


@pytest.fixture(autouse=True)
def odd_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever modules there are, users' files are loaded."""
    monkeypatch.setitem(sys.modules, "odd_module", MakesUp("odd_module"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, empty."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def gives(path: Path, value: object, name: str = "score") -> Path:
    """A file whose function gives the value."""
    return write(path, f"def {name}(*given): return {value!r}\n")


@pytest.mark.parametrize("room", OURS)
@pytest.mark.parametrize("form", ["{0}.py:x", "{0}:x", "./{0}.py:x", "{1}/{0}.py:x"])
def test_a_file_of_the_users_by_the_name_of_a_package_of_ours_is_the_users(
    here: Path, room: str, form: str
):
    gives(here / f"{room}.py", "the user's", "x")
    ours = sys.modules.get(room)
    assert load_function("k", form.format(room, here))() == "the user's"
    assert sys.modules.get(room) is ours
    assert Path(str(importlib.import_module(room).__file__)) == ROOT / room / "__init__.py"


def test_a_path_into_another_folder_is_that_file_and_not_the_one_here(here: Path, tmp_path: Path):
    gives(here / "judge.py", "here"), gives(tmp_path / "there" / "judge.py", "there")
    assert load_function("k", "../there/judge.py:score")() == "there"
    assert load_function("k", f"{tmp_path}/there/judge.py:score")() == "there"
    assert load_function("k", "judge.py:score")() == "here"


def test_a_module_name_without_a_file_here_is_what_python_imports(here: Path):
    import json

    assert load_function("k", "json:dumps").function is json.dumps
    assert load_function("k", "importlib.metadata:version")("pytest") == pytest.__version__
    assert load_function("k", "starter.gold:score").function.__module__ == "starter.gold"


def test_packages_beside_the_config_are_imported_by_their_dotted_name(here: Path):
    write(here / "my_metrics" / "__init__.py", "")
    write(
        here / "my_metrics" / "short.py",
        "from my_metrics.base import unit\ndef score(): return unit",
    )
    write(here / "my_metrics" / "base.py", "unit = 7")
    assert load_function("k", "my_metrics.short:score")() == 7


def test_a_file_may_import_its_neighbour_from_wherever_it_is_called(here: Path, tmp_path: Path):
    write(tmp_path / "there" / "near_by.py", "value = 3")
    write(
        tmp_path / "there" / "metric.py",
        "import near_by\ndef score(): return near_by.value\n"
        "def later():\n    import near_by_2\n    return near_by_2.value\n",
    )
    write(tmp_path / "there" / "near_by_2.py", "value = 4")
    assert load_function("k", "../there/metric.py:score")() == 3
    assert load_function("k", "../there/metric.py:later")() == 4


def test_a_neighbour_never_hides_what_is_installed(here: Path):
    write(here / "json.py", "raise RuntimeError('the wrong json')")
    write(
        here / "metric.py", "import json, rounds\ndef score(): return json.dumps([rounds.__file__])"
    )
    assert "the wrong json" not in load_function("k", "metric.py:score")()


def test_two_files_of_one_name_and_their_neighbours_of_one_name_are_told_apart(
    here: Path, tmp_path: Path
):
    for place in ("one", "two"):
        write(tmp_path / place / "helper_of_it.py", f"value = {place!r}")
        write(
            tmp_path / place / "metric.py",
            "import helper_of_it\nfrom helper_of_it import value\n"
            "def score(): return value, helper_of_it.value\n",
        )
    loaded = [load_function("k", f"../{place}/metric.py:score") for place in ("one", "two", "one")]
    assert [function() for function in loaded] == [("one",) * 2, ("two",) * 2, ("one",) * 2]


def test_packages_and_imports_inside_functions_are_those_of_the_folder(here: Path, tmp_path: Path):
    for place in ("one", "two"):
        there = tmp_path / place
        write(there / "shared_of_it" / "__init__.py", f"value = {place!r}")
        write(there / "parts_of_it" / "inner.py", f"value = {place!r}")
        write(there / "late_of_it.py", f"value = {place!r}\ncalls = []")
        write(
            there / "metric.py",
            "import shared_of_it, parts_of_it.inner\n"
            "def score():\n    import late_of_it\n    late_of_it.calls.append(1)\n"
            "    import parts_of_it.inner as again\n"
            "    from shared_of_it import value\n"
            "    return value, again.value, late_of_it.value, len(late_of_it.calls)\n",
        )
    one, two = (load_function("k", f"../{place}/metric.py:score") for place in ("one", "two"))
    assert [f() for f in (one, two, one)] == [("one",) * 3 + (1,), ("two",) * 3 + (1,)] + [
        ("one",) * 3 + (2,)
    ], "a module of a neighbour's keeps its state"


def test_a_module_by_its_dotted_name_has_the_hash_of_what_runs(here: Path):
    gives(here / "my_package" / "of_it.py", 1)
    first = load_function("k", "my_package.of_it:score")
    gives(here / "my_package" / "of_it.py", 2)
    again = load_function("k", "my_package.of_it:score")
    assert first() == again() == 1 and first.source == again.source


@pytest.mark.parametrize("text", ["raise SystemExit(0)", "def score(): raise SystemExit(0)"])
def test_a_file_that_exits_ends_nothing_but_itself(here: Path, text: str):
    write(here / "metric.py", text)
    with pytest.raises(UserError, match=r"it exits, with 0|failed \(SystemExit: 0; .*line 1"):
        load_function("k", "metric.py:score")()


@pytest.mark.parametrize("odd", ["x" * 300, "~nosuchuser/x", "a\0b", "loop"])
def test_what_cannot_be_a_path_is_one_message(here: Path, odd: str):
    (here / "loop.py").symlink_to(here / "loop.py")
    assert absolute(f"{odd}.py:score", here).endswith(f"{odd}.py:score")
    with pytest.raises(UserError, match="k: cannot load "):
        load_function("k", f"{odd}.py:score")


def test_an_edited_file_is_loaded_anew_and_has_another_hash(here: Path):
    path = gives(here / "metric.py", 1)
    first, same = (load_function("k", "metric.py:score") for _ in range(2))
    assert same.function is first.function and same.source == first.source == file_hash(path)
    gives(path, 2)  # of one size, and within a second
    edited = load_function("k", "metric:score")
    assert (first(), edited()) == (1, 2) and edited.source == file_hash(path) != first.source
    gives(path, 1)
    assert load_function("k", "metric.py:score").source == first.source


def test_a_function_that_stands_in_no_file_has_no_hash(here: Path):
    assert load_function("k", "math:sqrt").source == ""
    assert load_function("k", "sys:getsizeof").source == ""


def test_a_file_may_hold_dataclasses_types_and_a_main_block(here: Path):
    write(
        here / "metric.py",
        "from __future__ import annotations\n"
        "import pickle\n"
        "from dataclasses import dataclass, field\n"
        "from typing import NamedTuple, get_type_hints\n"
        "@dataclass\nclass Point:\n    x: int\n    rest: list[int] = field(default_factory=list)\n"
        "class Named(NamedTuple):\n    y: Point\n"
        "def score(x):\n"
        "    assert get_type_hints(Named) == {'y': Point}\n"
        "    return pickle.loads(pickle.dumps(Point(x))).x\n"
        "if __name__ == '__main__':\n    raise SystemExit('not loaded as a program')\n",
    )
    assert load_function("k", "metric.py:score")(5) == 5


@pytest.mark.parametrize("head", [b"\xef\xbb\xbf", b"# -*- coding: latin-1 -*-\n"])
def test_a_file_is_read_in_the_encoding_that_it_declares(here: Path, head: bytes):
    encoding = "latin-1" if b"latin" in head else "utf-8"
    (here / "metric.py").write_bytes(head + "def score(): return 'é'".encode(encoding))
    assert load_function("k", "metric.py:score")() == "é"


@pytest.mark.parametrize(
    ("reference", "named"),
    [
        ("nowhere.py:score", "there is no file {here}/nowhere.py"),
        ("sub/nowhere.py:score", "there is no file {here}/sub/nowhere.py"),
        ("nowhere_at_all:score", "No module named 'nowhere_at_all'"),
        ("no.where:score", "No module named 'no'"),
        ("metric.py:scores", "{here}/metric.py has no attribute 'scores'; did you mean score?"),
        ("metric:zzz", "{here}/metric.py has no attribute 'zzz')"),
        ("metric.py", "no function is named in 'metric.py'"),
        ("metric.py:", "{here}/metric.py has no attribute ''"),
        ("judge:score", "module 'judge' has no attribute 'score'"),
        ("broken.py:score", "broken.py, line 1"),
        ("raising.py:score", "('gone'; {here}/raising.py, line 1, in <module>)"),
        ("needy.py:score", "No module named 'not_installed_here'"),
    ],
)
def test_what_cannot_be_loaded_is_told_by_what_was_looked_for(here: Path, reference, named):
    gives(here / "metric.py", 1)
    write(here / "broken.py", "def (")
    write(here / "raising.py", "{}['gone']")
    write(here / "needy.py", "import not_installed_here")
    with pytest.raises(UserError) as caught:
        load_function("gate.metrics.m", reference, "python:")
    message = str(caught.value)
    assert message.startswith(f"gate.metrics.m: cannot load python:{reference} (")
    assert named.format(here=here) in message
    assert "a file is python:path/to/file.py:function" in message


def test_a_file_that_failed_is_tried_again_when_it_is_mended(here: Path):
    write(here / "metric.py", "raise ValueError('half done')")
    for _ in range(2):
        with pytest.raises(UserError, match="half done"):
            load_function("k", "metric.py:score")
    gives(here / "metric.py", 1)
    assert load_function("k", "metric.py:score")() == 1


def test_what_is_no_function_is_refused_and_one_that_fails_says_where(here: Path):
    write(here / "metric.py", "score = 3\ndef fails(x): return x['y']\nclass Scorer: pass\n")
    with pytest.raises(UserError, match=r"^k: metric.py:score is not a function$"):
        load_function("k", "metric.py:score")
    with pytest.raises(
        UserError,
        match=r"^k: metric.py:fails failed \(KeyError: 'y'; .*/metric.py, line 2, in fails\)$",
    ):
        load_function("k", "metric.py:fails")({})


def test_a_reference_is_made_whole_beside_the_config_then_here(here: Path, tmp_path: Path):
    config = tmp_path / "config"
    beside, current = gives(config / "metric.py", 1), gives(here / "metric.py", 2)
    only_here = gives(here / "other.py", 3)
    assert absolute("metric.py:score", config) == absolute("metric:score", config)
    assert absolute("metric.py:score", config) == f"{beside}:score"
    assert absolute("other:score", config) == f"{only_here}:score"
    assert absolute(f"{current}:score", config) == f"{current}:score"
    assert absolute("json:dumps", config) == "json:dumps"
    assert absolute("a.b:c", config) == "a.b:c" and absolute("nothing", config) == "nothing"
    assert absolute("gone.py:score", config) == f"{config}/gone.py:score"
    assert short_reference(f"{beside}:score") == "metric.py:score"
    assert short_reference("json:dumps") == "json:dumps"


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, True), (0.5, True), (True, True), (float("nan"), False), (float("inf"), False)]
    + [("1", False), (None, False), ([1], False), (10**400, False), (Fraction(1, 2), True)]
    + [(np.float32(0.5), True), (np.int64(3), True), (np.float64("nan"), False)],
)
def test_a_number_can_be_compared(value: object, number: bool):
    assert is_number(value) is number


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def score(answer):\n    return 1.0\n", "takes (answer), and is called with (messages, "),
        ("def score(a, b, c):\n    return 1.0\n", "missing a required argument: 'c'"),
        ("async def score(messages, answer):\n    return 1.0\n", "is async; expected a plain"),
    ],
)
def test_a_function_of_other_arguments_is_refused_before_it_is_called(
    here: Path, text: str, says: str
):
    write(here / "mine.py", text)
    with pytest.raises(UserError) as caught:
        load_function("gate.metrics.mine", "mine:score").taking("messages", "answer")
    assert "gate.metrics.mine: mine:score " in str(caught.value) and says in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "def score(*given):\n    return 1.0\n",
        "def score(messages, answer, scale=1.0):\n    return scale\n",
        "score = lambda messages, answer: 1.0\n",
        "class Score:\n    def __call__(self, messages, answer): ...\nscore = Score()\n",
        "import math\nscore = math.hypot\n",  # a built-in that says nothing of its arguments
    ],
)
def test_a_function_that_can_be_called_is_taken(here: Path, text: str):
    write(here / "mine.py", text)
    function = load_function("gate.metrics.mine", "mine:score")
    assert function.taking("messages", "answer") is function


FAILS = """\
import helper


def score(text):
    return helper.share(text)
"""
HELPER = """\
def share(text):
    words = text.split()
    return 1 / len(words)
"""


def test_an_exception_of_the_users_comes_with_the_file_and_line(here: Path):
    write(here / "mine.py", FAILS), write(here / "helper.py", HELPER)
    function = load_function("gate.metrics.share", "mine.py:score")
    assert function("a b") == 0.5
    with pytest.raises(UserError) as failed:
        function("")
    assert str(failed.value) == (
        "gate.metrics.share: mine.py:score failed (ZeroDivisionError: division by zero; "
        f"{here / 'helper.py'}, line 3, in share)"
    )


def test_one_that_is_raised_in_a_library_names_the_users_call_of_it(here: Path):
    write(here / "mine.py", "import json\n\n\ndef score(text):\n    return json.loads(text)\n")
    with pytest.raises(UserError, match=rf"{here / 'mine.py'}, line 5, in score\)"):
        load_function("k", "mine.py:score")("{")


def test_a_function_of_a_library_is_named_where_it_began(here: Path):
    with pytest.raises(UserError, match=r"json/__init__.py, line \d+, in loads\)"):
        load_function("k", "json:loads")("{")


def test_a_file_that_fails_while_it_is_loaded_comes_with_the_line(here: Path):
    write(here / "mine.py", "LIMITS = {}\nLIMIT = LIMITS['max']\n")
    with pytest.raises(UserError, match=rf"\('max'; {here / 'mine.py'}, line 2, in <module>\)"):
        load_function("k", "mine.py:score")
    write(here / "mine.py", "def score(text)\n    return 1\n")
    with pytest.raises(UserError, match=r"mine.py, line 1"):
        load_function("k", "mine.py:score")
