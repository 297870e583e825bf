"""What a served model promises: raw rows in, named answers out, and refusals that name the cell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from throughline.cli import main
from throughline.serving.chunks import ROWS_A_CALL
from throughline.serving.errors import BadRequest
from throughline.serving.predictor import Predictor
from throughline.serving.rows.reading import read_columns

ROW = {"age": [30], "town": ["a"], "grade": ["low"], "member": [True]}


class TestAnswers:
    def test_have_names_and_classes(self, model_path: Path) -> None:
        answer = Predictor(model_path).predict(ROW)
        assert set(answer) == {"probability", "label"}
        assert answer["label"].tolist() in (["no"], ["yes"])
        assert (answer["label"][0] == "yes") == (answer["probability"][0] >= 0.5)

    def test_of_a_row_do_not_depend_on_the_rows_beside_it(self, model_path: Path) -> None:
        predictor = Predictor(model_path)
        ages = np.linspace(1, 99, 2 * ROWS_A_CALL + 3)
        many = {
            "age": ages,
            "town": ["a"] * len(ages),
            "grade": ["high"] * len(ages),
            "member": [False] * len(ages),
        }
        together = predictor.predict(many)["probability"]
        alone = [
            predictor.predict({**{k: v[:1] for k, v in many.items()}, "age": [ages[i]]})
            for i in (0, ROWS_A_CALL, 2 * ROWS_A_CALL + 2)
        ]
        np.testing.assert_allclose(
            together[[0, ROWS_A_CALL, 2 * ROWS_A_CALL + 2]],
            [answer["probability"][0] for answer in alone],
            atol=1e-6,
        )

    def test_that_are_no_numbers_are_refused_by_their_row(
        self, model_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The label beside NaN is that of the first class."""
        found = {"probability": np.array([0.2, np.nan]), "label": np.array(["no", "no"])}
        monkeypatch.setattr("throughline.serving.predictor.answered", lambda *_: found)
        two = {name: values * 2 for name, values in ROW.items()}
        with pytest.raises(BadRequest, match="Row 2 must be one that the network has an answer to"):
            Predictor(model_path).predict(two)

    def test_are_the_same_on_any_number_of_cores(self, model_path: Path) -> None:
        ages = np.linspace(1, 99, 5 * ROWS_A_CALL + 3)
        many = {name: np.resize(values, len(ages)) for name, values in ROW.items()} | {"age": ages}
        answers = [Predictor(model_path, threads).predict(many) for threads in (1, 2, 4)]
        for name, values in answers[0].items():
            for other in answers[1:]:
                np.testing.assert_array_equal(other[name], values)

    def test_take_texts_as_a_csv_file_gives_them(self, model_path: Path) -> None:
        predictor = Predictor(model_path)
        texts = {"age": ["30"], "town": ["a"], "grade": ["low"], "member": ["true"]}
        assert predictor.predict(texts)["probability"] == predictor.predict(ROW)["probability"]

    def test_a_missing_text_is_filled_as_in_training(self, model_path: Path) -> None:
        predictor = Predictor(model_path)
        filled = predictor.predict({**ROW, "town": ["a"]})["probability"]
        assert predictor.predict({**ROW, "town": [None]})["probability"] == filled


