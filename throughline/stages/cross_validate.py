"""Stage `cross_validate`: folds of the training rows, preprocessing refitted in each of them."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.paths import Workspace, needed, replaced, write_json
from throughline.stages.stage import KERAS, PREPARED, TRAINED, Entry, Stage, has_pretrained

if TYPE_CHECKING:
    from throughline.samples.samples import Samples
    from throughline.stages.given import StageInput
    from throughline.training.folds.folded import Folded
    from throughline.training.folds.validation import Planned
    from throughline.training.search.side_by_side import SideBySide

PLACE = {"after": "prepare", "help": "train and score the folds"}
STAGE = Stage(
    "cross_validate",
    reads=(*TRAINED, "sweeps"),
    takes=PREPARED,
    passes_on=TRAINED,
    calls=("network", "targets", "training", "variants"),
    shared=("seed", *KERAS),
    inputs=(Entry("training_data"), Entry("bottleneck", has_pretrained)),
    outputs=(Entry("cross_validation"),),
    libraries=("keras", "tensorflow"),
)


def cross_validate(stage_input: StageInput, workspace: Workspace) -> None:
    """Score every branch, sweep and training size on held-out folds of the training rows.

    Writes `scores.json`, which also says what each branch uses of the debug list's items, the
    averaged curves of the pipeline itself as `curves.csv`, and a table for each sweep. A pipeline
    without the section `cross_validation` gets empty scores. A stage that was killed goes on when
    it runs again: what it had trained is not trained again, and the files are the same.
    """
    from throughline.figures.rounding import rounded
    from throughline.samples.samples import read_samples
    from throughline.training.checkpoints import FOLDER
    from throughline.training.engine.devices import configure
    from throughline.training.search.side_by_side import SideBySide
    from throughline.training.settings import settings

    configure(**stage_input.keras)
    owners = {name: stage_input.prepared_by[name] for name in stage_input.branches}
    prepared = needed(workspace.training_data, "prepare")
    read = {o: read_samples(prepared / o, workspace.bottleneck) for o in set(owners.values())}
    samples = {name: read[owner] for name, owner in owners.items()}
    seed = stage_input.shared["seed"]
    checkpoints = workspace.root / FOLDER / workspace.name / "cross_validate"
    with (
        replaced(workspace.cross_validation) as folder,
        SideBySide(checkpoints) as trainings,
    ):
        folder.mkdir()
        STAGE.pass_on(stage_input.document, folder)
        folded = _branches(stage_input, samples, seed, trainings)
        scores: dict[str, Any] = {name: each and each.as_json() for name, each in folded.items()}
        _compare_with_main(scores, folded)
        scores["settings"] = {name: settings(v) for name, v in stage_input.branches.items()}
        scores["sweeps"] = _sweeps(stage_input, samples, seed, folder, trainings)
        write_json(folder / "scores.json", rounded(scores))
        _write_curves(folder / "curves.csv", folded["main"])
    shutil.rmtree(checkpoints, ignore_errors=True)


def _branches(
    stage_input: StageInput, samples: Mapping[str, Samples], seed: int, trainings: SideBySide
) -> dict[str, Folded | None]:
    """The pipeline and its variants; those whose trainings run the same way are one list."""
    from throughline.training.folds.validation import Planned, all_folded

    planned: dict[str, dict[str, Planned]] = {}
    for name, view in stage_input.branches.items():
        if (protocol := view.cross_validation) is not None:
            each = Planned(view, samples[name], protocol, seed)
            _examine(each)
            planned.setdefault(protocol.runs, {})[name] = each
    found: dict[str, Folded | None] = dict.fromkeys(stage_input.branches)
    for some in planned.values():
        found |= zip(some, all_folded(list(some.values()), trainings), strict=True)
    return found


def _examine(planned: Planned) -> None:
    """Refuse folds across whose boundary the guards see; the first stands for the others."""
    from throughline.guards.set_aside import still_apart

    samples, view = planned.samples, planned.view
    (first, *_) = samples.folds(view, planned.protocol)
    still_apart(samples, first.training, first.validation, view, "cross_validation")


def _compare_with_main(scores: dict[str, Any], folded: dict[str, Folded | None]) -> None:
    """For each variant on the same folds: its difference to the pipeline itself."""
    from throughline.training.folds.folded import paired

    main = folded["main"]
    for name, each in folded.items():
        if name != "main" and main and each and each.same_folds(main):
            scores[name]["difference_to_main"] = paired(each, main)


def _sweeps(
    stage_input: StageInput,
    samples: Mapping[str, Samples],
    seed: int,
    folder: Path,
    trainings: SideBySide,
) -> dict[str, Any]:
    from throughline.training.search.sweeps import run_sweep

    results = {}
    for name, sweep in stage_input.main.sweeps.items():
        base = samples[sweep.base]
        results[name] = run_sweep(stage_input, name, sweep, base, seed, trainings)
        _write_sweep(folder / f"sweep-{name}.csv", results[name]["points"])
    return results


def _write_sweep(path: Path, points: list[dict[str, Any]]) -> None:
    """A line for each point: settings, means, standard deviations; `diverged` where it did."""
    settings = list(points[0]["settings"])
    metrics = list(next((point["metrics"] for point in points if "metrics" in point), {}))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*settings, *metrics, *(f"{metric}_sd" for metric in metrics)])
        for point in points:
            line = [str(point["settings"][key]) for key in settings]
            scores = [point.get("metrics", {}).get(metric) for metric in metrics]
            line += ["diverged" if score is None else f"{score['mean']:.6g}" for score in scores]
            line += ["" if score is None else f"{score['sd']:.6g}" for score in scores]
            writer.writerow(line)


def _write_curves(path: Path, folded: Folded | None) -> None:
    """Loss on training and on validation rows, averaged over the folds, one line an epoch."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["epoch", "training", "validation"])
        if folded is not None:
            pairs = zip(folded.curves["loss"], folded.curves["val_loss"], strict=True)
            for epoch, (training, validation) in enumerate(pairs, start=1):
                writer.writerow([epoch, f"{training:.6g}", f"{validation:.6g}"])
