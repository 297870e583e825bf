"""Addresses of data and of redirects lead to public servers alone, and answers end."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from tests.security.projects import LIMITS, SHARED, Refused, ingested
from throughline.sources.fetching.addresses import answer_of, is_public

# What the server was asked for, and the password that came with it.
ASKED: list[tuple[str, str | None]] = []
SECRET = "hush-" + "7" * 12
# `me:word`, as it is sent.
OWN = "Basic bWU6d29yZA=="


class Handler(BaseHTTPRequestHandler):
    """Answers that lead elsewhere or never end."""

    def do_GET(self) -> None:
        ASKED.append((self.path, self.headers["Authorization"]))
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", unquote(self.path).removeprefix("/to/"))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        if self.path == "/promise.csv":
            self.send_header("Content-Length", str(1 << 60))
        if self.path.startswith("/rows.csv"):
            self.send_header("Content-Length", "8")
            self.end_headers()
            self.wfile.write(b"a,b\n1,2\n")
            return
        self.end_headers()
        try:
            while self.path != "/promise.csv":
                self.wfile.write(b"1,2\n" * (1 if self.path == "/slow.csv" else 50_000))
                time.sleep(0.05 if self.path == "/slow.csv" else 0)
        except OSError:
            return

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    held = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.daemon_threads = True
    threading.Thread(target=held.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{held.server_address[1]}"
    held.shutdown()
    held.server_close()


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            "http://127.0.0.1:9/a.csv", "http://localhost:9/a.csv", "http://[::1]:9/a.csv",
            "http://2130706433:9/a.csv", "http://0.0.0.0:9/a.csv", "http://169.254.169.254/a.csv",
            "http://10.0.0.1/a.csv", "http://[::ffff:127.0.0.1]:9/a.csv", "file:///etc/passwd",
            "ftp://example.org/a.csv", "//example.org/a.csv", "http://", "http://[/a.csv",
        ],
    )  # fmt: skip
    def test_in_a_list(self, project: Path, unfetched: Refused, address: str) -> None:
        (project / "list.csv").write_text(f"url,n\n{address},1\n")
        line = unfetched(urls="list.csv")
        assert "public server" in line or "must begin with https" in line

    @pytest.mark.parametrize(
        ("target", "says"),
        [
            ("http://127.0.0.2:9/a.csv", "public server"),
            ("http://[::1]:9/a.csv", "public server"),
            ("file:///etc/passwd", "must begin with https"),
            ("/to/a", "10 redirects"),
        ],
    )
    def test_of_a_redirect(
        self, project: Path, unfetched: Refused, server: str, target: str, says: str
    ) -> None:
        if target == "/to/a":
            target = "/to//to/" + "/to/" * 12
        unfetched(says, url=f"{server}/to/{target}", sha256="0" * 64)

    @pytest.mark.parametrize("first", [["8.8.8.8"], ["8.8.8.8", "127.0.0.1"], ["127.0.0.1"]])
    def test_a_name_that_means_another_machine_a_moment_later(
        self,
        project: Path,
        unfetched: Refused,
        server: str,
        monkeypatch: pytest.MonkeyPatch,
        first: list[str],
    ) -> None:
        """The second look-up leads to this machine, which nothing may connect to."""
        asked, reached = itertools.count(), list[str]()
        look_up = socket.getaddrinfo

        def rebound(host: str, *how: Any, **more: Any) -> Any:
            if host != "rebind.example":
                return look_up(host, *how, **more)
            found = first if next(asked) == 0 else ["127.0.0.1"]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 0)) for each in found]

        def connected(self: socket.socket, address: tuple[str, int]) -> None:
            reached.append(address[0])
            raise ConnectionRefusedError

        monkeypatch.setattr(socket, "getaddrinfo", rebound)
        monkeypatch.setattr(socket.socket, "connect", connected)
        address = server.replace("127.0.0.1", "rebind.example")
        (project / "list.csv").write_text(f"url,n\n{address}/a.csv,1\n")
        assert "rebind.example" in unfetched("public server", urls="list.csv")
        assert not reached

    def test_what_was_looked_at_is_connected_to(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """By its number and no other name, and certificates are held against the name."""
        import requests

        reached = []

        def connected(self: socket.socket, address: tuple[str, int]) -> None:
            reached.append(address[0])
            raise ConnectionRefusedError

        def known(host: str, *_: Any, **__: Any) -> Any:
            found = ["8.8.8.8", "9.9.9.9"] if host == "two.example" else [host]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 443)) for each in found]

        monkeypatch.setattr(socket, "getaddrinfo", known)
        monkeypatch.setattr(socket.socket, "connect", connected)
        with (
            pytest.raises(requests.ConnectionError, match=r"two\.example"),
            answer_of("https://two.example/a.csv", ()),
        ):
            pass
        assert reached == ["8.8.8.8", "9.9.9.9"]

    @pytest.mark.parametrize(
        ("address", "asked"),
        [
            ("http://{}/rows.csv?t=$WORD&u=${{WORD}}", ("/rows.csv?t=$WORD&u=$%7BWORD%7D", None)),
            ("http://$WORD:$WORD@{}/rows.csv", ("/rows.csv", "Basic JFdPUkQ6JFdPUkQ=")),
            ("http://me:word@{}/rows.csv", ("/rows.csv", OWN)),
            ("http://{}/rows.csv", ("/rows.csv", None)),
        ],
    )
    def test_takes_no_secret_along(
        self,
        project: Path,
        server: str,
        monkeypatch: pytest.MonkeyPatch,
        address: str,
        asked: tuple[str, str | None],
    ) -> None:
        """Neither what the environment holds nor a password that ~/.netrc has for the server."""
        (project / "netrc").write_text(f"default login me password {SECRET}\n")
        monkeypatch.setenv("NETRC", str(project / "netrc"))
        monkeypatch.setenv("WORD", SECRET)
        shared = {**SHARED, "limits": LIMITS, "hosts": ["127.0.0.1"]}
        (project / "params.yaml").write_text(yaml.safe_dump(shared))
        listed = address.format(server.removeprefix("http://"))
        (project / "list.csv").write_text(f"url\n{listed}\n")
        ASKED.clear()
        ingested(project, urls="list.csv")
        assert [asked] == ASKED

    @pytest.mark.parametrize("name", ["endless.csv", "promise.csv"])
    def test_a_server_without_end(
        self, project: Path, unfetched: Refused, server: str, name: str
    ) -> None:
        unfetched("limits.bytes", url=f"{server}/{name}", sha256="0" * 64)

    def test_a_server_that_drips(self, project: Path, unfetched: Refused, server: str) -> None:
        shared = {**SHARED, "limits": {**LIMITS, "seconds": 1}}
        (project / "params.yaml").write_text(yaml.safe_dump(shared))
        unfetched("limits.seconds", url=f"{server}/slow.csv", sha256="0" * 64)

    @pytest.mark.parametrize(
        ("address", "public"),
        [
            ("8.8.8.8", True), ("127.0.0.1", False), ("192.168.1.1", False),
            ("fe80::1%eth0", False),
            ("64:ff9b::7f00:1", False), ("2002:7f00:1::", False), ("224.0.0.1", False),
            ("100.64.0.1", False), ("::127.0.0.1", False), ("::ffff:0:7f00:1", False),
            ("64:ff9b:1::7f00:1", False), ("fec0::1", False), ("2606:4700::1111", True),
        ],
    )  # fmt: skip
    def test_which_are_public(self, address: str, public: bool) -> None:
        assert is_public(address) is public
