"""Stage `prepare`: clean rows become parts, a fitted graph and arrays."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.paths import READING_FILE, Workspace, linked, needed, replaced, write_json
from throughline.stages.stage import PREPARED, Entry, Stage, has_files, has_pretrained

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from throughline.pipeline.pipeline import Pipeline
    from throughline.preprocessing.fit import Preprocessing
    from throughline.preprocessing.plan import Plan
    from throughline.preprocessing.reconstruction import FittedReconstruction
    from throughline.preprocessing.several import FittedSeveral
    from throughline.preprocessing.target import FittedTarget
    from throughline.stages.given import StageInput

STAGE = Stage(
    "prepare",
    reads=PREPARED,
    passes_on=PREPARED,
    inputs=(Entry("clean"), Entry("raw", has_files), Entry("bottleneck", has_pretrained)),
    outputs=(Entry("training_data"), Entry("test_data")),
)


def prepare(stage_input: StageInput, workspace: Workspace) -> None:
    """Split the clean rows, fit preprocessing on the training part, and store its arrays.

    Raises:
        BadData: a part without rows, a column that cannot be treated as asked, a leak that the
            guards refuse.
    """
    from throughline.preprocessing.bottleneck import frozen_graphs, with_bottlenecks
    from throughline.preprocessing.pictures import stored_images, with_images, write_rows
    from throughline.preprocessing.several import with_plain_classes
    from throughline.tokens.rows import read_windows

    clean = read_windows(needed(workspace.clean / "rows.parquet", "validate"))
    # Only the rows were judged and copied; their pictures stay where `ingest` put them.
    stored = workspace.raw / "rows.parquet"
    rows = with_images(clean, stored_images(stored))
    numbers = next((clean[name] for name in stored_images(stored) if name in clean), None)
    owners = [name for name, owner in stage_input.prepared_by.items() if name == owner]
    with replaced(workspace.training_data) as training, replaced(workspace.test_data) as test:
        for branch in owners:
            (training / branch).mkdir(parents=True)
            (test / branch).mkdir(parents=True)
            view = stage_input.branches[branch]
            if view.time is not None:
                _prepare_series(rows, view, training / branch, test / branch)
                continue
            files = _auxiliary(workspace, training / branch)
            frozen = frozen_graphs(view.columns, workspace.bottleneck)
            branch_rows = with_bottlenecks(rows, clean, frozen)
            parts = _prepare_branch(
                branch_rows, view, training / branch, test / branch, files, frozen
            )
            if numbers is not None:
                _pass_originals_on(stored, numbers, parts, training / branch, test / branch)
        STAGE.pass_on(stage_input.document, training)
        if (workspace.clean / READING_FILE).exists():
            shutil.copyfile(workspace.clean / READING_FILE, training / READING_FILE)
        aside = workspace.clean / "set_aside.parquet"
        if aside.exists():
            # Held out like test rows: `evaluate` says what they would change.
            pictures = stored_images(workspace.raw / "rows.parquet")
            main = stage_input.main
            held = with_plain_classes(read_windows(aside), main)
            write_rows(with_images(held, pictures), test / "main" / aside.name)


def _pass_originals_on(
    stored: Path, numbers: pd.Series, parts: np.ndarray, training: Path, test: Path
) -> None:
    """The files of pictures: of some training rows, and of all test rows that have one."""
    from throughline.preprocessing.golden import PICTURES
    from throughline.preprocessing.originals import pass_on

    for part, folder, most in (("training", training, PICTURES), ("test", test, None)):
        pass_on(stored, numbers[parts == part].to_list(), folder / "rows.parquet", most)


def _prepare_series(rows: pd.DataFrame, view: Pipeline, training: Path, test: Path) -> None:
    from throughline.guards.examine import enforce
    from throughline.guards.windows import apart
    from throughline.samples.windows.prepare import prepared

    done = prepared(rows, view)
    findings = apart(done.training, done.test, done.extent, view.split.guards.windows)
    enforce(findings)
    (training / "preprocess.onnx").write_bytes(_bytes(done.fitted))
    done.write(training, test)
    counts = {part: int((done.parts == part).sum()) for part in ("training", "test", "gap")}
    write_json(
        test / "guards.json",
        {"rows": counts, "findings": [finding.as_json() for finding in findings]},
    )


def _auxiliary(workspace: Workspace, training: Path) -> Path | None:
    """The source's auxiliary files, copied to where the folds find them too."""
    if not (workspace.raw / "files").is_dir():
        return None
    shutil.copytree(workspace.raw / "files", training / "files")
    return training / "files"


def _prepare_branch(
    rows: pd.DataFrame,
    view: Pipeline,
    training: Path,
    test: Path,
    files: Path | None,
    frozen: Mapping[str, Path],
) -> np.ndarray:
    """Write a branch's folders; returns the part of each row."""
    from throughline.guards.examine import after_drops, enforce, examine_each
    from throughline.preprocessing.bottleneck import without_bottlenecks
    from throughline.preprocessing.fit import fit
    from throughline.preprocessing.pictures import write_rows
    from throughline.preprocessing.plan import plan
    from throughline.preprocessing.several import with_plain_classes
    from throughline.samples.splits.parts import parts
    from throughline.samples.supervision import Supervision
    from throughline.tokens.rows import as_texts

    target_columns = view.target.columns
    # Windows are read by index as features; a class is a text.
    rows = as_texts(rows, target_columns)
    planned = plan(rows, view.columns, view.inputs, target_columns)
    rows = with_plain_classes(_with_times(rows, view.split, planned), view)
    assigned = parts(rows, view.split)
    training_rows = rows[assigned == "training"].reset_index(drop=True)
    _fitted_target(training_rows, view, planned)
    examined = _without_pictures(rows, planned)
    findings = examine_each(view, examined, assigned, list(planned.raw), view.split)
    enforce(findings)
    assigned, kept = after_drops(assigned, list(planned.raw), findings)
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
    (training / "preprocess.onnx").write_bytes(_bytes(fitted))
    _write_arrays(fitted, training_rows, training)
    for name, matrix in fitted.vectors.items():
        np.save(training / f"{name}.vectors.npy", matrix)
    np.save(training / "target.npy", target.array(training_rows))
    summary = _summary(fitted, target, training_rows, planned)
    write_json(training / "prepared.json", summary | {"dropped": dropped})
    write_json(
        test / "guards.json",
        {
            "rows": {part: int((assigned == part).sum()) for part in ("training", "test", "gap")},
            "findings": [finding.as_json() for finding in findings],
        },
    )
    return np.asarray(assigned)


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
    from throughline.samples.rows.arrays import arrays, write_array

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


def _bytes(fitted: Preprocessing) -> bytes:
    from onnx import checker

    checker.check_model(fitted.graph)
    return bytes(fitted.graph.SerializeToString(deterministic=True))


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
