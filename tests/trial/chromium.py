"""Chromium without a window, asked over its own protocol: it waits for what a page does."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any, Self

from websockets.sync.client import connect

SECONDS = 120.0


class Chromium:
    """A browser of its own settings and files, ended when the context is left.

    Args:
        program: the path of Chromium or Chrome.
        folder: for its files.
    """

    def __init__(self, program: str, folder: Path) -> None:
        self._process = subprocess.Popen(
            [
                program, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
                f"--user-data-dir={folder}", "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._number = 0
        told = folder / "DevToolsActivePort"
        until = time.monotonic() + SECONDS
        while not (told.exists() and told.read_text().count("\n")):
            if time.monotonic() > until or self._process.poll() is not None:
                self._process.kill()
                raise TimeoutError("Chromium did not start")
            time.sleep(0.05)
        port, path = told.read_text().split("\n")[:2]
        self._socket = connect(f"ws://127.0.0.1:{port}{path}", max_size=None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._process.kill()
        self._process.wait()

    def opened(self, address: str) -> str:
        """A page, by what later calls name it."""
        target = self._call("Target.createTarget", url=address)["targetId"]
        return str(self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])

    def told(self, page: str, expression: str) -> Any:
        """What an expression is in a page, once it is neither null nor false.

        Raises:
            TimeoutError: it never is.
        """
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            found = self._call("Runtime.evaluate", page, expression=expression, returnByValue=True)[
                "result"
            ].get("value")
            if found:
                return found
            time.sleep(0.1)
        raise TimeoutError(expression)

    def _call(self, method: str, page: str | None = None, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        session = {} if page is None else {"sessionId": page}
        self._socket.send(
            json.dumps({"id": self._number, "method": method, "params": parameters, **session})
        )
        while True:
            answer = json.loads(self._socket.recv(SECONDS))
            if answer.get("id") == self._number:
                return dict(answer["result"])
