"""Every kind of page in a browser: axe-core finds no fault, nothing reaches beyond the window.

`python -m pytest -m slow tests/evaluation/pages/test_pages_in_a_browser.py`; skipped where there is
no Chromium, or the registry does not give axe-core.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_evaluate_stage import rewritten
from tiny_pipeline import Tiny

from benchmarks.browser import Browser, chromium
from benchmarks.pages import WIDER, WIDTHS, pages
from throughline.drift import drift
from throughline.drift.drawings import drawn
from throughline.drift.measures import Drift, Limits
from throughline.errors import ThroughlineError
from throughline.profile.facts import facts
from throughline.profile.profile_page import page as profile
from throughline.project.index import write_index
from throughline.report.page import PAGES, write
from throughline.sources.kinds.archive import extracted, parsed
from throughline.stages.costs import costed
from throughline.validation.expectations import Verdict
from throughline.validation.report import as_html
from throughline.validation.row_verdicts import Judgement

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
AXE = "npm:axe-core@4.10.3:package/axe.min.js"
SHA256 = "880970c081707360e64f34cea25ff91892f5bc95675b0776925b9709dd8a68bb"
FAULTS = """axe.run(document).then(found => found.violations.map(
  each => `${each.id}: ${each.nodes.map(node => node.html.slice(0, 120)).join(" | ")}`))"""
# As long as a name may be, without a place to break it, and with what HTML would take for its own.
NAME = '"><img src=x onerror=alert(1)>' + "a" * 60


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip("there is no Chromium here")
    with Browser(program) as opened:
        yield opened


@pytest.fixture(scope="module")
def axe() -> str:
    try:
        content = extracted(parsed(AXE))
    except ThroughlineError as error:
        pytest.skip(f"the registry does not give it: {error}")
    assert hashlib.sha256(content).hexdigest() == SHA256
    return content.decode("utf-8")


@pytest.fixture
def project(sides: Tiny) -> Path:
    """All kinds of pages of one pipeline, with names and values that strangers chose."""
    root = sides.workspace.root
    claim = {"text": "a-book", "at": "L1", "metric": "accuracy", "value": 0.1, "reason": NAME}
    rewritten(
        sides, title=NAME, compare=["LogisticRegression"], slices=[{"column": "group"}],
        claims=[claim], gates={"accuracy": ">= 1.0"},
    ).run()  # fmt: skip
    reports = sides.workspace.evaluation.parent
    values = np.random.default_rng(0).normal(size=80)
    frame = pd.DataFrame({NAME: values, "b": values + 1, "c": [None, NAME, "x", "y"] * 20})
    frame["when"] = pd.date_range("2024-01-01", periods=80).astype(str)
    frame["answer"] = values > 0
    write(reports / PAGES["profile"], profile(frame, facts(frame), "b", sides.workspace.name))
    found = [Drift(NAME, {"psi": 0.5}, {"psi": 1e-9}, ("psi",)), Drift("c", {"psi": 0}, {"psi": 1})]
    known = {"name": NAME, "categories": {NAME: 0.5, "y": 0.5}}
    drawings = {NAME: drawn(known, np.array(["y", "z"], dtype=object)), "c": None}
    html = drift._as_html(sides.workspace.name, found, 2, Limits(), drawings, reports)
    write(reports / PAGES["drift"], html)
    verdicts = (
        Verdict(0, "expect_column_values_to_not_be_null", {"column": NAME}, True),
        Verdict(1, "expect_column_values_to_be_in_set", {"column": NAME}, False, rows=(1,)),
    )
    judged = Judgement(80, "warn", 0.05, verdicts, (1,), (), False, {1: [(1, NAME)]})
    write(reports / PAGES["validation"], as_html(judged, sides.workspace.name))
    with costed(sides.workspace, "evaluate"):
        pass
    (root / "pipelines" / sides.workspace.name / "pipeline.yaml").touch()
    write_index(root)
    return root


def test_every_page_is_sound(project: Path, browser: Browser, axe: str) -> None:
    found = pages(project, ["tiny"])
    kinds = {name.rpartition("-")[2] for name in found}
    assert kinds == {"index", "report", "validation", "profile", "drift", "costs"}
    for name, path in found.items():
        for width in WIDTHS:
            for dark in (False, True):
                browser.open(path, width, dark)
                assert browser.run(WIDER) == [], (name, width)
                assert browser.run(f"{axe}; {FAULTS}") == [], (name, width, dark)
                assert browser.run("document.querySelectorAll('img[onerror], script').length") == 0
