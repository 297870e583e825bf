"""Loading a pipeline file: from YAML to a checked `Definition`, with errors that help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from throughline.errors import (
    BadPipeline,
    MissingFile,
    ThroughlineError,
    nearest,
    printable,
    shorten,
)
from throughline.paths import Workspace, pipelines
from throughline.pipeline.pipeline import Pipeline, Variant
from throughline.pipeline.unions import Problem, problems
from throughline.pipeline.yaml_file import YamlFile

# A variant that changes one of these needs prepared data of its own.
PREPARED_SECTIONS = ("columns", "split", "target", "time")


@dataclass(frozen=True)
class Definition:
    """A pipeline with its variants, each checked, as written in its file."""

    name: str
    branches: Mapping[str, Pipeline]
    prepared_by: Mapping[str, str]
    sections: tuple[str, ...]
    document: Mapping[str, Any]

    @property
    def main(self) -> Pipeline:
        """The pipeline itself, without any variant."""
        return self.branches["main"]


def load(workspace: Workspace) -> Definition:
    """Read and check a pipeline file and all its variants.

    Raises:
        MissingFile: no such pipeline; the message names the nearest.
        BadPipeline: names the file, line, key, what was found and the nearest valid name.
    """
    path = workspace.pipeline_file
    if not path.exists():
        raise MissingFile(
            f"A pipeline is a folder with the file {path}",
            workspace.name,
            nearest(workspace.name, pipelines(workspace.root)),
        )
    file = YamlFile(path)
    branches = {"main": checked(file.content, file)}
    prepared_by = {"main": "main"}
    for name, variant in branches["main"].variants.items():
        overrides = variant.overrides()
        document = varied(file.content, variant)
        branches[name] = checked(document, file, ("variants", name))
        own = bool(variant.without) or any(key in overrides for key in PREPARED_SECTIONS)
        prepared_by[name] = name if own else "main"
    return Definition(workspace.name, branches, prepared_by, tuple(file.content), file.content)


def varied(document: Mapping[str, Any], variant: Variant) -> dict[str, Any]:
    """The document of a variant: its sections laid over `document`, less the columns it drops.

    Raises:
        BadPipeline: `without` names a column that the pipeline does not list.
    """
    result = merged(document, variant.overrides())
    for column in variant.without:
        if column not in result["columns"]:
            raise BadPipeline(
                "'without' names a column that section 'columns' lists",
                column,
                nearest(column, list(result["columns"])),
            )
        del result["columns"][column]
    return result


def merged(document: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """`document` with `overrides` laid over it: mappings are merged, all else is replaced."""
    result = {key: deepcopy(value) for key, value in document.items()}
    for key, value in overrides.items():
        held = result.get(key)
        # A network or an optimizer is replaced whole: a merge would mix two of them.
        whole = key in ("network", "optimizer", "epochs", "inputs")
        if isinstance(held, dict) and isinstance(value, Mapping) and not whole:
            result[key] = merged(held, value)
        else:
            result[key] = deepcopy(value)
    return result


def checked(document: Mapping[str, Any], file: YamlFile, prefix: tuple[str, ...] = ()) -> Pipeline:
    """`document` as a `Pipeline`, or an error that names file, line, key and remedy."""
    try:
        return Pipeline.model_validate(document)
    except ValidationError as error:
        found = problems(error.errors(), document)
        raise BadPipeline(_explained(found, file, prefix)) from None


def _explained(found: Sequence[Problem], file: YamlFile, prefix: tuple[str, ...]) -> str:
    problem, *others = found
    first, keys = problem.error, problem.keys
    cause = first.get("ctx", {}).get("error")
    misplaced = getattr(cause, "keys", ())
    keys += misplaced
    line = file.line((*prefix, *keys)) or file.line(keys)
    place = printable(".".join(str(key) for key in (*prefix, *keys))) or "file"
    where = f"{file.path}:{line}: {place}"
    if first["type"] == "extra_forbidden":
        valid = _valid_keys(keys[:-1])
        what = f"no such key. {nearest(str(keys[-1]), valid)}" if valid else "no such key."
    elif first["type"] == "missing":
        what = "this key is required."
    else:
        what = first["msg"].removeprefix("Value error, ").rstrip(".") + "."
        if problem.expected:
            what = f"Input should be {problem.expected}."
        # An error of our own says itself what it received.
        if not misplaced and not isinstance(cause, ThroughlineError):
            what += f" Received: {shorten(first['input'])}."
    more = f" ({len(others)} more in this file)" if others else ""
    return f"{where}: {what}{more}"


def _valid_keys(keys: tuple[str | int, ...]) -> list[str]:
    """The keys that the schema knows at a place in the file."""
    place: Any = Pipeline
    for key in keys:
        model = _model_within(place)
        if model is not None and not _holds_several(place):
            field = model.model_fields.get(str(key))
            place = field.annotation if field else None
        elif model is not None:
            # The key is a name of the user's, or a position; what it holds is the section.
            place = model
    model = _model_within(place)
    return list(model.model_fields) if model is not None else []


def _holds_several(annotation: Any) -> bool:
    """Whether a type such as `dict[str, Column]` holds sections under names or positions."""
    return getattr(annotation, "__origin__", None) in (dict, list)


def _model_within(annotation: Any) -> type[BaseModel] | None:
    """The section's class inside a type such as `dict[str, Column]` or `Scale | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _model_within(inner)
        if found is not None:
            return found
    return None
