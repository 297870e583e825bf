"""The kinds of data by what a pipeline says of them, before any are prepared.

`samples.samples` says the same of data that are prepared. Stages and the canary ask these objects;
none of them asks whether a pipeline is of windows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

import numpy as np

from throughline.paths import Workspace

if TYPE_CHECKING:
    import onnx
    import pandas as pd

    from throughline.pipeline.pipeline import Pipeline
    from throughline.samples.windows.positions import Extent
    from throughline.samples.windows.preparing.series import Placed

Findings = list[dict[str, Any]]


class Given(NamedTuple):
    """What every branch is prepared of.

    Attributes:
        clean: the rows of `validate`, with the numbers of their pictures.
        rows: the same with the pictures.
        workspace: what lies beside the rows: pictures, auxiliary files, frozen networks.
    """

    clean: pd.DataFrame
    rows: pd.DataFrame
    workspace: Workspace

    @classmethod
    def of(cls, clean: pd.DataFrame, workspace: Workspace) -> Given:
        """Clean rows; only they were judged and copied, pictures stay where `ingest` put them."""
        from throughline.preprocessing.pictures import stored_images, with_images

        pictures = stored_images(workspace.raw / "rows.parquet")
        return cls(clean, with_images(clean, pictures), workspace)


class Guards(Protocol):
    """What looks for leaks between parts, which lies above this room.

    Raises:
        BadData: something is found that must stop.
    """

    def of_rows(
        self, view: Pipeline, rows: pd.DataFrame, parts: np.ndarray, columns: Sequence[str]
    ) -> tuple[np.ndarray, list[str], Findings]:
        """Parts and columns without what is dropped, and what was found."""

    def of_windows(
        self, view: Pipeline, training: Placed, test: Placed, extent: Extent
    ) -> Findings:
        """What was found; the windows stay."""


class Parted(NamedTuple):
    """What became of the rows: the part of each, and what the guards say of it."""

    parts: np.ndarray
    findings: Findings


class Trial(NamedTuple):
    """What a fold fits on a table, and rows of it that this must not depend on.

    Attributes:
        fold: its number.
        table: as the fold has it.
        unseen: [rows] that may change while what is fitted stays.
        unchanged: columns that stay in those rows, too.
        fit: the bytes of what is fitted on such a table.
    """

    fold: int
    table: pd.DataFrame
    unseen: np.ndarray
    unchanged: Collection[str]
    fit: Callable[[pd.DataFrame], bytes]


class Kind(Protocol):
    """A kind of data.

    Attributes:
        name: as that of its `Samples`.
        drawn: whether the test part is drawn among the rows, so that a column could say it, too.
    """

    name: ClassVar[str]
    drawn: ClassVar[bool]

    @staticmethod
    def prepare(given: Given, view: Pipeline, training: Path, test: Path, guards: Guards) -> Parted:
        """Write both sides of a branch, into folders that are there.

        Raises:
            BadData: a part without rows, a column that cannot be treated as asked, a leak that the
                guards refuse.
        """

    @staticmethod
    def parts(rows: pd.DataFrame, view: Pipeline) -> np.ndarray:
        """For each clean row "training", "test" or "gap"."""

    @staticmethod
    def fixed(view: Pipeline) -> Collection[str]:
        """Columns that say where a row stands among the others."""

    @staticmethod
    def trials(
        given: Given, view: Pipeline, held_out: np.ndarray, dropped: Sequence[str]
    ) -> Iterator[Trial]:
        """What each fold fits, without columns that guards dropped; at least one trial a fold."""

    @staticmethod
    def usual(view: Pipeline) -> Sequence[str]:
        """The models to compare with where the file names none, besides the trivial one."""


def write_graph(graph: onnx.ModelProto, training: Path) -> None:
    """Write a sound graph of preprocessing."""
    from onnx import checker

    checker.check_model(graph)
    (training / "preprocess.onnx").write_bytes(graph.SerializeToString(deterministic=True))


def kind_of(view: Pipeline) -> type[Kind]:
    """The kind of data that a pipeline describes."""
    if view.time is not None:
        from throughline.samples.windows.preparing.kind import Windows

        return Windows
    from throughline.samples.rows.kind import Rows

    return Rows
