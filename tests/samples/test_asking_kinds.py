"""Kinds of data: what a pipeline says of them is asked in one place."""

from __future__ import annotations

import re
from pathlib import Path

import throughline

HOME = Path(throughline.__file__).parent
# Who may ask which kind a file describes: what defines the sections, and the kinds themselves.
OWNERS = ("pipeline", "samples")


def test_nobody_else_asks_whether_a_pipeline_is_of_windows() -> None:
    asking = re.compile(r"""\.time (is|and|or)\b|\bif \w+\.time\b|"window" in """)
    assert any(asking.search(path.read_text()) for path in (HOME / "samples").rglob("*.py"))
    found = [
        f"{path.relative_to(HOME)}: {line.strip()}"
        for path in HOME.rglob("*.py")
        if path.relative_to(HOME).parts[0] not in OWNERS
        for line in path.read_text(encoding="utf-8").splitlines()
        if asking.search(line)
    ]
    assert not found
