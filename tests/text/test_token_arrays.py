"""Training arrays of windows of tokens: gathered from the tokens, and equal to the graph's rows."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.repositories import write_pipeline
from tests.training.processes.side_by_side import difference, fitted
from throughline.pipeline.schema.columns import Column
from throughline.pipeline.schema.source_files import Samples
from throughline.pipeline.schema.training import Training
from throughline.preprocessing.fit import fit
from throughline.preprocessing.graph.run import run
from throughline.preprocessing.plan import plan
from throughline.samples.rows.row_arrays import arrays, read_array, write_array
from throughline.samples.windows.gathered import Windowed
from throughline.sources.samples import sampled
from throughline.stages.run import run_stage
from throughline.tokens.token_rows import as_texts
from throughline.training.engine.runs import Fitted, Run
from throughline.training.learner import Learner
from throughline.training.search.side_by_side import Group, SideBySide

ROOT = Path(__file__).resolve().parents[2]
WORDS = "[^ ]+"


def cut(text: str, length: int, of: str = "words") -> pd.DataFrame:
    return sampled(pd.DataFrame({"text": [text]}), Samples(kind="windows", length=length, of=of))


def made(rows: pd.DataFrame, **text: Any) -> tuple[Any, np.ndarray]:
    """The training array of the context, and what the graph gives for the strings."""
    columns = {"context": Column.model_validate({"text": text})}
    fitted = fit(rows, plan(rows, columns, None, ["next"]))
    whole = run(fitted.graph, as_texts(rows), fitted.inputs, fitted.types)["features"]
    return arrays(fitted, rows)["features"], whole


class TestTheArray:
    @settings(max_examples=60, deadline=None)
    @given(
        text=st.text("abC d", min_size=8, max_size=60),
        length=st.integers(1, 4),
        fill=st.sampled_from(["before", "after"]),
        size=st.sampled_from([None, 2]),
    )
    def test_is_what_the_graph_gives(
        self, text: str, length: int, fill: str, size: int | None
    ) -> None:
        text = f"{text} a b a d a"
        rows = cut(text, length)
        found, whole = made(
            rows,
            tokens=WORDS,
            vocabulary=size or {},
            encode={"ids": {"length": length, "fill": fill}},
        )
        assert isinstance(found, Windowed)
        assert found.dtype == whole.dtype
        np.testing.assert_array_equal(found[:], whole)

    def test_of_characters(self) -> None:
        found, whole = made(
            cut("Abracadabra.", 3, "characters"),
            tokens="characters", encode={"ids": {"length": 3}},
        )  # fmt: skip
        assert isinstance(found, Windowed)
        np.testing.assert_array_equal(found[:], whole)

    @pytest.mark.parametrize(
        "text",
        [
            {"tokens": WORDS, "encode": {"ids": {"length": 2}}},
            {"tokens": WORDS, "encode": {"ids": {"length": 5}}},
            {"tokens": WORDS, "encode": {"ids": {"length": 3, "start": True, "cut": "after"}}},
            {"tokens": "[a-m]+", "encode": {"ids": {"length": 3}}},
            {"tokens": "[a-z]+ [a-z]+", "encode": {"ids": {"length": 3}}},
            {"tokens": "[a-z]", "encode": {"ids": {"length": 3}}},
            {"tokens": WORDS, "encode": "counts", "ngrams": [1, 2]},
        ],
        ids=["shorter", "longer", "start", "parts", "pairs", "letters", "counts"],
    )
    def test_is_made_where_the_tokens_do_not_give_it(self, text: dict) -> None:
        found, whole = made(cut("the cat sat on the mat and the dog ran to the cat", 3), **text)
        assert isinstance(found, np.ndarray)
        np.testing.assert_array_equal(found, whole)

    def test_is_made_where_only_a_late_row_differs(self) -> None:
        words = ["cat"] * 200 + ["ten-four"] + ["dog"] * 50
        rows = cut(" ".join(words), 3)
        found, whole = made(rows, tokens="[a-z]+", encode={"ids": {"length": 3}})
        assert isinstance(found, np.ndarray)
        np.testing.assert_array_equal(found, whole)

    def test_is_stored_as_its_parts(self, tmp_path: Path) -> None:
        rows = cut("the cat sat on the mat and the dog ran", 3)
        found, whole = made(rows, tokens=WORDS, encode={"ids": {"length": 3}})
        write_array(found, tmp_path, "features")
        again = read_array(tmp_path, "features")
        assert isinstance(again, Windowed)
        np.testing.assert_array_equal(again[:], whole)
        assert np.load(tmp_path / "features.npy").shape == (len(rows) + 2,)
        write_array(whole, tmp_path / ".", "others")
        np.testing.assert_array_equal(read_array(tmp_path, "others"), whole)


def trainings(gathered: bool) -> list[Group]:
    """Two folds of windows of three token numbers, each with numbers of its own."""
    rng = np.random.default_rng(0)
    ends, offsets = np.arange(2, 80, dtype=np.int32), np.arange(-2, 1, dtype=np.int32)
    target = rng.integers(0, 4, len(ends)).astype(np.int64)
    learner = Learner(
        [{"Embedding": {"input_dim": 12, "output_dim": 3}}, "Flatten"],
        Training(optimizer="adam", batch_size=16, epochs=3), "multiclass", 4,
        {"features": (3,)}, {"features": "int32"}, 0,
    )  # fmt: skip
    found = []
    for number in range(2):
        series = rng.integers(0, 12, 80).astype(np.int32)
        windows = Windowed(series, ends, offsets)
        inputs = {"features": windows if gathered else windows[:]}
        held = np.arange(60, 78)
        run = Run(inputs, target, np.arange(50 + number), held, number)
        found.append(Group(learner, [run]))
    return found


def trained(how: Any, gathered: bool) -> list[Fitted]:
    with SideBySide() as side_by_side:
        return fitted(side_by_side, trainings(gathered), how)


class TestTraining:
    @pytest.mark.usefixtures("keras")
    @pytest.mark.parametrize("how", ["in-turn", "together"])
    def test_of_positions_is_that_of_arrays_to_the_bit(self, how: str) -> None:
        assert difference(trained(how, True), trained(how, False)) == 0

    @pytest.mark.slow
    @pytest.mark.usefixtures("keras")
    def test_in_processes_too(self) -> None:
        assert difference(trained("processes", True), trained("in-turn", False)) == 0

    @pytest.mark.slow
    def test_on_jax_too(self) -> None:
        pytest.importorskip("jax", reason="the extra 'jax' is not installed")
        script = (
            "from tests.text.test_token_arrays import difference, trained\n"
            "expected = trained('in-turn', False)\n"
            "for how in ('in-turn', 'together'):\n"
            "    print(difference(trained(how, True), expected))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "jax"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        alone, together = map(float, done.stdout.split())
        assert alone == 0
        assert together <= 1e-5


def pipeline(root: Path, words: int, length: int) -> dict[str, Any]:
    """A pipeline on a made text, whose file is written."""
    names = np.array([f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in "lmnpr"])
    drawn = names[np.random.default_rng(0).zipf(1.3, words) % len(names)]
    lines = [" ".join(drawn[start : start + 2000]) for start in range(0, words, 2000)]
    (root / "text.txt").write_text("\n".join(lines) + "\n")
    windows = {"of": "words", "length": length}
    ids = {"tokens": WORDS, "encode": {"ids": {"length": length}}}
    return {
        "title": "Which word comes next?",
        "task": "multiclass",
        "source": {
            "file": "text.txt",
            "read": {"format": "lines"},
            "samples": {"windows": windows},
        },
        "target": "next",
        "columns": {"context": {"text": ids}},
        "split": {
            "kind": "grouped", "column": "text_number", "test": 0.2,
            "guards": {"duplicates": "off", "unseen_classes": "off"},
        },
    }  # fmt: skip


def ingested_and_prepared(root: Path, words: int, length: int) -> None:
    root.mkdir()
    workspace = write_pipeline(root, "words", pipeline(root, words, length))
    run_stage("ingest", "words", root)
    # Rules are not what is measured here.
    shutil.copytree(workspace.raw, workspace.clean)
    run_stage("prepare", "words", root)
    assert isinstance(read_array(workspace.training_data / "main", "features"), Windowed)


def growth(words: int, length: int, root: Path) -> float:
    """By how many bytes the largest memory of a process grew, after a small text had gone through.

    Counted in a process of its own: `python -c` below.
    """
    ingested_and_prepared(root / "small", 4000, length)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ingested_and_prepared(root / "large", words, length)
    return 1024.0 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


class TestMemory:
    def test_is_not_that_of_the_windows(self, tmp_path: Path) -> None:
        """What Python and NumPy hold: 11 MB; 27 MB while each row had its own text and numbers."""
        words, length = 10_000, 200
        ingested_and_prepared(tmp_path / "small", 4000, 3)
        tracemalloc.start()
        ingested_and_prepared(tmp_path / "large", words, length)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2 * words * length * 4

    @pytest.mark.slow
    def test_of_a_long_text(self, tmp_path: Path) -> None:
        words, length = 300_000, 60
        script = (
            "import json, sys\nfrom pathlib import Path\n"
            "from tests.text.test_token_arrays import growth\n"
            f"print(json.dumps(growth({words}, {length}, Path(sys.argv[1]))))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        # 1,290 MB while each row had its own text and numbers, 130 MB since.
        assert json.loads(done.stdout) < 3 * words * length * 4
