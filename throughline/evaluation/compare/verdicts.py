"""Verdicts: the texts' figures against ours, and the gates."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from throughline.errors import BadPipeline, nearest
from throughline.evaluation.compare.forecasters import missing
from throughline.evaluation.measure.evaluated import (
    figure_of,
    unknown_figure,
)
from throughline.evaluation.measure.measure import Figure, plain
from throughline.pipeline.schema.judgement import BASELINES, BOUND, LIMIT, fits, limited

if TYPE_CHECKING:
    from throughline.pipeline.schema.judgement import Claim, Gates

EQUAL, COMPATIBLE, NOT = "shown equal", "compatible", "not reproduced"
# So many standard deviations of the text's own runs cover its figure.
DEVIATIONS = 2.0
# What is equal in six significant digits is equal.
ROUNDING = 5e-7
# Nobody would act otherwise on two figures this near: points of a share, a part of an error.
MARGIN_OF_SHARES, MARGIN_OF_ERRORS = 0.02, 0.1


def judged(claim: Claim, figure: Figure, tested: bool = True) -> dict[str, Any]:
    """A claim with our figure and the verdict.

    `shown equal`: our whole 95 % interval lies within the margin of the printed figure; for a
    figure without interval, the figure does. `compatible`: the printed figure lies in our interval,
    or within 2 sd of the text's runs of our figure, which shows nothing else. `not reproduced`:
    anything else; `side` says whether ours is the better or the worse figure. Two one-sided tests
    (Schuirmann 1987).

    Args:
        claim: what a text prints.
        figure: ours.
        tested: whether it is one of rows that no training has seen. Default: true.
    """
    ours, kind = figure["value"], kind_of(claim, tested)
    margin = margin_of(claim)
    verdict = NOT
    if _within(figure, claim, _half_a_unit(claim.value) if kind == "count" else margin):
        verdict = EQUAL
    elif _compatible(claim, figure):
        verdict = COMPATIBLE
    side = ""
    if verdict == NOT and kind in ("test", "folds"):
        side = "better" if figure_of(claim.metric).is_better(ours, claim.value) else "worse"
    return {
        "text": claim.text,
        "at": claim.at,
        "variant": claim.variant,
        "point": _spoken_point(claim),
        "metric": claim.metric,
        "printed": claim.value,
        "sd": claim.sd,
        "margin": margin,
        "ours": figure,
        "kind": kind,
        "verdict": verdict,
        "side": side,
        "reason": claim.reason,
        "erratum": claim.erratum,
    }


def kind_of(claim: Claim, tested: bool) -> str:
    """What a figure is of: `test` rows, `folds`, `training` rows, a `baseline`, or a `count`.

    Those of rows that stand in for the text's are a kind of their own, `stand-in`.
    """
    name, _, subject = claim.metric.partition(":")
    if figure_of(claim.metric).rises is None:
        return "count"
    if claim.stand_in:
        return "stand-in"
    if subject and subject.partition(" ")[0] in BASELINES:
        return "baseline"
    if name.startswith("cv_"):
        return "folds"
    return "test" if tested and not name.startswith("train_") else "training"


def margin_of(claim: Claim) -> float:
    """How far two figures of this kind may lie apart and still be equal.

    One margin a metric: two points of a share, a tenth of an error. A file's own `tolerance` takes
    its place where its `reason` says why.
    """
    if claim.tolerance is not None and claim.reason:
        return claim.tolerance
    if figure_of(claim.metric).rises is False:
        return MARGIN_OF_ERRORS * abs(claim.value)
    return MARGIN_OF_SHARES


def _within(figure: Figure, claim: Claim, margin: float) -> bool:
    """Whether all that our figure may be lies within the margin."""
    if figure.get("decided_by"):
        # So few rows show no equality, with or without an interval.
        return False
    low, high = figure["low"], figure["high"]
    ends = (figure["value"],) if low is None or high is None else (low, high)
    reach = margin + ROUNDING * max(1.0, abs(claim.value))
    return all(abs(end - claim.value) <= reach for end in ends)


def _compatible(claim: Claim, figure: Figure) -> bool:
    if claim.sd is not None and abs(figure["value"] - claim.value) <= DEVIATIONS * claim.sd:
        return True
    if figure.get("decided_by") and figure["low"] is None:
        # Nor do they speak against anything.
        return True
    low, high, half = figure["low"], figure["high"], _half_a_unit(claim.value)
    return low is not None and high is not None and low - half <= claim.value <= high + half


def _half_a_unit(value: float) -> float:
    """Half a unit in the last printed place: .00005 for .2516."""
    exponent = Decimal(repr(value)).as_tuple().exponent
    # 12.0 may have been printed as 12, so whole numbers are taken as exact.
    return (
        0.0 if float(value).is_integer() or not isinstance(exponent, int) else 0.5 * 10.0**exponent
    )


def _spoken_point(claim: Claim) -> str:
    """`sweep learning-rate: learning_rate 0.5`; nothing for a claim on a branch."""
    if claim.sweep is None:
        return ""
    settings = (f"{path.rpartition('.')[2]} {value}" for path, value in claim.point.items())
    return f"sweep {claim.sweep}: {', '.join(settings)}"


def all_judged(
    claims: list[Claim],
    figures: Mapping[str, Mapping[str, Figure]],
    sweeps: Mapping[str, Any] | None = None,
    tested: Mapping[str, bool] | None = None,
) -> list[dict[str, Any]]:
    """Every claim with its verdict.

    Args:
        claims: of the pipeline file.
        figures: for each branch its figures by name.
        sweeps: of scores.json. Default: none.
        tested: for each branch whether it has test rows. Default: all have.

    Raises:
        BadPipeline: a claim on a figure that the branch or the point does not have.
    """
    return [
        judged(
            claim,
            _looked_up(claim.metric, claim.variant, figures)
            if claim.sweep is None
            else _at_point(claim, (sweeps or {}).get(claim.sweep, {"points": []})),
            (tested or {}).get(claim.variant, True),
        )
        for claim in claims
    ]


def _at_point(claim: Claim, sweep: Mapping[str, Any]) -> Figure:
    """The figure of one point of a sweep: of its folds, or of its training on all rows."""
    found = [point for point in sweep["points"] if fits(claim.point, point["settings"])]
    place = _spoken_point(claim)
    if len(found) != 1:
        raise BadPipeline(f"A claim is on one point; {place} fits {len(found)}", claim.point)
    (point,) = found
    if "diverged" in point:
        raise BadPipeline(f"The training at {place} diverged and has no figure", claim.metric)
    known: dict[str, Figure] = {
        f"train_{k}": plain(v) for k, v in point.get("refitted", {}).items()
    }
    for name, fold in point["metrics"].items():
        low, high = fold["low"], fold["high"]
        known[f"cv_{name}"] = Figure(value=fold["mean"], low=low, high=high, method="folds")
    if claim.metric not in known:
        hint = "" if "refitted" in point else f"`train_` needs `sweeps.{claim.sweep}.refit: true`. "
        raise BadPipeline(
            f"A metric of {place} is needed", claim.metric, hint + nearest(claim.metric, known)
        )
    return known[claim.metric]


def _looked_up(name: str, branch: str, figures: Mapping[str, Mapping[str, Figure]]) -> Figure:
    known = figures[branch]
    if name not in known:
        raise unknown_figure(name, branch, known)
    return known[name]


def gated(
    gates: Gates, figures: Mapping[str, Figure], comparisons: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Which gates hold; it is the release that refuses a model.

    A baseline is beaten when the paired difference is better with an interval that excludes 0.
    """
    result = []
    for name in gates.beat:
        difference = next((c["difference"] for c in comparisons if c["name"] == name), None)
        if difference is None:
            raise BadPipeline(
                f"gate 'beat: {name}' needs a library that is not installed",
                missing(name),
                "pip install 'throughline[forecasts]'",
            )
        holds = difference["verdict"] == "better"
        result.append({"gate": f"beat {name}", "holds": holds, "value": difference["value"]})
    for name, bound in gates.metrics.items():
        match = BOUND.fullmatch(bound)
        assert match is not None
        value = _bounded(name, figures)
        result.append(
            {"gate": f"{name} {bound}", "holds": _holds(value, *match.groups()), "value": value}
        )
    return result


def _bounded(name: str, figures: Mapping[str, Figure]) -> float:
    """The figure that a gate bounds, or the end of its interval that the gate names."""
    figure = _looked_up(limited(name), "main", {"main": figures})
    limit = LIMIT.fullmatch(name)
    if limit is None:
        return figure["value"]
    end = figure["low"] if limit.group(1) == "lower" else figure["high"]
    if end is None:
        raise BadPipeline(
            f"The gate '{name}' needs a figure with an interval",
            f"'{limited(name)}' has none here",
            "Figures of training rows have none; set test rows aside, or bound the figure itself",
        )
    return end


def _holds(value: float, comparison: str, bound: str) -> bool:
    limit = float(bound)
    return {
        ">=": value >= limit,
        "<=": value <= limit,
        ">": value > limit,
        "<": value < limit,
    }[comparison]
