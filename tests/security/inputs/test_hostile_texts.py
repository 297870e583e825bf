"""Texts that would steer a page, a terminal or a spreadsheet."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import onnx
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jinja2.sandbox import SandboxedEnvironment
from markdown_it import MarkdownIt
from PIL import Image

from tests.security import models
from tests.security.projects import CODE, files, ingested, laid
from throughline.cli import main
from throughline.errors import printable, tell
from throughline.evaluation.show import tables
from throughline.project.index import write_index
from throughline.report.chart import Chart
from throughline.report.markup import plain_markdown
from throughline.report.plots import spark
from throughline.running.prefect.alerts import PAYLOADS
from throughline.serving.rows.writing import FORMULA, harmless

REPORT = "reports/rain/evaluation/report.json"
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

    def test_the_index(self, project: Path) -> None:
        """Titles, gates and versions of a stranger's project."""
        content = files()
        report = json.loads(content[REPORT]) | {"title": HTML[0]}
        report["gates"] = [{"gate": HTML[1], "holds": False, "value": 0.5}]
        crown = {"version": f"v1{HTML[1]}", "crowned": ["v1"]}
        content[REPORT] = json.dumps(report).encode()
        content["releases/rain/champion.yaml"] = yaml.safe_dump(crown).encode()
        laid(project, content)
        page = write_index(project).read_text()
        assert "rain" in page and "&lt;script&gt;" in page
        assert "<script>alert" not in page and "<img src=x" not in page

    def test_drift(self, project: Path) -> None:
        """Names and units of a model that anybody may have made."""
        contract = models.contract()
        contract["inputs"] = [contract["inputs"][0] | {"name": HTML[0], "unit": HTML[1]}]
        model = onnx.load_from_string(models.identity(json.dumps(contract)))
        model.graph.input[0].name = model.graph.node[0].input[0] = HTML[0]
        onnx.save(model, project / "m.onnx")
        (project / "rows.csv").write_text(HTML[0] + "\n" + "9\n" * 60)
        assert main(["drift", "m.onnx", "rows.csv"]) == 1
        page = (project / "reports" / "rain" / "drift" / "drift.html").read_text()
        assert "&lt;script&gt;" in page
        assert "<script>alert" not in page and "<img src=x" not in page

    @given(
        st.text(min_size=1)
        | st.sampled_from(HTML)
        | st.sampled_from(["'\">", "]]>", "-->", "&lt;<a>"])
    )
    def test_no_chart_has_another_element_for_a_name(self, name: str) -> None:
        assert _elements(_drawn(name)) <= _elements(_drawn("name"))


def _drawn(name: str) -> str:
    """Charts that carry a name in all places."""
    chart = Chart((0, 1), (0, 1), name, name, name, rows=[name, "b"])
    chart.line([(0, 0), (1, 1)], "a", name)
    chart.bar(0, 1, 1, "a", name)
    chart.mark(0.5, name)
    chart.span(0, 1, 0, 0.5, "a", name)
    return chart.svg() + spark({name: 1.0, f"{name}2": 2.0}, name)


