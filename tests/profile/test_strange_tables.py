"""Generated files, as `python -m benchmarks.strange_tables` tries two thousand of."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks import strange_tables
from benchmarks.strange_tables import Drawn, tried

# 65, 176 and 431 hold thousands that are marked alike in every cell: they were texts.
QUICK = (0, 65, 176, 431)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("throughline.profile.profile_page.page", lambda *_: "")
    for module in ("wire", "run"):
        monkeypatch.setattr(f"throughline.stages.{module}.refreshed", lambda *_: None)


@pytest.mark.parametrize("number", QUICK)
def test_a_file_is_drafted_prepared_and_served_as_it_means(number: int) -> None:
    refusals: Counter[str] = Counter()
    assert tried(number, refusals) == []
    assert not refusals


def test_a_value_that_changed_unsaid_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    file = strange_tables.drawn(0)
    other = Drawn(file.content, file.columns | {"w": [v + 1 for v in file.columns["w"]]})
    monkeypatch.setattr(strange_tables, "drawn", lambda _: other)
    (fault,) = tried(0, Counter())
    assert fault.startswith("w: ")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_hundred_more() -> None:
    refusals: Counter[str] = Counter()
    assert [fault for number in range(2000, 2100) for fault in tried(number, refusals)] == []
    assert sum(refusals.values()) < 10
