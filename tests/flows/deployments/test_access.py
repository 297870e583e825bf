"""Who may speak to Prefect's server: nobody without its secret, no page of another site."""

from __future__ import annotations

import http.client
import json
import os
import socket
import urllib.error
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.flows.deployments.standing import Standing, answered, standing
from throughline.cache import NotYours, private
from throughline.running.prefect.access import SECRET, keep_secret, kept_secret
from throughline.running.prefect.deploy import pool_of
from throughline.running.prefect.pools import stock
from throughline.running.prefect.server import NoServer, joined, listening

PROJECT = Path(__file__).resolve().parents[3]
FOREIGN = "http://attacker.example"
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
SECONDS = 180


class OfAFlow(Standing):
    """The server that a flow has for itself: its secret is in the environment alone."""

    url = property(lambda _: os.environ["PREFECT_API_URL"])
    secret = property(lambda _: os.environ["PREFECT_API_AUTH_STRING"])


@pytest.fixture(scope="module")
def stays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """The server and the worker of `make up`."""
    root = tmp_path_factory.mktemp("stays")
    for name in ("flows", "tasks"):
        (root / name).symlink_to(PROJECT / name)
    # As an older version left it: open to all.
    (root / ".cache/prefect").mkdir(parents=True, mode=0o755)
    with standing(root) as found:
        yield found


@pytest.fixture(params=["make up", "flow"])
def server(request: pytest.FixtureRequest) -> Standing:
    """The server that stays, then the one that a flow has for itself."""
    if request.param == "make up":
        return request.getfixturevalue("stays")
    request.getfixturevalue("prefect_server")
    return OfAFlow(Path())


def asked(
    server: Standing, method: str, path: str, *, known: bool = True, **headers: str
) -> http.client.HTTPResponse:
    """The answer to a request made by hand, with the secret if it is known."""
    host, port = server.url.split("/")[2].split(":")
    own = dict(server.request(method, path).header_items()) if known else {}
    # `http.client` sends the Host that it is given, unlike browsers.
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    connection.request(method, f"/api{path}", b"{}", own | headers)
    answer = connection.getresponse()
    answer.read()
    return answer


class TestStrangers:
    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", "/work_pools/local"), ("GET", "/version"), ("GET", "/csrf-token?client=x")],
    )
    def test_without_the_secret_nothing_is_told(
        self, server: Standing, method: str, path: str
    ) -> None:
        assert asked(server, method, path, known=False).status == HTTPStatus.UNAUTHORIZED
        wrong = asked(server, method, path, known=False, Authorization="Basic YTpi")
        assert wrong.status == HTTPStatus.UNAUTHORIZED
        assert asked(server, "GET", "/version").status == HTTPStatus.OK

    def test_a_change_needs_a_token_that_pages_elsewhere_cannot_get(self, server: Standing) -> None:
        assert asked(server, "POST", "/flow_runs/filter").status == HTTPStatus.FORBIDDEN
        assert isinstance(server.ask("/flow_runs/filter"), list)

    @pytest.mark.parametrize("host", ["attacker.example", "attacker.example:{port}", "127.0.0.1:1"])
    def test_a_name_that_leads_here_is_not_the_servers_address(
        self, server: Standing, host: str
    ) -> None:
        named = host.format(port=server.url.split("/")[2].split(":")[1])
        assert asked(server, "GET", "/health", Host=named).status == HTTPStatus.FORBIDDEN

    @pytest.mark.parametrize("origin", [FOREIGN, "null", "http://localhost:4200"])
    @pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST"])
    def test_a_page_elsewhere_may_read_nothing(
        self, server: Standing, method: str, origin: str
    ) -> None:
        wants = {"Access-Control-Request-Method": "POST", "Prefect-Csrf-Token": "guess"}
        answer = asked(server, method, "/version", Origin=origin, **wants)
        assert answer.status == HTTPStatus.FORBIDDEN
        assert answer.headers["Access-Control-Allow-Origin"] is None

    def test_the_servers_own_page_may(self, server: Standing) -> None:
        own = server.url.removesuffix("/api")
        assert asked(server, "GET", "/version", Origin=own).status == HTTPStatus.OK

    def test_a_page_elsewhere_gets_no_socket(self, server: Standing) -> None:
        address = f"{server.url.replace('http', 'ws')}/events/out"
        with pytest.raises(InvalidStatus, match="403"):
            connect(address, origin=FOREIGN, subprotocols=["prefect"], proxy=None)
        with connect(address, subprotocols=["prefect"], proxy=None) as opened:
            opened.send(json.dumps({"type": "auth", "token": "guess"}))
            with pytest.raises(Exception, match="1008"):
                opened.recv(timeout=30)


