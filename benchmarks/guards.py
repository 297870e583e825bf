"""How often guards cry at tables that hide nothing, and which planted leaks they find.

Run: python -m benchmarks.guards [--mirror FOLDER] [--seeds 5]

Clean tables are public ones of scikit-learn, of statsmodels where it is installed, and of a mirror
folder ($THROUGHLINE_MIRROR) where there is one; leaks are planted into tables of several sizes.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from throughline.guards.examine import examine
from throughline.guards.finding import Finding
from throughline.pipeline.schema.protocol import Split
from throughline.pipeline.schema.targets import Target


@dataclass(frozen=True)
class Table:
    """A table with its question.

    Attributes:
        name: what it is called where it comes from.
        rows: features, and the target as `y`.
        task: the problem type.
    """

    name: str
    rows: pd.DataFrame
    task: str


def _of(name: str, frame: pd.DataFrame, target: str, *without: str, task: str = "binary") -> Table:
    """A table of a file, whose target is a column, without what is no feature."""
    rows = frame.drop(columns=list(without)).rename(columns={target: "y"})
    return Table(name, rows, task)


def of_scikit_learn() -> Iterator[Table]:
    """Tables that come with scikit-learn."""
    from sklearn import datasets

    tasks = {"breast_cancer": "binary", "diabetes": "regression"}
    for name in ("iris", "wine", "breast_cancer", "diabetes", "digits"):
        frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
        yield _of(f"scikit-learn {name}", frame, "target", task=tasks.get(name, "multiclass"))


def of_statsmodels() -> Iterator[Table]:
    """Tables that come with statsmodels, whose rows are no series and no panel."""
    found = importlib.util.find_spec("statsmodels")
    if found is None or found.origin is None:
        return
    folder = Path(found.origin).parent / "datasets"

    def read(name: str, file: str = "", **layout: Any) -> pd.DataFrame:
        return pd.read_csv(folder / name / f"{file or name}.csv", **layout)

    number: dict[str, Any] = {"task": "regression"}
    anes = read("anes96", sep="\t", quotechar="'")
    yield _of("statsmodels anes96", anes, "vote")
    yield _of("statsmodels ccard", read("ccard"), "AVGEXP", **number)
    yield _of("statsmodels cancer", read("cancer"), "cancer", **number)
    yield _of("statsmodels engel", read("engel"), "foodexp", **number)
    fair = read("fair")
    yield _of("statsmodels fair", fair.assign(any=(fair["affairs"] > 0) * 1), "any", "affairs")
    yield _of("statsmodels heart", read("heart"), "survival", **number)
    yield _of("statsmodels randhie", read("randhie"), "mdvis", **number)
    yield _of("statsmodels scotland", read("scotland", "scotvote"), "YES", "COUNCILDIST", **number)
    spector = read("spector", sep=r"\s+", quotechar="'")
    yield _of("statsmodels spector", spector, "GRADE", "OBS")
    star = read("star98").rename(columns=str.strip)
    star = star.assign(share=star["PR50M"] / star["MATHTOT"])
    yield _of("statsmodels star98", star, "share", "PR50M", "MATHTOT", **number)
    yield _of("statsmodels statecrime", read("statecrime"), "violent", "state", **number)
    yield _of("statsmodels strikes", read("strikes"), "duration", **number)


def of_mirror(folder: Path) -> Iterator[Table]:
    """Tables that the texts use, from a folder that has them."""
    video, camp = folder / "ztdl_video", folder / "ztdl_bootcamp"
    files: tuple[tuple[Path, str, tuple[str, ...], str], ...] = (
        (folder / "boston/boston_house_prices.csv", "MEDV", (), "regression"),
        (video / "titanic-train.csv", "Survived", ("PassengerId", "Name", "Ticket"), "binary"),
        (video / "HR_comma_sep.csv", "left", (), "binary"),
        (video / "weight-height.csv", "Gender", (), "binary"),
        (video / "user_visit_duration.csv", "Buy", (), "binary"),
        (video / "diabetes.csv", "Outcome", (), "binary"),
        (video / "housing-data.csv", "price", (), "regression"),
        (video / "banknotes.csv", "class", (), "binary"),
        (camp / "wifi_location.csv", "location", (), "multiclass"),
        (camp / "car.csv", "class", (), "multiclass"),
        (camp / "australian_credit.csv", "class", (), "binary"),
        (camp / "Wholesale_customers_data.csv", "Channel", (), "binary"),
        (camp / "churn.csv", "Churn", (), "binary"),
        (camp / "geoloc_elev.csv", "target", (), "binary"),
        (camp / "isp_data.csv", "label", (), "binary"),
    )
    for path, target, without, task in files:
        if path.is_file():
            yield _of(path.stem, pd.read_csv(path), target, *without, task=task)


def clean(folder: Path | None) -> Iterator[Table]:
    """Every table at hand."""
    yield from of_scikit_learn()
    yield from of_statsmodels()
    if folder is not None:
        yield from of_mirror(folder)


def found(table: Table, seed: int, **split: Any) -> list[Finding]:
    """What the guards say of a random split."""
    parts = np.where(np.random.default_rng(seed).random(len(table.rows)) < 0.2, "test", "training")
    columns = [str(name) for name in table.rows.columns if name != "y"]
    every = examine(table.rows, parts, columns, Target(columns=["y"]), table.task, Split(**split))
    return [finding for finding in every if not finding.passed]


SIZES = (60, 100, 300, 1000)
Leak = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]
LEAK = "planted"


def honest(rows: int, task: str, generator: np.random.Generator) -> Table:
    """Four measurements, two categories, blanks, and a target that follows from them a little."""
    table = pd.DataFrame(generator.normal(size=(rows, 4)), columns=["a", "b", "c", "d"])
    table["c"] = np.exp(table["c"])
    table["town"] = generator.choice(["Bonn", "Köln", "Ulm"], rows)
    table["plan"] = generator.choice(["free", "paid"], rows)
    table.loc[generator.random(rows) < 0.1, "d"] = np.nan
    score = table["a"] + table["b"] + generator.normal(size=rows)
    if task == "regression":
        return Table("made", table.assign(y=100 + 20 * score), task)
    edges = [1.0] if task == "binary" else [-1.0, 0.5, 2.0]
    return Table("made", table.assign(y=np.digitize(score, edges)), task)


def _copied(correlation: float) -> Leak:
    def plant(rows: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
        noise = generator.normal(size=len(rows)) * rows["y"].std()
        return rows.assign(**{LEAK: rows["y"] + noise * (1 / correlation**2 - 1) ** 0.5})

    return plant


def _bent(rows: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
    """A copy on another scale with a little noise."""
    standard = (rows["y"] - rows["y"].mean()) / rows["y"].std()
    return rows.assign(**{LEAK: np.exp(standard + generator.normal(0, 0.05, len(rows)))})


def _flipped(rows: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
    other = generator.permutation(rows["y"].to_numpy())
    kept = np.where(generator.random(len(rows)) < 0.02, other, rows["y"])
    return rows.assign(**{LEAK: [f"state {value}" for value in kept]})


def _scored(rows: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
    """The class as a number with noise, as the score of a model that knew it."""
    return rows.assign(**{LEAK: rows["y"] + generator.normal(0, 0.2, len(rows))})


def _filled_after(rows: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
    value = generator.normal(size=len(rows))
    top = rows["y"] == rows["y"].max() if rows["y"].nunique() < 10 else rows["y"] > rows["y"].mean()
    value[~top] = np.nan
    return rows.assign(**{LEAK: value})


def _mostly_filled(rows: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
    """A reason that is written down after the event, and now and then forgotten."""
    reason = generator.choice(["moved", "price", "service"], len(rows)).astype(object)
    empty = (rows["y"] == 0) | (generator.random(len(rows)) < 0.02)
    return rows.assign(**{LEAK: np.where(empty, None, reason)})


def _encoded(smoothing: float, levels: int = 30) -> Leak:
    def plant(rows: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
        shop = pd.Series(generator.integers(levels, size=len(rows)), index=rows.index)
        sums = rows["y"].groupby(shop).transform("sum")
        counts = rows["y"].groupby(shop).transform("size")
        mean = (sums + smoothing * rows["y"].mean()) / (counts + smoothing)
        return rows.assign(**{LEAK: mean})

    return plant


def _nearly_doubled(noise: float) -> Leak:
    def plant(rows: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
        twins = rows.sample(len(rows) // 4, random_state=int(generator.integers(1000)))
        for name in twins.columns:
            if twins[name].dtype.kind == "f" and name != "y":
                twins[name] += generator.normal(0, noise * rows[name].std(), len(twins))
        return pd.concat([rows, twins], ignore_index=True)

    return plant


def _visits(named: bool) -> Leak:
    def plant(rows: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
        count = max(20, len(rows) // 6)
        who = generator.integers(count, size=len(rows))
        codes = 10_000 + 7 * generator.permutation(count)
        label = np.array([f"W{code}" for code in codes])[who] if named else codes[who]
        born = 1930 + generator.integers(70, size=count)
        return rows.assign(
            **{LEAK: label},
            born=born[who],
            sex=generator.choice(["f", "m"], count)[who],
            height=generator.normal(170, 10, count).round()[who],
        )

    return plant


def _walked(style: str) -> Leak:
    def plant(rows: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
        walk = np.cumsum(generator.normal(size=len(rows)))
        days = pd.date_range("2020-01-01", periods=len(rows), freq="h")
        when = {
            "text": days.astype(str),
            "German": days.strftime("%d.%m.%Y %H:%M"),
            "seconds": days.astype("datetime64[s]").astype("int64"),
            "time": days,
        }[style]
        numbers = rows["y"].nunique() > 10
        order = generator.permutation(len(rows))
        table = rows.assign(**{LEAK: when}, y=walk if numbers else (walk > np.median(walk)) * 1)
        return table.iloc[order].reset_index(drop=True)

    return plant


# What is planted, into tables of which task, and which guard must name it.
PLANTED: tuple[tuple[str, str, Leak, str], ...] = (
    ("a copy with r = .999", "regression", _copied(0.999), "target_in_disguise"),
    ("a copy with r = .99", "regression", _copied(0.99), "target_in_disguise"),
    ("a copy on another scale, noise", "regression", _bent, "target_in_disguise"),
    ("labels, 2 % flipped", "binary", _flipped, "target_in_disguise"),
    ("labels of 4 classes, 2 % flipped", "multiclass", _flipped, "target_in_disguise"),
    ("the class as a score with noise", "binary", _scored, "target_in_disguise"),
    ("filled after the event", "binary", _filled_after, "target_in_disguise"),
    ("filled after it, 2 % forgotten", "binary", _mostly_filled, "target_in_disguise"),
    ("shares of classes of 30 shops, all rows", "binary", _encoded(0), "target_in_disguise"),
    ("means of 30 shops, all rows", "regression", _encoded(0), "target_in_disguise"),
    ("the same, smoothed by 10 rows", "regression", _encoded(10), "target_in_disguise"),
    ("near copies of rows, 1e-4 sd", "binary", _nearly_doubled(1e-4), "duplicates"),
    ("near copies of rows, 1e-3 sd", "binary", _nearly_doubled(1e-3), "duplicates"),
    ("persons under a number", "binary", _visits(False), "groups"),
    ("persons under a code", "regression", _visits(True), "groups"),
    ("a walk by a text of time", "regression", _walked("text"), "windows"),
    ("classes of a walk by a time", "binary", _walked("time"), "windows"),
    ("a walk by a German date", "regression", _walked("German"), "windows"),
    ("a walk by seconds", "regression", _walked("seconds"), "windows"),
)  # fmt: skip


# That rows are equal or a category is new is so whatever the table; no leak is claimed.
COUNTS = ("equal a training row", "that no training row has")


def alarms(table: Table, seed: int) -> list[str]:
    """What guards take for a leak in a table."""
    said = [finding.message for finding in found(table, seed)]
    return [message for message in said if not any(words in message for words in COUNTS)]


def tells(table: Table, leak: Leak, guard: str, seed: int) -> bool:
    """Whether a guard says where the leak is."""
    planted = leak(table.rows, np.random.default_rng(seed))
    said = [f for f in found(Table("", planted, table.task), seed) if f.guard == guard]
    return any(f"'{LEAK}'" in f.message or guard == "duplicates" for f in said)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    mirror = os.environ.get("THROUGHLINE_MIRROR")
    parser.add_argument("--mirror", type=Path, default=Path(mirror) if mirror else None)
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    print("| clean table | rows | columns | false alarms |\n|---|--:|--:|--:|")
    cried = looked = 0
    for table in clean(asked.mirror):
        count = sum(bool(alarms(table, seed)) for seed in range(asked.seeds))
        cried, looked = cried + count, looked + asked.seeds
        rows, columns = table.rows.shape
        print(f"| {table.name} | {rows} | {columns} | {count} of {asked.seeds} |", flush=True)
    print(f"| all | | | {cried} of {looked}: {cried / looked:.1%} |\n")
    print("| planted | " + " | ".join(f"{size} rows" for size in SIZES) + " |")
    print("|---|" + "--:|" * len(SIZES))
    for what, task, leak, guard in PLANTED:
        shares = []
        for size in SIZES:
            tables = [honest(size, task, np.random.default_rng(n)) for n in range(asked.seeds)]
            hits = sum(tells(table, leak, guard, seed) for seed, table in enumerate(tables))
            shares.append(f"{hits / asked.seeds:.0%}")
        print(f"| {what} | " + " | ".join(shares) + " |", flush=True)


if __name__ == "__main__":
    main()