class TestTheCommand:
    def test_ends_quietly_when_its_reader_has_seen_enough(
        self, model_path: Path, tmp_path: Path
    ) -> None:
        rows = tmp_path / "rows.csv"
        rows.write_text("age,town,grade,member\n" + "30,a,low,true\n" * 20_000)
        process = subprocess.Popen(
            [sys.executable, "-m", "throughline", "predict", str(model_path), str(rows)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout and process.stderr
        assert process.stdout.readline().startswith("probability[yes]")
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 141


class TestRefusalsNameTheCell:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"age": ["old"]}, "Row 1, column 'age' must be a number. Received: 'old'"),
            ({"age": [None]}, "Row 1, column 'age' must be a number (the model has nothing"),
            ({"age": [float("inf")]}, "Row 1, column 'age' must be a finite number"),
            ({"grade": ["medium"]}, "Row 1, column 'grade' must be one of high, low"),
            ({"grade": [""]}, "Row 1, column 'grade' must be a text"),
            ({"member": ["perhaps"]}, "Row 1, column 'member' must be true or false"),
            ({"town": ["a", "b"]}, "same length. Received: 'age' with 1 rows, 'town' with 2"),
        ],
    )
    def test_of_a_value(self, model_path: Path, change: dict, words: str) -> None:
        with pytest.raises(BadRequest) as caught:
            Predictor(model_path).predict({**ROW, **change})
        assert words in str(caught.value)

    def test_of_a_missing_column_with_the_nearest_name(self, model_path: Path) -> None:
        rows = {("grades" if name == "grade" else name): values for name, values in ROW.items()}
        with pytest.raises(BadRequest, match=r"'grade' is needed.*Did you mean 'grades'"):
            Predictor(model_path).predict(rows)

    def test_of_no_rows(self, model_path: Path) -> None:
        with pytest.raises(BadRequest, match="At least one row"):
            Predictor(model_path).predict({name: [] for name in ROW})

    def test_of_a_file_that_is_no_model(self, tmp_path: Path) -> None:
        path = tmp_path / "model.onnx"
        path.write_text("no model")
        with pytest.raises(BadRequest, match="must be an ONNX model"):
            Predictor(path)


class TestCommandLine:
    def test_writes_a_line_of_answers_a_row(self, model_path: Path, tmp_path: Path) -> None:
        rows = tmp_path / "rows.csv"
        rows.write_text("age,town,grade,member,extra\n30,a,low,true,1\n50,z,high,no,2\n")
        output = tmp_path / "out.csv"
        assert main(["predict", str(model_path), str(rows), "-o", str(output)]) == 0
        lines = output.read_text().splitlines()
        assert lines[0] == "probability[yes],label"
        assert len(lines) == 3

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("", "an empty file"),
            ("age,age\n1,2\n", "'age' stands twice"),
            ("age,town\n1\n", "row 1 must have 2 values"),
            ("age,town,grade,member\n", "0 rows"),
            ("age,town,grade,member\nx,a,low,true\n", "Row 1, column 'age' must be a number"),
        ],
    )
    def test_a_bad_file_is_one_line_and_exit_code_2(
        self,
        model_path: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        content: str,
        words: str,
    ) -> None:
        rows = tmp_path / "rows.csv"
        rows.write_text(content)
        output = tmp_path / "out.csv"
        assert main(["predict", str(model_path), str(rows), "-o", str(output)]) == 2
        message = capsys.readouterr().err
        assert words in message
        assert message.count("\n") == 1
        assert not output.exists()

    def test_a_file_of_another_encoding_is_refused(self, tmp_path: Path) -> None:
        rows = tmp_path / "rows.csv"
        rows.write_bytes("ort\nZürich\n".encode("latin-1"))
        with pytest.raises(BadRequest, match="UTF-8"):
            read_columns(rows)


class TestWhatAProductionImageInstalls:
    def test_is_onnxruntime_and_numpy_alone(self, model_path: Path, tmp_path: Path) -> None:
        """A process in which the training libraries cannot be imported answers all the same."""
        rows = tmp_path / "rows.csv"
        rows.write_text("age,town,grade,member\n30,a,low,true\n")
        script = (
            "import sys\n"
            "for name in ('tensorflow', 'keras', 'pandas', 'sklearn', 'dvc', 'prefect', 'onnx',\n"
            "             'great_expectations', 'pyarrow', 'pydantic', 'yaml',\n"
            "             'throughline.paths', 'throughline.pipeline', 'throughline.stages'):\n"
            "    sys.modules[name] = None\n"
            "from throughline.cli import main\n"
            f"sys.exit(main(['predict', {str(model_path)!r}, {str(rows)!r}]))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[0] == "probability[yes],label"