# What is sent without the secret, after `METHOD PATH HTTP/1.1` and the server's own Host.
DEEP = b"[" * 200_000
SENT = {
    "a body of 1 TB": (
        "POST",
        b"/api/flow_runs/filter",
        b"Content-Length: 1099511627776",
        b"x" * 9,
    ),
    "a body that drips": ("POST", b"/api/flow_runs/filter", b"Content-Length: 9", b"x"),
    "deep JSON": ("POST", b"/api/flow_runs/filter", b"Content-Length: 200000", DEEP),
    "a number of 5,000 digits": ("POST", b"/api/flows/", b"Content-Length: 5000", b"9" * 5000),
    "a length of 5,000 digits": ("POST", b"/api/flows/", b"Content-Length: " + b"9" * 5000, b""),
    "a length below 0": ("POST", b"/api/flows/", b"Content-Length: -1", b""),
    "chunks of no size": ("POST", b"/api/flows/", b"Transfer-Encoding: chunked", b"zz\r\n"),
    "two lengths": ("POST", b"/api/flows/", b"Content-Length: 1\r\nContent-Length: 2", b"x"),
    "text, as a page may send": (
        "POST",
        b"/api/flows/",
        b"Content-Type: text/plain\r\nContent-Length: 2",
        b"{}",
    ),
    "a form, as a page may send": (
        "POST",
        b"/api/flows/",
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3",
        b"a=b",
    ),
    "bytes that are no UTF-8": ("POST", b"/api/flows/", b"Content-Length: 4", b"\xff\xfe{}"),
    "a path that is no UTF-8": ("GET", b"/api/\xff\xfe", b"A: b", b""),
    "a header that is no UTF-8": ("GET", b"/api/version", b"A: \xff\x00", b""),
    "a header of 1 MB": ("GET", b"/api/version", b"A: " + b"x" * (1 << 20), b""),
    "a second Host": ("GET", b"/api/version", b"Host: attacker.example", b""),
    "a path above": ("GET", b"/../../../../etc/passwd", b"A: b", b""),
    "a quoted path above": ("GET", b"/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd", b"A: b", b""),
    "a twice quoted path above": ("GET", b"/%252e%252e%252fetc%252fpasswd", b"A: b", b""),
    "an absolute path": ("GET", b"//etc/passwd", b"A: b", b""),
    "another server's address": ("GET", b"http://attacker.example/api/version", b"A: b", b""),
    "a method of its own": ("ATTACK", b"/api/version", b"A: b", b""),
}


class TestRequestsByHand:
    @pytest.mark.parametrize("name", SENT)
    def test_tell_nothing_and_end_nothing(self, stays: Standing, name: str) -> None:
        """Without the secret: refused at once, before a body is waited for, and it still serves."""
        method, path, header, body = SENT[name]
        host, port = stays.url.split("/")[2].split(":")
        server = psutil.Process(stays.processes()["server"])
        held = server.memory_info().rss
        line = f"{method} ".encode() + path + f" HTTP/1.1\r\nHost: {host}:{port}\r\n".encode()
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            with suppress(ConnectionError):
                connection.sendall(line + header + b"\r\n\r\n" + body)
            answer = connection.recv(1 << 16)
        # A page of its own holds nothing but the page; all else is refused.
        status = int(answer.split()[1]) if answer else HTTPStatus.BAD_REQUEST
        assert status == HTTPStatus.OK or 400 <= status < 500
        assert status != HTTPStatus.OK or b"<!DOCTYPE html>" in answer[:4000]
        assert b"root:" not in answer and b"Traceback" not in answer
        assert server.memory_info().rss < held + (64 << 20)
        assert asked(stays, "GET", "/version").status == HTTPStatus.OK

    def test_many_that_say_nothing_keep_nobody_out(self, stays: Standing) -> None:
        host, port = stays.url.split("/")[2].split(":")
        with ExitStack() as idle:
            for _ in range(200):
                opened = socket.create_connection((host, int(port)), timeout=10)
                idle.enter_context(opened).sendall(b"GET / HTTP/1.1\r\n")
            assert asked(stays, "GET", "/version").status == HTTPStatus.OK


