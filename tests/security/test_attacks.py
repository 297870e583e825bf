"""Attacks of strangers' files, pipelines, addresses, queries and models, each with its verdict.

`make attacks` prints the table. Every attack runs on this machine alone, its payload is a file
MARKER, and its verdict is: one line that says why, exit code 2, no marker, no file outside.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from tests.security import hostile, models
from throughline.cli import main
from throughline.errors import ThroughlineError
from throughline.limits import Limits, applied
from throughline.paths import Workspace
from throughline.pipeline.schema.source import Source
from throughline.sources.fetching.addresses import is_public, redacted
from throughline.sources.kinds.sql import one_select
from throughline.stages.given import StageInput
from throughline.stages.ingest import ingest

LIMITS = {
    "bytes": 50 << 20, "rows": 1_000_000, "columns": 1000, "files": 1000, "seconds": 20,
    "pixels": 1_000_000, "ratio": 100, "layers": 4, "memory": 2 << 30,
}  # fmt: skip
SHARED = {"seed": 0, "backend": "tensorflow", "device": "cpu", "instructions": "avx2", "threads": 1}
PIPELINE: dict[str, Any] = {
    "title": "Will it rain?",
    "task": "binary",
    "source": {"rows": {"x": [1, 2, 3, 4], "rain": [0, 1, 0, 1]}},
    "target": "rain",
    "columns": {"x": {"scale": "standard"}},
    "network": [{"Dense": {"units": 4}}],
}
SECRET = "hush-" + "9" * 12

Refused = Callable[..., str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "home" / "project"
    root.mkdir(parents=True)
    shared = {**SHARED, "limits": LIMITS}
    (root / "params.yaml").write_text(yaml.safe_dump(shared))
    monkeypatch.chdir(root)
    monkeypatch.delenv("THROUGHLINE_MIRROR", raising=False)
    return root


@pytest.fixture
def refused(project: Path, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs a command that must refuse in one line, and returns that line."""

    def run(*words: str, says: str = "") -> str:
        outside = set(project.parents[1].iterdir()) | set(project.parent.iterdir())
        assert main(list(words)) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1, lines
        assert lines[0].startswith("error: ") and lines[0].isprintable()
        assert len(lines[0]) < 4100
        assert says in lines[0]
        assert set(project.parents[1].iterdir()) | set(project.parent.iterdir()) == outside
        assert not list(project.rglob("MARKER"))
        return lines[0]

    return run


@pytest.fixture
def unfetched(project: Path) -> Callable[..., str]:
    """Runs `ingest` on a source that must be refused in one line, and returns that line."""

    def run(says: str = "", **source: Any) -> str:
        with pytest.raises(ThroughlineError) as caught:
            ingested(project, **source)
        line = str(caught.value)
        assert line.isprintable() and len(line) < 4100
        assert says in line
        assert not list(project.parents[1].rglob("MARKER"))
        assert not (project / "data" / "raw" / "rain").exists()
        return line

    return run


def ingested(project: Path, **source: Any) -> None:
    """Run `ingest` alone: the command would digest the whole library first."""
    view = SimpleNamespace(source=Source(**source))
    ingest(StageInput("rain", {"main": view}, {"main": "main"}, {}, {}), Workspace(project, "rain"))


def written(project: Path, **sections: Any) -> None:
    """A pipeline `rain` with some sections of its own."""
    folder = project / "pipelines" / "rain"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pipeline.yaml").write_text(yaml.safe_dump({**PIPELINE, **sections}))
    # Without it the stage would say that this is missing.
    main(["wire", "rain"])


