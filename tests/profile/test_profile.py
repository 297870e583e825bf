"""A table becomes a pipeline file that is valid and prepared as it is, and a page for offline."""

from __future__ import annotations

import re
import shutil
import time
import xml.etree.ElementTree as ElementTree
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from throughline.errors import BadData, BadPipeline, MissingFile
from throughline.paths import Workspace
from throughline.pipeline.loading import load
from throughline.profile.facts import fact
from throughline.profile.goal import task_of
from throughline.profile.profile import profile
from throughline.stages.run import run_stage


def table(rows: int = 120) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    size = generator.normal(170, 10, rows).round(1)
    frame = pd.DataFrame(
        {
            "number": np.arange(rows),
            "size": size,
            "town": generator.choice(["Bonn", "Köln", "<Ulm>"], rows),
            "income": np.exp(generator.normal(3, 1.2, rows)).round(2),
            "member": generator.integers(0, 2, rows),
            "remark": [f"this is a longer remark about row {i}" for i in range(rows)],
            "country": "DE",
            "name": [f"person {i}" for i in range(rows)],
            "street": [f"road {i % 70}" for i in range(rows)],
            "buys": np.where(size + generator.normal(0, 8, rows) > 170, "yes", "no"),
        }
    )
    frame.loc[::9, "size"] = np.nan
    frame.loc[5, "town"] = None
    return frame


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.delenv("THROUGHLINE_MIRROR", raising=False)
    repository = Path(__file__).resolve().parents[2]
    shutil.copy(repository / "params.yaml", tmp_path)
    table().to_csv(tmp_path / "people.csv", index=False)
    return Workspace(tmp_path, "people")


class TestDraft:
    def test_is_valid_and_runs_as_far_as_training(self, workspace: Workspace) -> None:
        profile(workspace.root / "people.csv", "people", "buys", workspace)
        pipeline = load(workspace).main
        assert pipeline.task == "binary"
        assert set(pipeline.columns) == {"size", "town", "income", "member", "remark"}
        assert pipeline.columns["remark"].text is not None
        for stage in ("ingest", "validate", "prepare"):
            run_stage(stage, "people", workspace.root)
        assert (workspace.training_data / "main" / "features.npy").exists()

    @pytest.mark.parametrize(
        ("change", "holds"),
        [
            ({"size": 1.05, "income": 1.5}, True),
            ({"size": 10.0}, False),
            ({"town": "Bonn and Ulm"}, False),
            ({"buys": "maybe"}, False),
        ],
    )
    def test_rules_leave_room_for_rows_to_come(
        self, workspace: Workspace, change: dict[str, object], holds: bool
    ) -> None:
        file = workspace.root / "people.csv"
        profile(file, "people", "buys", workspace)
        rows = pd.read_csv(file)
        for column, by in change.items():
            rows[column] = by if isinstance(by, str) else rows[column] * by
        rows.loc[0, "town"] = "Trier"
        rows.to_csv(file, index=False)
        run_stage("ingest", "people", workspace.root)
        with nullcontext() if holds else pytest.raises(BadData):
            run_stage("validate", "people", workspace.root)

    def test_says_what_is_left_out_and_why(self, workspace: Workspace) -> None:
        profile(workspace.root / "people.csv", "people", "buys", workspace)
        text = workspace.pipeline_file.read_text(encoding="utf-8")
        assert "# number is left out: another value in nearly every row" in text
        assert "# name is left out: another value in nearly every row" in text
        assert "# street is left out: too many values for categories" in text
        assert "# country is left out: always the same value" in text
        assert yaml.safe_load(text)["source"]["file"] == "people.csv"

    def test_a_copy_of_the_target_is_left_out(self, workspace: Workspace) -> None:
        frame = table()
        frame["bought"] = (frame["buys"] == "yes") * 1
        frame.to_csv(workspace.root / "people.csv", index=False)
        profile(workspace.root / "people.csv", "people", "buys", workspace)
        assert "bought" not in load(workspace).main.columns

    def test_columns_are_judged_where_the_target_is_known(self, workspace: Workspace) -> None:
        rows = table(240)
        rows["year"] = np.where(rows.index % 2 == 0, 93, 90)
        rows.loc[rows["year"] == 90, "buys"] = None
        rows.to_csv(workspace.root / "people.csv", index=False)
        found = profile(workspace.root / "people.csv", "people", "buys", workspace)
        assert "year is left out: always the same value" in found.left_out
        assert any("missing in 120 of 240 rows" in line for line in found.guesses)
        for stage in ("ingest", "validate", "prepare"):
            run_stage(stage, "people", workspace.root)

    def test_the_likeliest_target_is_guessed(self, workspace: Workspace) -> None:
        profile(workspace.root / "people.csv", "people", None, workspace)
        assert "the target was guessed: buys" in workspace.pipeline_file.read_text()

    def test_the_last_column_that_can_be_one_is_guessed(self, workspace: Workspace) -> None:
        table()[["size", "town", "name"]].to_csv(workspace.root / "people.csv", index=False)
        profile(workspace.root / "people.csv", "people", None, workspace)
        assert load(workspace).main.target.columns == ["town"]

    def test_what_says_when_is_not_guessed(self, workspace: Workspace) -> None:
        walk = np.cumsum(np.random.default_rng(0).normal(0, 1, 80)) + 50
        rows = pd.DataFrame({"sales": walk.round(3), "year": range(1935, 2015)})
        rows.to_csv(workspace.root / "people.csv", index=False)
        profile(workspace.root / "people.csv", "people", None, workspace)
        assert load(workspace).main.target.columns == ["sales"]
        page = workspace.root / "reports" / "people" / "profile" / "profile.html"
        assert "The target is “sales”: forecast." in page.read_text(encoding="utf-8")

    def test_columns_may_be_called_as_parts_of_a_model(self, workspace: Workspace) -> None:
        rows = table(240)[["size", "income", "buys"]]
        for name in ("output", "features", "network", "target", "label", "probability"):
            rows[name] = rows["size"].sample(frac=1, random_state=len(name)).to_numpy()
        rows.to_csv(workspace.root / "people.csv", index=False)
        found = profile(workspace.root / "people.csv", "people", "buys", workspace)
        assert [note.split()[0] for note in found.left_out] == ["label", "probability"]
        for stage in ("ingest", "validate", "prepare"):
            run_stage(stage, "people", workspace.root)
        features = workspace.training_data / "main" / "features_input.npy"
        assert np.load(features).shape[1] == 6

    def test_columns_called_alike_become_a_pattern(self, workspace: Workspace) -> None:
        profile(Path("digits"), "people", None, workspace)
        pipeline = load(workspace).main
        assert list(pipeline.columns) == ["pixel_*"]
        assert pipeline.task == "multiclass"

    @pytest.mark.parametrize(
        ("values", "task"),
        [
            ([0, 1] * 20, "binary"),
            (["a", "b"] * 20, "binary"),
            (["a", "b", "c", "a"] * 10, "multiclass"),
            ([1, 2, 3, 4] * 25, "multiclass"),
            (list(range(100)), "regression"),
            ([i / 99 for i in range(100)], "proportion"),
            ([1.5, 2.5, 3.5, 4.5] * 25, "regression"),
        ],
    )
    def test_the_problem_type_follows_from_the_target(
        self, values: list[object], task: str
    ) -> None:
        assert task_of(fact("answer", pd.Series(values))) == task


