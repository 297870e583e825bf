"""Downloads survive servers that stall, break off or lie."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tasks.errors import BadData
from tasks.sources.download import TRIES, downloaded
from tests.sources.conftest import Ingest

CONTENT = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(20_000))
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """What came in, and how the next answers go wrong."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges: list[str | None] = []
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """One behaviour for each path."""

    server: Server

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        first = len(self.server.ranges) == 1
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if self.path == "/html.csv":
            self._send(200, b"<!DOCTYPE html><html>Please sign in</html>")
        elif self.path == "/absent.csv":
            self._send(404, b"no")
        elif self.path == "/busy.csv" and first:
            self._send(503, b"later")
        elif self.path == "/drops.csv" and len(self.server.ranges) < 4:
            self._send(206 if asked else 200, CONTENT[start : start + 50_000], len(CONTENT) - start)
        elif self.path == "/stalls.csv" and first:
            self._send(200, CONTENT[:30_000], len(CONTENT))
            self.server.released.wait(10)
        elif self.path == "/forgets.csv" and first:
            self._send(200, CONTENT[:30_000], len(CONTENT))
        elif self.path == "/forgets.csv":
            # A server that knows no ranges sends the whole file again.
            self._send(200, CONTENT)
        else:
            self._send(206 if asked else 200, CONTENT[start:])

    def _send(self, status: int, body: bytes, promised: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if promised is None else promised))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        self.close_connection = True


@pytest.fixture
def server() -> Iterator[Server]:
    held = Server()
    thread = threading.Thread(target=held.serve_forever, daemon=True)
    thread.start()
    yield held
    held.released.set()
    held.shutdown()
    held.server_close()


def fetched(server: Server, name: str, cache: Path) -> bytes:
    return downloaded(f"{server.url}/{name}", SHA256, cache, pause=0.01, timeout=0.5).read_bytes()


class TestRecovery:
    @pytest.mark.parametrize("name", ["good.csv", "busy.csv", "forgets.csv"])
    def test_the_whole_file_comes(self, server: Server, tmp_path: Path, name: str) -> None:
        assert fetched(server, name, tmp_path) == CONTENT

    def test_a_dropped_connection_is_resumed(self, server: Server, tmp_path: Path) -> None:
        assert fetched(server, "drops.csv", tmp_path) == CONTENT
        assert server.ranges == [None, "bytes=50000-", "bytes=100000-", "bytes=150000-"]

    def test_a_stalled_server_is_asked_again(self, server: Server, tmp_path: Path) -> None:
        assert fetched(server, "stalls.csv", tmp_path) == CONTENT
        assert server.ranges[1] is not None

    def test_a_killed_download_goes_on_where_it_was(self, server: Server, tmp_path: Path) -> None:
        (tmp_path / f"{SHA256}.part").write_bytes(CONTENT[:1000])
        assert fetched(server, "good.csv", tmp_path) == CONTENT
        assert server.ranges == ["bytes=1000-"]

    def test_a_false_start_is_thrown_away(self, server: Server, tmp_path: Path) -> None:
        (tmp_path / f"{SHA256}.part").write_bytes(b"x" * 1000)
        with pytest.raises(BadData, match="must have sha256"):
            fetched(server, "good.csv", tmp_path)
        assert fetched(server, "good.csv", tmp_path) == CONTENT


class TestRefusal:
    def test_html_with_status_200(self, server: Server, tmp_path: Path) -> None:
        with pytest.raises(BadData, match=r"must deliver data.*a web page of 42 bytes"):
            fetched(server, "html.csv", tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_a_wrong_checksum(self, server: Server, tmp_path: Path) -> None:
        with pytest.raises(BadData, match=f"Received: {SHA256}"):
            downloaded(f"{server.url}/good.csv", "0" * 64, tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_an_absent_file_is_asked_for_once(self, server: Server, tmp_path: Path) -> None:
        with pytest.raises(BadData, match="HTTP 404"):
            fetched(server, "absent.csv", tmp_path)
        assert len(server.ranges) == 1

    def test_no_server(self, tmp_path: Path) -> None:
        with pytest.raises(BadData, match=f"ConnectionError after 0 bytes, {TRIES} times"):
            downloaded("http://127.0.0.1:9/x.csv", SHA256, tmp_path, pause=0.01, timeout=0.5)


class TestIngest:
    def test_a_url_becomes_rows_and_is_fetched_once(
        self, server: Server, bring: Ingest, tmp_path: Path
    ) -> None:
        for _ in range(2):
            rows, provenance, _ = bring(url=f"{server.url}/good.csv", sha256=SHA256)
        assert len(rows) == 20_000
        assert provenance["sha256"] == SHA256
        assert len(server.ranges) == 1

    def test_no_address(self, bring: Ingest) -> None:
        with pytest.raises(BadData, match="https://"):
            bring(url="file:///etc/passwd", sha256=SHA256)
