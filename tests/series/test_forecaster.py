"""A forecaster from rows to a served window, and what it refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.series.conftest import HOURS, LOOKBACK, load, times
from throughline.cli import main
from throughline.figures.rounding import rounded_report
from throughline.paths import Workspace, read_json
from throughline.serving.errors import BadRequest
from throughline.serving.predictor import Predictor

# One row more than the lookback feeds the difference.
LENGTH = LOOKBACK + 1


@pytest.fixture(scope="module")
def predictor(forecaster: Workspace) -> Predictor:
    return Predictor(forecaster.model)


def window(**changes: Any) -> dict[str, Any]:
    """The newest window of all rows."""
    columns = {"when": times()[-LENGTH:], "load": load()[-LENGTH:].tolist()}
    return {**columns, **changes}


def written(figure: float) -> float:
    """A measured figure as report.json has it."""
    return float(rounded_report(figure))


class TestAServedWindow:
    def test_is_answered_in_the_targets_unit(self, predictor: Predictor) -> None:
        (prediction,) = predictor.predict(window())["prediction"]
        assert prediction.shape == (3,)
        assert np.abs(prediction - load()[-1]).max() < 30

    def test_is_answered_like_many_and_like_rows(self, predictor: Predictor) -> None:
        single = predictor.predict(window())["prediction"]
        twice = {name: [values, values] for name, values in window().items()}
        assert np.allclose(predictor.predict(twice)["prediction"], np.repeat(single, 2, axis=0))
        rows = {"when": times(), "load": load().tolist()}
        every = predictor.predict(rows)["prediction"]
        assert every.shape == (HOURS - LENGTH + 1, 3)
        assert np.allclose(every[-1], single[0], atol=1e-4)

    def test_comes_from_a_csv_file(
        self, forecaster: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "window.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(window())
            writer.writerows(zip(*window().values(), strict=True))
        assert main(["predict", str(forecaster.model), str(path)]) == 0
        header, line = capsys.readouterr().out.splitlines()
        horizons = "prediction[+1],prediction[+2],prediction[+3]"
        assert header == f"time,{horizons},outside_training"
        assert line.startswith(f"{times()[-1]},")
        assert line.endswith(",")

    def test_has_the_name_of_its_one_horizon(
        self, forecaster: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "window.csv"
        lines = zip(times()[-4:], load()[-4:].tolist(), strict=True)
        path.write_text("when,load\n" + "".join(f"{t},{value}\n" for t, value in lines))
        assert main(["predict", str(forecaster.model_of("short")), str(path)]) == 0
        header = capsys.readouterr().out.splitlines()[0]
        assert header == "time,prediction[+1],outside_training"

    def test_far_outside_the_training_is_answered_with_a_mark(self, predictor: Predictor) -> None:
        grown = {"load": (load()[-LENGTH:] + 500).tolist()}
        answers, fed = predictor.forecast(window(**grown))
        assert np.abs(answers["prediction"] - load()[-1] - 500).max() < 60
        assert fed.outside == ["load"]
        assert predictor.forecast(window())[1].outside == [""]


class TestDrift:
    def test_takes_the_file_of_the_training(
        self, forecaster: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The clock is no column of the file, and what goes on for ever does not drift."""
        from throughline.drift.drift import drift

        path = tmp_path / "rows.csv"
        lines = zip(times(), load().tolist(), strict=True)
        path.write_text("when,load\n" + "".join(f"{t},{value}\n" for t, value in lines))
        (found,) = drift(forecaster.name, path, forecaster.root)
        assert (found.column, found.beyond) == ("load", ())


