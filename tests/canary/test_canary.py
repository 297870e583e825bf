"""The canary stays quiet where nothing leaks, and sings where something does."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from throughline.canary.canary import canary
from throughline.canary.corruption import corrupted
from throughline.errors import RefusedByGate
from throughline.paths import Workspace
from throughline.stages.run import run_stage
from throughline.stages.wire import wire


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    generator = np.random.default_rng(0)
    size = generator.normal(170, 10, 120).round(1)
    columns: dict[str, Any] = {
        "size": size.tolist(),
        "town": generator.choice(["Bonn", "Köln", "Ulm"], 120).tolist(),
        "buys": (size + generator.normal(0, 8, 120) > 170).astype(int).tolist(),
    }
    document = {
        "title": "Who buys?",
        "task": "binary",
        "source": {"rows": columns},
        "target": "buys",
        "columns": {"size": {"scale": "standard"}, "town": {"encode": "one-hot"}},
        "split": {"test": 0.25, "stratify": "buys"},
        "network": [{"Dense": {"units": 4}}],
        "cross_validation": {"folds": 3},
    }
    workspace = Workspace(tmp_path, "shop")
    workspace.pipeline_file.parent.mkdir(parents=True)
    workspace.pipeline_file.write_text(yaml.safe_dump(document, sort_keys=False))
    shutil.copy(Path(__file__).resolve().parents[2] / "params.yaml", tmp_path)
    wire(tmp_path, ["shop"])
    for stage in ("ingest", "validate"):
        run_stage(stage, "shop", tmp_path)
    return workspace


def _fit_on_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The known fault, put in on purpose."""
    from throughline.preprocessing import fit as module

    honest = module.fit
    seen: list[pd.DataFrame] = []
    read = pd.read_parquet

    def reading(path: Any, *rest: Any, **more: Any) -> pd.DataFrame:
        seen.append(read(path, *rest, **more))
        return seen[-1]

    monkeypatch.setattr(pd, "read_parquet", reading)
    monkeypatch.setattr(module, "fit", lambda rows, *rest, **more: honest(seen[-1], *rest, **more))


class TestCanary:
    def test_is_quiet_where_nothing_leaks(self, workspace: Workspace) -> None:
        proof = canary("shop", workspace)
        assert proof.corrupted_rows == 30
        assert proof.files >= 5
        assert proof.folds == 3
        assert proof.moved == ()

    def test_leaves_out_a_variant_that_trains_on_the_held_out_rows(
        self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        document = yaml.safe_load(workspace.pipeline_file.read_text())
        document["variants"] = {
            "all-rows": {"title": "All rows", "split": {"test": 0, "stratify": None}},
            "scaled": {"title": "Other columns", "columns": {"size": {"scale": "minmax"}}},
        }
        workspace.pipeline_file.write_text(yaml.safe_dump(document, sort_keys=False))
        proof = canary("shop", workspace)
        assert proof.others == ("all-rows",)
        assert proof.moved == ()
        _fit_on_all_rows(monkeypatch)
        with pytest.raises(RefusedByGate, match=r"moved: .*scaled/"):
            canary("shop", workspace)

    def test_sings_where_the_scaler_sees_test_rows(
        self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _fit_on_all_rows(monkeypatch)
        with pytest.raises(RefusedByGate, match=r"moved: .*preprocess\.onnx"):
            canary("shop", workspace)


class TestCorruption:
    def test_changes_every_value_of_the_chosen_rows_only(self) -> None:
        rows = pd.DataFrame({"a": [1, 2, 3], "b": [0.5, np.nan, 1.5], "c": ["x", None, "y"]})
        rows["d"] = [True, False, True]
        chosen = np.array([False, True, True])
        changed = corrupted(rows, chosen, (), ())
        assert changed.iloc[0].equals(rows.iloc[0])
        assert changed["a"].tolist()[1:] != [2, 3]
        assert changed["a"].dtype == rows["a"].dtype
        assert changed["b"].iloc[2] > 10
        assert "never seen before" in changed["c"].iloc[2]
        assert changed["d"].tolist() == [True, True, False]

    def test_leaves_what_is_kept(self) -> None:
        rows = pd.DataFrame({"a": [1, 2], "y": [0, 1]})
        changed = corrupted(rows, np.array([True, True]), ("a",), ("y",))
        assert changed["a"].tolist() == [1, 2]

    def test_gives_rows_other_classes_and_classes_other_shares(self) -> None:
        rows = pd.DataFrame({"y": ["a", "b", "c"] * 4})
        chosen = np.arange(12) >= 6
        changed = corrupted(rows, chosen, (), ("y",))["y"]
        assert changed[~chosen].equals(rows["y"][~chosen])
        assert changed[chosen].tolist() == ["b", "c", "a", "b", "c", "a"]
        twos = pd.DataFrame({"y": [0, 1] * 6})
        assert corrupted(twos, chosen, (), ("y",))["y"][chosen].sum() != 3
