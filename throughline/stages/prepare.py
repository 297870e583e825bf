"""Stage `prepare`: clean rows become parts, a fitted graph and arrays."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from throughline.paths import READING_FILE, Workspace, needed, replaced, write_json
from throughline.stages.stage import PREPARED, Entry, Stage, has_files, has_pretrained

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd

    from throughline.guards.finding import Finding
    from throughline.pipeline.pipeline import Pipeline
    from throughline.samples.kinds import Findings
    from throughline.samples.windows.positions import Extent
    from throughline.samples.windows.preparing.series import Placed
    from throughline.stages.given import StageInput

PLACE = {"after": "bottleneck", "help": "split, fit the preprocessing, make arrays"}
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
    from throughline.preprocessing.pictures import write_rows
    from throughline.preprocessing.several import with_plain_classes
    from throughline.samples.kinds import Given, kind_of
    from throughline.tokens.token_rows import read_windows

    given = Given.of(read_windows(needed(workspace.clean / "rows.parquet", "validate")), workspace)
    owners = [name for name, owner in stage_input.prepared_by.items() if name == owner]
    with replaced(workspace.training_data) as training, replaced(workspace.test_data) as test:
        for branch in owners:
            view, sides = stage_input.branches[branch], (training / branch, test / branch)
            for side in sides:
                side.mkdir(parents=True)
            parted = kind_of(view).prepare(given, view, *sides, _Guards())
            counts = {p: int((parted.parts == p).sum()) for p in ("training", "test", "gap")}
            said = {"rows": counts, "findings": parted.findings}
            write_json(test / branch / "guards.json", said)
        STAGE.pass_on(stage_input.document, training)
        if (workspace.clean / READING_FILE).exists():
            shutil.copyfile(workspace.clean / READING_FILE, training / READING_FILE)
        aside = workspace.clean / "set_aside.parquet"
        if aside.exists():
            # Held out like test rows: `evaluate` says what they would change.
            held = Given.of(read_windows(aside), workspace).rows
            held = with_plain_classes(held, stage_input.main)
            write_rows(held, test / "main" / aside.name)


class _Guards:
    """The guards as preparing asks them."""

    def of_rows(
        self, view: Pipeline, rows: pd.DataFrame, parts: np.ndarray, columns: Sequence[str]
    ) -> tuple[np.ndarray, list[str], Findings]:
        """Parts and columns without what is dropped, and what was found."""
        from throughline.guards.examine import after_drops, enforce, examine_each

        findings = examine_each(view, rows, parts, list(columns), view.split)
        enforce(findings)
        return (*after_drops(parts, list(columns), findings), _as_json(findings))

    def of_windows(
        self, view: Pipeline, training: Placed, test: Placed, extent: Extent
    ) -> Findings:
        """What was found; the windows stay."""
        from throughline.guards.examine import enforce
        from throughline.guards.windows import apart

        findings = apart(training, test, extent, view.split.guards.windows)
        enforce(findings)
        return _as_json(findings)


def _as_json(findings: Sequence[Finding]) -> Findings:
    return [finding.as_json() for finding in findings]
