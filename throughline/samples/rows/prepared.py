"""Prepared rows of a table on disk: raw rows, their features, their target."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from throughline.preprocessing.reconstruction import FittedReconstruction, read_target
from throughline.preprocessing.several import FittedSeveral
from throughline.samples.rows.mapped import Mapped
from throughline.samples.rows.weights import row_weights
from throughline.samples.samples import Divisor, FoldArrays, Parted, Requests
from throughline.samples.splits import folds as splitting
from throughline.samples.splits.folds import Fold
from throughline.samples.splits.watched import watched

if TYPE_CHECKING:
    import onnx
    import pandas as pd

    from throughline.pipeline.pipeline import Pipeline
    from throughline.pipeline.schema.protocol import CrossValidation


class PreparedRows:
    """The training rows of a branch; see `Samples`.

    Args:
        folder: of the training side.
        summary: its prepared.json.
        bottleneck: folder of stage `bottleneck`. Default: none.
    """

    name: ClassVar[str] = "rows"

    def __init__(self, folder: Path, summary: Mapping[str, Any], bottleneck: Path = Path()) -> None:
        self.folder = folder
        self.summary = summary
        self.bottleneck = bottleneck
        self.target = read_target(summary["target"])
        # Arrays of folds by what they were made of, for the points of a sweep that share them.
        self._kept: dict[str, dict[bytes, FoldArrays]] = {}
        # Not inside: what lies there is the output of `prepare`.
        self.disk = Mapped(folder.parent.parent)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The raw rows."""
        from throughline.preprocessing.pictures import read_rows

        return read_rows(self.folder / "rows.parquet")

    @property
    def graph(self) -> onnx.ModelProto:
        """From raw columns to the network's inputs."""
        import onnx

        return onnx.load(self.folder / "preprocess.onnx")

    def answers_graph(self, output: str) -> onnx.ModelProto:
        """From what the network answers under this name to the named answers."""
        from throughline.preprocessing.graph import answers

        if isinstance(self.target, FittedReconstruction):
            given = next(iter(self.summary["features"]))
            return answers.reconstruction(self.target, output, given)
        if isinstance(self.target, FittedSeveral):
            return answers.several_answers(self.target, output)
        return answers.answers(self.target, output)

    @property
    def inputs(self) -> dict[str, Any]:
        """For each network input its array, memory-mapped where it can be."""
        from throughline.samples.rows.row_arrays import read_array

        return {name: read_array(self.folder, name) for name in self.summary["features"]}

    @property
    def answers(self) -> np.ndarray:
        """The target as the network has it."""
        found: np.ndarray = np.load(self.folder / "target.npy")
        return found

    @property
    def units(self) -> int:
        """Of the output layer."""
        return self.target.units

    @property
    def vectors(self) -> dict[str, np.ndarray]:
        """Weights of Embeddings, for inputs that have some."""
        paths = {name: self.folder / f"{name}.vectors.npy" for name in self.summary["features"]}
        return {name: np.load(path) for name, path in paths.items() if path.exists()}

    @property
    def rescaling(self) -> Mapping[str, Any]:
        """Factor and offset of inputs that are pictures."""
        found: Mapping[str, Any] = self.summary["rescaling"]
        return found

    @property
    def guarded(self) -> pd.DataFrame | None:
        """The rows: persons or doubles may stand on both sides of any part of them."""
        return self.rows

    @property
    def dropped(self) -> Sequence[str]:
        """Columns that a leak guard took out."""
        found: Sequence[str] = self.summary["dropped"]
        return found

    def weights(self, view: Pipeline) -> np.ndarray | None:
        """What each row counts, where `training.sample_weight` names a column."""
        column = view.training.sample_weight
        return row_weights(self.rows, column) if column else None

    def parted(self, view: Pipeline, seed: int) -> Parted:
        """Rows to train on and to watch, as the split parted the test rows."""
        share = view.training.validation
        if not share:
            return np.arange(self.summary["rows"]), None
        return watched(self.rows, view.split, share, seed)

    def folds(self, view: Pipeline, protocol: CrossValidation) -> list[Fold]:
        """The folds of a protocol; those of classes keep their shares."""
        classes = view.task in ("binary", "multiclass")
        labels = self.target.array(self.rows).ravel() if classes else None
        return splitting.folds(self.rows, labels, protocol, view.split)

    def everything(self) -> Fold:
        """One fold that trains on all rows."""
        every = np.arange(len(self.rows))
        return Fold(every, every, 0)

    def folding(self, view: Pipeline) -> FoldedRows:
        """The rows of folds, as a pipeline's columns have them."""
        return FoldedRows(view, self)

    def kept_for(self, view: Pipeline) -> dict[bytes, FoldArrays]:
        """What was kept for this treatment of the columns; that of another one is given up."""
        columns = {name: column.model_dump(mode="json") for name, column in view.columns.items()}
        treatment = json.dumps([columns, view.inputs])
        if treatment not in self._kept:
            self._kept.clear()
            self._kept[treatment] = {}
        return self._kept[treatment]

    def golden(self, count: int) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
        """Raw rows that every export is tried on, and the features that the graph gives."""
        from throughline.preprocessing.golden import golden_rows
        from throughline.preprocessing.graph.run import run
        from throughline.preprocessing.originals import read_originals

        stored = read_originals(self.folder / "rows.parquet") or []
        # Rows with the files that they came from: an exported file is given those files, too.
        first = [int(each["number"]) for each in stored]
        others = sorted({*range(len(self.rows))} - {*first}) if first else range(len(self.rows))
        chosen = self.rows.iloc[[*first, *others][:count]]
        rows = golden_rows(chosen, self.summary["inputs"], count)
        # An edge may have no logarithm or no ratio.
        return rows, run(
            self.graph, rows, _kinds(self.summary), self.summary["types"], finite=False
        )

    @staticmethod
    def write_golden(raw: Any, kept: np.ndarray, folder: Path) -> None:
        """Some of the golden rows as golden.parquet."""
        from throughline.preprocessing.pictures import write_rows

        write_rows(raw[kept].reset_index(drop=True), folder / "golden.parquet")

    @staticmethod
    def golden_requests(folder: Path, summary: Mapping[str, Any]) -> Requests:
        """What `write_golden` wrote, as the graph takes it."""
        from throughline.preprocessing.graph.run import feed
        from throughline.preprocessing.pictures import read_rows

        return feed(read_rows(folder / "golden.parquet"), _kinds(summary))

    @staticmethod
    def test_requests(folder: Path, summary: Mapping[str, Any], most: int) -> Requests:
        """The first test rows, as the graph takes them; empty where there are none."""
        from throughline.preprocessing.graph.run import feed
        from throughline.preprocessing.pictures import read_rows

        rows = read_rows(folder / "rows.parquet").head(most)
        return feed(rows, _kinds(summary)) if len(rows) else {}

    @staticmethod
    def single(requests: Requests) -> dict[str, Any] | None:
        """The first of some requests as `Predictor` takes it."""
        return {
            name: array[:1, 0] if array.shape[1:] == (1,) else array[:1]
            for name, array in requests.items()
        }

    @staticmethod
    def contract(summary: Mapping[str, Any]) -> dict[str, Any]:
        """Nothing: a row is a row."""
        return {}


