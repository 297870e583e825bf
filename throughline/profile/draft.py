"""From the facts of a table to a pipeline file that runs as it is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from throughline.errors import BadData, listed
from throughline.pipeline.problem import PROBLEMS
from throughline.preprocessing.target import alike, folded
from throughline.profile import grouped_rows, protocol
from throughline.profile.columns import alike_levels, leaks, treated, with_patterns
from throughline.profile.facts import Fact
from throughline.profile.facts import facts as facts_of
from throughline.profile.goal import task_of
from throughline.profile.kinds import grids, labels, pictures, series
from throughline.profile.rules import expectations
from throughline.samples.splits.named import tells_parts
from throughline.serving.rows.windows import TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pandas as pd

FEWEST_ROWS = 10


@dataclass
class Draft:
    """A pipeline file in the making.

    Attributes:
        sections: what the file holds.
        notes: for the user, such as columns that were left out and why.
        readings: for each guess the column, what was done, and the key to change.
    """

    sections: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    readings: list[tuple[str, str, str]] = field(default_factory=list)


def drafted(
    frame: pd.DataFrame, facts: Sequence[Fact], target: str, source: dict[str, Any], title: str
) -> Draft:
    """The sections of a pipeline file for a table.

    Args:
        frame: the rows.
        facts: what is in its columns.
        target: the column to predict.
        source: the section `source`.
        title: what the pipeline is called.

    Raises:
        BadData: no column is left that could be a feature.
    """
    grids.check_long(list(map(str, frame.columns)), target)
    goal = next(fact for fact in facts if fact.name == target)
    spelled = _spelled_once(goal)
    task = task_of(spelled)
    if "images" in source:
        return _of_pictures(frame, facts, goal, spelled, source, title)
    grid = grids.grid_of(frame, facts) if goal.role == "number" else None
    if grid is not None:
        return _of_series(frame, grid, facts, target, source, title)
    draft = Draft({"title": title, "task": task, "source": source, "target": target})
    if target == "features":
        # Alone it would be the columns themselves.
        draft.sections["target"] = {"column": target}
    if spelled is not goal:
        draft.sections["target"] = _folded(goal, draft)
        frame = frame.assign(**{target: frame[target].map(folded, na_action="ignore")})
    if goal.missing:
        held = f"missing in {goal.missing} of {goal.rows} rows; columns are judged by the others"
        draft.readings.append((target, held, "target"))
    if task == "regression":
        draft.sections["target"] = {"column": target, "scale": "standard"}
    part = protocol.part_column(facts)
    group = grouped_rows.group_column(frame, facts, target) if part is None else None
    known = _named_apart(
        _where_it_is_known(frame, facts, goal), target, PROBLEMS[task].answers, draft.notes
    )
    named = _naming_groups(frame, known, group, draft) if group is not None else []
    features = [fact for fact in known if fact.name not in (target, part, *named)]
    columns = treated(features, draft.notes)
    for name, why in leaks(frame, columns, target, task):
        del columns[name]
        draft.notes.append(f"{name} is left out: {why}")
    rows = goal.rows - goal.missing
    if rows < FEWEST_ROWS:
        raise BadData(f"At least {FEWEST_ROWS} rows with a target '{target}' are needed", rows)
    coarse = None
    if not columns and goal.role == "number":
        coarse = grids.coarse_grid_of(frame, facts)
    if coarse is not None:
        return _of_series(frame, coarse, facts, target, source, title)
    naming = [fact.name for fact in features if labels.names_files(frame[fact.name])]
    if not columns:
        raise BadData(
            f"At least one column beside '{target}' must be a number, a category or a text",
            listed(f"{fact.name} ({fact.role})" for fact in features) or "no other column",
            f"'{naming[0]}' names files: add the folder that holds them and this table"
            if naming
            else "A series alone needs windows, and times that are dates: write each, be it a"
            " quarter of a fiscal year or a half-year, as its first day, such as 2024-07-01; see"
            " the documentation of `time`",
        )
    draft.notes += [
        f"{name} names files: add the folder that holds them and this table to learn from them"
        for name in naming
    ]
    draft.readings += [
        (
            fact.name,
            f"{fact.distinct} levels, each told by the mean of the target among its rows",
            f"columns.{fact.name}.encode",
        )
        for fact in features
        if fact.role == "labels" and fact.name in columns
    ]
    draft.readings += alike_levels([goal, *features])
    _read_times(frame, features, draft)
    classes = frame[target].dropna().value_counts()
    texts = any(column and "text" in column for column in columns.values())
    kept = with_patterns(columns, features)
    draft.notes = [note for note in draft.notes if not _is_back(note, kept.keys() - columns.keys())]
    draft.sections |= {
        "columns": kept,
        # The next rows are of other groups.
        "expectations": expectations(
            [replace(fact, role="labels") if fact.name in named else fact for fact in facts], target
        ),
        "split": grouped_rows.split(frame, group, target, PROBLEMS[task].classifies)
        if group is not None
        else protocol.split(ordered(frame, features), target, task, int(classes.min()), part),
        "network": protocol.network(rows, texts),
        "training": protocol.training(rows, texts),
        "cross_validation": protocol.cross_validation(task, classes),
        "compare": protocol.compare(task, texts),
        **protocol.compared_by(task, classes.tolist()),
        "gates": {"beat": protocol.compare(task, texts)[0]},
    }
    return draft


def _naming_groups(
    frame: pd.DataFrame, facts: Sequence[Fact], group: str, draft: Draft
) -> list[str]:
    """The columns that name the groups of rows, which are no features; says so."""
    count = frame[group].nunique()
    said = f"names {count} groups in {len(frame)} rows; each group stays in one part"
    draft.readings.append((group, said, "split.column"))
    named = [group, *grouped_rows.same_groups(frame, facts, group)]
    draft.notes += [
        f"{name} is left out: it names groups of rows, and new rows are of others" for name in named
    ]
    return named


def _is_back(note: str, patterns: Collection[str]) -> bool:
    """Whether the column that a note says is left out is among those that a pattern takes."""
    name, left_out, _ = note.partition(" is left out")
    return bool(left_out) and any(fnmatchcase(name, key) for key in patterns)


def _spelled_once(goal: Fact) -> Fact:
    """What a target holds once classes that differ in capitals or spaces only are one."""
    if goal.role != "category" or not alike(goal.counts):
        return goal
    counts: dict[str, int] = {}
    for label, count in goal.counts.items():
        counts[folded(label)] = counts.get(folded(label), 0) + count
    return replace(goal, counts=counts, distinct=len(counts))


def _folded(goal: Fact, draft: Draft) -> dict[str, Any]:
    """Section `target` of classes that differ in capitals or spaces; what was done is noted."""
    same = f"{listed(map(repr, alike(goal.counts)))} differ in capitals or spaces: made one"
    draft.readings.append((goal.name, same, "target.letters"))
    return {"column": goal.name, "letters": "fold"}


def _named_apart(
    facts: Sequence[Fact], target: str, taken: Sequence[str], notes: list[str]
) -> Sequence[Fact]:
    """The columns that have no name which the model needs; a note for each other one."""
    names = set(taken) - {target}
    notes += [
        f"{fact.name} is left out: the model calls something else so; rename it in the data"
        for fact in facts
        if fact.name in names
    ]
    return [fact for fact in facts if fact.name not in names]


def _where_it_is_known(frame: pd.DataFrame, facts: Sequence[Fact], goal: Fact) -> Sequence[Fact]:
    """The facts of the rows that have a target, which alone are learned from.

    What lacks in the others still lacks somewhere: they are what the model will be asked.
    """
    if not goal.missing:
        return facts
    known = facts_of(frame[frame[goal.name].notna()].reset_index(drop=True))
    return [
        replace(each, missing=max(each.missing, min(fact.missing, 1)))
        for each, fact in zip(known, facts, strict=True)
    ]


def ordered(frame: pd.DataFrame, features: Sequence[Fact]) -> list[Fact]:
    """The columns without times by which rows cannot be put in order: some lack, or are unclear."""
    from pandas.api import types

    from throughline.samples.times import found_format

    def clear(fact: Fact) -> bool:
        texts = frame[fact.name]
        if fact.when or types.is_datetime64_any_dtype(texts.dtype):
            return True
        found = found_format(texts)
        return found is not None and not found.ambiguous

    return [f for f in features if f.role != "time" or (not f.missing and clear(f))]


def _read_times(frame: pd.DataFrame, features: Sequence[Fact], draft: Draft) -> None:
    """Say how a column of times is written, so that rows are put in order of time by it."""
    from pandas.api import types

    from throughline.samples.times import ISO, found_format, readings, times

    source = draft.sections["source"]
    for fact in features:
        texts = frame[fact.name]
        if fact.when:
            said = f"whole numbers that say when, as {fact.when}: {_span(texts, fact)}"
            draft.readings.append((fact.name, said, "columns"))
            continue
        if fact.role != "time" or types.is_datetime64_any_dtype(texts.dtype):
            continue
        found = found_format(texts)
        if found is None or found.formats == (ISO,):
            continue
        if found.ambiguous:
            draft.notes.append(
                f"{fact.name}: day and month cannot be told apart ({readings(texts, found)}); set "
                f"source.read.times, and split by it if time matters"
            )
        else:
            read = source.setdefault("read", {})
            read.setdefault("times", {})[fact.name] = found.formats[0]
            said = f"times such as '{texts.dropna().iloc[0]}', read as {found.formats[0]}"
            if "%y" in found.formats[0]:
                # Of two digits the century is a guess.
                read_as = times(texts, found.formats[0], fact.name, "").dropna()
                said += f", from {read_as.min():%Y-%m-%d} to {read_as.max():%Y-%m-%d}"
            draft.readings.append((fact.name, said, "source.read.times"))


def _span(column: pd.Series, fact: Fact) -> str:
    """The first and the last day of whole numbers that say when."""
    from throughline.serving.rows import clock

    ends = {fact.name: column.dropna().agg(["min", "max"]).astype("int64").to_list()}
    found = clock.seconds(ends, {"columns": [fact.name], "formats": [fact.when]})
    first, last = found.astype("datetime64[s]").astype("datetime64[D]")
    return f"{first} to {last}"


def _of_pictures(
    frame: pd.DataFrame,
    facts: Sequence[Fact],
    goal: Fact,
    spelled: Fact,
    source: dict[str, Any],
    title: str,
) -> Draft:
    part = protocol.part_column(facts)
    labelled = frame[frame[goal.name].notna()]
    if part is not None and not tells_parts(labelled[part].dropna().unique()):
        # Test files of which nobody says what they are.
        part = None
    known = [fact for fact in facts if fact.name in (goal.name, part)]
    classes = labelled[goal.name]
    if spelled is not goal:
        classes = classes.map(folded)
    counts = classes.value_counts().tolist()
    shape = frame.attrs.get(pictures.SHAPE)
    found = pictures.sections(source["images"], spelled, task_of(spelled), counts, part, shape)
    draft = Draft({"title": title, "source": source, **found})
    if spelled is not goal:
        draft.sections["target"] = _folded(goal, draft)
    rules = expectations(known, goal.name)
    # More columns than these describe each file.
    del rules["rules"][0]
    draft.sections["expectations"] = rules
    return draft


def _of_series(
    frame: pd.DataFrame,
    grid: grids.Grid,
    facts: Sequence[Fact],
    target: str,
    source: dict[str, Any],
    title: str,
) -> Draft:
    draft = Draft({"title": title, "task": "forecast", "source": source})
    taken = [*grid.columns, *grid.group]
    names = [name for name in (*PROBLEMS["forecast"].answers, TIMESTAMP) if name not in taken]
    known = _named_apart(facts, target, names, draft.notes)
    if grid.joining_note:
        draft.readings.append((grid.columns[0], grid.joining_note, "time.resample"))
    draft.sections |= series.sections(frame, grid, known, target, draft.notes)
    # A number that names a series is no quantity: the next series has another one.
    ruled = [
        replace(fact, role="labels") if fact.is_numeric and fact.name in grid.group else fact
        for fact in facts
    ]
    draft.sections["expectations"] = expectations(ruled, target)
    return draft
