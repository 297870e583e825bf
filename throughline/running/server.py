"""Prefect's server for the time of one flow, started while the flow prepares itself.

Prefect would start one by itself, but imports all of its server into the flow's own process for
that, 6 s of computing, and leaves the server running when the flow is killed.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

from throughline.errors import ThroughlineError
from throughline.running.environment import CACHE

HOST = "127.0.0.1"
PAUSE_SECONDS = 0.1
TIMEOUT_SECONDS = 300.0
# Written by `throughline.running.deploy up`: the address of the server that stays.
STANDING = CACHE / "prefect" / "server.json"


class NoServer(ThroughlineError):
    """Prefect's server did not start; its log says why."""


class Server:
    """A server of one's own, or the one that the environment names.

    Args:
        root: the repository.
    """

    def __init__(self, root: Path) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._log = root / CACHE / "flows" / "server.log"
        named = os.environ.get("PREFECT_API_URL") or standing(root)
        self.url = named or self._start()
        os.environ["PREFECT_API_URL"] = self.url
        # Registered before Prefect is imported, hence run after Prefect has sent its last logs.
        atexit.register(self.stop)

    def _start(self) -> str:
        port = free_port()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            # It ends when its standard input does, so also when this process is killed.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "throughline.running.server", str(port)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": _search_path()},
            )
        return f"http://{HOST}:{port}/api"

    def wait(self) -> None:
        """Wait until the server answers.

        Raises:
            NoServer: it ended or did not answer in time.
        """
        end = time.monotonic() + TIMEOUT_SECONDS
        while not answers(self.url):
            ended = self._process is not None and self._process.poll() is not None
            if ended or time.monotonic() > end:
                raise NoServer(
                    f"Prefect's server must answer at {self.url}",
                    "it ended" if ended else "no answer",
                    f"Look at {self._log}" if self._process else "Start it, or unset the address",
                )
            time.sleep(PAUSE_SECONDS)

    def stop(self) -> None:
        """End the server if it is one's own."""
        if self._process is not None:
            os.environ.pop("PREFECT_API_URL", None)
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=5)
            self._process.kill()
            self._process.wait()
            self._process = None


def answers(url: str) -> bool:
    """Whether a Prefect server is ready at an address."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def standing(root: Path) -> str:
    """The address of the server that `make up` started, if it still answers."""
    try:
        url = str(json.loads((root / STANDING).read_text(encoding="utf-8"))["url"])
    except (OSError, ValueError, KeyError):
        return ""
    return url if answers(url) else ""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _search_path() -> str:
    """Where Python finds this package, also from another folder."""
    own = str(Path(__file__).resolve().parents[1])
    return os.pathsep.join(filter(None, [own, os.environ.get("PYTHONPATH", "")]))


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def serve(port: int) -> None:
    """Serve Prefect's interface on a port until the parent ends."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.update(
        # What Prefect sets for a server of one process: no web pages, no services of a farm.
        PREFECT_UI_ENABLED="0",
        PREFECT__SERVER_EPHEMERAL="1",
        PREFECT__SERVER_FINAL="1",
    )
    os.environ.pop("PREFECT_API_URL", None)
    import uvicorn

    uvicorn.run(
        "prefect.server.api.server:create_app",
        factory=True,
        host=HOST,
        port=port,
        log_level="error",
        lifespan="on",
    )


if __name__ == "__main__":
    serve(int(sys.argv[1]))
