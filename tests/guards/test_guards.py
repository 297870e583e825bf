"""Every guard finds its leak in a real case, and honest data pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from throughline.errors import BadData
from throughline.guards.examine import after_drops, enforce, examine
from throughline.guards.finding import Finding
from throughline.guards.groups import group_names
from throughline.guards.shift import chi_square, chi_square_tail, ks_critical, ks_distance
from throughline.pipeline.schema.protocol import Guards, Split
from throughline.pipeline.schema.targets import Target


def random_parts(rows: int, test: float = 0.2) -> np.ndarray[Any, Any]:
    return np.where(np.random.default_rng(0).random(rows) < test, "test", "training")


def findings(
    rows: pd.DataFrame,
    target: str = "y",
    task: str = "binary",
    parts: np.ndarray[Any, Any] | None = None,
    columns: list[str] | None = None,
    **split: Any,
) -> list[Finding]:
    """What the guards found, without those that passed."""
    features = columns or [name for name in rows.columns if name != target]
    parts = random_parts(len(rows)) if parts is None else parts
    found = examine(rows, parts, features, Target(columns=[target]), task, Split(**split))
    return [finding for finding in found if not finding.passed]


def of(found: list[Finding], guard: str) -> list[Finding]:
    return [finding for finding in found if finding.guard == guard]


def normal(rows: int = 500, columns: int = 3, seed: int = 1) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    table = pd.DataFrame(
        generator.normal(size=(rows, columns)), columns=[f"x{i}" for i in range(columns)]
    )
    return table.assign(y=(table.to_numpy().sum(axis=1) + generator.normal(size=rows) > 0) * 1)


class TestTargetInDisguise:
    def boston(self) -> pd.DataFrame:
        """Rows shaped as the Boston table: LSTAT falls with RM, not exactly."""
        generator = np.random.default_rng(0)
        rooms = generator.normal(6.3, 0.7, 506)
        poor = np.clip(45 - 5.2 * rooms + generator.normal(0, 4, 506), 1.7, 38).round(2)
        return pd.DataFrame({"RM": rooms.round(3), "LSTAT": poor, "AGE": generator.random(506)})

    def test_lstat_as_target_and_feature(self) -> None:
        rows = self.boston()
        found = findings(rows, "LSTAT", "regression", columns=["RM", "LSTAT", "AGE"])
        with pytest.raises(BadData, match=r"'LSTAT' is the target itself.*Remove LSTAT"):
            enforce(found)

    @pytest.mark.parametrize(
        "disguise", [lambda v: v, lambda v: 2.54 * v + 7, lambda v: -v, np.log, lambda v: v**3]
    )
    def test_a_copy_in_another_unit(self, disguise: Any) -> None:
        rows = self.boston().assign(status=disguise(self.boston()["LSTAT"]))
        with pytest.raises(BadData, match="'status' is the target 'LSTAT' in disguise"):
            enforce(findings(rows, "LSTAT", "regression"))

    def test_a_copy_of_a_class_under_other_names(self) -> None:
        rows = normal()
        rows["verdict"] = rows["y"].map({0: "denied", 1: "granted"})
        with pytest.raises(BadData, match="'verdict' determines the target 'y'"):
            enforce(findings(rows))

    def test_a_copy_with_few_corrections(self) -> None:
        rows = normal(2000)
        rows["flag"] = rows["y"]
        rows.loc[[3, 700], "flag"] = 1 - rows.loc[[3, 700], "y"]
        with pytest.raises(BadData, match=r"'flag' determines.*99\.9\d%"):
            enforce(findings(rows))

    def test_a_finer_category_that_tells_the_class(self) -> None:
        rows = normal(600)
        rows["office"] = rows["y"] * 3 + np.arange(600) % 3
        assert of(findings(rows), "target_in_disguise")[0].columns == ("office",)

    def test_separable_classes_are_suspicious_and_not_refused(self) -> None:
        rows = normal()
        rows["x9"] = rows["y"] * 10 + rows["x0"] * 0.1
        found = of(findings(rows), "target_in_disguise")
        assert [(finding.columns, finding.verdict) for finding in found] == [(("x9",), "warn")]
        enforce(found)

    def test_a_whole_number_that_parts_the_classes_is_suspicious_and_not_refused(self) -> None:
        rows = normal(2000)
        rows["x0"] = np.random.default_rng(0).integers(0, 100, 2000)
        rows["y"] = (rows["x0"] > 50) * 1
        (found,) = of(findings(rows), "target_in_disguise")
        assert (found.columns, found.verdict) == (("x0",), "warn")
        # Numbers that name groups tell the class of each, without order.
        rows["x0"] = np.random.default_rng(0).integers(0, 50, 2000)
        rows["y"] = np.random.default_rng(1).integers(0, 2, 50)[rows["x0"]]
        (found,) = of(findings(rows), "target_in_disguise")
        assert found.verdict == "stop"

    def test_values_of_few_rows_tell_the_target_by_chance(self) -> None:
        rows = normal(200)
        rows["y"] = (np.arange(200) % 40 == 0) * 1
        # Most rows share a value; the rare class lies among those that have one of their own.
        rows["shop"] = [f"shop {i}" if i % 40 == 0 or i % 7 == 0 else "main" for i in range(200)]
        assert not of(findings(rows, columns=["shop"]), "target_in_disguise")

    def test_a_sum_of_features_is_suspicious(self) -> None:
        rows = normal().assign(y=lambda table: table["x0"] + 2 * table["x1"])
        (found,) = of(findings(rows, task="regression"), "target_in_disguise")
        assert found.verdict == "warn"
        assert set(found.columns) >= {"x0", "x1"}

    def test_a_bracket_of_the_target_is_suspicious(self) -> None:
        rows = self.boston()
        rows["bracket"] = pd.cut(rows["LSTAT"], [0, 5, 9, 14, 20, 50], labels=list("caebd"))
        rows["bracket"] = rows["bracket"].astype(str)
        (found,) = of(findings(rows, "LSTAT", "regression"), "target_in_disguise")
        assert (found.columns, found.verdict) == (("bracket",), "warn")
        assert "can be read off the target" in found.message

    def test_the_size_of_what_a_suspicious_feature_tells(self) -> None:
        rows = normal()
        rows["x9"] = rows["y"] * 10 + rows["x0"] * 0.1
        (found,) = of(findings(rows), "target_in_disguise")
        assert "accuracy 1.0000 and holds 9" in found.message

    @pytest.mark.parametrize("name", ["iris", "wine", "digits", "breast_cancer"])
    def test_honest_classes(self, name: str) -> None:
        from sklearn import datasets

        rows = getattr(datasets, f"load_{name}")(as_frame=True).frame
        enforce(findings(rows, "target", "multiclass"))

    def test_honest_numbers(self) -> None:
        from sklearn import datasets

        rows = datasets.load_diabetes(as_frame=True).frame
        assert of(findings(rows, "target", "regression"), "target_in_disguise") == []

    def test_an_uneven_class_is_no_knowledge(self) -> None:
        """With 99.9 % of one class, every column is right in 99.9 % of the rows."""
        rows = normal(2000).assign(y=0)
        rows.loc[[5, 9], "y"] = 1
        rows["town"] = np.arange(2000) % 4
        assert of(findings(rows), "target_in_disguise") == []


class TestSameRows:
    def test_are_counted_in_the_test_part(self) -> None:
        rows = normal(100)
        rows.loc[90:94] = rows.loc[0:4].to_numpy()
        parts = np.array(["training"] * 80 + ["test"] * 20)
        (found,) = of(findings(rows, parts=parts), "duplicates")
        assert found.rows == (90, 91, 92, 93, 94)
        assert found.verdict == "warn"

    def test_equal_features_with_another_answer_count(self) -> None:
        rows = normal(100)
        rows.loc[90, ["x0", "x1", "x2"]] = rows.loc[0, ["x0", "x1", "x2"]]
        rows.loc[[0, 90], "y"] = [0, 1]
        parts = np.array(["training"] * 80 + ["test"] * 20)
        assert of(findings(rows, parts=parts), "duplicates")[0].rows == (90,)

    def test_images(self) -> None:
        images = [np.array([i, i + 1], dtype=np.uint8) for i in range(40)]
        rows = pd.DataFrame({"image": [*images, images[3]], "y": np.arange(41) % 2})
        parts = np.array(["training"] * 40 + ["test"])
        assert of(findings(rows, parts=parts), "duplicates")[0].rows == (40,)

    def test_dropped_rows_leave_the_test_part(self) -> None:
        rows = normal(100)
        rows.loc[90:94] = rows.loc[0:4].to_numpy()
        parts = np.array(["training"] * 80 + ["test"] * 20)
        found = findings(rows, parts=parts, guards=Guards(duplicates="drop"))
        kept, columns = after_drops(parts, ["x0"], found)
        assert (kept == "test").sum() == 15
        assert (kept == "training").sum() == 80
        assert columns == ["x0"]


class TestWindows:
    """The two-site temperature exercise: windows over one series, drawn at random."""

    def windows(self, width: int = 6, rows: int = 200) -> pd.DataFrame:
        series = np.sin(np.arange(rows + width) / 9) + np.random.default_rng(0).normal(
            0, 0.1, rows + width
        )
        table = np.lib.stride_tricks.sliding_window_view(series, width)[:rows]
        names = [f"hour_{i}" for i in range(width)]
        return pd.DataFrame(table, columns=names).assign(y=series[width : width + rows])

    def test_a_random_split_is_refused(self) -> None:
        with pytest.raises(BadData, match="windows of 6 values that overlap"):
            enforce(findings(self.windows(), task="regression"))

    @pytest.mark.parametrize(("gap", "overlapping"), [(0, 5), (3, 2), (5, 0)])
    def test_a_temporal_split_needs_a_gap(self, gap: int, overlapping: int) -> None:
        parts = np.array(["training"] * 150 + ["gap"] * gap + ["test"] * (50 - gap))
        found = of(findings(self.windows(), task="regression", parts=parts), "windows")
        assert sum(len(finding.rows) for finding in found) == overlapping

    def test_arrays(self) -> None:
        table = self.windows()
        arrays = list(table.drop(columns="y").to_numpy())
        rows = pd.DataFrame({"series": arrays, "y": table["y"]})
        assert of(findings(rows, task="regression"), "windows")

    def test_images_with_blank_edges_are_no_windows(self) -> None:
        from sklearn.datasets import load_digits

        rows = load_digits(as_frame=True).frame
        assert of(findings(rows, "target", "multiclass"), "windows") == []


class TestGroups:
    def rows(self) -> pd.DataFrame:
        return normal(200).assign(patient_id=np.arange(200) // 8, ward=np.arange(200) % 3)

    @pytest.mark.parametrize("name", ["PatID", "patNr", "customerId", "Pat.-Nr.", "idPatient"])
    def test_names_of_groups_come_in_camel_case_and_cut_short(self, name: str) -> None:
        assert group_names(self.rows().rename(columns={"patient_id": name}), [name]) == [name]

    @pytest.mark.parametrize("name", ["age_group", "pattern_code", "rapid", "apt_no", "option_no"])
    def test_other_words_name_no_groups(self, name: str) -> None:
        assert not group_names(self.rows().rename(columns={"patient_id": name}), [name])

    def test_a_column_called_like_a_group_is_suspicious(self) -> None:
        (found,) = of(findings(self.rows(), columns=["x0", "x1", "x2"]), "groups")
        assert found.verdict == "warn"
        assert "kind: grouped, column: patient_id" in found.message

    def test_a_declared_group_is_refused(self) -> None:
        found = findings(self.rows(), columns=["x0"], guards=Guards(grouped_by=["patient_id"]))
        with pytest.raises(BadData, match="25 groups of 'patient_id' have rows in both parts"):
            enforce(found)

    def test_whole_groups_pass(self) -> None:
        parts = np.where(np.arange(200) // 8 < 20, "training", "test")
        assert of(findings(self.rows(), parts=parts, columns=["x0"]), "groups") == []


class TestIdentifiers:
    def test_are_found_and_can_be_dropped(self) -> None:
        numbers = np.arange(300)
        names = [f"Mr {number}" for number in numbers]
        rows = normal(300).assign(PassengerId=numbers + 1, name=names, age=numbers % 80)
        found = of(findings(rows, guards=Guards(identifiers="drop")), "identifiers")
        assert [finding.columns for finding in found] == [("PassengerId",), ("name",)]
        columns = after_drops(random_parts(300), list(rows.columns), found)[1]
        assert columns == ["x0", "x1", "x2", "y", "age"]

    def test_sentences_and_measurements_are_none(self) -> None:
        words = "the film was long and not very good but number"
        rows = normal(300).assign(review=[f"{words} {i}" for i in range(300)])
        assert of(findings(rows), "identifiers") == []


class TestUnseen:
    def test_a_class_that_training_lacks(self) -> None:
        rows = normal(100).assign(y=[0] * 50 + [1] * 45 + [2] * 5)
        parts = np.array(["training"] * 90 + ["test"] * 10)
        with pytest.raises(BadData, match="no training row has the class 2 of 'y'"):
            enforce(findings(rows, task="multiclass", parts=parts))

    def test_a_category_that_training_lacks(self) -> None:
        rows = normal(100).assign(town=["Bonn"] * 50 + ["Ulm"] * 45 + ["Hof"] * 5)
        parts = np.array(["training"] * 90 + ["test"] * 10)
        (found,) = of(findings(rows, parts=parts), "unseen_categories")
        assert "5 test rows have a category of 'town'" in found.message
        assert found.verdict == "warn"


class TestShift:
    def test_a_moved_number_and_a_moved_category(self) -> None:
        rows = normal(1000).assign(town=["Bonn"] * 500 + ["Ulm"] * 500, x0=np.arange(1000.0))
        parts = np.array(["training"] * 800 + ["test"] * 200)
        found = of(findings(rows, parts=parts), "shifted_parts")
        assert [finding.columns for finding in found] == [("x0",), ("town",)]

    def test_a_random_split_has_none(self) -> None:
        for seed in range(20):
            assert of(findings(normal(1000, 6, seed)), "shifted_parts") == []

    def test_statistics_equal_scipy(self) -> None:
        from scipy import stats

        generator = np.random.default_rng(3)
        first, second = generator.normal(size=300), generator.normal(0.2, size=150).round(1)
        expected = stats.ks_2samp(first, second, method="asymp")
        assert ks_distance(first, second) == pytest.approx(expected.statistic)
        p = float(stats.kstwobign.sf(ks_critical(300, 150, 0.01) * np.sqrt(300 * 150 / 450)))
        assert p == pytest.approx(0.01, rel=1e-3)
        towns = pd.Series(generator.choice(list("abc"), 300)), pd.Series(["a"] * 50 + ["b"] * 60)
        counts = pd.concat([part.value_counts() for part in towns], axis=1).fillna(0)
        assert chi_square(*towns)[0] == pytest.approx(stats.chi2_contingency(counts).pvalue)
        for degrees in (1, 2, 3, 10, 57, 199, 200):
            for value in np.linspace(0, 5 * degrees + 30, 40):
                expected = pytest.approx(float(stats.chi2.sf(value, degrees)), rel=1e-11)
                assert chi_square_tail(float(value), degrees) == expected


class TestVerdicts:
    def test_off_looks_at_nothing(self) -> None:
        rows = normal().assign(copy=lambda table: table["y"])
        assert (
            of(findings(rows, guards=Guards(target_in_disguise="off")), "target_in_disguise") == []
        )

    def test_warn_does_not_stop(self) -> None:
        rows = normal().assign(copy=lambda table: table["y"])
        enforce(findings(rows, guards=Guards(target_in_disguise="warn")))

    def test_a_shift_cannot_be_dropped(self) -> None:
        with pytest.raises(ValidationError, match="has no effect"):
            Guards(shifted_parts="drop")

    def test_a_guard_that_passes_says_so(self) -> None:
        rows = normal()
        found = examine(rows, random_parts(500), ["x0"], Target(columns=["y"]), "binary", Split())
        assert {finding.guard for finding in found} == set(Guards.model_fields) - {"grouped_by"}
        assert all(finding.as_json()["passed"] == finding.passed for finding in found)
