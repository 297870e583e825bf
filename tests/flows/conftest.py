"""A small repository with DVC stages of its own, on which flows and `why` are tried."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.flows import shop

STAGE = """import pathlib, sys
_, stage, name, *inputs = sys.argv
rows = "".join(pathlib.Path(path).read_text() for path in inputs)
parameters = pathlib.Path(f"pipelines/{name}/pipeline.yaml").read_text().splitlines()
if f"fail: {stage}" in parameters:
    sys.exit(f"{stage} of {name} fails")
output = pathlib.Path(f"data/{name}/{stage}.txt")
output.parent.mkdir(parents=True, exist_ok=True)
output.write_text(rows + stage + "".join(line for line in parameters if stage in line) + "\\n")
with open("runs.txt", "a") as log:
    log.write(f"{stage} {name}\\n")
"""

STAGES = """vars:
- name: {name}
stages:
  ingest:
    wdir: ../..
    cmd: python code/stage.py ingest ${{name}}
    deps: [code]
    params: [{{'pipelines/${{name}}/pipeline.yaml': [ingest]}}]
    outs: ['data/${{name}}/ingest.txt']
  prepare:
    wdir: ../..
    cmd: python code/stage.py prepare ${{name}} data/${{name}}/ingest.txt
    deps: [code, 'data/${{name}}/ingest.txt']
    params: [{{'pipelines/${{name}}/pipeline.yaml': [prepare]}}]
    outs: ['data/${{name}}/prepare.txt']
  train:
    wdir: ../..
    cmd: python code/stage.py train ${{name}} data/${{name}}/prepare.txt
    deps: [code, 'data/${{name}}/prepare.txt']
    params: [{{'pipelines/${{name}}/pipeline.yaml': [train]}}]
    outs: ['data/${{name}}/train.txt']
"""

ROOT_STAGES = """stages:
  scoreboard:
    cmd: python code/stage.py scoreboard one data/one/train.txt data/two/train.txt
    deps: [data/one/train.txt, data/two/train.txt]
    outs: [data/one/scoreboard.txt]
"""

# Of the S3-compatible server.
BUCKET = "models"
PARAMETERS = "ingest: {rows: 3}\nprepare: {scale: standard}\ntrain: {epochs: 2}\n"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run a command, with this environment's `python` and `dvc`, and return what it prints."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")

    def command(root: Path, *arguments: str) -> str:
        done = subprocess.run(arguments, cwd=root, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return command


@pytest.fixture
def repository(tmp_path: Path, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git and DVC repository with the pipelines `one` and `two`, nothing run yet."""
    root = tmp_path / "repository"
    files = {
        ".dvc/config": "[core]\n    analytics = false\n    check_update = false\n",
        ".dvc/.gitignore": "/tmp\n/cache\n",
        ".dvcignore": "__pycache__\n/.cache/\n",
        ".gitignore": "/data/\n/.cache/\nruns.txt\n",
        "code/stage.py": STAGE,
        "code/notes.py": "lines = 1\n",
        "dvc.yaml": ROOT_STAGES,
    }
    for name in ("one", "two"):
        files[f"pipelines/{name}/dvc.yaml"] = STAGES.format(name=name)
        files[f"pipelines/{name}/pipeline.yaml"] = PARAMETERS
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    for name in ("flows", "tasks"):
        (root / name).symlink_to(shop.PROJECT / name)
    run(root, "git", "init", "-q")
    run(root, "git", "config", "user.email", "tester@localhost")
    run(root, "git", "config", "user.name", "Tester")
    run(root, "git", "add", ".")
    run(root, "git", "commit", "-qm", "Two pipelines")
    # DVC reads some paths from where it is called.
    monkeypatch.chdir(root)
    return root


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> None:
    """One Prefect server for all tests, with a database of its own."""
    from throughline.running.prefect.environment import use_prefect
    from throughline.running.prefect.server import Server

    root = tmp_path_factory.mktemp("prefect")
    use_prefect(root)
    Server(root).wait()
    # A test of this process may have imported Prefect before there was a server to name.
    from prefect.context import refresh_global_settings_context

    refresh_global_settings_context()


@pytest.fixture(scope="session")
def built_shop(tmp_path_factory: pytest.TempPathFactory, prefect_server: None) -> Path:
    """A small repository of the project's own code, its pipeline built; for all test processes."""
    from throughline.running.flow import execute

    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    root, here = shared / "shop", Path.cwd()
    with (shared / "shop.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "built").exists():
            shop.create(root)
            os.chdir(root)
            try:
                assert not execute(root, [shop.NAME], 1).failed
            finally:
                os.chdir(here)
            shop.commit(root, "What the shop was built from")
            (root / "built").touch()
    return root


@pytest.fixture
def built(built_shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the built shop with a cache of its own; the folder that commands run in."""
    root = tmp_path / "shop"
    shutil.copytree(built_shop, root, symlinks=True)
    (root / "built").unlink()
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[Any]]]:
    """An address on this machine; path and content of what was sent to it."""
    received: list[Any] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            received.append((self.path, json.loads(self.rfile.read(length))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}", received
    server.shutdown()
    server.server_close()


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an S3-compatible server on the loopback interface, with an empty bucket."""
    pytest.importorskip("dvc_s3", reason="extra s3 is not installed")
    server = pytest.importorskip("moto.server", reason="moto is not installed")
    import boto3

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "tester")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    running = server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    url = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=url).create_bucket(Bucket=BUCKET)
    yield url
    running.stop()
