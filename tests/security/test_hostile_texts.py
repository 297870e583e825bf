"""Texts that would steer a page, a terminal or a spreadsheet."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.security.projects import CODE, files, laid
from throughline.cli import main
from throughline.errors import tell

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


class TestTheScreen:
    @given(st.text())
    def test_no_line_steers_a_terminal(self, text: str) -> None:
        screen = io.StringIO()
        with contextlib.redirect_stdout(screen):
            tell(text)
        lines = screen.getvalue().split("\n")
        assert all(line.isprintable() for line in lines)
        assert len(lines) == text.count("\n") + 2

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