class TestAWindowIsRefused:
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            (
                {"when": [times()[-LENGTH:][::-1]], "load": [load()[-LENGTH:][::-1].tolist()]},
                "the newest first",
            ),
            ({"load": load()[-LENGTH:].tolist()[:-1], "when": times()[-LENGTH:-1]}, "25 rows"),
            ({"load": [None, *load()[-LENGTH + 1 :].tolist()]}, "Row 1, column 'load'.*a number"),
            ({"load": [float("nan"), *load()[-LENGTH + 1 :].tolist()]}, "Row 1, column 'load'"),
            ({"when": ["soon"] * LENGTH}, "must be an ISO 8601 time"),
            ({"when": times()[-LENGTH - 1 : -2] + times()[-1:]}, "without gaps"),
            ({"when": times()[-LENGTH:-1]}, "same length"),
            ({"when": [t.replace("13:00", "13:20") for t in times()[-LENGTH:]]}, "1h after"),
            ({"load": 3.0}, "must be a list of rows"),
            ({"load": np.zeros((1, 1, LENGTH)), "when": [times()[-LENGTH:]]}, "or windows of rows"),
        ],
    )
    def test_with_the_reason(
        self, predictor: Predictor, changes: dict[str, Any], reason: str
    ) -> None:
        with pytest.raises(BadRequest, match=reason):
            predictor.predict(window(**changes))

    def test_whose_seconds_stand_for_its_times_and_are_none(self, predictor: Predictor) -> None:
        columns = {**window(), "timestamp": ["soon"] * LENGTH}
        assert predictor.predict(columns)
        del columns["when"]
        with pytest.raises(BadRequest, match="whole seconds since 1970"):
            predictor.predict(columns)

    @pytest.mark.parametrize(
        ("name", "reason"),
        [("load", "Column 'load' is needed"), ("when", "The time column 'when'")],
    )
    def test_without_a_column(self, predictor: Predictor, name: str, reason: str) -> None:
        columns = window()
        del columns[name]
        with pytest.raises(BadRequest, match=reason):
            predictor.predict(columns)


