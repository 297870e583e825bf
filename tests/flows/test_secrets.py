"""What is secret is nowhere once all stages ran: in no file, page, log or lock, in Prefect or DVC.

Each way in which a secret is given is run: a variable in the address of a file and of a database,
a password in an address, keys of an S3 remote in the environment and in DVC's own settings, and a
variable in the address of a webhook.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
import sqlalchemy

from tests.flows import shop
from tests.flows.conftest import BUCKET
from tests.sources import postgresql
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


def project_with(root: Path, source: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to a project whose shop comes from this source, which asks for the secret."""
    shop.add_pipeline(root, shop.NAME, {**shop.PIPELINE, "source": source})
    monkeypatch.chdir(root)
    monkeypatch.delenv("THROUGHLINE_MIRROR", raising=False)
    monkeypatch.setenv("SHOP_KEY", SECRET)


def telling(*folders: Path) -> list[Path]:
    """The files in which the secret stands, plain or as a header; a database's, too."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    marks = (SECRET.encode(), BASIC.encode())
    return [path for path in files if any(mark in _unpacked(path) for mark in marks)]


def _unpacked(path: Path) -> bytes:
    """The bytes of a file; git and DVC's cache of runs pack theirs."""
    content = path.read_bytes()
    try:
        return content + zlib.decompress(content)
    except zlib.error:
        return content


def rows_of(database: str, table: str) -> None:
    """Put the shop's table into a database."""
    frame = pd.read_csv(io.StringIO(table))
    engine = sqlalchemy.create_engine(database.replace("postgresql:", "postgresql+pg8000:"))
    frame.to_sql("shop", engine, index=False)
    engine.dispose()


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
    project_with(root, source, monkeypatch)
    shop.commit(root, "Its table comes from a server")

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


@pytest.mark.slow
def test_of_a_database_is_nowhere(
    tmp_path: Path,
    prefect_server: None,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    root, home = tmp_path / "root", Path(os.environ["PREFECT_HOME"])
    (tmp_path / "server").mkdir()
    shop.create(root)
    with postgresql.running(tmp_path / "server", SECRET) as database:
        rows_of(database, (root / "feed/shop.csv").read_text())
        for words in ("wrong$SHOP_KEY", "$SHOP_KEY"):
            address = database.replace(SECRET, words)
            source = {"sql": address, "query": "select * from shop order by x1"}
            project_with(root, source, monkeypatch)
            shop.commit(root, "Its table comes from a database")
            assert bool(execute(root, [shop.NAME], 1).failed) == ("wrong" in words)
    assert (root / "models" / shop.NAME / "model.onnx").exists()
    assert not telling(root, home)
    assert SECRET not in "".join(capfd.readouterr())


@pytest.mark.slow
def test_that_a_person_wrote_into_an_address_is_where_dvc_keeps_it_and_nowhere_else(
    tmp_path: Path,
    server: Server,
    prefect_server: None,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    root, home = tmp_path / "root", Path(os.environ["PREFECT_HOME"])
    shop.create(root)
    server.open = True
    address = f"http://me:{SECRET}@127.0.0.1:{server.server_address[1]}/shop.csv?key=$SHOP_KEY"
    source = {"url": address, "sha256": hashlib.sha256(server.content).hexdigest()}
    project_with(root, source, monkeypatch)
    assert not execute(root, [shop.NAME], 1).failed
    # DVC keeps the sections that a stage read, as they are written, in its lock and its runs.
    folder, runs = root / "pipelines" / shop.NAME, root / ".dvc/cache/runs"
    others = [path for path in telling(root, home) if not path.is_relative_to(runs)]
    assert sorted(others) == [folder / "dvc.lock", folder / "pipeline.yaml"]
    assert SECRET not in "".join(capfd.readouterr())


@pytest.mark.slow
def test_of_a_remote_and_of_a_webhook_is_nowhere(
    built: Path,
    s3: str,
    receiver: tuple[str, list[Any]],
    run: Any,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from flows.retrain import retrain

    home = Path(os.environ["PREFECT_HOME"])
    host, received = receiver
    run(built, "dvc", "remote", "add", "-q", "-d", "store", f"s3://{BUCKET}/dvc")
    run(built, "dvc", "remote", "modify", "-q", "store", "endpointurl", s3)
    run(built, "dvc", "remote", "modify", "-q", "--local", "store", "access_key_id", "tester")
    run(built, "dvc", "remote", "modify", "-q", "--local", "store", "secret_access_key", SECRET)
    shop.commit(built, "A remote")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("HOOK_KEY", SECRET)
    state = retrain(shop.NAME, webhook=f"http://{host}/$HOOK_KEY", push=True, return_state=True)
    assert state.name == "Released"
    assert [path for path, _ in received] == [f"/{SECRET}"]
    assert SECRET not in str(received[0][1])
    assert telling(built, home) == [built / ".dvc/config.local"]
    assert SECRET not in "".join(capfd.readouterr())
