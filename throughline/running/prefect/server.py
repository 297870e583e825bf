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
from typing import Any

from throughline.cache import CACHE, private, private_file
from throughline.errors import ThroughlineError
from throughline.running.prefect.access import (
    SERVERS_SECRET,
    URL,
    OwnAddress,
    kept_secret,
    new_secret,
    settings,
    speak_to,
    speak_to_none,
)

HOST = "127.0.0.1"
PAUSE_SECONDS = 0.1
TIMEOUT_SECONDS = 300.0
# Says in a command that the server outlives whoever started it.
STAYS = "stays"
# Written by `throughline.running.prefect.deploy up`: the address of the server that stays.
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
        self.url = joined(root) or self._start()
        # Registered before Prefect is imported, hence run after Prefect has sent its last logs.
        atexit.register(self.stop)

    def _start(self) -> str:
        secret = new_secret()
        private(self._log.parent)
        with listening() as listener, private_file(self._log, "wb") as log:
            url = f"{origin(listener)}/api"
            # It ends when its standard input does, so also when this process is killed.
            self._process = subprocess.Popen(
                server_command(listener),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[listener.fileno()],
                env=server_environment(secret),
            )
        speak_to(url, secret)
        return url

    @property
    def own(self) -> bool:
        """Whether it lives as long as this process."""
        return self._process is not None

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
            speak_to_none()
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


def joined(root: Path) -> str:
    """Have this process use the server that the environment names, or the one that stays.

    Args:
        root: the repository.

    Returns:
        Its address; empty when there is none.
    """
    named = os.environ.get(URL, "")
    own = standing(root)
    if own and named in ("", own):
        speak_to(own, kept_secret(root))
    return named or own


def standing(root: Path) -> str:
    """The address of the server that `make up` started, if it still answers."""
    noted = note(root)
    # Somebody else may have its port since it died, and would be told its secret.
    if not any(alive(process) for process in noted["processes"] if process["name"] == "server"):
        return ""
    return noted["url"] if answers(noted["url"]) else ""


def note(root: Path) -> dict[str, Any]:
    """What `make up` wrote: `url` of the server and `processes`, each with name, pid and birth."""
    with suppress(OSError, ValueError, KeyError):
        content = json.loads((root / STANDING).read_text(encoding="utf-8"))
        return {"url": str(content["url"]), "processes": list(content["processes"])}
    return {"url": "", "processes": []}


def alive(process: dict[str, Any]) -> bool:
    """Whether the very process lives: a later one may have its number, but not its birth."""
    import psutil  # type: ignore[import-untyped]

    try:
        found = psutil.Process(process["pid"])
        return bool(
            found.create_time() == process["born"] and found.status() != psutil.STATUS_ZOMBIE
        )
    except psutil.NoSuchProcess:
        return False


def listening(port: int = 0) -> socket.socket:
    """A socket that listens on this machine alone, to be handed to a server.

    The server gets it bound: nobody else can answer at its address while it starts.

    Args:
        port: Default: a free one.

    Raises:
        NoServer: the port is taken.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise NoServer(
            f"Port {port} must be free",
            holder(port) or error.strerror,
            "Choose another with --port, or end what has it (`deploy down` in its folder)",
        ) from None
    listener.listen()
    return listener


def holder(port: int) -> str:
    """Who listens on a port of this machine: name, number and folder; empty where none is told."""
    import psutil

    with suppress(psutil.Error):
        for found in psutil.net_connections("tcp"):
            if found.status == psutil.CONN_LISTEN and found.laddr.port == port:
                if found.pid is None:
                    return "a process of another account has it"
                process = psutil.Process(found.pid)
                with process.oneshot():
                    return f"{process.name()} {found.pid} in {process.cwd()} has it"
    return ""


def origin(listener: socket.socket) -> str:
    """The address of a server, as browsers name the origin of its pages."""
    host, port = listener.getsockname()
    return f"http://{host}:{port}"


def server_command(listener: socket.socket, *more: str) -> list[str]:
    """What starts a server; the socket must be passed on, and `server_environment`."""
    return [
        sys.executable,
        "-P",
        "-m",
        "throughline.running.prefect.server",
        str(listener.fileno()),
        *more,
    ]


def server_environment(secret: str) -> dict[str, str]:
    """The environment of a server. It holds the secret: a command line is read by everybody."""
    return {**os.environ, SERVERS_SECRET: secret, "PYTHONPATH": _search_path()}


def _search_path() -> str:
    """Where Python finds this package, also from another folder."""
    own = str(Path(__file__).resolve().parents[3])
    return os.pathsep.join(filter(None, [own, os.environ.get("PYTHONPATH", "")]))


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def serve(descriptor: int, stays: bool) -> None:
    """Serve Prefect's interface to those who know the secret.

    Args:
        descriptor: of a socket that listens.
        stays: until it is told to end, with web pages and Prefect's services; otherwise until the
            parent ends.
    """
    if not stays:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    # The database and whatever else it writes is for its owner alone.
    os.umask(0o077)
    listener = socket.socket(fileno=descriptor)
    own = origin(listener)
    os.environ.update(settings(own))
    speak_to_none()
    import uvicorn
    from prefect.server.api.server import create_app

    app = OwnAddress(create_app(ephemeral=not stays, final=True), own.removeprefix("http://"))
    config = uvicorn.Config(app, log_level="warning" if stays else "error", lifespan="on")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    serve(int(sys.argv[1]), STAYS in sys.argv[2:])