class TestTheReport:
    def test_holds_the_model_against_persistence(self, forecaster: Workspace) -> None:
        metrics = read_json(forecaster.metrics)
        report = read_json(forecaster.evaluation / "report.json")["branches"]["main"]
        by_name = {each["name"]: each for each in report["comparisons"]}
        persistence = by_name["persistence"]["metrics"]
        assert persistence["skill"]["value"] == 0
        seasonal = by_name["seasonal-persistence"]["metrics"]
        assert seasonal["skill_seasonal"]["value"] == 0
        linear = by_name["LinearRegression"]["metrics"]
        assert linear["mae"]["value"] < seasonal["mae"]["value"]
        # Smoothing and autoregression know the day; the last value does not.
        for name in ("ETS", "linear-autoregression"):
            assert by_name[name]["metrics"]["mase"]["value"] < persistence["mase"]["value"]
        page = (forecaster.evaluation / "report.html").read_text()
        assert '>MASE</th><th scope="col">skill of this model against it</th>' in page
        skill = 1 - metrics["mae"] / persistence["mae"]["value"]
        assert metrics["skill"] == pytest.approx(skill, abs=1e-4)
        low, high = (report["metrics"]["skill"][bound] for bound in ("low", "high"))
        assert low < metrics["skill"] < high

    def test_says_of_each_forecast_when_it_was_made(self, forecaster: Workspace) -> None:
        """And the rows of the source are answered by what it says, to the tenths that it shows."""
        with (forecaster.evaluation / "forecast.csv").open() as file:
            told = list(csv.DictReader(file))
        answers, fed = Predictor(forecaster.model).forecast(
            {"when": times(), "load": load().tolist()}
        )
        made = [str(np.datetime64(int(s), "s")).replace("T", " ") for s in fed.newest]
        served = dict(zip(made, answers["prediction"].tolist(), strict=True))
        assert [row["horizon"] for row in told] == ["1", "2", "3"] * (len(told) // 3)
        for row in told:
            answer = served[row["time"]][int(row["horizon"]) - 1]
            assert float(row["predicted"]) == pytest.approx(answer, abs=0.051)

    def test_has_the_error_of_every_horizon(self, forecaster: Workspace) -> None:
        report = read_json(forecaster.evaluation / "report.json")["branches"]["main"]
        assert [entry["horizon"] for entry in report["horizons"]] == [1, 2, 3]
        mean = np.mean([entry["mae"] for entry in report["horizons"]])
        assert written(mean) == report["metrics"]["mae"]["value"]

    def test_shows_forecast_and_truth_whole_and_zoomed(self, forecaster: Workspace) -> None:
        page = (forecaster.evaluation / "report.html").read_text(encoding="utf-8")
        for words in ("all test windows", "windows of the middle", "Error by horizon", "Autocorr"):
            assert words in page

    def test_counts_the_windows_that_were_left_out(self, forecaster: Workspace) -> None:
        page = (forecaster.evaluation / "report.html").read_text(encoding="utf-8")
        assert "left out: across a gap" in page

    def test_says_of_a_parrot_that_it_is_one(self) -> None:
        from throughline.report.page import piece

        figures = {"skill": {"value": 0.005}, "r2": {"value": 0.955}}
        main = {"title": "", "metrics": {"skill": {"value": 0.5}}}
        lag = {"title": "One lag", "metrics": figures}
        page = piece("evaluation/show/making.html", "repeating", {"main": main, "lag": lag})
        assert "One lag: repeats the last value." in page
        assert "although its R² is 0.955" in page
        assert page.count("repeats") == 1

    def test_says_how_far_the_parts_are_apart(self, forecaster: Workspace) -> None:
        (finding,) = read_json(forecaster.test_data / "main" / "guards.json")["findings"]
        assert finding["passed"]
        assert "newest rows are 28 steps apart, at least 25 + 3" in finding["message"]


class TestPersistenceByHand:
    def test_equals_a_loop_over_the_rows(self, forecaster: Workspace) -> None:
        """MAE, RMSE, MASE of persistence, from the raw rows alone."""
        values = load().astype(np.float32).astype(np.float64)
        first = HOURS - round(0.3 * HOURS)
        ends = range(first + LENGTH - 1, HOURS - 3)
        errors = np.array([[values[e + h] - values[e] for h in (1, 2, 3)] for e in ends])
        report = read_json(forecaster.evaluation / "report.json")["branches"]["main"]
        figures = next(c for c in report["comparisons"] if c["name"] == "persistence")["metrics"]
        assert report["rows"]["test"] == len(errors)
        assert figures["mae"]["value"] == written(np.abs(errors).mean())
        assert figures["rmse"]["value"] == written(np.sqrt((errors**2).mean()))
        scale = np.abs(values[24:first] - values[: first - 24]).mean()
        assert figures["mase"]["value"] == written(np.abs(errors).mean() / scale)


class TestDriftByHand:
    def test_goes_on_along_the_line_of_the_window(self, forecaster: Workspace) -> None:
        values = load().astype(np.float32).astype(np.float64)
        first = HOURS - round(0.3 * HOURS)
        errors = [
            values[e] + h * (values[e] - values[e - LOOKBACK + 1]) / (LOOKBACK - 1) - values[e + h]
            for e in range(first + LENGTH - 1, HOURS - 3)
            for h in (1, 2, 3)
        ]
        report = read_json(forecaster.evaluation / "report.json")["branches"]["main"]
        figures = next(c for c in report["comparisons"] if c["name"] == "drift")["metrics"]
        assert figures["mae"]["value"] == written(float(np.abs(errors).mean()))


class TestFiles:
    def test_hold_the_series_once(self, forecaster: Workspace) -> None:
        folder = forecaster.training_data / "main"
        features = np.load(folder / "features.npy")
        assert features.shape == (HOURS - round(0.3 * HOURS), 4)
        window = json.loads((folder / "prepared.json").read_text())["window"]
        assert window["extent"] == {
            "length": LENGTH,
            "lookback": LOOKBACK,
            "step": 1,
            "before": LENGTH,
            "horizons": [1, 2, 3],
        }
