"""Whether a new model is better than the one in use: better, worse, or no evidence."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from throughline.errors import ThroughlineError
from throughline.paths import Workspace, needed, read_json

BETTER, WORSE, NO_EVIDENCE = "better", "worse", "no evidence"
# With fewer rows that neither model has seen, an interval says nothing.
FEWEST_ROWS = 20


def compare(
    candidates: Sequence[Path],
    champion: Path,
    workspace: Workspace,
    task: str,
    champion_training: Path | None,
) -> dict[str, Any]:
    """Compare models of several seeds with the champion, on the same rows that none has seen.

    For each seed the paired difference of every row is taken; the rows are resampled (the same
    draws for all seeds) and the draws of all seeds together give the interval. It so holds both
    what depends on the rows and what depends on the seed.

    Args:
        candidates: model files of the same pipeline, each trained with another seed.
        champion: the model file in use.
        workspace: the pipeline; its test rows are used.
        task: the problem type.
        champion_training: the rows the champion was trained on; test rows among them are left
            out. None when they are no longer kept.

    Returns:
        verdict, reason, metric, difference (candidate - champion), low, high, rows, by_seed.
    """
    from throughline.evaluation.outcome import Target
    from throughline.evaluation.rows import Rows, answers, read_rows

    prepared = read_json(needed(workspace.training_data, "prepare") / "main" / "prepared.json")
    rows = read_rows(needed(workspace.test_data, "prepare") / "main" / "rows.parquet")
    fresh = _unseen(rows.columns, rows.count, champion_training)
    if fresh.sum() < FEWEST_ROWS:
        return _nothing(f"only {int(fresh.sum())} test rows are new to the champion", fresh)
    rows = Rows({name: column[fresh] for name, column in rows.columns.items()}, int(fresh.sum()))
    target = Target.of(task, prepared)
    try:
        reference = target.outcome(rows.columns, answers(champion, rows))
    except (ThroughlineError, KeyError) as error:
        return _nothing(f"the champion cannot answer these rows: {error}", fresh)
    ours = [target.outcome(rows.columns, answers(path, rows)) for path in candidates]
    return _judged(ours, reference, champion_training is None)


def _judged(ours: Sequence[Any], reference: Any, may_know: bool) -> dict[str, Any]:
    from throughline.evaluation.measure.resamples import Resamples, interval

    metric, sign, gains = _gains(ours, reference)
    resamples = Resamples(len(gains))
    sums = resamples.sums(np.column_stack([gains, np.ones(len(gains))]))
    bounds = interval((sums[:, :-1] / sums[:, -1:]).ravel())
    assert bounds is not None
    low, high = sorted(sign * bound for bound in bounds)
    verdict = BETTER if low > 0 else WORSE if high < 0 else NO_EVIDENCE
    reason = {
        BETTER: "the interval lies on the good side of 0",
        WORSE: "the interval lies on the bad side of 0",
        NO_EVIDENCE: "the interval holds 0",
    }[verdict]
    if may_know:
        reason += "; the champion may have been trained on some of these rows"
    return {
        "verdict": verdict,
        "reason": reason,
        "metric": metric,
        "difference": float(gains.mean()),
        "low": bounds[0],
        "high": bounds[1],
        "rows": len(gains),
        "by_seed": [float(gain) for gain in gains.mean(axis=0)],
    }


def _gains(ours: Sequence[Any], reference: Any) -> tuple[str, int, np.ndarray]:
    """The metric, the sign of a gain, and candidate - champion of shape (rows, seeds)."""
    from throughline.evaluation.measure import classification

    if reference.probabilities is not None:
        base = classification.correct(reference)
        columns = [classification.correct(outcome) - base for outcome in ours]
        return "accuracy", 1, np.column_stack(columns)
    error = np.abs(reference.predicted - reference.actual).mean(axis=1)
    columns = [np.abs(o.predicted - o.actual).mean(axis=1) - error for o in ours]
    return "mae", -1, np.column_stack(columns)


def _nothing(reason: str, fresh: np.ndarray) -> dict[str, Any]:
    return {
        "verdict": NO_EVIDENCE,
        "reason": reason,
        "metric": None,
        "difference": None,
        "low": None,
        "high": None,
        "rows": int(fresh.sum()),
        "by_seed": [],
    }


def _unseen(columns: Any, count: int, training: Path | None) -> np.ndarray:
    """Which rows are not among the champion's training rows; shape (rows,)."""
    from throughline.evaluation.rows import read_rows

    if training is None:
        return np.ones(count, bool)
    known = read_rows(training)
    shared = sorted(set(columns) & set(known.columns))
    seen = set(_keys(known.columns, shared, known.count))
    return np.array([key not in seen for key in _keys(columns, shared, count)], bool)


def _keys(columns: Any, names: Sequence[str], count: int) -> list[tuple[str | bytes, ...]]:
    """Each row as a value that can be looked up; NaN equals NaN."""
    held = [columns[name] for name in names]
    return [tuple(_key(column[row]) for column in held) for row in range(count)]


def _key(value: Any) -> str | bytes:
    # Of a large array, such as a picture, `str` shows the corners only.
    return sha256(value.tobytes()).digest() if isinstance(value, np.ndarray) else str(value)