class TestFiles:
    @pytest.mark.parametrize("name", hostile.FILES)
    def test_attack(self, project: Path, refused: Refused, name: str) -> None:
        file, make, says = hostile.FILES[name]
        (project / file).write_bytes(make())
        refused("profile", file, "--as", "x", says=says)
        assert not (project / "pipelines" / "x" / "pipeline.yaml").exists()

    def test_an_encoding_that_nobody_named(self, project: Path, unfetched: Refused) -> None:
        """A profile guesses one and says so; a pipeline reads what its file says."""
        (project / "a.csv").write_bytes(hostile.ROWS + b"1,\xff\xfe\n")
        unfetched("must be text in utf-8", file="a.csv")

    def test_a_device_that_never_ends(self, project: Path, refused: Refused) -> None:
        (project / "a.csv").symlink_to("/dev/zero")
        refused("profile", "a.csv", "--as", "x", says="must be a file")

    def test_a_pipe_that_nobody_fills(self, project: Path, refused: Refused) -> None:
        os.mkfifo(project / "a.csv")
        refused("profile", "a.csv", "--as", "x", says="must be a file")

    @pytest.mark.parametrize("target", ["/etc/passwd", "../outside.txt"])
    def test_a_link_out_of_a_folder(self, project: Path, refused: Refused, target: str) -> None:
        (project.parent / "outside.txt").write_text("secret")
        (project / "texts" / "a").mkdir(parents=True)
        (project / "texts" / "a" / "1.txt").symlink_to(
            target if target[0] == "/" else project.parent / "outside.txt"
        )
        refused("profile", "texts", "--as", "x", says="Links in")

    def test_a_folder_that_is_a_link_to_itself(self, project: Path, refused: Refused) -> None:
        (project / "texts").mkdir()
        (project / "texts" / "again").symlink_to(project / "texts")
        refused("profile", "texts", "--as", "x", says="Links in")

    def test_a_name_that_is_not_utf_8(self, project: Path, refused: Refused) -> None:
        (project / "texts" / "a").mkdir(parents=True)
        Path(os.fsdecode(bytes(project / "texts" / "a") + b"/\xff.txt")).write_text("x")
        refused("profile", "texts", "--as", "x", says="must be UTF-8")

    @pytest.mark.parametrize(
        ("file", "content"),
        [
            ("huge.png", hostile.png(60_000, 60_000, b"")),
            ("bomb.png", hostile.png(8000, 8000)),
            ("cut.png", hostile.png(20, 20)[:-30]),
            ("none.jpg", b"\xff\xd8\xff" + bytes(40)),
            ("none.gif", b"GIF89a" + b"\xff" * 40),
            ("none.webp", b"RIFF\xff\xff\xff\xffWEBPVP8 " + b"\xff" * 40),
        ],
    )
    def test_a_hostile_picture_is_set_aside(self, file: str, content: bytes) -> None:
        from throughline.pipeline.schema.image import Images
        from throughline.sources.pictures.decoding import decoded

        with applied(Limits.of(LIMITS)):
            found = decoded(file, content, Images(size=[8, 8]))
        assert found.pixels is None and found.problem

    def test_files_of_an_archive_stay_in_it(self, project: Path, refused: Refused) -> None:
        content = hostile.tarred({"../../out.txt": b"x", "/abs/b.txt": b"y"})
        (project / "a.tar").write_bytes(content)
        assert main(["profile", "a.tar", "--as", "x"]) == 2
        assert not (project.parents[1] / "out.txt").exists() and not Path("/abs").exists()

    def test_a_file_that_is_exchanged_after_it_was_hashed(
        self, project: Path, unfetched: Refused, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import hashlib

        from throughline.sources.kinds import file

        (project / "a.csv").write_bytes(hostile.ROWS)
        sha256 = hashlib.sha256(hostile.ROWS).hexdigest()
        at_hand = file.file_at_hand

        def exchanged(*given: Any) -> Path:
            path = at_hand(*given)
            path.write_bytes(hostile.ROWS.replace(b"1", b"2"))
            return path

        monkeypatch.setattr(file, "file_at_hand", exchanged)
        unfetched("must have sha256", file="a.csv", sha256=sha256)


YAML = {
    "aliases of aliases": (
        "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40)),
        "aliases",
    ),
    "merges of merges": (
        "a0: &a0 {x: 1}\n"
        + "".join(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}\n" for i in range(1, 40)),
        "aliases",
    ),
    "an alias of itself": ("title: &a [*a]\n", "holds itself"),
    "depth": ("title: " + "[" * 5_000, "nested"),
    "a call": ("title: !!python/object/apply:os.system ['touch MARKER']\n", "not valid YAML"),
    "a module": ("title: !!python/module:os\n", "not valid YAML"),
    "a name": ("title: !!python/name:os.system\n", "not valid YAML"),
    "a key twice": ("title: a\ntitle: b\n", "stands twice"),
    "5,000 digits": ("title: " + "9" * 5000 + "\n", "can be read"),
    "month 13": ("title: 2020-13-45\n", "can be read"),
    "a list as a key": ("? [a, b]\n: 1\n", ""),
    "escapes": ("title: \x1b[2J\n", "not valid YAML"),
    "20 MB": ("# " + "x" * (20 << 20) + "\ntitle: a\n", "16,777,216 bytes"),
    "no mapping": ("- 1\n", "mapping"),
}  # fmt: skip


class TestPipelineFiles:
    @pytest.mark.parametrize("name", YAML)
    def test_attack(self, project: Path, refused: Refused, name: str) -> None:
        (project / "pipelines" / "rain").mkdir(parents=True)
        (project / "pipelines" / "rain" / "pipeline.yaml").write_text(YAML[name][0])
        refused("check", "rain", says=YAML[name][1])

    def test_bytes_that_are_no_text(self, project: Path, refused: Refused) -> None:
        (project / "pipelines" / "rain").mkdir(parents=True)
        (project / "pipelines" / "rain" / "pipeline.yaml").write_bytes(b"title: \xff\n")
        refused("check", "rain", says="UTF-8")

    @pytest.mark.parametrize("limits", [{"byte": 1}, {"bytes": "much"}, {"bytes": -1}, [1]])
    def test_limits_that_are_none(self, project: Path, refused: Refused, limits: Any) -> None:
        (project / "params.yaml").write_text(yaml.safe_dump({**SHARED, "limits": limits}))
        (project / "a.csv").write_bytes(hostile.ROWS)
        refused("profile", "a.csv", "--as", "x", says="'limits")

    @pytest.mark.parametrize("name", ["../../x", "e;touch MARKER", "a\nb", "-rf", "\x1b[2J"])
    def test_a_name(self, refused: Refused, name: str) -> None:
        refused("check", "--", name, says="The name of a pipeline")


OWN = {
    "os": ("os:system", ""),
    "builtins": ("builtins:eval", ""),
    "a file beside data": ("data.mine:rows", "data/mine.py"),
    "a file beside a pipeline": ("pipelines.rain.mine:rows", "pipelines/rain/mine.py"),
    "a hidden file": (".cache.mine:rows", ".cache/mine.py"),
    "the library": ("throughline.cli:main", ""),
    "a path": ("../mine:rows", ""),
    "no function": ("mine", "mine.py"),
    "another's function": ("mine:system", "mine.py"),
    "a module named like Python's": ("json:rows", "json.py"),
}
CODE = "from os import system\nopen('MARKER', 'w')\ndef rows():\n    return {}\n"


class TestCode:
    @pytest.mark.parametrize("name", OWN)
    def test_generator(self, project: Path, refused: Refused, name: str) -> None:
        from throughline.errors import BadPipeline
        from throughline.pipeline.own_code import own_function

        address, file = OWN[name]
        if file:
            (project / file).parent.mkdir(parents=True, exist_ok=True)
            code = CODE.replace("open('MARKER', 'w')\n", "") if file == "mine.py" else CODE
            (project / file).write_text(code)
        with pytest.raises(BadPipeline):
            own_function(address, project, "source.generator")
        assert not (project / "MARKER").exists()

    @pytest.mark.parametrize("address", ["os:system", "builtins:exec", "data.mine:rows"])
    def test_ingest(self, project: Path, unfetched: Refused, address: str) -> None:
        (project / "data").mkdir()
        (project / "data" / "mine.py").write_text(CODE)
        unfetched("source.generator", generator=address, arguments={"command": "touch MARKER"})

    def test_a_link_to_a_module_elsewhere(self, project: Path) -> None:
        from throughline.pipeline.own_code import ForbiddenCode, own_function

        (project.parent / "elsewhere.py").write_text(CODE)
        (project / "mine.py").symlink_to(project.parent / "elsewhere.py")
        with pytest.raises(ForbiddenCode):
            own_function("mine:rows", project, "network")
        assert not (project / "MARKER").exists()

    @pytest.mark.parametrize("folders", [[], ["own"]])
    def test_other_folders_than_those_of_params(self, project: Path, folders: list[str]) -> None:
        from throughline.pipeline.own_code import ForbiddenCode, own_function

        (project / "params.yaml").write_text(yaml.safe_dump({**SHARED, "code": folders}))
        (project / "mine.py").write_text(CODE)
        with pytest.raises(ForbiddenCode, match=r"'code' of params\.yaml"):
            own_function("mine:rows", project, "network")
        assert not (project / "MARKER").exists()

    @pytest.mark.parametrize("folders", [["/etc"], ["../x"], "own", [1]])
    def test_folders_outside(self, project: Path, folders: Any) -> None:
        from throughline.errors import BadPipeline
        from throughline.pipeline.own_code import own_function

        (project / "params.yaml").write_text(yaml.safe_dump({**SHARED, "code": folders}))
        (project / "mine.py").write_text(CODE)
        with pytest.raises(BadPipeline, match="list of folders inside"):
            own_function("mine:rows", project, "network")

    def test_no_code(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from throughline.pipeline.own_code import ForbiddenCode, own_function

        # Set by the command; taken back when the test ends.
        monkeypatch.setenv("THROUGHLINE_NO_CODE", "")
        (project / "own_rows.py").write_text(CODE)
        assert main(["--no-code", "check"]) == 0
        with pytest.raises(ForbiddenCode, match="--no-code"):
            own_function("own_rows:rows", project, "source.generator")
        assert not (project / "MARKER").exists()

    def test_looking_runs_nothing(self, project: Path) -> None:
        (project / "own_rows.py").write_text(CODE)
        written(project, source={"generator": "own_rows:rows"}, network="own_rows:rows")
        assert main(["check", "rain"]) == 0
        assert not (project / "MARKER").exists()


class Handler(BaseHTTPRequestHandler):
    """Answers that lead elsewhere or never end."""

    def do_GET(self) -> None:
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", unquote(self.path).removeprefix("/to/"))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        if self.path == "/promise.csv":
            self.send_header("Content-Length", str(1 << 60))
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
            ("100.64.0.1", False), ("2606:4700::1111", True),
        ],
    )  # fmt: skip
    def test_which_are_public(self, address: str, public: bool) -> None:
        assert is_public(address) is public


