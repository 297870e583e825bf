"""The text of a draft says what the draft says, whatever strangers called their columns."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from throughline.errors import BadData, printable
from throughline.paths import Workspace
from throughline.pipeline.loading import load
from throughline.pipeline.yaml_file import YamlFile
from throughline.profile.draft import Draft
from throughline.profile.profile import profile
from throughline.profile.yaml_text import as_text

# What ends a line, opens a comment or a mapping, or moves a terminal's cursor.
HOSTILE = st.sampled_from(["\n", "\r", "\x85", "\u2028", "\x1b[2J", "\x00", "\t", "#", ": ", "- "])
TEXTS = st.lists(st.text() | HOSTILE, max_size=6).map("".join)
VALUES = st.recursive(
    TEXTS | st.integers() | st.booleans() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
INJECTED = """x
variants:
  evil: {network: "payload:build"}
network: "payload:build"
#"""


@given(
    columns=st.dictionaries(TEXTS, VALUES | st.none(), min_size=1),
    rules=st.lists(VALUES),
    target=TEXTS,
    notes=st.lists(TEXTS),
)
def test_parsing_gives_the_draft(
    columns: dict[str, object], rules: list[object], target: str, notes: list[str]
) -> None:
    sections = {"target": target, "columns": columns, "expectations": {"rules": rules}}
    text = as_text(Draft(sections, notes))
    assert yaml.safe_load(text) == sections
    assert text.replace("\n", "").isprintable()


def test_a_long_name_is_read_back() -> None:
    sections = {"columns": {"long " * 300: {"scale": "standard"}, "none " * 300: None}}
    assert yaml.safe_load(as_text(Draft(sections))) == sections


@given(TEXTS)
def test_what_is_printed_holds_no_escape(text: str) -> None:
    assert str(BadData(f"column '{text}' must hold numbers", text)).isprintable()
    assert printable(text).isprintable()


class TestInjection:
    @pytest.fixture
    def workspace(self, tmp_path: Path) -> Workspace:
        (tmp_path / "params.yaml").write_text("{seed: 0, backend: tensorflow, device: auto}")
        return Workspace(tmp_path, "rows")

    @pytest.mark.parametrize("place", ["left out", "feature", "target"])
    def test_of_a_column_name_stays_a_name(self, workspace: Workspace, place: str) -> None:
        names = {"left out": "number", "feature": "size", "target": "buys"}
        frame = pd.DataFrame(
            {
                "number": [f"{i:x}" for i in range(60)],
                "size": [i % 7 for i in range(60)],
                "weight": [i % 5 / 3 for i in range(60)],
                "buys": ["yes" if i % 7 > 3 else "no" for i in range(60)],
            }
        ).rename(columns={names[place]: INJECTED})
        frame.to_csv(workspace.root / "rows.csv", index=False)
        target = INJECTED if place == "target" else "buys"
        profile(workspace.root / "rows.csv", "rows", target, workspace)
        assert list(load(workspace).branches) == ["main"]
        assert YamlFile(workspace.pipeline_file).content["network"] != "payload:build"
