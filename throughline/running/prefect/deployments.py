"""What of a file of deployments is read here; Prefect, which gets it whole, checks the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from throughline.errors import BadPipeline
from throughline.pipeline.mistakes import mistakes_of
from throughline.pipeline.unions import problems
from throughline.pipeline.yaml_file import YamlFile


class _Read(BaseModel):
    """A mapping with keys of Prefect's besides."""

    model_config = ConfigDict(extra="allow", strict=True)


class Schedule(_Read):
    """When runs begin; `active` may be a template."""

    cron: str | None = None
    interval: float | None = Field(None, gt=0)
    rrule: str | None = None
    timezone: str | None = None
    active: bool | str | None = None


class Pool(_Read):
    """What runs are taken from."""

    name: str | None = None


class Deployment(_Read):
    """One entry; `paused` may be a template."""

    name: str
    entrypoint: str | None = None
    description: str | None = None
    tags: list[str] | None = None
    parameters: dict[str, Any] | None = None
    schedules: list[Schedule] | None = None
    work_pool: Pool | None = None
    paused: bool | str | None = None


class Deployments(_Read):
    """The file; `alerts` has a reader of its own."""

    deployments: list[Deployment] | None = None


class OfOurFlows(_Read):
    """Parameters that our flows take."""

    names: list[str] | None = None
    name: str | None = None
    webhook: str | None = None


def read(path: Path) -> YamlFile:
    """A file of deployments, once every entry has the types that are read.

    Raises:
        MissingFile: there is no such file.
        BadPipeline: names file, line, key, what was found and what was expected.
    """
    file = YamlFile(path)
    _validated(Deployments, file, (), file.content)
    return file


def parameters(file: YamlFile, number: int) -> OfOurFlows:
    """The parameters of a deployment of one of our flows.

    Raises:
        BadPipeline: names file, line, key, what was found and what was expected.
    """
    given = file.content["deployments"][number].get("parameters") or {}
    checked = _validated(OfOurFlows, file, ("deployments", number, "parameters"), given)
    assert isinstance(checked, OfOurFlows)
    return checked


def _validated(
    schema: type[_Read], file: YamlFile, place: tuple[str | int, ...], given: Any
) -> _Read:
    try:
        return schema.model_validate(given)
    except ValidationError as error:
        found = problems(error.errors(), given)
        raise BadPipeline.of(mistakes_of(found, file, place, given, schema)) from None
