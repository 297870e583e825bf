"""Whether a new model is better than the one in use: better, worse, or no evidence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import ThroughlineError
from throughline.paths import Workspace, needed

if TYPE_CHECKING:
    from throughline.evaluation.measure.resamples import Resamples

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
        champion_training: the rows the champion was trained on; test rows among them, and windows
            that predict what they hold, are left out. None when they are no longer kept.

    Returns:
        verdict, reason, metric, difference (candidate - champion), low, high, rows, by_seed.
    """
    from throughline.evaluation.parts import parts_of

    parts: Any = parts_of(
        needed(workspace.training_data, "prepare") / "main",
        needed(workspace.test_data, "prepare") / "main",
        task,
    )
    if not parts.test_count:
        return _nothing("there are no test rows", 0)
    fresh = np.flatnonzero(parts.unseen(champion_training))
    if len(fresh) < FEWEST_ROWS:
        return _nothing(f"only {len(fresh)} test rows are new to the champion", len(fresh))
    try:
        reference = parts.outcome(champion, parts.evaluated).part(fresh)
    except (ThroughlineError, LookupError, ValueError) as error:
        reason = f"the champion cannot answer these rows: {' '.join(str(error).split())}"
        return _nothing(reason, len(fresh))
    if reference.predicted.shape != reference.actual.shape:
        return _nothing("the champion answers another number of values", len(fresh))
    ours = [parts.outcome(path, parts.evaluated).part(fresh) for path in candidates]
    return _judged(ours, reference, parts.draws_of(fresh), champion_training is None)


def _judged(
    ours: Sequence[Any], reference: Any, resamples: Resamples, may_know: bool
) -> dict[str, Any]:
    from throughline.evaluation.measure.resamples import interval

    metric, sign, gains = _gains(ours, reference)
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


def _nothing(reason: str, rows: int) -> dict[str, Any]:
    return {
        "verdict": NO_EVIDENCE,
        "reason": reason,
        "metric": None,
        "difference": None,
        "low": None,
        "high": None,
        "rows": rows,
        "by_seed": [],
    }
