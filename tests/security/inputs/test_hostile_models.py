"""Models that cost too much, name files elsewhere or lie about themselves."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.security import hostile, models
from tests.security.projects import Refused, files, laid
from throughline.cli import main
from throughline.errors import ThroughlineError
from throughline.serving.errors import BadRequest


class TestModels:
    @pytest.mark.parametrize("name", models.MODELS)
    def test_predict(self, project: Path, refused: Refused, name: str) -> None:
        make, says = models.MODELS[name]
        (project.parent / "secret.bin").write_bytes(b"\0" * 16)
        (project / "m.onnx").write_bytes(make())
        (project / "rows.csv").write_text("x\n1\n2\n")
        words = ("--seconds", "1", "--memory", "1")
        refused("predict", "m.onnx", "rows.csv", *words, says=says)

    @pytest.mark.parametrize("name", models.MODELS)
    def test_inspect(self, project: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        (project / "m.onnx").write_bytes(models.MODELS[name][0]())
        assert main(["inspect", "m.onnx"]) in (0, 2)
        said = capsys.readouterr()
        assert all(line.isprintable() for line in (said.out + said.err).splitlines())
        assert len(said.out) < 1 << 20 and len(said.err.splitlines()) <= 1

    @pytest.mark.parametrize("command", ["inspect --json", "drift"])
    def test_functions_that_double(
        self, project: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch, command: str
    ) -> None:
        """Nothing in the runtime's own process could end it."""
        import multiprocessing

        from throughline.serving import bounds

        (project / "m.onnx").write_bytes(models.doubling())
        (project / "rows.csv").write_text("x\n1\n2\n")
        monkeypatch.setattr(bounds, "SECONDS", 1)
        words = {"drift": ["m.onnx", "rows.csv"], "inspect --json": ["m.onnx", "--seconds", "1"]}
        refused(*command.split(), *words[command], says="load within 1 seconds")
        assert not multiprocessing.active_children()

    def test_what_the_runtime_says_of_names(
        self, project: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """It writes to the screen itself, beside Python."""
        (project / "m.onnx").write_bytes(models.told())
        (project / "rows.csv").write_text("x\n1\n2\n")
        assert main(["predict", "m.onnx", "rows.csv"]) == 2
        said = capfd.readouterr().err.splitlines()
        assert len(said) == 1 and said[0].isprintable()

    def test_what_the_runtime_says_of_columns(self, capfd: pytest.CaptureFixture[str]) -> None:
        """Graphs of ours carry the names of a stranger's columns."""
        import numpy as np
        import onnx

        from throughline.preprocessing.graph.runtime import session_of

        session = session_of(onnx.load_from_string(models.told()))
        with pytest.raises(Exception, match="Reshape"):
            session.run(None, {"x": np.zeros((2, 1), np.float32)})
        assert capfd.readouterr().err == ""

    def test_metadata_that_keep_python_busy(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each turns a few bytes into work that grows with their square."""
        from throughline.serving import bounds
        from throughline.serving.rows.reading import read_columns

        monkeypatch.setattr(bounds, "IMPORTS_SECONDS", 0)
        # Each digit is a character that is put into the midst of those before.
        (project / "rows.csv").write_bytes(b"x-" + b"0" * 200_000)
        before = time.process_time()
        with (
            pytest.raises(BadRequest, match=r"'m.onnx' and its rows must be read within 0.2 sec"),
            bounds.stranger(Path("m.onnx"), 0.2),
        ):
            read_columns(Path("rows.csv"), {"encoding": "punycode"})
        assert time.process_time() - before < 2

    def test_work_that_catches_every_error_is_ended(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from throughline.serving import bounds

        monkeypatch.setattr(bounds, "IMPORTS_SECONDS", 0)
        caught = 0
        with bounds.stranger(Path("m.onnx"), 0.2):
            while caught < 2:
                try:
                    while True:
                        pass
                except BadRequest:
                    caught += 1

    def test_waiting_and_rows_are_given_their_time(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A stream's rows may come slowly, and many rows take long."""
        from throughline.serving import bounds

        monkeypatch.setattr(bounds, "IMPORTS_SECONDS", 0)
        with bounds.stranger(Path("m.onnx"), 0.2):
            time.sleep(0.8)
            bounds.allow(5 * bounds.ROWS)
            until = time.process_time() + 0.6
            while time.process_time() < until:
                pass

    @pytest.mark.parametrize("bound", ["--seconds", "--memory"])
    @pytest.mark.parametrize("value", ["nan", "inf", "1e999", "0", "-1"])
    def test_bounds_that_bound_nothing(
        self, project: Path, refused: Refused, bound: str, value: str
    ) -> None:
        (project / "m.onnx").write_bytes(models.described())
        (project / "rows.csv").write_text("x\n1\n2\n")
        refused("predict", "m.onnx", "rows.csv", bound, value, says="above 0")

    @pytest.mark.parametrize(
        ("key", "value", "says"),
        [("mean", float("nan"), "a page can show"), ("unit", "</script><b>", "")],
    )
    def test_try(self, project: Path, refused: Refused, key: str, value: object, says: str) -> None:
        """The page is written for a model that anybody may have made."""
        from throughline.paths import Workspace
        from throughline.trial.trial import described
        from throughline.trial.trial_page import in_script

        contract = models.contract()
        contract["inputs"][0][key] = value
        laid(
            project,
            {**files(), "models/rain/model.onnx": models.identity(json.dumps(contract))},
        )
        if key == "mean":
            refused("try", "rain", "--no-open", says=says)
        else:
            told = in_script(described(Workspace(project, "rain")))
            assert "</script>" not in told and "<b>" not in told

    def test_names_of_classes_steer_neither_terminal_nor_spreadsheet(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (project / "m.onnx").write_bytes(models.labels("=cmd|' /C calc'!A0", "\x1b[2J"))
        (project / "rows.csv").write_text("x\n1\n2\n")
        assert main(["predict", "m.onnx", "rows.csv"]) == 0
        shown = capsys.readouterr().out
        assert all(line.isprintable() for line in shown.splitlines())
        assert main(["predict", "m.onnx", "rows.csv", "-o", "out.csv"]) == 0
        assert not [
            line for line in (project / "out.csv").read_text().splitlines() if line[0] in "=@"
        ]

    def test_a_keras_file_is_data(self, project: Path) -> None:
        from throughline.export.pretrained_graph import frozen_graph
        from throughline.pipeline.schema.pretrained import Pretrained

        code = {"class_name": "Lambda", "config": {"function": {"class_name": "__lambda__"}}}
        content = hostile.zipped(
            {"config.json": json.dumps(code).encode(), "model.weights.h5": b"x"}
        )
        (project / "a.keras").write_bytes(content)
        pretrained = Pretrained(file="a.keras", sha256="0" * 64)
        with pytest.raises(ThroughlineError):
            frozen_graph(project / "a.keras", pretrained)
        assert not (project / "MARKER").exists()
