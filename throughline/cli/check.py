"""`throughline check`: is a pipeline file right, without running anything?"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from throughline.errors import BadPipeline, ThroughlineError, printable
from throughline.limits import guarded
from throughline.paths import Workspace, pipelines, replaced
from throughline.pipeline.loading import Definition, load
from throughline.pipeline.yaml_file import YamlFile

SCHEMA = Path("docs") / "pipeline.schema.json"


def check(root: Path, names: list[str]) -> int:
    """Check pipeline files and print a line for each.

    Args:
        root: the repository.
        names: pipelines; all of them when empty.

    Returns:
        0 when all are right, else 2.
    """
    wrong = 0
    for name in names or pipelines(root):
        try:
            with guarded(f"pipelines/{name}"):
                problems = list(problems_of(Workspace(root, name)))
        except ThroughlineError as error:
            problems = [str(error)]
        wrong += bool(problems)
        for problem in problems:
            print(f"error: {printable(problem)}", file=sys.stderr)
        if not problems:
            print(f"{name}: right")
    return 2 if wrong else 0


def problems_of(workspace: Workspace) -> Iterator[str]:
    """Everything that is wrong with a pipeline file, a line each."""
    from throughline.stages.wire import wired

    try:
        definition = load(workspace)
    except ThroughlineError as error:
        yield str(error)
        return
    for problem in _named_things(definition, _backend(workspace)):
        yield f"{workspace.pipeline_file}: {problem}"
    try:
        wired(workspace)
    except BadPipeline as error:
        yield str(error)


def _backend(workspace: Workspace) -> str:
    """Of Keras, as params.yaml says."""
    path = workspace.parameters_file
    return str(YamlFile(path).content.get("backend", "tensorflow")) if path.exists() else ""


def _named_things(definition: Definition, backend: str) -> Iterator[str]:
    """Names that nothing knows, of layers or metrics for example, and what XLA cannot train."""
    from throughline.figures import learned
    from throughline.figures.names import unknown_metrics
    from throughline.training import xla
    from throughline.training.engine import watch
    from throughline.training.network import agreement, objects, spec
    from throughline.validation.catalogue import problems

    main = definition.main
    yield from problems(main.expectations.rules)
    for name, pipeline in definition.branches.items():
        place = "" if name == "main" else f"variants.{name}: "
        training = pipeline.training
        found = [*spec.check(pipeline.network), *objects.check(training), *watch.check(training)]
        if not found:
            scaled = pipeline.target.scale is not None
            task = pipeline.problem
            found = learned.problems(pipeline.training, task.loss, task.metrics, scaled)
            found += agreement.check(pipeline.network, training, pipeline.task)
        for problem in found or xla.check(pipeline.training, pipeline.network, backend):
            yield f"{place}{problem}"
    yield from unknown_metrics(main)


def write_schema(root: Path) -> Path:
    """Write the JSON Schema of a pipeline file, for editors that complete and check YAML."""
    from pydantic.json_schema import GenerateJsonSchema

    from throughline.pipeline.pipeline import Pipeline

    class Closed(GenerateJsonSchema):
        """A mapping whose keys are names takes no other keys."""

        def dict_schema(self, schema: Any) -> dict[str, Any]:
            found = super().dict_schema(schema)
            return (
                found | {"additionalProperties": False} if "patternProperties" in found else found
            )

    path = root / SCHEMA
    content = Pipeline.model_json_schema(schema_generator=Closed)
    with replaced(path) as draft:
        draft.write_text(json.dumps(content, indent=1) + "\n")
    return path
