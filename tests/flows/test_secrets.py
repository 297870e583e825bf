"""What an address holds of the environment is nowhere once all stages ran, in Prefect or in DVC."""

from __future__ import annotations

import base64
import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.flows import shop
from throughline.running.flow import execute

SECRET = "hush-0a6f2c9d17e4"
# As it stands in the header that a user and a password become.
BASIC = base64.b64encode(f"me:{SECRET}".encode()).decode()


class Server(ThreadingHTTPServer):
    """Gives the shop's table to who knows the secret, once it is open."""

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.open = False
        self.let_in = 0


class Handler(BaseHTTPRequestHandler):
    """Asks for the secret twice: as a password and as a part of the address."""

    server: Server

    def do_GET(self) -> None:
        key = parse_qs(urlsplit(self.path).query).get("key")
        known = self.headers["Authorization"] == f"Basic {BASIC}" and key == [SECRET]
        self.server.let_in += known
        right = known and self.server.open
        self.send_response(200 if right else 403, None if right else f"No {self.path}")
        self.end_headers()
        if right:
            self.wfile.write(self.server.content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    shop.feed(tmp_path, 200)
    held = Server((tmp_path / "feed/shop.csv").read_bytes())
    threading.Thread(target=held.serve_forever, daemon=True).start()
    yield held
    held.shutdown()
    held.server_close()


def telling(*folders: Path) -> list[Path]:
    """The files in which the secret stands, plain or as a header; a database's, too."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    marks = (SECRET.encode(), BASIC.encode())
    return [path for path in files if any(mark in path.read_bytes() for mark in marks)]


@pytest.mark.slow
def test_are_in_no_file_page_log_or_database(
    tmp_path: Path,
    server: Server,
    prefect_server: None,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    root, database = tmp_path / "root", Path(os.environ["PREFECT_HOME"])
    shop.create(root)
    address = f"http://me:$SHOP_KEY@127.0.0.1:{server.server_address[1]}/shop.csv?key=$SHOP_KEY"
    source = {"url": address, "sha256": hashlib.sha256(server.content).hexdigest()}
    shop.add_pipeline(root, shop.NAME, {**shop.PIPELINE, "source": source})
    shop.commit(root, "Its table comes from a server")
    monkeypatch.chdir(root)
    monkeypatch.delenv("THROUGHLINE_MIRROR", raising=False)
    monkeypatch.setenv("SHOP_KEY", SECRET)

    assert execute(root, [shop.NAME], 1).failed
    server.open = True
    assert not execute(root, [shop.NAME], 1).failed

    assert server.let_in >= 2
    assert (root / "models" / shop.NAME / "model.onnx").exists()
    assert list((root / ".dvc" / "cache").rglob("*")) and list((root / "reports").rglob("*.html"))
    with sqlite3.connect(database / "prefect.db") as stored:
        states = {row[0] for row in stored.execute("select state_type from flow_run")}
    assert {"FAILED", "COMPLETED"} <= states
    assert not telling(root, database)
    said = "".join(capfd.readouterr())
    assert SECRET not in said and BASIC not in said
    kept = (root / ".cache", *(root / ".cache").rglob("*"))
    assert [path for path in kept if path.stat().st_mode & 0o077] == []
    # What is looked for would be found.
    (root / ".cache" / "told").write_text(f"x{SECRET}x")
    assert telling(root, database) == [root / ".cache" / "told"]