class TestPage:
    def test_opens_offline_and_escapes_the_data(self, workspace: Workspace) -> None:
        page, *_ = profile(workspace.root / "people.csv", "people", "buys", workspace).written
        text = page.read_text(encoding="utf-8")
        assert "<Ulm>" not in text
        assert not re.search(r"<script|<link|<img", text)
        # Names of XML are addresses in form only; nothing is fetched from them.
        assert not re.search(r"src=|href=\"(?!#|data:|\.\./)", text)
        drawings = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
        assert len(drawings) >= 6
        for drawing in drawings:
            ElementTree.fromstring(drawing)

    def test_same_rows_same_bytes(self, workspace: Workspace) -> None:
        pages = []
        for _ in range(2):
            workspace.pipeline_file.unlink(missing_ok=True)
            page, *_ = profile(workspace.root / "people.csv", "people", "buys", workspace).written
            pages.append(page.read_bytes())
        assert pages[0] == pages[1]

    def test_begins_with_what_needs_a_look(self, workspace: Workspace) -> None:
        people = workspace.root / "people.csv"
        text = people.read_text(encoding="utf-8")
        people.write_text(text + text.splitlines()[1] + "\n", encoding="utf-8")
        page, *_ = profile(people, "people", "buys", workspace).written
        alerts = page.read_text(encoding="utf-8").partition('id="columns"')[0]
        assert "1 rows repeat another one" in alerts

    def test_numbers_of_a_column(self) -> None:
        found = fact("a", pd.Series([1.0, 2.0, 3.0, 4.0, 100.0, np.nan]))
        assert (found.missing, found.median, found.quartiles, found.outliers) == (1, 3, (2, 4), 1)


class TestMistakes:
    def test_a_pipeline_of_that_name(self, workspace: Workspace) -> None:
        profile(workspace.root / "people.csv", "people", "buys", workspace)
        with pytest.raises(BadPipeline, match="Choose another name"):
            profile(workspace.root / "people.csv", "people", "buys", workspace)

    def test_an_unknown_target(self, workspace: Workspace) -> None:
        with pytest.raises(BadData, match="Did you mean 'buys'"):
            profile(workspace.root / "people.csv", "people", "buy", workspace)

    def test_a_target_that_cannot_be_predicted(self, workspace: Workspace) -> None:
        with pytest.raises(BadData, match="'remark' must be a number or a class"):
            profile(workspace.root / "people.csv", "people", "remark", workspace)

    def test_no_data(self, workspace: Workspace) -> None:
        with pytest.raises(MissingFile):
            profile(workspace.root / "peple.csv", "people", None, workspace)


@pytest.mark.slow
class TestSpeed:
    def test_100_000_rows_of_20_columns(self, workspace: Workspace) -> None:
        generator = np.random.default_rng(0)
        frame = pd.DataFrame(generator.normal(size=(100_000, 20)))
        frame.columns = [f"{chr(97 + i)}_value" for i in range(20)]
        frame.assign(y=generator.integers(0, 2, 100_000)).to_csv(
            workspace.root / "people.csv", index=False
        )
        start = time.process_time()
        profile(workspace.root / "people.csv", "people", "y", workspace)
        assert time.process_time() - start < 30


def test_a_target_that_is_called_features_stays_a_column(workspace: Workspace) -> None:
    rows = table().rename(columns={"buys": "features"})
    rows.to_csv(workspace.root / "people.csv", index=False)
    profile(workspace.root / "people.csv", "people", "features", workspace)
    assert load(workspace).main.target.columns == ["features"]
