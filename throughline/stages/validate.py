"""Stage `validate`: raw rows that keep the rules go on, the others are set aside with the reason.

Writes data/clean/NAME/rows.parquet, quarantine.parquet and, where rows were set aside,
set_aside.parquet with those rows as they came; and the report as JSON and as HTML.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from throughline.paths import READING_FILE, Workspace, needed, replaced, write_json
from throughline.stages.stage import Entry, Stage

if TYPE_CHECKING:
    import pandas as pd

    from throughline.stages.given import StageInput
    from throughline.validation.row_verdicts import Judgement

PLACE = {"after": "ingest", "help": "set aside rows that break a rule"}
STAGE = Stage(
    "validate",
    reads=("expectations",),
    inputs=(Entry("raw"),),
    outputs=(Entry("clean"), Entry("validation_report")),
    libraries=("pandas", "great_expectations"),
)


def validate(stage_input: StageInput, workspace: Workspace) -> None:
    """Judge the raw rows by section `expectations`.

    The report is written even where the rows are refused, because it says why.

    Args:
        stage_input: the section `expectations`.
        workspace: reads data/raw/NAME/, writes data/clean/NAME/ and the validation report.

    Raises:
        MissingFile: `ingest` has not run.
        BadPipeline: a rule is unknown or its arguments are wrong.
        BadData: a rule fails and `on_failure` is `stop`, or too many rows would be set aside.
    """
    from throughline.sources.table import write_rows
    from throughline.tokens.token_rows import as_texts, named_texts, read_windows
    from throughline.tokens.token_series import windows_beside
    from throughline.validation.catalogue import check
    from throughline.validation.quarantine import write_quarantine
    from throughline.validation.repairs import repaired
    from throughline.validation.report import as_html, as_json
    from throughline.validation.row_verdicts import judge, refuse_if_stopped

    settings = stage_input.main.expectations
    check(settings.rules)
    source = needed(workspace.raw / "rows.parquet", "ingest")
    frame = read_windows(source)
    if workspace.repairs.exists():
        # A mended text is no window of the source's texts.
        frame = repaired(as_texts(frame), workspace.repairs)
    judged = named_texts(frame, settings.rules)
    judgement = judge(judged, settings)
    with replaced(workspace.validation_report) as draft:
        draft.mkdir()
        write_json(draft / "validation.json", as_json(judgement))
        page = as_html(judgement, workspace.name)
        (draft / "validation.html").write_text(page, encoding="utf-8")
    refuse_if_stopped(judgement, workspace.validation_report / "validation.html")
    with replaced(workspace.clean) as draft:
        draft.mkdir()
        write_quarantine(judgement, judged, draft / "quarantine.parquet")
        if judgement.set_aside:
            aside = frame.iloc[list(judgement.set_aside)].reset_index(drop=True)
            write_rows(aside, draft / "set_aside.parquet")
        if judgement.set_aside or workspace.repairs.exists():
            write_rows(_kept(frame, judgement), draft / "rows.parquet")
        else:
            shutil.copyfile(source, draft / "rows.parquet")
            if windows_beside(source).is_dir():
                shutil.copytree(windows_beside(source), windows_beside(draft / "rows.parquet"))
        if (workspace.raw / READING_FILE).exists():
            shutil.copyfile(workspace.raw / READING_FILE, draft / READING_FILE)


def _kept(frame: pd.DataFrame, judgement: Judgement) -> pd.DataFrame:
    return frame.drop(index=list(judgement.set_aside)).reset_index(drop=True)
