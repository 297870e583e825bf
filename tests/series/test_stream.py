"""A network that carries its state: trained in order, served one row at a time."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from tests.series.conftest import PIPELINE, built, load, times
from throughline.paths import Workspace
from throughline.pipeline.pipeline import Pipeline
from throughline.serving.errors import BadRequest
from throughline.serving.predictor import Predictor
from throughline.serving.stream import Stream, answered_lines

CARRIED: dict[str, Any] = {
    **{key: PIPELINE[key] for key in ("title", "task", "source", "split")},
    "target": {"column": "load", "scale": "standard"},
    "columns": {"load": {"scale": "standard"}},
    "time": {"index": "when", "every": "1h", "lookback": 1},
    "network": [{"LSTM": {"units": 4, "stateful": True}}],
    "training": {"optimizer": "Adam", "batch_size": 1, "shuffle": False, "epochs": 2},
}


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return built(tmp_path_factory.mktemp("carried"), "carried", CARRIED)


def rows(count: int) -> list[dict[str, Any]]:
    """The first rows of the series."""
    return [{"when": w, "load": v} for w, v in zip(times()[:count], load()[:count], strict=True)]


class TestAStatefulNetwork:
    def test_takes_its_state_in_and_gives_it_back(self, carried: Workspace) -> None:
        predictor = Predictor(carried.model)
        assert predictor.states == {
            "lstm_state_0": "lstm_next_state_0",
            "lstm_state_1": "lstm_next_state_1",
        }
        assert predictor.outputs == ["prediction"]

    def test_answers_a_row_at_a_time_as_keras_does(self, carried: Workspace) -> None:
        from throughline.paths import read_json
        from throughline.training.save import load as stored

        stream = Stream(Predictor(carried.model))
        found = [stream.feed(row)["prediction"] for row in rows(20)]  # type: ignore[index]
        folder = carried.networks / "main"
        network = stored(folder)
        scale = read_json(carried.training_data / "main" / "prepared.json")["target"]["scale"]
        subtract, divide = scale["subtract"][0], scale["divide"][0]
        expected = []
        known = load()[: 600 - 180].astype(np.float32)
        for row in rows(20):
            value = np.array([[[(row["load"] - known.mean()) / known.std()]]], np.float32)
            expected.append(float(network.predict_on_batch(value)[0, 0]) * divide + subtract)
        assert np.allclose(found, expected, rtol=1e-4)
        fresh = Predictor(carried.model).predict({"when": [times()[19]], "load": [load()[19]]})
        assert abs(fresh["prediction"][0] - found[-1]) > 1e-3

    def test_refuses_a_row_again_and_keeps_its_state(self, carried: Workspace) -> None:
        streams = [Stream(Predictor(carried.model)) for _ in range(2)]
        for stream in streams:
            for row in rows(3):
                stream.feed(row)
        with pytest.raises(BadRequest, match="no newer"):
            streams[0].feed(rows(3)[-1])
        following = [stream.feed(rows(4)[-1]) for stream in streams]
        assert following[0] == following[1]

    def test_is_evaluated_in_order(self, carried: Workspace) -> None:
        from throughline.paths import read_json

        predictor = Predictor(carried.model)
        first = 600 - 180
        # The window needs a season of rows before it, so that its baseline is its own.
        begin = first + 23
        columns = {"when": times()[begin:-1], "load": load()[begin:-1].astype(np.float32)}
        answers, _ = predictor.in_order(columns)
        error = np.abs(answers["prediction"] - load()[begin + 1 :]).mean()
        assert read_json(carried.metrics)["mae"] == pytest.approx(error, rel=1e-4)

    @pytest.mark.parametrize(
        "training", [{"batch_size": 32}, {"shuffle": True}, {"validation": 0.1}]
    )
    def test_is_refused_out_of_order(self, training: dict[str, Any]) -> None:
        document = {**CARRIED, "training": {**CARRIED["training"], **training}}
        with pytest.raises(ValueError, match="windows are visited in order"):
            Pipeline.model_validate(document)


class TestAStreamOfAnyForecaster:
    def test_answers_when_the_window_is_complete(self, forecaster: Workspace) -> None:
        predictor = Predictor(forecaster.model)
        stream = Stream(predictor)
        answers = [stream.feed(row) for row in rows(27)]
        assert [answer is None for answer in answers] == [True] * 24 + [False] * 3
        whole = predictor.predict({"when": times()[:27], "load": load()[:27].tolist()})
        assert np.allclose([a["prediction"] for a in answers if a], whole["prediction"], atol=1e-4)

    def test_refuses_a_row_out_of_order_and_goes_on(self, forecaster: Workspace) -> None:
        stream = Stream(Predictor(forecaster.model))
        for row in rows(25):
            stream.feed(row)
        with pytest.raises(BadRequest, match="the oldest first"):
            stream.feed(rows(10)[-1])
        assert stream.feed(rows(26)[-1]) is not None

    def test_names_the_row_of_the_file(self, forecaster: Workspace) -> None:
        lines = ["when,load\n", *(f"{r['when']},{r['load']}\n" for r in rows(3))]
        lines[2] = lines[2].replace(str(rows(2)[1]["load"]), "much")
        with pytest.raises(BadRequest, match=r"1 rows .*Row 2: column 'load' must be a number"):
            answered_lines(Stream(Predictor(forecaster.model)), lines, io.StringIO())

    def test_goes_on_after_a_row_that_does_not_fit(self, forecaster: Workspace) -> None:
        lines = ["when,load\n", *(f"{r['when']},{r['load']}\n" for r in rows(60))]
        lines.insert(40, "2020-01-01,much\n")
        output = io.StringIO()
        with pytest.raises(BadRequest, match="Row 40"):
            answered_lines(Stream(Predictor(forecaster.model)), lines, output)
        answers = output.getvalue().splitlines()
        assert [place for place, line in enumerate(answers) if not line] == [*range(24), 39]

    def test_says_what_is_wrong_without_steering_a_terminal(
        self, forecaster: Workspace, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lines = ["when,load\n", "\x1b[2J,1\n"]
        with pytest.raises(BadRequest, match="Row 1"):
            answered_lines(Stream(Predictor(forecaster.model)), lines, io.StringIO())
        said = capsys.readouterr().err.splitlines()
        assert said and all(line.isprintable() for line in said)

    @pytest.mark.parametrize("place", [5, 30])
    @pytest.mark.parametrize("wrong", [{"load": "much"}, {"load": ""}, {"when": "soon"}])
    def test_takes_the_right_row_after_a_wrong_one(
        self, forecaster: Workspace, place: int, wrong: dict[str, Any]
    ) -> None:
        stream = Stream(Predictor(forecaster.model))
        answers = []
        for position, row in enumerate(rows(40)):
            if position == place:
                with pytest.raises(BadRequest, match=f"Received: .?{next(iter(wrong.values()))}"):
                    stream.feed({**row, **wrong})
            answers.append(stream.feed(row))
        assert [answer is None for answer in answers] == [True] * 24 + [False] * 16

    @pytest.mark.parametrize("place", [10, 30])
    def test_begins_a_new_window_after_a_gap(self, forecaster: Workspace, place: int) -> None:
        stream = Stream(Predictor(forecaster.model))
        for row in rows(place):
            stream.feed(row)
        answers = [stream.feed(row) for row in rows(place + 30)[place + 2 :]]
        assert [answer is None for answer in answers] == [True] * 24 + [False] * 4

    def test_reads_and_writes_lines(self, forecaster: Workspace) -> None:
        lines = ["when,load\n", *(f"{r['when']},{r['load']}\n" for r in rows(26))]
        output = io.StringIO()
        answered_lines(Stream(Predictor(forecaster.model)), lines, output)
        answers = output.getvalue().splitlines()
        assert len(answers) == 26
        assert answers[23] in ("", '""')
        assert answers[24].startswith(f"{rows(25)[-1]['when']},")
        assert len(answers[24].split(",")) == 5