class TestSecrets:
    @pytest.mark.parametrize(
        "source",
        [
            {"url": "http://me:$WORD@127.0.0.1:9/a.csv?t=$WORD", "sha256": "0" * 64},
            {"sql": "postgresql+pg8000://me:$WORD@127.0.0.1:9/x", "query": "select 1"},
            {"sql": "postgresql+nosuch://me:${WORD}@localhost/x", "query": "select 1"},
            {"sql": "sqlite:///$WORD.db", "query": "select 1"},
            {"sql": "$WHOLE", "query": "select 1"},
            {"sql": "postgresql://me:$WORD@localhost:$WORD/x", "query": "select 1"},
        ],
    )
    def test_are_in_no_file_and_no_message(
        self,
        project: Path,
        unfetched: Refused,
        monkeypatch: pytest.MonkeyPatch,
        source: dict[str, str],
    ) -> None:
        from throughline.sources.fetching import download

        monkeypatch.setattr(download.downloaded, "__defaults__", (0.01, 0.3, True, None))
        monkeypatch.setenv("WORD", f"{SECRET}/@:x")
        monkeypatch.setenv("WHOLE", f"postgresql+nosuch://me:{SECRET}@localhost/x")
        assert SECRET not in unfetched(**source)
        found = [path for path in project.rglob("*") if path.is_file()]
        assert not [path for path in found if SECRET.encode() in path.read_bytes()]

    def test_what_came_is_recorded_as_written(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WORD", SECRET)
        with sqlite3.connect(project / f"{SECRET}.db") as connection:
            connection.execute("create table t as select 1 as x, 0 as rain")
        ingested(project, sql="sqlite:///$WORD.db", query="select * from t")
        provenance = project / "data" / "raw" / "rain" / "provenance.json"
        assert json.loads(provenance.read_text())["source"] == "sqlite:///$WORD.db"
        files = [path for path in project.rglob("*") if path.is_file() and path.suffix != ".db"]
        assert not [path for path in files if SECRET.encode() in path.read_bytes()]

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("https://me:word@a.org/x", "https://me:***@a.org/x"),
            ("https://token@a.org/x", "https://***@a.org/x"),
            ("x://me:w/o@rd@host/y", "x://me:***@rd@host/y"),
            ("http://a.org:8080/p@1/x", "http://a.org:8080/p@1/x"),
            ("x://me:$WORD@host/y", "x://me:$WORD@host/y"),
        ],
    )
    def test_redacted(self, text: str, shown: str) -> None:
        assert redacted(text) == shown


