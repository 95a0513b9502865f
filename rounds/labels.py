"""Labels by people: one line of JSON for each verdict that someone gave, in labels/NAME.jsonl.

Lines are appended and never rewritten. What is taken back stays where it is; a later line says so.
"""

import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypedDict, cast

from rounds.errors import UserError
from rounds.files import json_text
from rounds.ids import text_hash
from rounds.rows import Messages

CHOICES = ("a", "b", "tie", "both_bad", "skip")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Label(TypedDict):
    """A line: what one person said of two answers to a prompt, and how they came to be asked.

    `verdict` is a or b (that candidate is better), tie, both_bad or skip (not answered).
    `shown_first` is a or b; `chance` the probability with which `queue` drew the comparison, None
    where it drew by none; `at` ISO 8601, UTC. A line with `undoes` takes the line of that label_id
    back and says nothing else. `hash_a` and `hash_b` are of the two texts (rounds.ids.text_hash).
    """

    label_id: str
    round: int
    split: str
    prompt_id: str
    prompt: Messages
    candidate_a: str
    candidate_b: str
    answer_a: str
    answer_b: str
    hash_a: str
    hash_b: str
    shown_first: str
    verdict: str
    by: str
    at: str
    note: str | None
    queue: str
    chance: float | None
    undoes: str | None


TEXTS = ("label_id", "split", "prompt_id", "candidate_a", "candidate_b", "answer_a", "answer_b")
MORE_TEXTS = ("hash_a", "hash_b", "shown_first", "verdict", "by", "at", "queue")
FILLED_IN = ("label_id", "hash_a", "hash_b", "at")
"""What `append_label` says of a line by itself."""


class Read(NamedTuple):
    """The labels of a file in the order of its lines.

    `torn` says of which lines only the beginning was written, each with file and line: their writer
    was killed before it had said that they are kept.
    """

    labels: list[Label]
    torn: list[str]


def labels_path(run_dir: Path, name: str) -> Path:
    """The file of a run's labels NAME. Raises UserError for what is no name."""
    if not NAME.fullmatch(name):
        raise UserError(
            f"labels {name[:60]!r}: no name; expected letters, digits, '.', '_' and '-', beginning "
            "with a letter or digit"
        )
    return run_dir / "labels" / f"{name}.jsonl"


def labels_file(run_dir: Path, named: str) -> Path:
    """The file that a config names: by a name in the run's folder, or as a path (with a / or ending
    with .jsonl).
    """
    path = Path(named).expanduser()
    if is_path(named):
        return path
    return labels_path(run_dir, named)


def is_path(named: str) -> bool:
    """Whether labels are named by a path, and not by a name in the run's folder."""
    return "/" in named or named.startswith("~") or Path(named).suffix in (".jsonl", ".gz", ".zst")


def append_label(path: Path, given: Mapping[str, Any]) -> Label:
    """Append a label; returns the whole line, which is on the disk then.

    `given` has the columns of a `Label`; label_id, hashes and time are filled in. One write under
    the file's lock: two writers never mix, and what a killed one left half written keeps a line of
    its own. Raises UserError for a value that is wrong.
    """
    label = {
        "note": None,
        "undoes": None,
        "chance": None,
        **given,
        "label_id": secrets.token_hex(8),
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "hash_a": _hash_of(given.get("answer_a")),
        "hash_b": _hash_of(given.get("answer_b")),
    }
    checked = _checked({name: label.get(name) for name in Label.__annotations__}, str(path))
    # half a character, which a browser may send, is written as JSON's own escape
    line = json_text(checked).encode("utf-8", "backslashreplace") + b"\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = os.fstat(file).st_size
        if size and os.pread(file, 1, size - 1) != b"\n":
            line = b"\n" + line
        written = os.write(file, line)
        if written < len(line):
            raise OSError(f"{path}: only {written} of {len(line)} bytes could be written")
        os.fsync(file)
    finally:
        os.close(file)
    return checked


def take_back(path: Path, label: Label, by: str) -> Label:
    """Append the line that takes `label` back."""
    return append_label(
        path, {**label, "verdict": "skip", "undoes": label["label_id"], "note": None, "by": by}
    )


def read_labels(path: Path) -> Read:
    """The labels of a file; none where it is not there. Raises UserError as `parse_labels`."""
    if not path.exists():
        return Read([], [])
    with path.open("rb") as file:
        return parse_labels(path, file)


