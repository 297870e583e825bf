"""Loading a pipeline file: from YAML to a checked `Definition`, with errors that help."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from throughline.errors import MOST_MISTAKES, BadPipeline, nearest
from throughline.paths import Workspace, existing
from throughline.pipeline.mistakes import mistakes_of
from throughline.pipeline.pipeline import Pipeline, Variant
from throughline.pipeline.unions import problems
from throughline.pipeline.yaml_file import YamlFile

# A variant that changes one of these needs prepared data of its own.
PREPARED_SECTIONS = ("columns", "split", "target", "targets", "time")


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
    file = YamlFile(existing(workspace.root, workspace.name).pipeline_file)
    return defined(workspace.name, file.content, file)


def defined(name: str, content: Mapping[str, Any], file: YamlFile) -> Definition:
    """What `content` defines, which `file` holds; see `load`."""
    branches = {"main": checked(content, file)}
    prepared_by = {"main": "main"}
    wrong: list[str] = []
    for branch, variant in branches["main"].variants.items():
        if len(wrong) > MOST_MISTAKES:
            break
        overrides = variant.overrides()
        place = ("variants", branch)
        try:
            document = varied(content, variant)
        except BadPipeline as error:
            line, column = file.place((*place, "without"))
            wrong.append(f"{file.path}:{line}:{column}: {'.'.join(place)}.without: {error}")
            continue
        try:
            branches[branch] = checked(document, file, place)
        except BadPipeline as error:
            wrong += error.lines
            continue
        own = bool(variant.without) or any(key in overrides for key in PREPARED_SECTIONS)
        prepared_by[branch] = branch if own else "main"
    if wrong:
        raise BadPipeline.of(wrong)
    return Definition(name, branches, prepared_by, tuple(content), content)


def varied(document: Mapping[str, Any], variant: Variant) -> dict[str, Any]:
    """The document of a variant: its sections laid over `document`, less the columns it drops.

    Raises:
        BadPipeline: `without` names a column that the pipeline does not list.
    """
    # They are many where they are generated, and stay as they are: no copy of each in each.
    shared = {key: document[key] for key in document if key == "variants"}
    alone = {key: value for key, value in document.items() if key not in shared}
    result = merged(alone, variant.overrides()) | shared
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
    """`document` as a `Pipeline`, or an error that names file, line, key and remedy.

    Raises:
        BadPipeline: with a line for each mistake.
    """
    try:
        return Pipeline.model_validate(document)
    except ValidationError as error:
        found = problems(error.errors(), document)
        raise BadPipeline.of(mistakes_of(found, file, prefix, document, Pipeline)) from None
