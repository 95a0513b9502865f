"""Labels by people: one line of JSON for each verdict that someone gave, in labels/NAME.jsonl.

Lines are appended and never rewritten. What is taken back stays where it is; a later line says so.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from rounds.errors import UserError
from rounds.files import json_text
from rounds.label_row import Label, checked_label, hash_of
from rounds.settings import FOLDER_NAME


class Read(NamedTuple):
    """The labels of a file in the order of its lines.

    `torn` says of which lines only the beginning was written, each with file and line: their writer
    was killed before it had said that they are kept.
    """

    labels: list[Label]
    torn: list[str]


def labels_path(run_dir: Path, name: str) -> Path:
    """The file of a run's labels NAME. Raises UserError for what is no name."""
    if not FOLDER_NAME.fullmatch(name):
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
        "hash_a": hash_of(given.get("answer_a")),
        "hash_b": hash_of(given.get("answer_b")),
    }
    checked = checked_label({name: label.get(name) for name in Label.__annotations__}, str(path))
    # half a character, which a browser may send, is written as JSON's own escape
    line = json_text(checked).encode("utf-8", "backslashreplace") + b"\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:  # a link in a folder that somebody sent may lead anywhere
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        if path.is_symlink():
            raise UserError(f"{path}: is a link; labels are written into a file only") from error
        raise
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
        label = checked_label(value, where)
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
