"""The page of `throughline try`: one file, in which strangers' words are never markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import wave
from collections.abc import Callable
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from throughline.paths import Workspace
from throughline.trial.examples import examples
from throughline.trial.runtime import Runtime
from throughline.trial.trial import described
from throughline.trial.trial_page import page

RUNTIME = Runtime(b"export{}", b"\0asm")
KINDS = ("table", "text", "series", "picture")
HOSTILE = "</script><script>alert(1)</script><!--<script> & \u2028 \x00 \ud7ff $description ${x}"


class Read(HTMLParser):
    """The elements of a page, each with its attributes and the text inside."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self._open = False
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")
        self._open = True

    def handle_endtag(self, tag: str) -> None:
        self._open = False

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[-1] += data

    def text(self, tag: str, **attributes: str) -> str:
        """What stands in the first such element, before any other."""
        for (found, held), text in zip(self.elements, self.texts, strict=True):
            if found == tag and attributes.items() <= held.items():
                return text
        raise LookupError(tag)


def told_of(model: Path) -> dict[str, Any]:
    return described(Workspace(model.parents[2], model.parent.name))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_contract_is_told_whole(model_of: Callable[[str], Path], kind: str) -> None:
    model = model_of(kind)
    told = told_of(model)
    found = Read(page(told, model.read_bytes(), RUNTIME))
    held = json.loads(found.text("script", id="description"))
    assert held == told
    (entry,) = onnx.load(model).metadata_props
    metadata = json.loads(entry.value)
    assert held["inputs"] == metadata["inputs"] and held["target"] == metadata["target"]
    assert held["model"] == f"models/{kind}/model.onnx"


def test_the_page_reaches_for_nothing_and_runs_no_other_script(
    model_of: Callable[[str], Path],
) -> None:
    model = model_of("table")
    content = page(told_of(model), model.read_bytes(), RUNTIME)
    found = Read(content)
    policy = next(
        held["content"] or ""
        for tag, held in found.elements
        if "http-equiv" in held and tag == "meta"
    )
    scripts = [held for tag, held in found.elements if tag == "script"]
    run = [held for held in scripts if "type" not in held]
    assert len(run) == 1
    code = found.texts[found.elements.index(("script", {}))]
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; script-src 'sha256-{digest}' blob:")
    assert "unsafe-inline" not in policy.split("style-src")[0]
    assert not [held for _, held in found.elements if "src" in held or "action" in held]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b", code)


words = st.text(max_size=30)


@given(words, words, words, words)
@example(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_words_of_strangers_are_text(title: str, column: str, category: str, label: str) -> None:
    def told(title: str, column: str, category: str, label: str) -> dict[str, Any]:
        entry = {"name": column, "type": "string", "unit": category, "categories": {category: 1.0}}
        return {
            "pipeline": "shop",
            "title": title,
            "model": "models/shop/model.onnx",
            "inputs": [entry],
            "outputs": ["label"],
            "target": {"columns": [column], "classes": [label, category]},
            "examples": [{"values": {column: category}, "actual": label}],
        }

    plain = Read(page(told("a", "b", "c", "d"), b"", RUNTIME))
    given = told(title, column, category, label)
    found = Read(page(given, b"", RUNTIME))
    assert found.elements == plain.elements
    assert json.loads(found.text("script", id="description")) == given
    assert found.text("h1") == title


class TestExamples:
    """Rows that the page begins with."""

    def told(self, root: Path, **more: Any) -> list[dict[str, Any]]:
        entry = {"name": "x", "type": "number"}
        told = {"inputs": [entry], "target": {"columns": ["y"]}, **more}
        return examples(Workspace(root, "shop"), told)

    def written(self, root: Path, part: str, rows: pd.DataFrame) -> None:
        path = root / "data/prepared/shop" / part / "main/rows.parquet"
        path.parent.mkdir(parents=True)
        rows.to_parquet(path)

    def test_are_test_rows_with_what_was_true(self, tmp_path: Path) -> None:
        assert self.told(tmp_path) == []
        self.written(tmp_path, "training", pd.DataFrame({"x": [9.0], "y": ["c"]}))
        assert self.told(tmp_path) == [{"values": {"x": 9.0}, "actual": "c", "seen": True}]
        self.written(tmp_path, "test", pd.DataFrame({"x": [1.5, None], "y": ["a", "b"]}))
        assert self.told(tmp_path) == [
            {"values": {"x": 1.5}, "actual": "a", "seen": False},
            {"values": {"x": None}, "actual": "b", "seen": False},
        ]

    def test_of_labels_name_those_that_hold(self, tmp_path: Path) -> None:
        rows = {"x": [1.0, 2.0], "red": [True, False], "blue": [1, 0]}
        self.written(tmp_path, "test", pd.DataFrame(rows))
        target = {"columns": ["red", "blue"]}
        found = self.told(tmp_path, target=target, task="multilabel")
        assert [example["actual"] for example in found] == ["red, blue", "none of them"]

    @pytest.mark.parametrize(("seconds", "shown"), [(1, True), (10, True), (20, False)])
    def test_are_sounds_of_some_seconds(
        self, seconds: int, shown: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A sound of more than 0.7 s was measured as a picture of too many pixels."""
        rate = 16_000
        sound = np.zeros((rate * seconds, 2, 1), np.uint8)
        rows = pd.DataFrame({"x": [sound], "y": ["dog"]})
        monkeypatch.setattr("throughline.trial.examples._rows", lambda _: (rows, False))
        entry = {"name": "x", "type": "image", "shape": list(sound.shape), "rate": rate}
        found = self.told(Path(), inputs=[entry])
        assert len(found) == shown
        if shown:
            content = base64.b64decode(found[0]["values"]["x"].partition(",")[2])
            with wave.open(BytesIO(content)) as file:
                assert (file.getnframes(), file.getframerate()) == (rate * seconds, rate)

    def test_of_several_series_are_the_newest_windows(self, tmp_path: Path) -> None:
        shops = ["a", "b", "a", "b", "a", "c"]
        rows = {"when": [*"123456"], "shop": shops, "x": [1.0, 2, 3, 4, 5, 6]}
        self.written(tmp_path, "test", pd.DataFrame(rows))
        index = {"columns": ["when"], "hour": None}
        window = {"index": index, "group": ["shop"], "extent": {"length": 2}}
        found = self.told(tmp_path, window=window)
        assert found == [{"csv": "shop,when,x\na,3,3.0\na,5,5.0\nb,2,2.0\nb,4,4.0\n"}]

    def test_of_a_series_are_its_newest_rows(self, tmp_path: Path) -> None:
        rows = {"when": ["1", "2", "3", "4"], "shop": ["a", "a", "b", "b"], "x": [1.5, 2, 3, 4.5]}
        self.written(tmp_path, "test", pd.DataFrame(rows))
        index = {"columns": ["when"], "hour": None}
        window = {"index": index, "group": ["shop"], "extent": {"length": 3}}
        found = self.told(tmp_path, window=window, reading={"decimal": ","})
        assert found == [{"csv": "shop;when;x\nb;3;3,0\nb;4;4,5\n"}]
