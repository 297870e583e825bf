"""Work pools of other kinds than local processes: `pools/docker.yaml`, `pools/kubernetes.yaml`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from throughline.errors import BadPipeline

# Prefect ships the templates of its own kinds of workers.
TEMPLATES = "api/collections_data/views/aggregate-worker-metadata.json"
KEYS = {"type", "packages", "directory", "variables", "job_manifest"}
# What Prefect's worker says itself of each run.
OF_THE_RUN = {"command", "name", "labels"}
# No variable at all: Prefect refuses a run that asks for one.
NONE = {"type": "object", "properties": {}, "additionalProperties": False}


def of_processes(root: Path) -> dict[str, Any]:
    """The work pool of this machine's processes, as `definition` gives it.

    Its template has no variables: what a run is asked for cannot choose the command, the
    environment or the folder of the worker's process.

    Args:
        root: the repository where runs work.
    """
    # Prefect takes no empty configuration.
    template = {"job_configuration": {"stream_output": True}, "variables": NONE}
    return {"type": "process", "directory": str(root), "template": template}


def definition(path: Path) -> dict[str, Any]:
    """A work pool's file, checked.

    Its template has no variables, as that of processes has none: what a run is asked for chooses
    neither command, image and mounts nor environment and rights of its container.

    Args:
        path: such as pools/docker.yaml.

    Returns:
        `type`, `directory` (the repository where runs work) and `template`, Prefect's base job
        template with the file's values in the place of its variables.

    Raises:
        BadPipeline: a key or a value that this kind of pool does not know, or a variable that is
            not the file's to set.
    """
    from throughline.pipeline.yaml_file import YamlFile

    content = dict(YamlFile(path).content)
    unknown = sorted(set(content) - KEYS)
    if unknown:
        raise BadPipeline(f"{path} has the keys {', '.join(sorted(KEYS))}", unknown)
    kind = str(content.get("type"))
    template = stock(kind)
    values = content.get("variables", {})
    _check(path, values, template["variables"])
    job = _filled(template, values)
    if "job_manifest" in content:
        if "job_manifest" not in job:
            raise BadPipeline(f"{path}: pools of type '{kind}' have no job_manifest")
        job["job_manifest"] = merged(job["job_manifest"], content["job_manifest"])
    if "env" in job:
        # Beside a mapping Prefect lays that of a run, whatever the variables are.
        _into_manifest(path, kind, job, job.pop("env"))
    return {
        "type": kind,
        "directory": content["directory"],
        "template": {"job_configuration": job, "variables": NONE},
    }


def _filled(template: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a template with values, or Prefect's defaults, for its variables."""
    from prefect.utilities.templating import apply_values

    properties = template["variables"]["properties"]
    defaults = {
        name: entry["default"]
        for name, entry in properties.items()
        if entry.get("default") is not None
    }
    return dict(apply_values(template["job_configuration"], {**defaults, **values}))


def _into_manifest(path: Path, kind: str, job: dict[str, Any], values: Mapping[str, Any]) -> None:
    """Write environment variables into the container of a manifest, where no run adds to them.

    Raises:
        BadPipeline: this kind of pool has none.
    """
    if not values:
        return
    if "job_manifest" not in job:
        raise BadPipeline(
            f"{path}: pools of type '{kind}' take no 'variables.env', which a run could add to",
            sorted(values),
            "Say it in the image, by ENV in pools/Dockerfile",
        )
    (container,) = job["job_manifest"]["spec"]["template"]["spec"]["containers"]
    container["env"] = [{"name": name, "value": value} for name, value in values.items()]


def stock(kind: str) -> dict[str, Any]:
    """Prefect's own base job template of a kind of work pool.

    Raises:
        BadPipeline: Prefect has no such kind.
    """
    text = (resources.files("prefect.server") / TEMPLATES).read_text(encoding="utf-8")
    known = {name: worker for kinds in json.loads(text).values() for name, worker in kinds.items()}
    if kind not in known:
        raise BadPipeline("A kind of work pool was expected", kind, f"One of {sorted(known)}")
    return dict(known[kind]["default_base_job_configuration"])


def _check(path: Path, values: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    import jsonschema  # type: ignore[import-untyped]

    known = {key: value for key, value in schema["properties"].items() if key not in OF_THE_RUN}
    strict = {**schema, "properties": known, "additionalProperties": False}
    for error in jsonschema.Draft202012Validator(strict).iter_errors(dict(values)):
        key = ".".join(["variables", *map(str, error.absolute_path)])
        raise BadPipeline(f"{path}: {key} must be what Prefect's pool takes", error.message)


def merged(base: Any, changes: Any) -> Any:
    """Nested mappings and lists with changes laid over them; lists item by item."""
    if isinstance(base, Mapping) and isinstance(changes, Mapping):
        keys = [*base, *(key for key in changes if key not in base)]
        return {
            key: merged(base[key], changes[key])
            if key in base and key in changes
            else changes.get(key, base.get(key))
            for key in keys
        }
    if isinstance(base, list) and isinstance(changes, list):
        both = [merged(old, new) for old, new in zip(base, changes, strict=False)]
        return both + base[len(both) :] + changes[len(both) :]
    return changes