class _Elements(HTMLParser):
    """The elements of a page with the names of their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[tuple[str, ...]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add((tag, *(name for name, _ in attrs)))


def _elements(page: str) -> set[tuple[str, ...]]:
    parser = _Elements()
    parser.feed(page)
    parser.close()
    return parser.found


class TestChats:
    @given(st.text() | st.text("@#<>[]()!&;:/*_~`$|\\\\ ahtpw.1", max_size=30))
    def test_markdown_is_the_text_and_nothing_else(self, text: str) -> None:
        parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
        written = plain_markdown(text)
        (inline,) = parser.parseInline(written)
        assert {each.type for each in inline.children or ()} <= {"text"}
        read = "".join(each.content for each in inline.children or ())
        assert read.replace("\u200b", "") == " ".join(printable(text).split()).replace("\u200b", "")
        # GitHub links these in what is left.
        assert not re.search(r"@\w|#\d|://", read)

    def test_markdown_writes_to_nobody(self) -> None:
        assert plain_markdown("@everyone #1 https://a.org") == (
            "@\u200beveryone #\u200b1 https:\u200b//a.org"
        )

    @given(st.text() | st.sampled_from(["<!channel>", "<http://a.org|free>", "&lt;!here&gt;"]))
    def test_slack_shows_the_text(self, text: str) -> None:
        event = {
            "prefect.resource.name": "retrain tea",
            "prefect.state-name": "Failed",
            "prefect.state-message": text,
        }
        template = SandboxedEnvironment().from_string(PAYLOADS["slack"])
        told = json.loads(template.render(event=SimpleNamespace(resource=event)))["text"]
        assert not set(told) & set("<>")
        # As Slack shows it: these three entities alone stand for signs.
        for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
            told = told.replace(entity, sign)
        assert told == f"retrain tea: Failed {text}"


class TestTables:
    @given(st.lists(st.text() | st.text("=+-@\t\r\n\uff1d0a", max_size=4) | st.floats()))
    def test_no_cell_is_a_formula(self, cells: list[object]) -> None:
        """Read by whoever takes every kind of line break for one, as spreadsheets do."""
        file = io.StringIO(newline="")
        csv.writer(file, lineterminator="\n").writerow(harmless(["a", *cells]))
        (read,) = csv.reader(io.StringIO(file.getvalue()))
        assert len(read) == len(cells) + 1
        for cell in read:
            assert len(cell) < 2 or cell[0] not in FORMULA or float(cell) is not None

    @pytest.mark.parametrize("sign", [*FORMULA, "\r"])
    def test_names_of_classes_are_no_formulas(self, tmp_path: Path, sign: str) -> None:
        """In what `evaluate` writes beside the report."""
        tables._write(tmp_path / "a.csv", ["actual"], [[f"{sign}cmd|' /C calc'!A0"]])
        with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
            found = list(csv.reader(file))[1]
        assert found == ["'" + sign.replace("\r", "\n") + "cmd|' /C calc'!A0"]


class TestTheScreen:
    @given(st.text())
    def test_no_line_steers_a_terminal(self, text: str) -> None:
        screen = io.StringIO()
        with contextlib.redirect_stdout(screen):
            tell(text)
        lines = screen.getvalue().split("\n")
        assert all(line.isprintable() for line in lines)
        assert len(lines) == text.count("\n") + 2

    def test_names_of_pictures_that_are_set_aside(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for kind in ("a", "b"):
            (project / "pictures" / kind).mkdir(parents=True)
            for number in range(3):
                path = project / "pictures" / kind / f"{number}.png"
                Image.new("L", (8, 8), 40 * number + len(kind)).save(path)
        (project / "pictures" / "a" / "\x1b[2J\u202e.png").write_bytes(b"no picture")
        images = {"size": [8, 8], "channels": 1, "limit": 0.5}
        ingested(project, folder="pictures", images=images)
        said = capsys.readouterr().err.splitlines()
        assert any("set aside" in line for line in said)
        assert all(line.isprintable() for line in said)

    def test_names_of_columns_that_add_speaks_of(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (project / "dvc.yaml").write_text("stages: {}\n")
        rows = "".join(f"{i * i % 17},{i % 5},,{i % 2}\n" for i in range(60))
        (project / "a.csv").write_text(f"a,b\x1b[2J,c\x9b2J\u202e,y\n{rows}")
        assert main(["add", "a.csv", "--target", "y", "--as", "x"]) == 0
        said = capsys.readouterr()
        assert "\\x9b2J" in said.out
        assert all(line.isprintable() for line in said.out.splitlines())

    @pytest.mark.parametrize("command", ["list", "release list", "release show rain@v1"])
    def test_what_a_stranger_s_project_says_of_itself(
        self, project: Path, command: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        content = files()
        crown = {"version": "v1\x1b[2J", "crowned": ["v1"]}
        content["releases/rain/champion.yaml"] = yaml.safe_dump(crown).encode()
        record = yaml.safe_load(content["releases/rain/v1.yaml"]) | {"released": "\u202enow\x9b2J"}
        content["releases/rain/v1.yaml"] = yaml.safe_dump(record, allow_unicode=True).encode()
        laid(project, content)
        main(command.split())
        shown = capsys.readouterr()
        assert "v1" in shown.out
        assert all(line.isprintable() for line in (shown.out + shown.err).splitlines())
