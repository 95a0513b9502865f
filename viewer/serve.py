"""A session of pages on this machine: its port, its address, its end."""

import secrets
import socket
import sys
import threading
import webbrowser
from contextlib import suppress
from pathlib import Path

import uvicorn

from rounds.errors import UserError
from viewer.app import make_app
from viewer.site import Site, WhatIf

HOST = "127.0.0.1"


def inspect_run(run_dir: Path, port: int, browser: bool, what_if: WhatIf | None) -> None:
    """Serve the pages of a run until Ctrl-C; the address is printed on standard output.

    Port 0 takes a free one. Raises UserError where the port is taken.
    """
    site = Site(run_dir, secrets.token_urlsafe(18), what_if)
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen()
    except OSError as error:
        raise UserError(f"--port {port}: {error.strerror}; leave it out for a free one") from error
    opening = threading.Thread(target=site.open_last)
    opening.start()
    address = f"http://{HOST}:{listening.getsockname()[1]}/{site.token}/"
    print(address, flush=True)
    print("Ctrl-C ends it", file=sys.stderr)
    if browser:
        webbrowser.open(address)
    config = uvicorn.Config(
        make_app(site),
        log_level="critical",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
    )
    try:
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])
    finally:
        opening.join()
        site.scratch.cleanup()
