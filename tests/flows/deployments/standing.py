"""Prefect's server and worker as `make up` starts them, for the tests that watch schedules."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.flows import shop
from throughline.running.prefect.access import SECRET

SCHEDULED = """name: throughline
pull:
- prefect.deployments.steps.set_working_directory:
    directory: "{{{{ $THROUGHLINE_ROOT }}}}"
deployments:
- name: shop
  entrypoint: flows/retrain.py:retrain
  parameters: {{name: shop, seeds: 2, workers: 1}}
  concurrency_limit: {{limit: 1, collision_strategy: CANCEL_NEW}}
  work_pool: {{name: local}}
  schedules: {schedules}
alerts: {alerts}
"""


class Standing:
    """A server and a worker that stand beside the test.

    Args:
        root: the repository that they run.
        schedules: of the one deployment, as YAML.
        alerts: of the file, as YAML.
    """

    def __init__(self, root: Path, schedules: str = "[]", alerts: str = "[]") -> None:
        self.root = root
        self._said = {"schedules": schedules, "alerts": alerts}
        # Not the server of the tests, nor its database.
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
        self._environment = kept

    @property
    def secret(self) -> str:
        """What the server wants to hear from whoever speaks to it."""
        return (self.root / SECRET).read_text()

    def up(self) -> None:
        """Start server, worker and schedules by the command of the Makefile."""
        self.url = f"http://127.0.0.1:{free_port()}/api"
        shop.write(self.root / "schedules.yaml", SCHEDULED.format(**self._said))
        port = self.url.split(":")[2].split("/")[0]
        self.deploy("up", "--port", port, "--file", "schedules.yaml")

    def deploy(self, *arguments: str) -> str:
        """Run `throughline deploy`; what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "throughline", "deploy", *arguments],
            cwd=self.root,
            env=self._environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ask(self, path: str, **content: Any) -> Any:
        """Post to Prefect's interface and return its answer."""
        return answered(self.request("POST", path, content, csrf=True))

    def get(self, path: str) -> Any:
        """Read from Prefect's interface."""
        return answered(self.request("GET", path))

    def request(
        self, method: str, path: str, content: Any = None, *, csrf: bool = False
    ) -> urllib.request.Request:
        """A request that carries the secret, and a token where it changes something."""
        headers = {"Content-Type": "application/json"}
        headers["Authorization"] = f"Basic {base64.b64encode(self.secret.encode()).decode()}"
        if csrf:
            headers["Prefect-Csrf-Client"] = "tests"
            headers["Prefect-Csrf-Token"] = self.get("/csrf-token?client=tests")["token"]
        data = None if content is None else json.dumps(content).encode()
        return urllib.request.Request(self.url + path, data, headers, method=method)

    def start(self) -> str:
        """Have the deployment run now; the identifier of its run."""
        deployment = self.get("/deployments/name/retrain/shop")["id"]
        return str(self.ask(f"/deployments/{deployment}/create_flow_run")["id"])

    def runs(self) -> list[dict[str, Any]]:
        """The flow runs that have begun or ended, the oldest first."""
        found = self.ask("/flow_runs/filter", sort="EXPECTED_START_TIME_ASC")
        return [run for run in found if run["state_type"] not in ("SCHEDULED", "PENDING")]

    def wait(self, found: Callable[[], Any], seconds: float) -> Any:
        """Ask until there is an answer."""
        end = time.monotonic() + seconds
        while not (answer := found()):
            assert time.monotonic() < end, f"nothing in {seconds} s: {self.states()}"
            time.sleep(1)
        return answer

    def states(self) -> list[tuple[str, str]]:
        """Beginning and state of each run."""
        return [(str(run["start_time"])[:19], run["state_name"]) for run in self.runs()]

    def processes(self) -> dict[str, int]:
        """The process numbers of server and worker."""
        content = json.loads((self.root / ".cache/prefect/server.json").read_text())
        return {process["name"]: process["pid"] for process in content["processes"]}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answered(request: urllib.request.Request, attempts: int = 30) -> Any:
    """The server's answer; while it is busy (503, or nothing in time) it is asked again.

    After silence a POST that makes something is not repeated: it may have been done.
    """
    repeatable = request.method != "POST" or request.full_url.endswith("/filter")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or "null")
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.SERVICE_UNAVAILABLE or attempts == 1:
            raise
    except (urllib.error.URLError, TimeoutError) as error:
        # urllib wraps what happens before the answer begins, and not what happens within it.
        late = isinstance(getattr(error, "reason", error), TimeoutError)
        if not (late and repeatable) or attempts == 1:
            raise
    time.sleep(1)
    return answered(request, attempts - 1)


@contextmanager
def standing(root: Path, schedules: str = "[]", alerts: str = "[]") -> Iterator[Standing]:
    """Server and worker for the time of a block."""
    found = Standing(root, schedules, alerts)
    try:
        found.up()
        yield found
    finally:
        found.deploy("down")
