"""Rows of a table as a kind of data; see `samples.kinds`."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from throughline.samples.kinds import Given, Guards, Parted, Trial
from throughline.samples.rows import prepare

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.pipeline import Pipeline
    from throughline.preprocessing.fit import Preprocessing
    from throughline.samples.supervision import Supervision


class Rows:
    """Rows, of which the test part is drawn."""

    name: ClassVar[str] = "rows"
    drawn: ClassVar[bool] = True

    @staticmethod
    def prepare(given: Given, view: Pipeline, training: Path, test: Path, guards: Guards) -> Parted:
        """Write both sides of a branch."""
        return prepare.prepare(given, view, training, test, guards)

    @staticmethod
    def parts(rows: pd.DataFrame, view: Pipeline) -> np.ndarray:
        """For each clean row "training", "test" or "gap"."""
        from throughline.samples.splits.parts import parts

        return parts(rows, view.split)

    @staticmethod
    def fixed(view: Pipeline) -> Collection[str]:
        """A row stands nowhere."""
        return ()

    @staticmethod
    def trials(
        given: Given, view: Pipeline, held_out: np.ndarray, dropped: Sequence[str]
    ) -> Iterator[Trial]:
        """What each fold fits on the training rows, and those that it validates on."""
        from throughline.preprocessing.bottleneck import frozen_graphs, with_bottlenecks

        frozen = frozen_graphs(view.columns, given.workspace.bottleneck)
        rows = with_bottlenecks(given.rows, given.clean, frozen)
        files = given.workspace.raw / "files"
        beside = {"files": files if files.is_dir() else None, "frozen": frozen}
        return trials(rows[~held_out].reset_index(drop=True), view, dropped, beside)

    @staticmethod
    def usual(view: Pipeline) -> Sequence[str]:
        """None besides the trivial one."""
        return ()


def trials(
    rows: pd.DataFrame, view: Any, dropped: Sequence[str], beside: Mapping[str, Any]
) -> Iterator[Trial]:
    """What each fold fits; the folds are drawn once.

    First its graph, arrays and target, while everything of its validation rows may change, the
    target included. Then what a row is trained on in place of an encoding by the target, while the
    row's own target may change, block by block.

    Args:
        rows: the training rows.
        view: a pipeline's sections.
        dropped: columns that guards took out.
        beside: what lies beside the rows, `files` and `frozen` of `fit`.
    """
    from throughline.samples.splits.folds import folds

    protocol = view.cross_validation
    if protocol is None:
        return
    target = view.target.columns
    labels = rows[target[0]].to_numpy() if view.class_columns and len(target) == 1 else None
    for number, fold in enumerate(folds(rows, labels, protocol, view.split)):
        validation = np.zeros(len(rows), dtype=bool)
        validation[fold.validation] = True
        yield Trial(number, rows, validation, (), _fit_of(fold.training, view, dropped, beside))
        known = rows.iloc[fold.training]
        supervision = _supervision(known, view)
        if supervision is None:
            continue
        others = [name for name in rows.columns if name not in target]
        blocks = supervision.blocks(known)
        for block in range(int(blocks.max()) + 1):
            held = blocks == block
            fit = _out_of_fold_of(held, supervision, view, dropped, beside)
            yield Trial(number, known, held, others, fit)


def _fit_of(
    numbers: np.ndarray, view: Any, dropped: Sequence[str], beside: Mapping[str, Any]
) -> Callable[[pd.DataFrame], bytes]:
    """What a fold fits on its rows: its graph, its arrays, its target."""
    from throughline.preprocessing.several import fit_targets, is_scaled

    def fit(table: pd.DataFrame) -> bytes:
        chosen = table.iloc[numbers]
        fitted = _fitted(chosen, _supervision(chosen, view), view, dropped, beside)
        found = fitted.fitted_bytes
        found += json.dumps(fitted.rescaling, default=str, sort_keys=True).encode()
        if is_scaled(view):
            found += json.dumps(fit_targets(chosen, view).as_json(), default=str).encode()
        return found

    return fit


def _out_of_fold_of(
    held: np.ndarray,
    supervision: Supervision,
    view: Any,
    dropped: Sequence[str],
    beside: Mapping[str, Any],
) -> Callable[[pd.DataFrame], bytes]:
    """What the held rows are trained on in place of their encodings by the target."""

    def fit(table: pd.DataFrame) -> bytes:
        given = _fitted(table, supervision, view, dropped, beside).out_of_fold
        return b"".join(values[held].tobytes() for parts in given.values() for _, values in parts)

    return fit


def _supervision(rows: pd.DataFrame, view: Any) -> Supervision | None:
    """What encodings by the target learn from, where a column has one."""
    from throughline.preprocessing.several import fit_targets
    from throughline.samples.supervision import Supervision

    columns = view.columns.values()
    if not any(column.encode and column.encode.kind == "target" for column in columns):
        return None
    return Supervision(fit_targets(rows, view), view.split)


def _fitted(
    rows: pd.DataFrame,
    supervision: Supervision | None,
    view: Any,
    dropped: Sequence[str],
    beside: Mapping[str, Any],
) -> Preprocessing:
    from throughline.preprocessing.fit import fit
    from throughline.preprocessing.plan import plan

    planned = plan(rows, view.columns, view.inputs, view.target.columns, dropped)
    return fit(rows, planned, supervision=supervision, **beside)
