"""A server on the loopback interface whose answers go wrong in every way that is known."""

from __future__ import annotations

import gzip
import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(20_000))
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PACKED = gzip.compress(CONTENT, mtime=0)
PACKED_SHA256 = hashlib.sha256(PACKED).hexdigest()
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(200)


class Server(ThreadingHTTPServer):
    """What came in, and how the next answers go wrong."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges: list[str | None] = []
        self.released = threading.Event()
        self.fault = ""

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
        if self.path.startswith("/slow"):
            time.sleep(0.2)
        if self.path == "/data.csv.gz":
            self._packed()
        elif self.path.startswith("/html"):
            self._send(200, b"<!DOCTYPE html><html>Please sign in</html>")
        elif self.path.startswith("/absent"):
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
        elif self.path == "/text.png":
            self._send(200, b"no such picture")
        elif self.path.endswith(".png") or self.path.startswith("/photo"):
            self._send(200, PICTURE)
        else:
            self._send(206 if asked else 200, CONTENT[start:])

    def _packed(self) -> None:
        """One file, in every way in which it can go wrong."""
        fault = self.server.fault
        if fault == "cut":
            self._send(200, PACKED[:-100])
        elif fault == "wrong":
            self._send(200, gzip.compress(CONTENT + b"1,1\n", mtime=0))
        elif fault == "html":
            self._send(200, b"<html><body>Please wait</body></html>")
        elif fault == "failing":
            self._send(503, b"later")
        elif fault == "stalling":
            self._send(200, PACKED[:1000], len(PACKED))
            self.server.released.wait(1)
        else:
            asked = self.headers.get("Range")
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            self._send(206 if asked else 200, PACKED[start:])

    def _send(self, status: int, body: bytes, promised: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if promised is None else promised))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        self.close_connection = True