class TestQueries:
    @pytest.mark.parametrize(
        "query",
        [
            "drop table t", "delete from t", "select 1; drop table t", "attach 'MARKER' as m",
            "vacuum into 'MARKER'", "pragma writable_schema=1", "/* x */ drop table t",
            "with x as (select 1) delete from t", "select load_extension('x')",
            "with x(a) as (select 1) insert into t select a, a from x",
        ],
    )  # fmt: skip
    def test_change_nothing(self, project: Path, unfetched: Refused, query: str) -> None:
        with sqlite3.connect(project / "a.db") as connection:
            connection.execute("create table t as select 1 as x, 0 as rain")
        before = (project / "a.db").read_bytes()
        unfetched(sql="sqlite:///a.db", query=query)
        assert (project / "a.db").read_bytes() == before

    def test_an_answer_without_end_is_counted_while_it_comes(
        self, project: Path, unfetched: Refused
    ) -> None:
        (project / "params.yaml").write_text(yaml.safe_dump({**SHARED, "limits": {"rows": 20_000}}))
        sqlite3.connect(project / "a.db").execute("create table t (x)").connection.close()
        endless = "with recursive n(x) as (select 1 union all select x + 1 from n) select x from n"
        unfetched("limits.rows", sql="sqlite:///a.db", query=endless)

    def test_a_comment_may_come_first(self) -> None:
        assert one_select("-- all\nselect 1;\n") == "-- all\nselect 1"


