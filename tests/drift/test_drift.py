"""Rows of the same population have not drifted, and those of another one have."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.drift import CASES, SERIES, called, called_of_series
from throughline.cli import main
from throughline.drift.drift import drift
from throughline.drift.measures import Limits, drifts, psi
from throughline.errors import BadData, BadPipeline, MissingFile
from throughline.paths import Workspace, read_json
from throughline.pipeline.schema.columns import Column
from throughline.preprocessing.contract import contract
from throughline.preprocessing.plan import plan
from throughline.samples.windows.memory import memory
from throughline.stages.run import run_stage
from throughline.stages.wire import wire


def described(values: np.ndarray[Any, Any]) -> dict[str, Any]:
    """The contract of a column `size` with these training values."""
    rows = pd.DataFrame({"size": values})
    (entry,) = contract(rows, plan(rows, {"size": Column()}, None, []))
    return entry


def carry(graph: Path, prepared: dict[str, Any], model: Path) -> None:
    """A model file whose metadata say what `export` writes there."""
    import onnx

    loaded = onnx.load(graph)
    metadata = {"pipeline": "shop", "inputs": prepared["inputs"]}
    onnx.helper.set_model_props(loaded, {"throughline": json.dumps(metadata)})
    model.parent.mkdir(parents=True)
    onnx.save(loaded, model)


def measured(entry: dict[str, Any], values: Any) -> Any:
    (found,) = drifts([entry], [np.asarray(values, dtype=object)], Limits(), 5000)
    return found


NORMAL = np.random.default_rng(0).normal(size=5000)


class TestNumbers:
    def test_the_same_population(self) -> None:
        fresh = np.random.default_rng(1).normal(size=2000)
        found = measured(described(NORMAL), fresh)
        assert found.beyond == ()
        assert found.measures["psi"] < 0.05

    @pytest.mark.parametrize("change", [lambda v: v + 1, lambda v: v * 4, lambda v: -abs(v)])
    def test_another_population(self, change: Any) -> None:
        assert "psi" in measured(described(NORMAL), change(NORMAL)).beyond

    def test_many_equal_values(self) -> None:
        """Half of a column is 0, so that several deciles are equal."""
        values = np.where(NORMAL > 0, NORMAL, 0.0)
        found = measured(described(values), values)
        assert found.beyond == ()
        assert found.measures["distance"] == 0

    def test_missing_values(self) -> None:
        values = [None if i % 5 == 0 else value for i, value in enumerate(NORMAL)]
        found = measured(described(NORMAL), values)
        assert found.beyond == ("missing",)
        assert found.measures["missing"] == pytest.approx(0.2)


class TestCategories:
    ENTRY = {"name": "town", "missing": 0.0, "categories": {"Bonn": 0.5, "Ulm": 0.5}}  # noqa: RUF012

    def test_the_same_shares(self) -> None:
        assert measured(self.ENTRY, ["Bonn", "Ulm"] * 50).beyond == ()

    def test_a_new_category(self) -> None:
        found = measured(self.ENTRY, ["Bonn", "Ulm"] * 45 + ["Hof"] * 10)
        assert "unknown" in found.beyond
        assert found.measures["unknown"] == pytest.approx(0.1)

    def test_other_shares(self) -> None:
        assert measured(self.ENTRY, ["Bonn"] * 90 + ["Ulm"] * 10).beyond == ("psi",)

    def test_one_stranger_among_few_is_chance(self) -> None:
        # Training saw a thousand towns once, so a new one is no news.
        towns = {f"town {i}": 1 / 5000 for i in range(1000)} | {"Bonn": 0.8}
        entry = {"name": "town", "missing": 0.0, "categories": towns}
        assert measured(entry, ["Bonn"] * 19 + ["Hof"]).beyond == ()


class TestTails:
    def test_values_beyond_all_of_training(self) -> None:
        values = np.random.default_rng(1).normal(size=1000)
        values[:8] = 50.0
        found = measured(described(NORMAL), values)
        assert found.beyond == ("outside",)
        assert found.measures["outside"] == pytest.approx(0.008, abs=0.002)

    def test_a_new_extreme_is_no_drift(self) -> None:
        values = np.random.default_rng(1).normal(size=1000)
        values[0] = 50.0
        assert measured(described(NORMAL), values).beyond == ()


class TestSizes:
    """Unchanged rows give few alarms, whatever their number; a real change is found."""

    @pytest.mark.parametrize(
        ("what", "rows", "low", "high"),
        [
            ("unchanged: 1 normal column", 20, 0.0, 0.05),
            ("unchanged: 20 normal columns", 50, 0.0, 0.05),
            ("unchanged: 200 categories", 1000, 0.0, 0.05),
            ("shift of .3 sd", 20_000, 0.95, 1.0),
            ("shift of 1 sd", 50, 0.95, 1.0),
            ("other shares of 5 categories", 1000, 0.95, 1.0),
        ],
    )
    def test_share_of_alarms(self, what: str, rows: int, low: float, high: float) -> None:
        assert low <= called(*CASES[what], rows, repetitions=40) <= high


class TestSeries:
    """Rows of a series lean on those before them, so a short stretch need not look like all."""

    @pytest.mark.parametrize("what", [what for what in SERIES if "unchanged" in what])
    @pytest.mark.parametrize("rows", [50, 200])
    def test_share_of_false_alarms(self, what: str, rows: int) -> None:
        assert called_of_series(SERIES[what], rows, repetitions=60) <= 0.05

    def test_a_walk_is_not_judged_by_where_it_went(self) -> None:
        """A quarter of all walks was called drifted in twenty times as many steps."""
        assert called_of_series(SERIES["unchanged: a random walk"], 20_000, repetitions=60) <= 0.05

    def test_what_is_not_judged_is_said(self) -> None:
        walk = np.random.default_rng(0).normal(size=1000).cumsum()
        entry = described(walk) | {"memory": 300.0}
        (far,) = drifts([entry], [(walk + 200).astype(object)], Limits(), 1000)
        assert far.beyond == ()
        assert "it wanders, 1,000 training rows tell as much as 3" in far.note
        (unit,) = drifts([entry], [(walk * 1000 + 1e6).astype(object)], Limits(), 1000)
        assert unit.beyond == ("outside",)
        (known,) = drifts([entry | {"memory": 20.0}], [walk.astype(object)], Limits(), 1000)
        assert known.note == ""

    @pytest.mark.parametrize(
        ("what", "rows"),
        [
            ("AR(.5), shift of 1 sd", 1000),
            ("AR(.9), shift of 2 sd", 1000),
            ("a random walk in another unit", 50),
            ("a random walk in another unit", 5000),
        ],
    )
    def test_a_real_change_is_found(self, what: str, rows: int) -> None:
        assert called_of_series(SERIES[what], rows, repetitions=20) >= 0.9

    def test_series_that_move_together_tell_less(self) -> None:
        generator = np.random.default_rng(0)
        common, steps = generator.normal(size=300), np.tile(np.arange(300), 4)
        groups = np.repeat(np.arange(4), 300)
        apart = memory(pd.Series(generator.normal(size=1200)), groups, steps)
        together = memory(pd.Series(np.tile(common, 4)), groups, steps)
        assert apart < 2
        assert together > 3


class TestPsi:
    @given(st.lists(st.floats(0.01, 1), min_size=2, max_size=8), st.randoms())
    def test_is_symmetric_and_never_negative(self, shares: list[float], random: Any) -> None:
        a = np.array(shares) / sum(shares)
        shuffled = list(shares)
        random.shuffle(shuffled)
        b = np.array(shuffled) / sum(shuffled)
        assert psi(a, b) == pytest.approx(psi(b, a))
        assert psi(a, b) >= 0
        assert psi(a, a) == 0


class TestCommand:
    @pytest.fixture
    def workspace(self, tmp_path: Path) -> Workspace:
        shutil.copy(Path(__file__).resolve().parents[2] / "params.yaml", tmp_path)
        sizes = NORMAL[:200].round(3).tolist()
        towns = ["Bonn", "Ulm"] * 100
        document = {
            "title": "How much?",
            "task": "regression",
            "source": {"rows": {"size": sizes, "town": towns, "price": NORMAL[200:400].tolist()}},
            "target": "price",
            "columns": {"size": {"scale": "standard"}, "town": {"encode": "one-hot"}},
            "network": [{"Dense": {"units": 2}}],
        }
        workspace = Workspace(tmp_path, "shop")
        workspace.pipeline_file.parent.mkdir(parents=True)
        workspace.pipeline_file.write_text(yaml.safe_dump(document, sort_keys=False))
        wire(tmp_path, ["shop"])
        for stage in ("ingest", "validate", "prepare"):
            run_stage(stage, "shop", tmp_path)
        prepared = workspace.training_data / "main"
        carry(prepared / "preprocess.onnx", read_json(prepared / "prepared.json"), workspace.model)
        return workspace

    def test_names_what_drifted(self, workspace: Workspace) -> None:
        moved = workspace.root / "moved.csv"
        moved.write_text("size;town\n" + "".join(f"{v + 3:.3f};Bonn\n" for v in NORMAL[:200]))
        size, town = drift("shop", moved, workspace.root)
        assert "psi" in size.beyond
        assert town.beyond == ("psi",)
        folder = workspace.root / "reports" / "shop" / "drift"
        assert read_json(folder / "drift.json")["drifted"] == ["size", "town"]
        page = (folder / "drift.html").read_text()
        assert "2 of 2 columns drifted" in page
        # A bar and an outline a part: the deciles of size, the two towns.
        assert page.count('class="bar a"') == page.count('class="bar ghost"') == 12

    def test_the_model_file_is_enough(self, workspace: Workspace) -> None:
        """Neither the pipeline's file nor its data are there any more."""
        moved = workspace.root / "moved.csv"
        moved.write_text("size,town\n" + "".join(f"{v:.3f},Hof\n" for v in NORMAL[:200]))
        for folder in ("pipelines", "data"):
            shutil.rmtree(workspace.root / folder)
        size, town = drift("models/shop/model.onnx", moved, workspace.root)
        assert size.beyond == ()
        assert "unknown" in town.beyond
        assert (workspace.root / "reports" / "shop" / "drift" / "drift.html").exists()

    def test_the_command_line_exits_with_1(
        self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        monkeypatch.chdir(workspace.root)
        Path("same.csv").write_text(
            "size,town\n"
            + "".join(f"{v:.3f},{t}\n" for v, t in zip(NORMAL, ["Bonn", "Ulm"] * 100, strict=False))
        )
        assert main(["drift", "shop", "same.csv"]) == 0
        assert "0 of 2 columns drifted" in capsys.readouterr().out
        Path("moved.csv").write_text("size,town\n" + "9.5,Ulm\n" * 200)
        assert main(["drift", "shop", "moved.csv"]) == 1
        assert "size: psi, distance" in capsys.readouterr().out

    def test_no_model(self, workspace: Workspace) -> None:
        (workspace.root / "bad.onnx").write_bytes(b"no model")
        with pytest.raises(BadPipeline, match="must be an ONNX model"):
            drift("bad.onnx", workspace.root / "x.csv", workspace.root)
        with pytest.raises(MissingFile, match="export"):
            drift("absent.onnx", workspace.root / "x.csv", workspace.root)

    def test_a_missing_column_is_named(self, workspace: Workspace) -> None:
        (workspace.root / "new.csv").write_text("sise,town\n1,Bonn\n2,Ulm\n")
        with pytest.raises(BadData, match=r"Received: size. Did you mean 'sise'"):
            drift("shop", workspace.root / "new.csv", workspace.root)
