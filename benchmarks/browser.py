"""A headless Chromium that opens pages, runs scripts in them and takes pictures of them."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SECONDS = 120
# Higher pages are cut off in a picture.
HIGHEST = 12000


def chromium() -> str | None:
    """The browser's program, or None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One tab of a headless browser, steered by the DevTools protocol.

    Args:
        program: of the browser.
    """

    def __init__(self, program: str) -> None:
        from websockets.sync.client import connect

        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        home = Path(self._folder.name)
        # Without a sandbox: containers have none, and only pages of our own are opened.
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
        self._process = subprocess.Popen(
            [program, *options, f"--user-data-dir={home}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        port, path = self._address(home / "DevToolsActivePort")
        self._socket = connect(f"ws://127.0.0.1:{port}{path}", max_size=None)
        self._numbers = itertools.count(1)
        target = self._asked("Target.createTarget", url="about:blank")["targetId"]
        attached = self._asked("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self._asked("Page.enable")

    def _address(self, file: Path) -> list[str]:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if file.exists() and len(lines := file.read_text().split()) == 2:
                return lines
            time.sleep(0.05)
        raise TimeoutError("The browser must start in time")

    def _asked(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What a command of the protocol answers."""
        number = next(self._numbers)
        session = {"sessionId": self._session} if hasattr(self, "_session") else {}
        message = {"id": number, "method": method, "params": parameters, **session}
        self._socket.send(json.dumps(message))
        while True:
            found = json.loads(self._socket.recv(timeout=SECONDS))
            if found.get("id") == number:
                if "error" in found:
                    raise RuntimeError(f"{method}: {found['error']['message']}")
                return dict(found["result"])

    def open(self, page: Path, width: int, dark: bool = False) -> None:
        """Open a page in a window of so many pixels; waits until it is drawn."""
        self._asked(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=900, deviceScaleFactor=1, mobile=width < 500,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._asked("Emulation.setEmulatedMedia", media="screen", features=[scheme])
        self._asked("Page.navigate", url=page.resolve().as_uri())
        end = time.monotonic() + SECONDS
        while self.run("document.readyState") != "complete":
            if time.monotonic() > end:
                raise TimeoutError(f"{page} must be drawn in time")
            time.sleep(0.02)

    def run(self, script: str) -> Any:
        """The value of a script in the page; a promise is waited for."""
        found = self._asked(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"])[:500])
        return found["result"].get("value")

    def picture(self, highest: int = HIGHEST, scale: float = 1.0) -> bytes:
        """The page as WebP, from its top down, so many pixels of it and scaled."""
        size = self._asked("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "scale": scale}
        clip["height"] = min(size["height"], highest)
        found = self._asked(
            "Page.captureScreenshot",
            format="webp", quality=60, clip=clip, captureBeyondViewport=True,
        )  # fmt: skip
        return base64.b64decode(found["data"])

    def close(self) -> None:
        """End the browser."""
        self._socket.close()
        self._process.terminate()
        self._process.wait(SECONDS)
        self._folder.cleanup()

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