class TestModels:
    @pytest.mark.parametrize("name", models.MODELS)
    def test_predict(self, project: Path, refused: Refused, name: str) -> None:
        make, says = models.MODELS[name]
        (project.parent / "secret.bin").write_bytes(b"\0" * 16)
        (project / "m.onnx").write_bytes(make())
        (project / "rows.csv").write_text("x\n1\n2\n")
        words = ("--seconds", "1", "--memory", "1")
        refused("predict", "m.onnx", "rows.csv", *words, says=says)

    @pytest.mark.parametrize("name", models.MODELS)
    def test_inspect(self, project: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        (project / "m.onnx").write_bytes(models.MODELS[name][0]())
        assert main(["inspect", "m.onnx"]) in (0, 2)
        said = capsys.readouterr()
        assert all(line.isprintable() for line in (said.out + said.err).splitlines())
        assert len(said.out) < 1 << 20 and len(said.err.splitlines()) <= 1

    def test_names_of_classes_steer_neither_terminal_nor_spreadsheet(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (project / "m.onnx").write_bytes(models.labels("=cmd|' /C calc'!A0", "\x1b[2J"))
        (project / "rows.csv").write_text("x\n1\n2\n")
        assert main(["predict", "m.onnx", "rows.csv"]) == 0
        shown = capsys.readouterr().out
        assert all(line.isprintable() for line in shown.splitlines())
        assert main(["predict", "m.onnx", "rows.csv", "-o", "out.csv"]) == 0
        assert not [
            line for line in (project / "out.csv").read_text().splitlines() if line[0] in "=@"
        ]

    def test_a_keras_file_is_data(self, project: Path) -> None:
        from throughline.errors import ThroughlineError
        from throughline.export.pretrained import frozen_graph
        from throughline.pipeline.schema.pretrained import Pretrained

        code = {"class_name": "Lambda", "config": {"function": {"class_name": "__lambda__"}}}
        content = hostile.zipped(
            {"config.json": json.dumps(code).encode(), "model.weights.h5": b"x"}
        )
        (project / "a.keras").write_bytes(content)
        pretrained = Pretrained(file="a.keras", sha256="0" * 64)
        with pytest.raises(ThroughlineError):
            frozen_graph(project / "a.keras", pretrained)
        assert not (project / "MARKER").exists()


HTML = ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "$x_{$", "\x1b[2J")


class TestPages:
    def test_a_profile(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Names and values of a table that comes with a module of the name of a library."""
        (project / "pandas.py").write_text(CODE)
        header = ",".join(f'"{text}{i}"' for i, text in enumerate(HTML))
        rows = "".join(f"{i * i % 17},{','.join(HTML)},{i % 2}\n" for i in range(60))
        (project / "a.csv").write_text(f"a,{header},y\n{rows}")
        main(["profile", "a.csv", "--as", "x", "--target", "y"])
        assert all(line.isprintable() for line in capsys.readouterr().err.splitlines())
        page = (project / "reports" / "x" / "profile" / "profile.html").read_text()
        assert "<script>alert" not in page and "<img src=x" not in page
        assert not (project / "MARKER").exists()
