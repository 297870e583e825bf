"""Whether a new model is better than the one in use, and what that could be told from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import ThroughlineError
from throughline.paths import Workspace, needed
from throughline.pipeline.several_targets import of_each
from throughline.report.markup import verdict_in_words

if TYPE_CHECKING:
    from throughline.evaluation.intervals.resamples import Resamples
    from throughline.evaluation.measure.difference import Choice

# With fewer rows that neither model has seen, an interval says nothing.
FEWEST_ROWS = 20
# The share of champions that an equal model replaces, over all nights together.
ERROR = 0.05


def compare(
    candidates: Sequence[Path],
    champion: Path,
    workspace: Workspace,
    pipeline: Any,
    champion_training: Path | None,
    looks: int = 0,
) -> dict[str, Any]:
    """Compare models of several seeds with the champion, on the same rows that none has seen.

    The paired difference of each seed has an error of its rows, and the seeds differ among
    themselves; the interval holds both. It is wider for every time that somebody has looked
    before.

    Args:
        candidates: model files of the same pipeline, each trained with another seed.
        champion: the model file in use.
        workspace: the pipeline; its test rows are used.
        pipeline: its sections; `compare_by` and `gates` say which figure decides.
        champion_training: the rows the champion was trained on; test rows among them, and windows
            that predict what they hold, are left out. None when they are no longer kept.
        looks: how often this champion was compared before. Default: never.

    Returns:
        verdict, reason, metric, difference (candidate - champion), low, high, rows, by_seed, look;
        of several targets those of the one that decides: one that is worse, else one that is
        better. The error of a look is shared among them.
    """
    each = of_each(pipeline)
    found = {
        name: _compared(
            candidates, champion, workspace, view, champion_training, looks, name, len(each)
        )
        for name, view in each.items()
    }
    return found[""] if "" in found else decided(found)


def decided(found: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The verdict on several targets: better where one is and none is worse.

    Args:
        found: of each target what `judged` says of it.
    """
    verdicts = [each["verdict"] for each in found.values()]
    verdict = next((v for v in ("worse", "better") if v in verdicts), verdicts[0])
    name = next(name for name, each in found.items() if each["verdict"] == verdict)
    deciding = found[name]
    metric = deciding["metric"]
    return {
        **deciding,
        "metric": metric and f"{name}.{metric}",
        "reason": "; ".join(f"{each}: {of['reason']}" for each, of in found.items()),
    }


def _compared(
    candidates: Sequence[Path],
    champion: Path,
    workspace: Workspace,
    pipeline: Any,
    champion_training: Path | None,
    looks: int,
    target: str,
    targets: int,
) -> dict[str, Any]:
    from throughline.evaluation.measure.difference import Choice
    from throughline.evaluation.measure.evaluated import compared_by
    from throughline.evaluation.row_parts import parts_of

    parts: Any = parts_of(
        needed(workspace.training_data, "prepare") / "main",
        needed(workspace.test_data, "prepare") / "main",
        pipeline,
        target,
    )
    if not parts.test_count:
        return _nothing("there are no test rows", 0, looks + 1)
    fresh = np.flatnonzero(parts.unseen(champion_training))
    if len(fresh) < FEWEST_ROWS:
        reason = f"only {len(fresh)} test rows are new to the champion"
        return _nothing(reason, len(fresh), looks + 1)
    try:
        answered = parts.outcome(champion, parts.evaluated)
    except (ThroughlineError, LookupError, ValueError) as error:
        reason = f"the champion cannot answer these rows: {' '.join(str(error).split())}"
        return _nothing(reason, len(fresh), looks + 1)
    if answered.predicted.shape != answered.actual.shape:
        reason = "the champion answers another number of values"
        return _nothing(reason, len(fresh), looks + 1)
    parts.remember(answered)
    ours = [parts.outcome(path, parts.evaluated).part(fresh) for path in candidates]
    found = judged(
        ours,
        answered.part(fresh),
        parts.draws_of(fresh),
        Choice(*compared_by(pipeline)),
        looks + 1,
        targets,
    )
    if champion_training is None:
        found["reason"] += "; the champion may have been trained on some of these rows"
    return found


def error_of_look(look: int) -> float:
    """The part of `ERROR` that is spent on a look, counted from 1.

    The parts of all looks add up to `ERROR`, however many there are, so that a model which is no
    better than the champion replaces it in 5 % of all series of nights, not of nights. Source:
    Foster and Stine (2008), Alpha-investing, JRSS B 70.
    """
    return ERROR * 6 / (math.pi**2 * look**2)


def judged(
    ours: Sequence[Any],
    reference: Any,
    resamples: Resamples,
    choice: Choice,
    look: int = 1,
    targets: int = 1,
) -> dict[str, Any]:
    """The verdict on models of several seeds.

    The errors of rows and of seeds add up, with the degrees of freedom of Satterthwaite (1946).
    """
    from scipy.special import stdtrit

    from throughline.evaluation.measure.difference import compared_metric, estimate, verdict

    alpha = error_of_look(look) / targets
    metric = compared_metric(choice.metric, [reference, *ours])
    found = [estimate(metric, each, reference, resamples) for each in ours]
    by_seed = [each.value for each in found]
    value = float(np.mean(by_seed))
    of_rows = float(np.mean([each.error**2 for each in found]))
    of_seeds = float(np.var(by_seed, ddof=1)) if len(by_seed) > 1 else 0.0
    total, degrees = of_rows + of_seeds, max(1.0, resamples.units - 1.0)
    if of_seeds:
        parts = of_rows**2 / degrees + of_seeds**2 / (len(by_seed) - 1)
        degrees = max(1.0, total**2 / parts)
    half = float(stdtrit(degrees, 1 - alpha / 2)) * math.sqrt(total)
    low, high = value - half, value + half
    if max(each.p_value for each in found) >= alpha:
        # So few rows decide that an exact test finds no difference.
        low, high = min(low, 0.0), max(high, 0.0)
    margin = choice.margin if metric == choice.metric else None
    known = math.isfinite(half)
    result = {
        "verdict": verdict(metric, (low, high), margin),
        "metric": metric,
        "difference": value,
        "low": low if known else None,
        "high": high if known else None,
        "margin": margin,
        "rows": len(reference),
        "by_seed": by_seed,
        "look": look,
    }
    often = f" at look {look}, which may err in {alpha:.2g}"
    return result | {"reason": f"{verdict_in_words(result)} by {metric}{often}"}


def _nothing(reason: str, rows: int, look: int) -> dict[str, Any]:
    from throughline.evaluation.measure.difference import NOT_SHOWN

    empty = dict.fromkeys(("metric", "difference", "low", "high", "margin"))
    return {
        "verdict": NOT_SHOWN, "reason": reason, **empty, "rows": rows, "by_seed": [], "look": look,
    }  # fmt: skip
