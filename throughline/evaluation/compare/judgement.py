"""Verdicts: the texts' figures against ours, and the gates."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from throughline.errors import BadPipeline, nearest
from throughline.evaluation.measure.measure import Figure, plain
from throughline.figures.names import Direction, direction, unknown_figure
from throughline.pipeline.schema.judgement import BOUND, fits

if TYPE_CHECKING:
    from throughline.pipeline.schema.judgement import Claim, Gates

# So many standard deviations of the text's own runs cover its figure.
DEVIATIONS = 2.0
# What is equal in six significant digits is equal.
ROUNDING = 5e-7


def judged(claim: Claim, figure: Figure) -> dict[str, Any]:
    """A claim with our figure and the verdict.

    `reproduced`: within the claim's tolerance; without one, inside our 95 % interval, or within
    2 sd of the text's figure, or equal to it as far as it is printed. `better`: beyond that on
    the good side of the metric. `not reached`: anything else.
    """
    ours = figure["value"]
    verdict = "not reached"
    if _agrees(claim, figure):
        verdict = "reproduced"
    elif _is_better(ours, claim.value, direction(claim.metric)):
        verdict = "better"
    return {
        "text": claim.text,
        "at": claim.at,
        "variant": claim.variant,
        "point": _spoken_point(claim),
        "metric": claim.metric,
        "printed": claim.value,
        "sd": claim.sd,
        "tolerance": claim.tolerance,
        "ours": figure,
        "verdict": verdict,
        "reason": claim.reason,
        "erratum": claim.erratum,
    }


def _is_better(ours: float, theirs: float, wanted: Direction) -> bool:
    return (wanted == "higher" and ours > theirs) or (wanted == "lower" and ours < theirs)


def _agrees(claim: Claim, figure: Figure) -> bool:
    distance = abs(figure["value"] - claim.value) - ROUNDING * max(1.0, abs(claim.value))
    if claim.tolerance is not None:
        return distance <= claim.tolerance
    if claim.sd is not None and distance <= DEVIATIONS * claim.sd:
        return True
    low, high = figure["low"], figure["high"]
    if low is not None and high is not None and low <= claim.value <= high:
        return True
    return distance <= _half_a_unit(claim.value)


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
) -> list[dict[str, Any]]:
    """Every claim with its verdict.

    Args:
        claims: of the pipeline file.
        figures: for each branch its figures by name.
        sweeps: of scores.json. Default: none.

    Raises:
        BadPipeline: a claim on a figure that the branch or the point does not have.
    """
    return [
        judged(
            claim,
            _looked_up(claim.metric, claim.variant, figures)
            if claim.sweep is None
            else _at_point(claim, (sweeps or {}).get(claim.sweep, {"points": []})),
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
        difference = next(c["difference"] for c in comparisons if c["name"] == name)
        holds = difference["verdict"] == "better"
        result.append({"gate": f"beat {name}", "holds": holds, "value": difference["value"]})
    for name, bound in gates.metrics.items():
        match = BOUND.fullmatch(bound)
        assert match is not None
        value = _looked_up(name, "main", {"main": figures})["value"]
        result.append(
            {"gate": f"{name} {bound}", "holds": _holds(value, *match.groups()), "value": value}
        )
    return result


def _holds(value: float, comparison: str, bound: str) -> bool:
    limit = float(bound)
    return {
        ">=": value >= limit,
        "<=": value <= limit,
        ">": value > limit,
        "<": value < limit,
    }[comparison]
