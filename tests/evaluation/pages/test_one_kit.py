"""Pages are made by templates and one kit: no other module puts markup together."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import throughline

CODE = Path(throughline.__file__).parent
ELEMENT = re.compile(r"</?(?:[abigp]|div|span|table|t[dhr]|h\d|[uo]l|li|svg|rect|line|text)[ >/]")
# Headings of one target stand below its name: markup that a template made is only renumbered.
RENUMBERING = "evaluation/show/report_page.py"


def assembled(text: str) -> Iterator[int]:
    """The lines at which a module writes an element into a text that it makes."""
    for node in ast.walk(ast.parse(text)):
        parts: list[ast.AST] = []
        match node:
            case ast.JoinedStr(values=values):
                parts += values
            case ast.BinOp(left=left, op=ast.Add() | ast.Mod(), right=right):
                parts += [left, right]
            case ast.Call(func=ast.Attribute(value=left, attr="format" | "join" | "replace")):
                parts.append(left)
        for part in parts:
            for each in ast.walk(part):
                if isinstance(each, ast.Constant) and ELEMENT.search(str(each.value)):
                    yield node.lineno


def test_no_markup_is_put_together_outside_the_kit() -> None:
    found = {
        f"{path.relative_to(CODE).as_posix()}:{line}"
        for path in CODE.rglob("*.py")
        if path.relative_to(CODE).parts[0] != "report"
        if path.relative_to(CODE).as_posix() != RENUMBERING
        for line in assembled(path.read_text(encoding="utf-8"))
    }
    assert found == set()


@pytest.mark.parametrize(
    "line",
    ["f'<td>{x}</td>'", "'<li>' + x", "'<b>%s</b>' % x", "'<p>{}</p>'.format(x)", "'</a>'.join(x)"],
)
def test_another_place_would_be_seen(line: str) -> None:
    assert list(assembled(line))