def _kinds(summary: Mapping[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["type"] for entry in summary["inputs"]}


class FoldedRows:
    """The arrays of every fold, each from preprocessing that saw the fold's training rows only."""

    def __init__(self, view: Pipeline, samples: PreparedRows) -> None:
        from throughline.preprocessing.bottleneck import graphs_in
        from throughline.preprocessing.pictures import bottlenecks_beside
        from throughline.preprocessing.plan import plan
        from throughline.samples.supervision import Supervision

        self._view = view
        self._rows = samples.rows
        self._target = samples.target
        self._plan = plan(
            self._rows, view.columns, view.inputs, view.target.columns, samples.dropped
        )
        files = samples.folder / "files"
        self._files = files if files.is_dir() else None
        self._frozen = graphs_in(bottlenecks_beside(samples.folder / "rows.parquet"))
        self._supervision = Supervision(self._target, view.split)
        self.weights = samples.weights(view)
        self._kept = samples.kept_for(view)
        self._disk = samples.disk
        # Folds whose graphs are equal share one set of arrays.
        self._by_graph: dict[bytes, FoldArrays] = {}

    def arrays(self, fold: Fold) -> FoldArrays:
        """What the network is given of all rows."""
        from throughline.preprocessing.fit import fit
        from throughline.samples.rows.row_arrays import arrays

        training = fold.training
        rows = training.tobytes()
        if rows not in self._kept:
            chosen = self._rows.iloc[training]
            fitted = fit(
                chosen,
                self._plan,
                files=self._files,
                supervision=self._supervision,
                frozen=self._frozen,
            )
            same = fitted.fitted_bytes + (rows if fitted.out_of_fold else b"")
            if same not in self._by_graph:
                inputs = self._disk.mapped(arrays(fitted, self._rows, training))
                self._by_graph[same] = FoldArrays(inputs, fitted.vectors, fitted.rescaling)
            self._kept[rows] = self._by_graph[same]
        return self._kept[rows]

    def answers(self, fold: Fold) -> tuple[np.ndarray, Divisor]:
        """The target of all rows, scaled by the fold's training rows, and the divisor."""
        from throughline.preprocessing.reconstruction import fit_reconstruction
        from throughline.preprocessing.several import fit_targets, is_scaled

        if self._view.target.features:
            # Errors of columns in different units stay as the network sees them.
            chosen = self._rows.iloc[fold.training]
            return fit_reconstruction(chosen, self._plan).array(self._rows), 1.0
        if not is_scaled(self._view):
            return self._target.array(self._rows), 1.0
        fitted = fit_targets(self._rows.iloc[fold.training], self._view)
        return fitted.array(self._rows), fitted.divides

    def parted(self, fold: Fold, seed: int) -> Parted:
        """A fold's rows to train on and to watch, parted as `train` parts all of them.

        Early stopping that watched the rows which score gave pure noise an accuracy of .584 with
        .5 in two of ten intervals. Of rows of the fold's own it is .508, of the epoch that the
        other folds choose .504, with .5 in every interval of both; on iris, wine and breast cancer
        both are off by less than their error (`python -m benchmarks.stopping`). A part of the
        fold's rows is what `train` watches, so that is what is shipped; the other folds decide
        where the file says `choose: cross_validation`, see `epochs_by_others`.
        """
        split, share, known = self._view.split, self._view.training.validation, fold.training
        if not share:
            return known, None
        names = [n for n in (split.column, split.stratify) if n is not None]
        trained, held = watched(self._rows[names].iloc[known], split, share, seed)
        return known[trained], None if held is None else known[held]
