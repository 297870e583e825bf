"""Stage `evaluate`: `model.onnx` meets raw test rows, for the first and only time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from throughline.errors import BadPipeline
from throughline.paths import Workspace, needed, read_json, replaced, write_json
from throughline.pipeline.several_targets import of_each
from throughline.stages.stage import (
    PREPARED,
    TRAINED,
    Entry,
    Stage,
    has_pictures,
    has_precisions,
    has_variants,
)

if TYPE_CHECKING:
    from pathlib import Path

    from throughline.evaluation.branch import Judged
    from throughline.pipeline.schema.judgement import Comparison
    from throughline.stages.given import StageInput

PLACE = {"after": "export", "help": "meet the test rows, write the report"}
STAGE = Stage(
    "evaluate",
    reads=("claims", "compare", "compare_by", "export", "gates", "slices", "title"),
    takes=(*PREPARED, *TRAINED),
    inputs=(
        Entry("training_data"),
        Entry("test_data"),
        Entry("cross_validation"),
        Entry("model"),
        Entry("parity"),
        Entry("precisions", has_precisions),
        Entry("variants", has_variants),
        Entry("networks", has_pictures),
    ),
    outputs=(Entry("evaluation"),),
    metrics=(Entry("metrics"),),
)


def evaluate(stage_input: StageInput, workspace: Workspace) -> None:
    """Measure every branch on raw test rows and hold it against baselines, gates and claims.

    Writes the flat figures for `dvc metrics show` and the folder of the report. Without test rows
    (`split: {test: 0}`) the figures are those of the training rows, and the report says so.

    Raises:
        BadPipeline: a claim, gate, slice or comparison that names what is not there.
        BadData: rows that the model refuses.
    """
    from throughline.evaluation.show.facts import provenance, seen
    from throughline.evaluation.show.line import ending
    from throughline.evaluation.show.report_page import page, page_of_several
    from throughline.evaluation.show.report_plots import plotted
    from throughline.evaluation.show.sweeps import prepared
    from throughline.evaluation.show.tables import write_tables
    from throughline.evaluation.targets_apart import merged, of_target, scores_of

    scores = read_json(needed(workspace.cross_validation / "scores.json", "cross_validate"))
    found = {
        target: _evaluated(
            of_target(stage_input, target), workspace, scores_of(scores, target), target
        )
        for target in of_each(stage_input.main)
    }
    main = next(iter(found.values())).branches["main"]
    facts = (
        seen(main.parts, workspace.test_data / "main"),
        provenance(stage_input.main, main.parts, workspace.model, scores),
    )
    plots = {
        target: plotted(workspace, each.branches, each.report, scores_of(scores, target))
        for target, each in found.items()
    }
    reports = {target: each.report for target, each in found.items()}
    if "" in reports:
        report = reports[""]
        shown = page(report, plots[""], *facts)
    else:
        report = merged(stage_input.main, reports)
        sweeps = prepared(scores.get("sweeps") or {})
        shown = page_of_several(report, reports, plots, *facts, sweeps)
    with replaced(workspace.evaluation) as folder:
        folder.mkdir()
        write_json(folder / "report.json", report)
        for target, each in found.items():
            (folder / target).mkdir(exist_ok=True)
            write_tables(
                folder / target, each.branches["main"].outcome, each.report["branches"]["main"]
            )
        (folder / "report.html").write_text(shown, encoding="utf-8")
    with replaced(workspace.metrics) as draft:
        write_json(draft, _flat(report))
    print(ending(report, workspace), flush=True)


class _Evaluated(NamedTuple):
    """The target, or one of several, measured: its branches, and what report.json says of it."""

    branches: dict[str, Judged]
    report: dict[str, Any]


def _evaluated(
    stage_input: StageInput, workspace: Workspace, scores: dict[str, Any], target: str
) -> _Evaluated:
    from throughline.evaluation.compare.set_aside import with_set_aside
    from throughline.evaluation.measure.evaluated import COUNTED
    from throughline.figures.rounding import rounded_report

    branches = _judged(stage_input, workspace, scores, target)
    report = _report(stage_input, branches, scores, workspace.model)
    main = branches["main"]
    aside = workspace.test_data / "main", workspace.model
    report["set_aside"] = with_set_aside(*aside, main.parts.target, main.outcome)
    report = rounded_report(report, COUNTED) | {"claims": _with_rounded_figures(report["claims"])}
    _say_differences_alike(report)
    return _Evaluated(branches, report)


def _judged(
    stage_input: StageInput, workspace: Workspace, scores: dict[str, Any], target: str
) -> dict[str, Judged]:
    from throughline.evaluation.branch import judge
    from throughline.evaluation.row_parts import parts_of
    from throughline.pipeline.schema.judgement import Comparison
    from throughline.samples.kinds import kind_of

    parts: dict[str, Any] = {}
    judged = {}
    for name, view in stage_input.branches.items():
        owner = stage_input.prepared_by[name]
        if owner not in parts:
            folders = (workspace.training_data / owner, workspace.test_data / owner)
            parts[owner] = parts_of(*folders, view, target)
            if owner != "main":
                parts[owner].share(parts["main"])
        usual = [Comparison(model=model) for model in kind_of(view).usual(view)]
        compare = _with_trivial(view.compare or usual, view.problem.baseline)
        smaller = workspace.precisions if name == "main" else None
        judged[name] = judge(
            workspace.model_of(name), parts[owner], view, compare, scores.get(name), smaller
        )
    return judged


def _with_trivial(comparisons: list[Comparison], baseline: str) -> list[Comparison]:
    """The models to compare with, the trivial baseline of the task first."""
    from throughline.pipeline.schema.judgement import Comparison

    named = [comparison for comparison in comparisons if comparison.model == baseline]
    others = [comparison for comparison in comparisons if comparison.model != baseline]
    return [*(named[:1] or [Comparison(model=baseline)]), *others]


def _report(
    stage_input: StageInput, branches: dict[str, Judged], scores: dict[str, Any], model: Path
) -> dict[str, Any]:
    from throughline.evaluation.branch import difference_to_main
    from throughline.evaluation.compare.debugging import debug_list
    from throughline.evaluation.compare.verdicts import all_judged, gated
    from throughline.evaluation.measure.weighing import weighed
    from throughline.evaluation.texts import analysed

    main = stage_input.main
    parts = branches["main"].parts
    # What single words say of one of several targets nobody asks yet.
    found = {} if parts.target.name else analysed(model, main, branches["main"])
    titles = {"main": main.title} | {name: each.title for name, each in main.variants.items()}
    figures = {name: branch.figures for name, branch in branches.items()}
    tested = {name: branch.parts.test_count > 0 for name, branch in branches.items()}
    entries = {name: {"title": titles[name], **branch.report} for name, branch in branches.items()}
    entries["main"] |= {"texts": found} if found else {}
    entries["main"]["weighs"] = weighed(model, branches["main"].parts)
    for name, entry in entries.items():
        if name != "main":
            entry["difference_to_main"] = difference_to_main(branches[name], branches["main"])
    comparisons = entries["main"]["comparisons"]
    settings = scores.get("settings", {})
    return {
        "pipeline": stage_input.name,
        "title": main.title,
        "task": main.task,
        "target": {"columns": main.target.columns, "unit": main.target.unit},
        "branches": entries,
        "claims": all_judged(main.claims, figures, scores.get("sweeps") or {}, tested),
        "gates": gated(main.gates, figures["main"], comparisons),
        "debug": debug_list(main.task, comparisons[0], settings.get("main")),
    }


def _with_rounded_figures(claims: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Claims as the report says them: what the texts print stays as they print it."""
    from throughline.evaluation.measure.evaluated import COUNTED
    from throughline.figures.rounding import rounded_report

    return [
        claim | {"ours": rounded_report({claim["metric"]: claim["ours"]}, COUNTED)[claim["metric"]]}
        for claim in claims
    ]


def _say_differences_alike(report: dict[str, Any]) -> None:
    """Give a gate on a baseline the rounded difference that stands beside the baseline."""
    for comparison in report["branches"]["main"]["comparisons"]:
        for gate in report["gates"]:
            if gate["gate"] == f"beat {comparison['name']}":
                gate["value"] = comparison["difference"]["value"]


def _flat(report: dict[str, Any]) -> dict[str, Any]:
    """The figures alone: those of the pipeline itself on top, each variant's below its name."""
    values = {
        name: {metric: figure["value"] for metric, figure in branch["metrics"].items()}
        for name, branch in report["branches"].items()
    }
    flat: dict[str, Any] = values.pop("main")
    for name, figures in values.items():
        if name in flat:
            raise BadPipeline(
                "A variant must not have the name of a metric", name, "Give it another name"
            )
        flat[name] = figures
    return flat
