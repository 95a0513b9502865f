"""A run with finished rounds, and a store on this disk that fails where a test wants."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from builders import finished
from fsspec.implementations.local import LocalFileSystem

from endpoints.journal import Journal
from rounds.mirror.address import open_store
from rounds.mirror.store import Store

PROMOTED = {"promoted": True, "reasons": ["strong"]}
ANSWER = {"choices": [{"message": {"content": "A"}}], "usage": {}}


class Killed(BaseException):
    """What a killed process does not come back from."""


class Watched(LocalFileSystem):
    """A local store that writes down what is put and got, and meddles with it.

    `meddle` gets "put" or "get", the path here and the path there, before and, with `done`, after
    the bytes are moved.
    """

    cachable = False

    def __init__(self, meddle: Callable[..., object] | None = None) -> None:
        super().__init__()
        self.meddle = meddle or (lambda *given, **named: None)
        self.puts: list[str] = []

    def put_file(self, lpath: str, rpath: str, callback: Any = None, **given: Any) -> None:
        self.puts.append(Path(rpath).name)
        self.meddle("put", Path(lpath), Path(rpath), done=False)
        super().put_file(lpath, rpath, **given)
        self.meddle("put", Path(lpath), Path(rpath), done=True)

    def get_file(self, rpath: str, lpath: str, callback: Any = None, **given: Any) -> None:
        self.meddle("get", Path(lpath), Path(rpath), done=False)
        super().get_file(rpath, lpath, **given)
        self.meddle("get", Path(lpath), Path(rpath), done=True)

    @contextmanager
    def _created(self, path: str, mode: str) -> Iterator[Any]:
        self.puts.append(Path(path).name)
        self.meddle("put", None, Path(path), done=False)
        with super().open(path, mode) as file:
            yield file
        self.meddle("put", None, Path(path), done=True)

    def open(self, path: str, mode: str = "rb", **given: Any) -> Any:
        return self._created(path, mode) if "x" in mode else super().open(path, mode, **given)

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **given: Any) -> None:
        self.puts.append(Path(path).name)
        self.meddle("put", None, Path(path), done=False)
        super().pipe_file(path, value, mode=mode, **given)
        self.meddle("put", None, Path(path), done=True)


def store_of(address: Path, run_dir: Path, meddle: Callable[..., object] | None = None) -> Store:
    """The store of a run at a folder of this machine."""
    return open_store(f"file://{address}", run_dir)._replace(files=Watched(meddle))


NOT_PROMOTED = {"promoted": False, "reasons": ["too weak"]}

ROUNDS = 3
ANSWERS = 3


@cache
def _made() -> tempfile.TemporaryDirectory[str]:
    """A run with ROUNDS finished rounds, weights, a journal and labels; round 1 was promoted."""
    top = tempfile.TemporaryDirectory()
    run_dir = Path(top.name) / "demo"
    for number in range(1, ROUNDS + 1):
        weights = run_dir / f"rounds/{number:04d}/policy"
        weights.mkdir(parents=True)
        (weights / "config.json").write_text(json.dumps({"of": number}))
        (weights / "model.safetensors").write_bytes(bytes([number]) * 3000)
        folder = finished(run_dir, number, PROMOTED if number == 1 else NOT_PROMOTED)
        (folder / "report.html").write_text("<p>report")
        (folder / "logs").mkdir()
        (folder / "logs" / "train.log").write_text("said")
    (run_dir / "labels").mkdir()
    (run_dir / "labels" / "me.jsonl").write_text('{"label_id": "1"}\n')
    (run_dir / "trial.json").write_text("{}")
    with Journal(run_dir / "journal.sqlite") as journal:
        for key in range(ANSWERS):
            journal.put(str(key), "desk", "m", {"messages": []}, ANSWER, 0.5)
    return top


def run_of_rounds(run_dir: Path, rounds: int = 2) -> Path:
    """A run with so many finished rounds."""
    shutil.copytree(Path(_made().name) / "demo", run_dir)
    for number in range(rounds + 1, ROUNDS + 1):
        shutil.rmtree(run_dir / f"rounds/{number:04d}")
    return run_dir


def everything(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, word for word."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