class TestFiles:
    def test_the_servers_files_are_for_the_owner_alone(self, stays: Standing) -> None:
        for folder in ("prefect", "flows"):
            assert (stays.root / ".cache" / folder).stat().st_mode & 0o777 == 0o700
        for file in (SECRET, ".cache/prefect/prefect.db"):
            assert (stays.root / file).stat().st_mode & 0o777 == 0o600

    def test_the_secret_is_on_no_command_line_and_in_no_other_file(self, stays: Standing) -> None:
        for number in stays.processes().values():
            process = psutil.Process(number)
            for member in [process, *process.children(recursive=True)]:
                assert stays.secret not in " ".join(member.cmdline())
        files = [path for path in (stays.root / ".cache").rglob("*") if path.is_file()]
        token = stays.secret.split(":")[1].encode()
        telling = [path for path in files if token in path.read_bytes()]
        assert telling == [stays.root / SECRET]

    def test_every_start_has_another_secret(self, tmp_path: Path) -> None:
        first = keep_secret(tmp_path)
        assert len({first, keep_secret(tmp_path), kept_secret(tmp_path)}) == 2
        assert [path.name for path in (tmp_path / SECRET).parent.iterdir()] == [SECRET.name]

    def test_the_folder_of_somebody_else_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refused(self: Path, mode: int) -> None:
            raise PermissionError

        monkeypatch.setattr(Path, "chmod", refused)
        with pytest.raises(NotYours, match="must belong to the account"):
            private(tmp_path)


class TestAddress:
    def test_a_port_that_somebody_has_is_refused(self) -> None:
        # It says who has it, and where.
        told = rf"must be free\. Received: \S+ {os.getpid()} in "
        with listening() as taken, pytest.raises(NoServer, match=told):
            listening(taken.getsockname()[1])

    def test_nobody_gets_the_port_while_the_worker_lives(self, stays: Standing) -> None:
        worker = psutil.Process(stays.processes()["worker"])
        port = int(stays.url.split("/")[2].split(":")[1])
        held = [found.laddr.port for found in worker.net_connections() if found.status == "LISTEN"]
        assert port in held

    def test_who_took_a_dead_servers_port_is_not_told_the_secret(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING"):
            monkeypatch.delenv(name, raising=False)
        keep_secret(tmp_path)
        with socket.create_server(("127.0.0.1", 0)) as other:
            url = f"http://127.0.0.1:{other.getsockname()[1]}/api"
            dead = {"name": "server", "pid": os.getpid(), "born": 0.0}
            note = {"url": url, "processes": [dead]}
            (tmp_path / ".cache/prefect/server.json").write_text(json.dumps(note))
            assert joined(tmp_path) == ""
        assert "PREFECT_API_AUTH_STRING" not in os.environ


class TestWorker:
    """What a run is asked for chooses neither command nor environment of the worker's process."""

    @pytest.fixture(scope="class")
    def pool(self, stays: Standing) -> Standing:
        """A pool that an older version made, and `apply` since."""
        open_to_all = {"base_job_template": stock("process")}
        answered(
            stays.request("PATCH", f"/work_pools/{pool_of(stays.root)}", open_to_all, csrf=True)
        )
        stays.deploy("apply", "--file", "schedules.yaml")
        return stays

    def test_a_request_for_a_command_is_refused(self, pool: Standing) -> None:
        deployment = pool.get("/deployments/name/retrain/shop")["id"]
        for asked_for in ({"command": "true"}, {"env": {"A": "b"}}, {"working_dir": "/tmp"}):
            with pytest.raises(urllib.error.HTTPError, match="422"):
                pool.ask(f"/deployments/{deployment}/create_flow_run", job_variables=asked_for)

    def test_a_command_that_the_server_let_pass_does_not_run(
        self, pool: Standing, tmp_path: Path
    ) -> None:
        marker, startup = tmp_path / "marker", tmp_path / "sitecustomize.py"
        startup.write_text(f"open({str(marker)!r}, 'w')\n")
        deployment = pool.get("/deployments/name/retrain/shop")
        # This way in does not look at the pool's variables.
        run = pool.ask(
            "/flow_runs/",
            flow_id=deployment["flow_id"],
            deployment_id=deployment["id"],
            work_pool_name=pool_of(pool.root),
            parameters=deployment["parameters"],
            state={"type": "SCHEDULED"},
            job_variables={
                "command": f"touch {marker}",
                "working_dir": str(tmp_path),
                "env": {"PYTHONPATH": str(tmp_path)},
            },
        )

        def state() -> Any:
            return pool.get(f"/flow_runs/{run['id']}")["state"]

        pool.wait(lambda: marker.exists() or state()["type"] in ENDED, SECONDS)
        assert not marker.exists()
        # The flow itself ran: it says what is wrong with a pipeline that does not exist.
        assert "shop" in state()["message"]
