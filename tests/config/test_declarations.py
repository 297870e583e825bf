"""What modules declare in a constant is read without importing them, and is what they hold."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from throughline import declarations as module
from throughline.declarations import declarations
from throughline.order import STAGES
from throughline.stages.digests.code import Reader

LIBRARY = Path(module.__file__).parent


@pytest.mark.parametrize(
    ("folder", "constant"),
    [
        ("sources/formats", "FORMATS"),
        ("preprocessing/columns/kinds", "ENCODINGS"),
        ("stages", "PLACE"),
    ],
)
def test_what_is_read_is_what_each_module_holds(folder: str, constant: str) -> None:
    held = {}
    for file in sorted((LIBRARY / folder).glob("[!_]*.py")):
        known = import_module(f"throughline.{folder.replace('/', '.')}.{file.stem}")
        # A name that a module imports of another one is not its own.
        if f"import {constant}" not in file.read_text() and hasattr(known, constant):
            held[file.stem] = getattr(known, constant)
    assert held
    assert declarations(folder, constant) == held


def test_stages_come_in_the_order_in_which_each_needs_the_ones_before() -> None:
    order = ["ingest", "validate", "bottleneck", "prepare"]
    order += ["cross_validate", "train", "export", "evaluate"]
    assert [stage for stage in STAGES if stage in order] == order


@pytest.mark.parametrize(
    "reader", ["throughline.sources.formats.arff", "throughline.preprocessing.columns.kinds.hashed"]
)
def test_what_reads_a_pipeline_file_runs_none_of_what_is_declared(
    reader: str, tmp_path: Path
) -> None:
    """Else a changed reader would train every network again."""
    assert reader not in Reader(tmp_path).closure(["throughline.pipeline.loading"])


def test_a_value_that_is_no_literal_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "one.py").write_text("KINDS = {\n    'a': (1, 2),\n}\nOTHER = 3\n")
    monkeypatch.setattr(module, "__file__", str(tmp_path / "declarations.py"))
    assert declarations("room", "KINDS") == {"one": {"a": (1, 2)}}
    (tmp_path / "room" / "two.py").write_text("KINDS = dict(a=1)\n")
    with pytest.raises(ValueError, match="malformed"):
        declarations("room", "KINDS")
