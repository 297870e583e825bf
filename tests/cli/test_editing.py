"""One value of a pipeline file set by `run --set`; every other sign stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.cli.editing import edited
from throughline.errors import BadPipeline
from throughline.pipeline.yaml_file import YamlFile

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    [*ROOT.glob("pipelines/*/pipeline.yaml"), *ROOT.glob("textbooks/pipelines/*/pipeline.yaml")]
)
PATH = Path("pipeline.yaml")


def set_in(text: str, setting: str) -> str:
    return edited(YamlFile(PATH, text), setting).text


@pytest.mark.parametrize(
    ("before", "setting", "after"),
    [
        ("a: 1  # why\nb: 2\n", "a=3", "a: 3  # why\nb: 2\n"),
        ("a: {b: 1, c: 'x'}\n", "a.b=5", "a: {b: 5, c: 'x'}\n"),
        ("a: {b: 1}\n", "a.c=5", "a: {b: 1, c: 5}\n"),
        ("a: {}\n", "a.c=5", "a: {c: 5}\n"),
        ("a:\n    b: 1  # one\n\nc: 2\n", "a.d=5", "a:\n    b: 1  # one\n    d: 5\n\nc: 2\n"),
        ("a:\n  b: [1,\n    2]\nc: 2\n", "a.b=[3]", "a:\n  b: [3]\nc: 2\n"),
        ("a:\n  b: 1", "seed=5", "a:\n  b: 1\nseed: 5\n"),
        ("a: |\n  long\n  text\nb: 1\n", "c=5", "a: |\n  long\n  text\nb: 1\nc: 5\n"),
        ("a:\n  b: |\n    text\nc: 1\n", "a.d=5", "a:\n  b: |\n    text\n  d: 5\nc: 1\n"),
        ("a: 1\n", "b.c.d=5", "a: 1\nb: {c: {d: 5}}\n"),
        ("a:\nb: 1\n", "a=2", "a: 2\nb: 1\n"),
        ("a: 1\r\nb: 2\r\n", "a=3", "a: 3\r\nb: 2\r\n"),
        ("x.y: {z: é}\nb: 1\n", "x.y.z=ü", "x.y: {z: ü}\nb: 1\n"),
        ("- a".join(["n:\n  ", ": 1\n"]), "n.0.a=2", "n:\n  - a: 2\n"),
        ("a: 1\n", "a='x: y'", "a: 'x: y'\n"),
    ],
)
def test_all_else_stays(before: str, setting: str, after: str) -> None:
    assert set_in(before, setting) == after


@pytest.mark.parametrize(
    ("text", "setting", "said"),
    [
        ("a: 1\n", "a", "KEY=VALUE"),
        ("a: 1\n", "a=[", "in YAML"),
        ("a: [1]\n", "a.4=2", "nothing at 'a.4'"),
        ("a: 1\n", "a.b=2", "nothing at 'a.b'"),
        # What an alias stands for belongs to its anchor, which others share.
        ("a: &x {b: 1}\nc: *x\n", "c.b=2", "needs a hand"),
        # In a flow mapping the comma would begin a key.
        ("a: {b: x, c: 1}\n", "a.b=y, c", "needs a hand"),
        # A block is more than one value.
        ("a:\n  b: 1\n", "a=2", "needs a hand"),
        ("a: |\n  text\n", "a=2", "needs a hand"),
    ],
)
def test_what_cannot_be_set_is_said(text: str, setting: str, said: str) -> None:
    with pytest.raises(BadPipeline, match=said):
        set_in(text, setting)


def values(document: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every single value of a document, with its path."""
    if isinstance(document, dict | list):
        pairs = document.items() if isinstance(document, dict) else enumerate(document)
        for key, value in pairs:
            yield from values(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, document


@given(st.data())
def test_any_value_of_our_own_files(data: st.DataObject) -> None:
    file = YamlFile(path := data.draw(st.sampled_from(FILES)), path.read_text(encoding="utf-8"))
    key, _ = data.draw(st.sampled_from(list(values(file.content))))
    number = data.draw(st.integers(0, 10**6))
    try:
        changed = edited(file, f"{key}={number}")
    except BadPipeline as error:
        # A text in a block of its own (`|`, `>`), or shared by an alias.
        assert "needs a hand" in str(error)
        return
    assert dict(values(changed.content)) == dict(values(file.content)) | {key: number}
    before, after = file.text.splitlines(), changed.text.splitlines()
    kept = [line for line in after if line in before]
    assert len(after) - len(kept) <= 1
