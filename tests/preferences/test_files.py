"""Every kind of file, packed or not, a folder of them, and what a folder leaves out."""

import json
from pathlib import Path
from typing import Any

import pytest
from archives import packed
from datasets import Dataset

from preferences.config import Data
from preferences.data_files import left_out
from preferences.load import load_rows
from preferences.preference import Preference
from preferences.read import read_preferences
from rounds.errors import UserError

ENDINGS = ["", ".gz", ".bz2", ".xz", ".zst"]
ROWS = [
    {"prompt": "Why?", "chosen": "Because, I\nthink.", "rejected": "42", "score_chosen": 4.5},
    {"prompt": "1963-11-22?", "chosen": 'A "date".', "rejected": "1", "score_chosen": None},
]
TEXTS = {
    "jsonl": "".join(json.dumps(row) + "\n" for row in ROWS),
    "ndjson": "".join(json.dumps(row) + "\n\n" for row in ROWS),
    "json": json.dumps(ROWS),
    "csv": "prompt,chosen,rejected,score_chosen\n"
    'Why?,"Because, I\nthink.",42,4.5\n1963-11-22?,"A ""date"".",1,\n',
    "tsv": "prompt\tchosen\trejected\tscore_chosen\n"
    'Why?\t"Because, I\nthink."\t42\t4.5\n1963-11-22?\t"A ""date""."\t1\tNaN\n',
}


def rows_of(path: Path, **given: Any) -> list[dict[str, Any]]:
    return [row for _, row in load_rows(Data(data=str(path), **given), "k")]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", TEXTS)
def test_every_kind_is_read_the_same_packed_or_not(tmp_path: Path, kind: str, ending: str):
    path = tmp_path / f"prefs.{kind}{ending}"
    path.write_bytes(packed(ending, TEXTS[kind].encode()))
    assert rows_of(path) == ROWS
    assert rows_of(tmp_path) == ROWS, "the folder with it alone"
    first, _ = read_preferences(str(path), "k").rows
    assert isinstance(first, Preference) and first.score_chosen == 4.5


@pytest.mark.parametrize("ending", ENDINGS[1:])
@pytest.mark.parametrize("kind", ["jsonl", "json", "csv"])
def test_a_damaged_archive_is_one_clear_message(tmp_path: Path, kind: str, ending: str):
    path = tmp_path / f"prefs.{kind}{ending}"
    path.write_bytes(packed(ending, TEXTS[kind].encode())[:-10])
    with pytest.raises(
        UserError, match=rf"prefs.{kind}{ending}, \w+ \d+: a damaged archive: it is"
    ):
        rows_of(path)


def test_messages_in_a_field_are_read_where_they_are_json(tmp_path: Path):
    path = tmp_path / "prefs.csv"
    prompt = [{"role": "user", "content": "Why?"}]
    path.write_text(f'prompt,n\n"{json.dumps(prompt).replace(chr(34), chr(34) * 2)}",1\n')
    assert rows_of(path) == [{"prompt": prompt, "n": "1"}]
    path.write_text(f'prompt,n\n"{prompt}",1\n')
    with pytest.raises(UserError, match=r"line 2: prompt holds chat messages written as a text"):
        rows_of(path)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a,b\n1,2,3\n", "line 2: more fields"),
        ("a,a\n1,2\n", "the column 'a' stands twice"),
        ('a,b\n"1" 2,3\n', "line 2: not CSV"),
    ],
)
def test_a_table_that_cannot_be_read_is_named(tmp_path: Path, text: str, fault: str):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(UserError, match=f"p.csv(, |: ){fault}"):
        rows_of(tmp_path / "p.csv")


def test_a_folder_that_mixes_kinds_says_what_it_left_out(tmp_path: Path):
    for number in range(2):
        (tmp_path / f"{number}.jsonl").write_text(TEXTS["jsonl"])
    assert left_out(str(tmp_path)) == ""
    (tmp_path / "more").mkdir()
    Dataset.from_list(ROWS).to_parquet(str(tmp_path / "more" / "x.parquet"))
    (tmp_path / "y.csv.gz").write_bytes(packed(".gz", TEXTS["csv"].encode()))
    (tmp_path / "notes.md").write_text("x")
    (tmp_path / "dataset_info.json").write_text("{}")
    assert rows_of(tmp_path) == ROWS + ROWS
    assert left_out(str(tmp_path)) == (
        f"not read of {tmp_path}: more/x.parquet, y.csv.gz; name such a file itself to read it"
    )
    (tmp_path / "README.md").write_text(
        "---\nconfigs:\n- config_name: default\n  data_files: 0.jsonl\n---\n"
    )
    assert left_out(str(tmp_path)) == "", "its card says what there is"
    assert left_out("owner/name") == left_out(str(tmp_path / "y.csv.gz")) == ""
