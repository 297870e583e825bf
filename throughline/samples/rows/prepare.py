"""Rows of a table from clean ones to parts, a fitted graph and arrays."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.paths import Workspace, linked, write_json
from throughline.samples.kinds import Given, Guards, Parted, write_graph

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.pipeline import Pipeline
    from throughline.preprocessing.fit import Preprocessing
    from throughline.preprocessing.plan import Plan
    from throughline.preprocessing.reconstruction import FittedReconstruction
    from throughline.preprocessing.several import FittedSeveral
    from throughline.preprocessing.target import FittedTarget


def prepare(given: Given, view: Pipeline, training: Path, test: Path, guards: Guards) -> Parted:
    """Write both sides of a branch, see `samples.kinds.Kind`."""
    from throughline.preprocessing.bottleneck import (
        frozen_graphs,
        with_bottlenecks,
        without_bottlenecks,
    )
    from throughline.preprocessing.fit import fit
    from throughline.preprocessing.pictures import write_rows
    from throughline.preprocessing.plan import plan
    from throughline.preprocessing.several import with_plain_classes
    from throughline.samples.splits.parts import parts
    from throughline.samples.supervision import Supervision
    from throughline.tokens.token_rows import as_texts

    files = _auxiliary(given.workspace, training)
    frozen = frozen_graphs(view.columns, given.workspace.bottleneck)
    rows = with_bottlenecks(given.rows, given.clean, frozen)
    target_columns = view.target.columns
    # Windows are read by index as features; a class is a text.
    rows = as_texts(rows, target_columns)
    planned = plan(rows, view.columns, view.inputs, target_columns)
    rows = with_plain_classes(_with_times(rows, view.split, planned), view)
    assigned = parts(rows, view.split)
    training_rows = rows[assigned == "training"].reset_index(drop=True)
    _fitted_target(training_rows, view, planned)
    examined = _without_pictures(rows, planned)
    assigned, kept, findings = guards.of_rows(view, examined, assigned, list(planned.raw))
    dropped = [name for name in planned.raw if name not in kept]
    planned = plan(rows, view.columns, view.inputs, target_columns, dropped)
    test_rows = rows[assigned == "test"].reset_index(drop=True)
    # A column that a guard drops is not given back either.
    target = _fitted_target(training_rows, view, planned)
    supervision = Supervision(target, view.split)
    fitted = fit(training_rows, planned, files=files, supervision=supervision, frozen=frozen)

    write_rows(training_rows, training / "rows.parquet", frozen)
    # The test side answers raw pictures only, by `model.onnx`.
    write_rows(without_bottlenecks(test_rows), test / "rows.parquet")
    write_graph(fitted.graph, training)
    _write_arrays(fitted, training_rows, training)
    for name, matrix in fitted.vectors.items():
        np.save(training / f"{name}.vectors.npy", matrix)
    np.save(training / "target.npy", target.array(training_rows))
    summary = _summary(fitted, target, training_rows, planned)
    write_json(training / "prepared.json", summary | {"dropped": dropped})
    _pass_originals_on(given, assigned, training, test)
    return Parted(np.asarray(assigned), findings)


def _fitted_target(
    rows: pd.DataFrame, view: Pipeline, planned: Plan
) -> FittedTarget | FittedReconstruction | FittedSeveral:
    from throughline.preprocessing.reconstruction import fit_reconstruction
    from throughline.preprocessing.several import fit_targets

    if view.target.features:
        return fit_reconstruction(rows, planned)
    return fit_targets(rows, view)


def _with_times(rows: pd.DataFrame, split: Any, planned: Plan) -> pd.DataFrame:
    """The rows with the times that they are split by read as all rows together tell them."""
    from throughline.samples.times import moments

    column = split.column
    if split.kind != "temporal" or column not in rows.columns or column in planned.raw:
        return rows
    return rows.assign(**{column: moments(rows[column], column, "split.column")})


def _without_pictures(rows: pd.DataFrame, planned: Plan) -> pd.DataFrame:
    """The rows as guards see them: a digest for each picture."""
    from throughline.preprocessing.pictures import digests

    names = [name for name, kind in planned.raw.items() if kind == "image"]
    return rows.assign(**{name: digests(rows[name]) for name in names}) if names else rows


def _write_arrays(fitted: Preprocessing, rows: pd.DataFrame, training: Path) -> None:
    """The network's inputs; those that lie beside the rows already get a second name only."""
    from throughline.preprocessing.pictures import bottlenecks_beside, images_beside
    from throughline.samples.rows.row_arrays import arrays, write_array

    stored = training / "rows.parquet"
    folders = {True: images_beside(stored), False: bottlenecks_beside(stored)}
    beside = {
        name: folders[each.unchanged] / f"{each.column}.npy"
        for name, each in fitted.network.items()
        if each.is_stored
    }
    for name, array in arrays(fitted, rows).items():
        if name in beside:
            linked(beside[name], training / f"{name}.npy")
        else:
            write_array(array, training, name)


def _summary(
    fitted: Preprocessing,
    target: FittedTarget | FittedReconstruction | FittedSeveral,
    rows: pd.DataFrame,
    planned: Plan,
) -> dict[str, Any]:
    """What the later stages and the model's metadata say of the training rows."""
    from throughline.preprocessing.contract import contract

    return {
        "inputs": contract(rows, planned),
        "features": dict(fitted.features),
        "types": dict(fitted.types),
        "rescaling": dict(fitted.rescaling),
        "target": target.as_json(),
        "rows": len(rows),
    }


def _auxiliary(workspace: Workspace, training: Path) -> Path | None:
    """The source's auxiliary files, copied to where the folds find them too."""
    if not (workspace.raw / "files").is_dir():
        return None
    shutil.copytree(workspace.raw / "files", training / "files")
    return training / "files"


def _pass_originals_on(given: Given, parts: np.ndarray, training: Path, test: Path) -> None:
    """The files of pictures: of some training rows, and of all test rows that have one."""
    from throughline.preprocessing.golden import PICTURES
    from throughline.preprocessing.originals import pass_on
    from throughline.preprocessing.pictures import stored_images

    stored = given.workspace.raw / "rows.parquet"
    names = [name for name in stored_images(stored) if name in given.clean]
    if not names:
        return
    numbers = given.clean[names[0]]
    for part, folder, most in (("training", training, PICTURES), ("test", test, None)):
        pass_on(stored, numbers[parts == part].to_list(), folder / "rows.parquet", most)
