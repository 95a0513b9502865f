"""A Hugging Face hub on this machine, as far as huggingface_hub asks it when pushing data."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pathspec
import yaml

TOKEN = "hf_scripted"


class ScriptedHub:
    """What was created and committed; `refuse` has a status for requests that match a pattern,
    `meanwhile` a file (data set, path, bytes) that somebody else commits at such a request.

    Parquet files and weights come by Git LFS, or as plain files where `lfs` is false.
    """

    def __init__(self) -> None:
        self.url = ""
        self.repos: dict[str, dict[str, Any]] = {}
        self.blobs: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.refuse: dict[str, int] = {}
        self.meanwhile: dict[str, tuple[str, str, bytes]] = {}
        self.lfs = True

    def files(self, repo: str) -> dict[str, bytes]:
        """The files of a data set."""
        return self.repos[repo]["files"]

    def sha(self, repo: str) -> str:
        """The commit at the head of a data set."""
        facts = sorted((name, data.hex()) for name, data in self.files(repo).items())
        return hashlib.sha1(json.dumps(facts).encode()).hexdigest()

    def save(self, repo: str, folder: Path) -> Path:
        """A data set as who downloads it finds it."""
        for name, data in self.files(repo).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        return folder

    def answer(self, method: str, path: str, body: bytes, token: str | None) -> tuple[int, Any]:
        """Status and JSON of one request."""
        self.requests.append(f"{method} {path}")
        for pattern, status in self.refuse.items():
            if re.search(pattern, self.requests[-1]):
                return status, {"error": "as scripted"}
        for pattern, (repo, name, data) in self.meanwhile.items():
            if re.search(pattern, self.requests[-1]):
                self.files(repo)[name] = data
        if path.startswith("/blob/"):
            self.blobs[path.removeprefix("/blob/")] = body
            return 200, {}
        if token != f"Bearer {TOKEN}":
            return 401, {"error": "Invalid credentials"}
        if path == "/api/whoami-v2":
            return 200, {"name": "ann", "type": "user", "orgs": []}
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        match = re.match(
            r"/(?:api/)?(?:datasets/|models/)?([^/]+/[^/.]+)(?:\.git)?(?:/(\S*))?$", path
        )
        assert match, path
        if match[1] not in self.repos:
            return 404, {"error": "Repository not found"}
        name, _, _ = (match[2] or "").partition("/")
        if name == "preupload":
            return 200, {"files": self._modes(json.loads(body))}
        if name == "info":
            return 200, {"transfer": "basic", "objects": self._actions(json.loads(body))}
        if name == "commit":
            return self._commit(match[1], body)
        if name == "tree":
            files = self.files(match[1]).items()
            return 200, [
                {"type": "file", "path": path, "size": len(data), "oid": "0"}
                for path, data in files
            ]
        return 200, self._info(match[1])

    def _create(self, request: dict[str, Any]) -> tuple[int, Any]:
        repo = f"{request.get('organization') or 'ann'}/{request['name']}"
        kind = request.get("type", "model")
        exists = repo in self.repos
        private = request.get("visibility") == "private"
        new = {"type": kind, "private": private, "files": {".gitattributes": b""}}
        self.repos.setdefault(repo, new)
        url = {"url": f"{self.url}/{'datasets/' if kind == 'dataset' else ''}{repo}"}
        return (409, {"error": "You already created this repo", **url}) if exists else (200, url)

    def _modes(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        ignored = pathspec.GitIgnoreSpec.from_lines(request.get("gitIgnore", "").splitlines())
        return [
            {
                "path": file["path"],
                "uploadMode": "lfs"
                if self.lfs and file["path"].endswith((".parquet", ".safetensors"))
                else "regular",
                "shouldIgnore": ignored.match_file(file["path"]),
            }
            for file in request["files"]
        ]

    def _actions(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {
                "oid": blob["oid"],
                "size": blob["size"],
                "actions": {"upload": {"href": f"{self.url}/blob/{blob['oid']}"}},
            }
            for blob in request["objects"]
        ]

    def _commit(self, repo: str, body: bytes) -> tuple[int, Any]:
        files, before = self.files(repo), self.sha(repo)
        for line in map(json.loads, body.decode().splitlines()):
            value = line["value"]
            if line["key"] == "header" and value.get("parentCommit", before) != before:
                return 412, {"error": "A commit has happened since"}
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.blobs[value["oid"]]
                assert hashlib.sha256(files[value["path"]]).hexdigest() == value["oid"]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        return 200, {"commitUrl": f"{self.url}/datasets/{repo}/commit/1", "commitOid": "1"}

    def _info(self, repo: str) -> dict[str, Any]:
        card = self.files(repo).get("README.md", b"").decode()
        front = yaml.safe_load(card.split("---\n")[1]) if card.startswith("---\n") else {}
        return {
            "id": repo,
            "sha": self.sha(repo),
            "private": self.repos[repo]["private"],
            "tags": front.get("tags", []),
            "cardData": front,
            "siblings": [{"rfilename": name} for name in self.files(repo)],
        }


@contextmanager
def scripted_hub() -> Iterator[ScriptedHub]:
    """The hub, listening on a free port until the block ends."""
    hub = ScriptedHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"] or 0))
            path = self.path.partition("?")[0]
            status, reply = hub.answer(self.command, path, data, self.headers["Authorization"])
            body = json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if status == 404:
                self.send_header("X-Error-Code", "RepoNotFound")
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
