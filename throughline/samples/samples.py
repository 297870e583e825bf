"""Prepared data behind one protocol: rows of a table and windows of a series are its two kinds.

Stages, export and commands ask these objects; none of them asks whether it is a window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

import numpy as np

from throughline.paths import needed, read_json

if TYPE_CHECKING:
    import onnx
    import pandas as pd

    from throughline.pipeline.pipeline import Pipeline
    from throughline.pipeline.schema.protocol import CrossValidation
    from throughline.samples.splits.folds import Fold

# Raw columns as a graph takes them.
Requests = dict[str, np.ndarray]
# Numbers to train on, and to watch.
Parted = tuple[np.ndarray, np.ndarray | None]
# What divides the errors of the target, or of each of several by its name.
Divisor = float | Mapping[str, float]


class FoldArrays(NamedTuple):
    """The network's inputs, samples first, weights of Embeddings and rescaling of pictures."""

    inputs: Mapping[str, Any]
    vectors: Mapping[str, np.ndarray]
    rescaling: Mapping[str, Any]


class Folding(Protocol):
    """The samples of every fold, preprocessing and target fitted on its training samples alone."""

    def arrays(self, fold: Fold) -> FoldArrays:
        """What the network is given of all samples."""

    def answers(self, fold: Fold) -> tuple[Any, Divisor]:
        """The target of all samples, and what divides their errors."""

    def parted(self, fold: Fold, seed: int) -> Parted:
        """The fold's training samples to train on and to watch, as `train` parts all of them."""

    @property
    def weights(self) -> np.ndarray | None:
        """What each sample counts."""


class Samples(Protocol):
    """The training side of a branch, as `prepare` stored it.

    Attributes:
        name: of the kind.
        folder: where it lies.
        summary: prepared.json.
        bottleneck: folder of stage `bottleneck`, whose frozen layers a network may begin with.
    """

    name: ClassVar[str]
    folder: Path
    summary: Mapping[str, Any]
    bottleneck: Path

    def __init__(self, folder: Path, summary: Mapping[str, Any], bottleneck: Path) -> None: ...

    @property
    def graph(self) -> onnx.ModelProto:
        """From raw columns to the network's inputs."""

    def answers_graph(self, output: str) -> onnx.ModelProto:
        """From what the network answers under this name to the named answers."""

    @property
    def inputs(self) -> Mapping[str, Any]:
        """For each network input the array of all samples, samples first."""

    @property
    def answers(self) -> Any:
        """What the network is to answer to each sample."""

    @property
    def units(self) -> int:
        """Of the output layer."""

    @property
    def vectors(self) -> Mapping[str, np.ndarray]:
        """Weights of Embeddings, for inputs that have some."""

    @property
    def rescaling(self) -> Mapping[str, Any]:
        """Factor and offset of inputs that are pictures."""

    @property
    def guarded(self) -> pd.DataFrame | None:
        """The rows across whose parts guards must look; none where a gap keeps parts asunder."""

    def weights(self, view: Pipeline) -> np.ndarray | None:
        """What each sample counts, where `training.sample_weight` says it."""

    def parted(self, view: Pipeline, seed: int) -> Parted:
        """Samples to train on and, by `training.validation`, to watch."""

    def folds(self, view: Pipeline, protocol: CrossValidation) -> Sequence[Fold]:
        """The folds of a protocol."""

    def everything(self) -> Fold:
        """One fold that trains on all samples."""

    def folding(self, view: Pipeline) -> Folding:
        """The samples of folds, as a pipeline's columns have them."""

    def golden(self, count: int) -> tuple[Any, Mapping[str, np.ndarray]]:
        """Raw samples that every export is tried on, and the features that the graph gives.

        Args:
            count: of real ones; made ones at the edges follow.
        """

    @staticmethod
    def write_golden(raw: Any, kept: np.ndarray, folder: Path) -> None:
        """Some of the golden samples as golden.parquet."""

    @staticmethod
    def golden_requests(folder: Path, summary: Mapping[str, Any]) -> Requests:
        """What `write_golden` wrote, as the graph takes it."""

    @staticmethod
    def test_requests(folder: Path, summary: Mapping[str, Any], most: int) -> Requests:
        """The first test samples, as the graph takes them; empty where there are none."""

    @staticmethod
    def single(requests: Requests) -> dict[str, Any] | None:
        """The first of some requests as `Predictor` takes it, where that is all it takes."""

    @staticmethod
    def contract(summary: Mapping[str, Any]) -> dict[str, Any]:
        """What the model's metadata say of this kind."""


def kind(summary: Mapping[str, Any]) -> type[Samples]:
    """The kind of samples that a prepared.json describes."""
    if "window" in summary:
        from throughline.samples.windows.prepared import PreparedWindows

        return PreparedWindows
    from throughline.samples.rows.prepared import PreparedRows

    return PreparedRows


def read_samples(folder: Path, bottleneck: Path = Path()) -> Samples:
    """The training side of a branch.

    Args:
        folder: of its prepared data.
        bottleneck: folder of stage `bottleneck`. Default: none.

    Raises:
        MissingFile: stage `prepare` did not run.
    """
    summary = read_json(needed(folder / "prepared.json", "prepare"))
    return kind(summary)(folder, summary, bottleneck)