def parse_labels(path: Path, lines: Iterable[bytes]) -> Read:
    """The labels in some lines of a file.

    Raises UserError naming file and line for what is no label, for a text that is not the one that
    its hash was made of, and where a line takes back what was not there before.
    """
    labels: list[Label] = []
    torn, known = [], set[str]()
    for number, raw in enumerate(lines, start=1):
        text = raw.removeprefix(b"\xef\xbb\xbf" if number == 1 else b"").strip()
        if not text:
            continue
        where = f"{path}, line {number}"
        try:
            value = json.loads(text.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            if _is_torn(text, error):
                torn.append(f"{where}: only its beginning was written, it is not counted")
                continue
            raise UserError(f"{where}: not JSON ({error}); expected a label") from error
        label = _checked(value, where)
        if label["undoes"] is not None and label["undoes"] not in known:
            raise UserError(f"{where}: undoes {label['undoes']!r}, which no line before it is")
        if label["label_id"] in known:
            raise UserError(f"{where}: label_id {label['label_id']!r} is there twice")
        known.add(label["label_id"])
        labels.append(label)
    return Read(labels, torn)


def holds_labels(lines: Iterable[bytes]) -> bool:
    """Whether lines are labels: the first that can be read says so."""
    for raw in islice(lines, 5):
        try:
            value = json.loads(raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8"))
        except (ValueError, RecursionError):
            continue
        return isinstance(value, dict) and "label_id" in value and "answer_a" in value
    return False


def standing_labels(labels: Iterable[Label]) -> list[Label]:
    """What stands, in order: of each person the last label on a comparison that was not taken back.

    A comparison is of two candidates, whichever is called a. What was skipped last stands as such.
    """
    kept = list(labels)
    undone = {label["undoes"] for label in kept}
    standing: dict[tuple[str, frozenset[str]], Label] = {}
    for label in kept:
        if label["undoes"] is None and label["label_id"] not in undone:
            of = label["by"], frozenset((label["candidate_a"], label["candidate_b"]))
            standing.pop(of, None)
            standing[of] = label
    return list(standing.values())


def _checked(value: Any, where: str) -> Label:
    if not isinstance(value, dict):
        raise UserError(f"{where}: not an object; expected a label")
    names = Label.__annotations__
    if wrong := [name for name in names if name not in value]:
        raise UserError(f"{where}: no {wrong[0]} in it; a label has {', '.join(names)}")
    if wrong := [name for name in (*TEXTS, *MORE_TEXTS) if not isinstance(value[name], str)]:
        raise UserError(f"{where}: {wrong[0]} is {value[wrong[0]]!r}, not a text")
    if fault := _fault(value):
        raise UserError(f"{where}: {fault}")
    for side in ("a", "b"):
        if value[f"hash_{side}"] != _hash_of(value[f"answer_{side}"]):
            raise UserError(
                f"{where}: answer_{side} is not the text that was labelled: its hash is "
                f"{_hash_of(value[f'answer_{side}'])}, hash_{side} is {value[f'hash_{side}']}"
            )
    return cast(Label, {name: value[name] for name in names})


def _fault(value: dict[str, Any]) -> str | None:
    """What is wrong with a value of a label whose texts are texts."""
    chance, prompt = value["chance"], value["prompt"]
    if value["verdict"] not in CHOICES:
        return f"verdict {value['verdict']!r} is none of {', '.join(CHOICES)}"
    if value["shown_first"] not in ("a", "b"):
        return f"shown_first {value['shown_first']!r} is neither a nor b"
    if value["candidate_a"] == value["candidate_b"]:
        return f"candidate_a and candidate_b are both {value['candidate_a']!r}"
    if not value["by"].strip():
        return "by is empty; expected who labelled"
    if not isinstance(value["round"], int) or isinstance(value["round"], bool):
        return f"round {value['round']!r} is no number of a round"
    if chance is not None and not (isinstance(chance, (int, float)) and 0 < chance <= 1):
        return f"chance {chance!r} is no probability above 0"
    if not all(value[name] is None or isinstance(value[name], str) for name in ("note", "undoes")):
        return "note and undoes are texts or null"
    turns = prompt if isinstance(prompt, list) else [None]
    if not all(isinstance(turn, dict) and {"role", "content"} <= turn.keys() for turn in turns):
        return "prompt is no list of messages, each with role and content"
    try:
        datetime.fromisoformat(value["at"])
    except ValueError:
        return f"at {value['at']!r} is no time (ISO 8601)"
    return None


def _hash_of(text: Any) -> str:
    """The hash of an answer; a text that has none is no text of a candidate."""
    try:
        return text_hash(text)
    except (AttributeError, UnicodeEncodeError):
        return ""


def _is_torn(text: bytes, error: Exception) -> bool:
    """Whether what cannot be read is the beginning of an object, cut off anywhere."""
    if not text.startswith(b"{"):
        return False
    if isinstance(error, UnicodeDecodeError):
        return error.end == len(text) and error.reason == "unexpected end of data"
    if not isinstance(error, json.JSONDecodeError):
        return False
    left = text.decode("utf-8")[error.pos :]
    if error.msg.startswith("Unterminated string"):
        return True
    if error.msg.startswith("Invalid \\"):  # inside an escape
        return len(left) < len("\\u0000")
    return left == "." or any(whole.startswith(left) for whole in ("null", "true", "false"))
