"""`throughline check`: is a pipeline file right, without running anything?"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from throughline.cli.ending import say_mistake
from throughline.errors import BadPipeline, ThroughlineError, first_mistakes, nearest
from throughline.limits import guarded
from throughline.paths import PROJECT, Workspace, in_project, pipelines
from throughline.pipeline.loading import Definition, defined, load
from throughline.pipeline.mistakes import mended
from throughline.pipeline.pipeline import Pipeline
from throughline.pipeline.yaml_file import YamlFile
from throughline.terminal import coloured, note

# FILE:LINE:COLUMN: what is wrong.
PLACED = re.compile(r"(\S+\.yaml):(\d+):(\d+): (.*)", re.DOTALL)


def check(root: Path, names: list[str], as_json: bool = False) -> int:
    """Check pipeline files and print a line for each.

    Args:
        root: the repository.
        names: pipelines; all of them when empty.
        as_json: print one list instead, with file, line and column of each mistake. Default: no.

    Returns:
        0 when all are right, else 2.
    """
    if not names:
        in_project(root)
    shared = list(first_mistakes(list(_misspelt(root)), root / PROJECT))
    for mistake in shared:
        say_mistake(mistake)
    found = {name: _mistakes(root, name) for name in names or pipelines(root)}
    if not found and not as_json:
        note("no pipeline yet; throughline add DATA makes one")
    if as_json:
        report = [
            {"pipeline": name, "right": not mistakes, "mistakes": list(map(_apart, mistakes))}
            for name, mistakes in found.items()
        ]
        print(json.dumps(report, indent=1, ensure_ascii=False))
        return 2 if shared or any(found.values()) else 0
    for name, mistakes in found.items():
        for mistake in mistakes:
            say_mistake(mistake)
        if not mistakes:
            note(f"{name}: {coloured('right', 'good')}")
    return 2 if shared or any(found.values()) else 0


def _misspelt(root: Path) -> Iterator[str]:
    """Values of params.yaml that cannot be, and keys that are nearly one of ours.

    Others may be of a user's own stages.
    """
    from throughline.limits import SECTION
    from throughline.releasing.stages import conditions
    from throughline.running.prefect.retention import KEY
    from throughline.stages.declared import EVERY_STAGE, declared

    if not (root / PROJECT).exists():
        return
    file = YamlFile(root / PROJECT)
    for key, valid in _valid().items():
        value = file.content.get(key, valid[0])
        if value not in valid or type(value) is not type(valid[0]):
            line, column = file.place([key])
            said = f"{key} should be one of {', '.join(map(str, valid))}. Received: {value}."
            yield f"{file.path}:{line}:{column}: {said} {nearest(str(value), valid)}"
    for key, least in (("seed", 0), ("threads", 0)):
        value = file.content.get(key, least)
        if type(value) is not int or value < least:
            line, column = file.place([key])
            said = f"{key} should be a whole number from {least} on. Received: {value}."
            yield f"{file.path}:{line}:{column}: {said}"
    known = {key for stage in EVERY_STAGE for key in declared(stage).shared}
    known |= {SECTION, conditions.SECTION, KEY}
    for key in file.content:
        near = difflib.get_close_matches(str(key), known - set(file.content), n=1, cutoff=0.8)
        if key not in known and near:
            line, column = file.place([key])
            said = f"'{key}' is read by nothing. Did you mean '{near[0]}'?"
            yield f"{file.path}:{line}:{column}: {said}"


def _valid() -> dict[str, Sequence[str]]:
    """What keys of params.yaml may say."""
    from throughline import processor
    from throughline.training.engine.devices import BACKENDS, DEVICES

    return {
        "backend": BACKENDS,
        "device": DEVICES,
        "instructions": processor.INSTRUCTIONS,
    }


def _mistakes(root: Path, name: str) -> list[str]:
    try:
        with guarded(f"pipelines/{name}"):
            return list(problems_of(Workspace(root, name)))
    except ThroughlineError as error:
        return [str(error)]


def _apart(mistake: str) -> dict[str, Any]:
    """A mistake with its place apart from what is said of it."""
    found = PLACED.match(mistake)
    if found is None:
        return {"file": None, "line": None, "column": None, "message": mistake}
    file, line, column, message = found.groups()
    return {"file": file, "line": int(line), "column": int(column), "message": message}


def problems_of(workspace: Workspace) -> Iterator[str]:
    """What is wrong with a pipeline file, a line each; of many mistakes the first ones."""
    yield from first_mistakes(list(_problems(workspace)), workspace.pipeline_file)


def _problems(workspace: Workspace) -> Iterator[str]:
    try:
        definition, file = load(workspace), YamlFile(workspace.pipeline_file)
    except BadPipeline as error:
        yield from error.lines
        yield from _further(workspace, error.lines)
        return
    except ThroughlineError as error:
        yield str(error)
        return
    yield from _beyond_the_schema(definition, file, workspace)


def _further(workspace: Workspace, reported: tuple[str, ...]) -> Iterator[str]:
    """What else is wrong once the mistakes that were told are mended as proposed."""
    try:
        file = YamlFile(workspace.pipeline_file)
        document = mended(file.content, Pipeline)
        if document is None:
            return
        definition = defined(workspace.name, document, file)
    except BadPipeline as error:
        yield from (line for line in error.lines if line not in reported)
        return
    yield from _beyond_the_schema(definition, file, workspace)


def _beyond_the_schema(
    definition: Definition, file: YamlFile, workspace: Workspace
) -> Iterator[str]:
    """Names that Keras, Great Expectations and the data know, or do not."""
    from throughline.cli.sections import sweep_problems

    for problem in _named_things(definition, _backend(workspace)):
        yield _placed(problem, file)
    yield from sweep_problems(definition, file)
    yield from (_placed(problem, file) for problem in _unknown_data(definition, workspace))


def _placed(problem: str, file: YamlFile) -> str:
    """A problem that begins with the keys of its place, with file, line and column before it."""
    path = re.match(r"(?:variants\.\w[\w-]*: )?[^\s:]+", problem)
    keys = re.split(r"[.\[\]]+|: ", path[0]) if path else []
    steps = [int(key) if key.isdigit() else key for key in keys if key]
    if not file.holds(steps[:1]):
        return f"{file.path}: {problem}"
    line, column = file.place(steps)
    return f"{file.path}:{line}:{column}: {problem}"


def _keys(problem: str) -> str:
    """The keys that a problem begins with."""
    return re.split(r":? ", problem, maxsplit=1)[0]


def _unknown_data(definition: Definition, workspace: Workspace) -> Iterator[str]:
    """Local files that cannot be read, columns that they lack, and texts that are no numbers."""
    from throughline.cli.named_columns import texts_as_numbers, unknown_columns
    from throughline.sources.header import header
    from throughline.sources.registry import Surroundings

    try:
        columns = header(definition.main.source, Surroundings.of(workspace.root))
    except ThroughlineError as error:
        place = f"source.{definition.main.source.kind}"
        message = str(error).removeprefix(f"'{place}' ")
        yield f"{place}: {message}"
        return
    if columns is None:
        return
    seen: set[str] = set()
    for name, pipeline in definition.branches.items():
        mistaken = texts_as_numbers(pipeline, columns)
        for problem in (*unknown_columns(pipeline, list(columns)), *mistaken):
            if problem not in seen:
                seen.add(problem)
                yield problem if name == "main" else f"variants.{name}: {problem}"


def _backend(workspace: Workspace) -> str:
    """Of Keras, as params.yaml says."""
    path = workspace.parameters_file
    return str(YamlFile(path).content.get("backend", "tensorflow")) if path.exists() else ""


def _named_things(definition: Definition, backend: str) -> Iterator[str]:
    """Names that nothing knows, of layers or metrics for example, and what XLA cannot train."""
    from throughline.cli import sections, values
    from throughline.evaluation.measure.evaluated import unknown_metrics
    from throughline.export import unwritable
    from throughline.figures import learned
    from throughline.pipeline.several_targets import of_each
    from throughline.training import xla
    from throughline.training.engine import watch
    from throughline.training.network import agreement, checks
    from throughline.training.objects.section import check_target, check_training
    from throughline.validation.catalogue import problems

    main = definition.main
    yield from problems(main.expectations.rules)
    for name, pipeline in definition.branches.items():
        place = "" if name == "main" else f"variants.{name}: "
        training = pipeline.training
        named = checks.check(pipeline.network, list(pipeline.targets))
        found = [*named, *check_training(training), *watch.check(training)]
        for target, section in pipeline.targets.items():
            found += check_target(target, section)
        if not found:
            for target, each in of_each(pipeline).items():
                scaled, task = each.target.scale is not None, each.problem
                found += learned.problems(each.training, task.loss, task.metrics, scaled, target)
            found += unwritable.check(pipeline.network)
            found += agreement.check(pipeline.network, training, pipeline.task)
            found += agreement.check_targets(pipeline.network, pipeline.targets)
            found += watch.check_targets(training, pipeline.targets)
            reported = "\n".join(found)
            further = (*values.problems(pipeline), *sections.problems(pipeline))
            # A value that is told already has no second line.
            found += [each for each in further if f"{_keys(each)} " not in f"{reported} "]
        for problem in found or xla.check(pipeline.training, pipeline.network, backend):
            yield f"{place}{problem}"
    yield from unknown_metrics(main)
