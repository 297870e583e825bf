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


def of_processes(root: Path) -> dict[str, Any]:
    """The work pool of this machine's processes, as `definition` gives it.

    Its template has no variables: what a run is asked for cannot choose the command, the
    environment or the folder of the worker's process.

    Args:
        root: the repository where runs work.
    """
    variables = {"type": "object", "properties": {}, "additionalProperties": False}
    # Prefect takes no empty configuration.
    template = {"job_configuration": {"stream_output": True}, "variables": variables}
    return {"type": "process", "directory": str(root), "template": template}


def definition(path: Path) -> dict[str, Any]:
    """A work pool's file, checked.

    Args:
        path: such as pools/docker.yaml.

    Returns:
        `type`, `directory` (the repository where runs work) and `template`, Prefect's base job
        template with the file's values as defaults.

    Raises:
        BadPipeline: a key or a value that this kind of pool does not know.
    """
    from throughline.pipeline.yaml_file import YamlFile

    content = dict(YamlFile(path).content)
    unknown = sorted(set(content) - KEYS)
    if unknown:
        raise BadPipeline(f"{path} has the keys {', '.join(sorted(KEYS))}", unknown)
    kind = str(content.get("type"))
    template = stock(kind)
    _check(path, content.get("variables", {}), template["variables"])
    for name, value in content.get("variables", {}).items():
        template["variables"]["properties"][name]["default"] = value
    if "job_manifest" in content:
        job = template["job_configuration"]
        if "job_manifest" not in job:
            raise BadPipeline(f"{path}: pools of type '{kind}' have no job_manifest")
        job["job_manifest"] = merged(job["job_manifest"], content["job_manifest"])
    return {"type": kind, "directory": content["directory"], "template": template}


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

    strict = {**schema, "additionalProperties": False}
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
