"""Preference data by its id: JSON on the hub is read as it was written, by the real `datasets`."""

import gzip
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from datasets import Dataset

from preferences.config import Data
from preferences.preference import Preference
from preferences.read import read_preferences
from rounds.errors import UserError

REPO, SHA = "ann/prefs", "a" * 40
DATES = {"prompt": "When?", "chosen": "1999-12-31", "rejected": "2000-01-01T00:00:00Z"}
MIXED = [DATES | {"rating": 1}, DATES | {"rating": "one", "prompt": "And then?"}]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """The files of a dataset on a hub on this machine, as far as `datasets` asks for them."""
    stored: dict[str, bytes] = {"README.md": b"---\nlicense: mit\n---\n"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            facts = [
                {"type": "file", "path": name, "size": len(data), "oid": name}
                for name, data in stored.items()
            ]
            body: bytes | None = None
            if path.startswith(f"/datasets/{REPO}/resolve/"):
                body = stored.get(path.split("/", 6)[6])
            elif "/tree/" in path:
                body = json.dumps(facts).encode()
            elif path.startswith(f"/api/datasets/{REPO}"):
                siblings = [{"rfilename": name} for name in stored]
                info = {"id": REPO, "sha": SHA, "private": False, "tags": [], "siblings": siblings}
                body = json.dumps(info).encode()
            self.send_response(404 if body is None else 200)
            if body is None:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("ETag", f'"{hashlib.sha1(body or b"").hexdigest()}"')
            self.send_header("X-Repo-Commit", SHA)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body or b"")

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr("datasets.config.HF_ENDPOINT", url)
    template = f"{url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    yield stored
    server.shutdown()
    server.server_close()


def read(**given: str) -> list[Preference]:
    rows = list(read_preferences(Data(data=REPO, **given), "k").rows)
    assert all(isinstance(row, Preference) for row in rows)
    return rows


def test_json_of_the_hub_is_read_as_it_was_written_and_named_by_its_id(files: dict[str, bytes]):
    lines = "\n".join(map(json.dumps, MIXED)).encode()
    files |= {"train.jsonl": lines, "test.jsonl.gz": gzip.compress(lines)}
    rows = read()
    assert [row[1:3] for row in rows] == [(DATES["chosen"], DATES["rejected"])] * 2
    assert [row.where for row in rows] == [f"{REPO}/train.jsonl, row {place}" for place in (1, 2)]
    assert read(split="test")[1].where == f"{REPO}/test.jsonl.gz, row 2"
    with pytest.raises(UserError, match=f"k.split: {REPO} has train, test, not nope"):
        read(split="nope")


def test_parquet_of_the_hub_is_read_by_datasets(files: dict[str, bytes], tmp_path: Path):
    Dataset.from_list([DATES]).to_parquet(str(tmp_path / "train.parquet"))
    files["train.parquet"] = (tmp_path / "train.parquet").read_bytes()
    (row,) = read()
    assert row.chosen == DATES["chosen"] and row.where == f"{REPO}, row 1"
