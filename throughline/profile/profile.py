"""`throughline profile`: from data to a first pipeline file and a page to look at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from throughline.errors import BadData, BadPipeline
from throughline.paths import Workspace, replaced
from throughline.pipeline.loading import load
from throughline.profile.draft import Draft, drafted
from throughline.profile.facts import facts
from throughline.profile.files.footers import SUMS_KEY
from throughline.profile.files.source import source_of
from throughline.profile.goal import chosen_target
from throughline.profile.kinds import pictures
from throughline.profile.kinds.grids import grid_of
from throughline.profile.moments import years_without_steps
from throughline.profile.yaml_text import as_text, comment
from throughline.sources.labels import LABELS

if TYPE_CHECKING:
    import pandas as pd


class Profiled(NamedTuple):
    """What was written and guessed.

    Attributes:
        written: the page, the pipeline file and its dvc.yaml.
        readings: for each guess the column, what was done, and the key to change.
        left_out: for each column that is no feature a sentence that says why.
        target: the column to predict, where nobody named it.
    """

    written: list[Path]
    readings: list[tuple[str, str, str]]
    left_out: list[str]
    target: str | None = None

    @property
    def guesses(self) -> list[str]:
        """What was guessed, a line each, with the key that changes it."""
        read = [f"  {column:<20} {what} ({key})" for column, what, key in self.readings]
        return [*read, *(f"  {note} (columns)" for note in self.left_out), *self._guessed_target]

    @property
    def _guessed_target(self) -> list[str]:
        guessed = f"  '{self.target}' is what is predicted, as nobody named another (--target)"
        return [guessed] if self.target else []


def profile(
    data: Path,
    name: str,
    target: str | None,
    workspace: Workspace,
    asked: Mapping[str, Any] | None = None,
) -> Profiled:
    """Look at data and write `pipelines/NAME/` with a draft that runs as it is.

    The page is written first, so that it is there even where no draft can be made; the draft is
    checked, and its rules are held against its own rows, before it is written.

    Args:
        data: a file or folder, or the name of a bundled set of scikit-learn.
        name: what the pipeline is called.
        target: the column to predict; without it the likeliest.
        workspace: of the repository.
        asked: keys of `source.read` that the user gives. Default: none.

    Raises:
        MissingFile: no such data.
        BadPipeline: there is a pipeline of that name.
        BadData: the data cannot be read, or hold nothing to predict from.
    """
    from throughline.profile.profile_page import page
    from throughline.stages.wire import wire

    workspace = Workspace(workspace.root, name)
    if workspace.pipeline_file.exists():
        raise BadPipeline(f"{workspace.pipeline_file} exists", remedy="Choose another name by --as")
    notes: list[tuple[str, str, str]] = []
    frame, section = source_of(data, workspace, dict(asked or {}), notes, target)
    found = facts(frame)
    noticed = {column: what for column, what, _ in notes}
    label_columns = frame.attrs.get(LABELS, ())
    wanted = pictures.target(found, target, label_columns) if "images" in section else target
    chosen = chosen_target(found, wanted, noticed)
    grid = grid_of(frame, found)
    if wanted is None and grid is not None:
        # What says when is no answer.
        said = (*grid.columns, *grid.group)
        chosen = chosen_target(
            [fact for fact in found if fact.name not in said] or found, None, noticed
        )
    if grid is None and (years := years_without_steps(frame, found)):
        notes.append((*years, "the file itself"))
    report = workspace.root / "reports" / name / "profile" / "profile.html"
    with replaced(report) as draft_page:
        draft_page.write_text(page(frame, found, chosen, name, grid is not None), encoding="utf-8")
    try:
        draft = drafted(frame, found, chosen, section, _title(name, chosen))
    except BadData as error:
        # One row that is none may be all that keeps a table from being one.
        sums = next((f" The file {what} ({key})" for _, what, key in notes if key == SUMS_KEY), "")
        if not sums:
            raise
        raise BadData(f"{error}{sums}") from None
    text = _header(draft, target) + as_text(draft)
    _hold_against_rows(text, frame, workspace)
    with replaced(workspace.pipeline_file) as file:
        file.write_text(text, encoding="utf-8")
    load(workspace)
    written = [report, workspace.pipeline_file, *wire(workspace.root, [name])]
    return Profiled(written, [*notes, *draft.readings], draft.notes, None if target else chosen)


def _hold_against_rows(text: str, frame: pd.DataFrame, workspace: Workspace) -> None:
    """Refuse a draft that its own rows do not keep, before anybody trusts it.

    Raises:
        BadData: a rule that stops the run, or sets more rows aside than the draft allows.
    """
    from throughline.validation.catalogue import check
    from throughline.validation.row_verdicts import judge, refuse_if_stopped

    with TemporaryDirectory() as folder:
        scratch = Workspace(Path(folder), workspace.name)
        scratch.pipeline_file.parent.mkdir(parents=True)
        scratch.pipeline_file.write_text(text, encoding="utf-8")
        settings = load(scratch).main.expectations
    check(settings.rules)
    refuse_if_stopped(judge(frame, settings), Path("the draft"))


def _title(name: str, target: str) -> str:
    return f"{name}: what is '{target}'?"


def _header(draft: Draft, asked: str | None) -> str:
    target = draft.sections["target"]
    name = target["column"] if isinstance(target, dict) else target
    why = "" if asked else f"; the target was guessed: {name}"
    return (
        comment(f"A first draft from the data{why}. The source's licence is yours to add.") + "\n"
    )
