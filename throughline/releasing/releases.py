"""The records of released models: `releases/NAME/vN.yaml`, and which of them is the champion."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from throughline.errors import BadPipeline, MissingFile, nearest
from throughline.names import named
from throughline.paths import replaced
from throughline.pipeline.yaml_file import YamlFile
from throughline.releasing.git import git, prefix

FOLDER = Path("releases")
CHAMPION = "champion.yaml"
# A part of file names, of tags and of DVC's versions.
VERSION = re.compile(r"v[1-9][0-9]{0,8}")
# What decides the bytes of a model, besides the pipeline's own folder.
SOURCES = ("params.yaml", "code.json")


def folder_of(root: Path, name: str) -> Path:
    """Where the records of a pipeline lie.

    Raises:
        BadName: it is no name of a pipeline.
    """
    return root / FOLDER / named(name, "The name of a pipeline")


def record_of(root: Path, name: str, version: str) -> Path:
    """The file of a release's record.

    Raises:
        BadPipeline: it is no name of a pipeline, or no version.
    """
    if not VERSION.fullmatch(version):
        raise BadPipeline(f"A version of {name} is written v1, v2 and so on", repr(version))
    return folder_of(root, name) / f"{version}.yaml"


def pipelines(root: Path) -> list[str]:
    """The pipelines that have releases, sorted."""
    return sorted(path.parent.name for path in (root / FOLDER).glob(f"*/{CHAMPION}"))


def versions(root: Path, name: str) -> list[str]:
    """The versions of a pipeline, oldest first.

    A record that is not among them is what a killed release left; its number is used again.
    """
    found = {*crowned(root, name), *_waiting(root, name)}
    return sorted(found, key=lambda version: int(version[1:]))


def crowned(root: Path, name: str) -> list[str]:
    """The versions that are or have been champion, the first first."""
    return _listed(root, name, "crowned")


def _listed(root: Path, name: str, key: str) -> list[str]:
    found = _crowned(root, name).get(key) or []
    if not isinstance(found, list):
        raise BadPipeline(f"'{key}' in {folder_of(root, name) / CHAMPION} must be a list", found)
    texts = [str(version) for version in found]
    if wrong := [text for text in texts if not VERSION.fullmatch(text)]:
        raise BadPipeline(
            f"'{key}' in {folder_of(root, name) / CHAMPION} must be versions such as v1", wrong[0]
        )
    return texts


def _waiting(root: Path, name: str) -> list[str]:
    """The versions that were released and have not been champion."""
    return _listed(root, name, "waiting")


def champion(root: Path, name: str) -> str | None:
    """The version in use, or None before the first release."""
    version = _crowned(root, name).get("version")
    return str(version) if version else None


def _crowned(root: Path, name: str) -> dict[str, Any]:
    path = folder_of(root, name) / CHAMPION
    if not path.exists():
        return {}
    return dict(YamlFile(path).content)


def read(root: Path, name: str, version: str) -> dict[str, Any]:
    """A release's record.

    Raises:
        MissingFile: no such pipeline or version; the message names the nearest.
        BadPipeline: no name, no version, or the record of another release.
    """
    known = versions(root, name)
    if version not in known:
        wanted, valid = (version, known) if known else (name, pipelines(root))
        raise MissingFile(
            "A released version was expected",
            f"{name}@{version}",
            nearest(wanted, valid) if valid else "Nothing is released yet",
        )
    path = record_of(root, name, version)
    content = dict(YamlFile(path).content)
    said = (content.get("pipeline"), content.get("version"))
    if said != (name, version):
        raise BadPipeline(f"{path} must be the record of {name}@{version}", said, "Restore it")
    return content


def digest_of_model(record: Mapping[str, Any]) -> str:
    """DVC's digest of the model that was released.

    Raises:
        BadPipeline: the record does not say it.
    """
    try:
        return str(record["stages"]["export"][record["model"]["path"]])
    except (KeyError, TypeError):
        raise BadPipeline(
            f"The record of {record['pipeline']}@{record['version']} must name its model among "
            "the outputs of stage 'export'",
            remedy="Restore it",
        ) from None


def parsed(text: str) -> tuple[str, str]:
    """`NAME@VERSION` as its two parts.

    Raises:
        BadPipeline: it is written otherwise.
    """
    name, _, version = text.partition("@")
    if not name or not VERSION.fullmatch(version):
        raise BadPipeline("A release is written NAME@VERSION, such as iris@v1", text)
    return named(name, "The name of a pipeline"), version


def write(root: Path, record: Mapping[str, Any]) -> None:
    """Store a record; its version is not the champion before it is crowned."""
    path = record_of(root, record["pipeline"], record["version"])
    with replaced(path) as draft:
        draft.write_text(yaml.safe_dump(dict(record), sort_keys=False, width=100), encoding="utf-8")


def crown(root: Path, name: str, version: str) -> None:
    """Make a version the champion."""
    known, waiting = crowned(root, name), _waiting(root, name)
    content: dict[str, Any] = {
        "version": version,
        "crowned": [*known, *({version} - set(known))],
        "waiting": [each for each in waiting if each != version],
    }
    _note(root, name, content)


def hold_back(root: Path, name: str, version: str) -> None:
    """Count a version among the releases; the champion stays."""
    content = {**_crowned(root, name), "waiting": [*_waiting(root, name), version]}
    _note(root, name, content)


def _note(root: Path, name: str, content: Mapping[str, Any]) -> None:
    said = {key: value for key, value in content.items() if value}
    with replaced(folder_of(root, name) / CHAMPION) as draft:
        draft.write_text(yaml.safe_dump(said, sort_keys=False), encoding="utf-8")


def tag(root: Path, name: str, version: str) -> str:
    """The git tag of a release: `iris@v1`, or `textbooks/iris@v1` for a project in a folder."""
    return f"{prefix(root)}{name}@{version}"


def tagged(root: Path, name: str, version: str) -> str:
    """The commit of a release's tag.

    Raises:
        BadPipeline: it has none.
    """
    own = tag(root, name, version)
    if not git(root, "tag", "--list", own):
        raise BadPipeline(
            "A release must be committed and tagged to stand in a stage",
            f"{name}@{version}",
            "`git fetch --tags` if somebody else made it",
        )
    return git(root, "rev-list", "-n", "1", f"refs/tags/{own}")


def outputs(lock: Path) -> dict[str, dict[str, str]]:
    """The outputs of each stage with DVC's digests, as a `dvc.lock` has them."""
    stages = YamlFile(lock).content["stages"]
    return {
        stage: {output["path"]: output["md5"] for output in content.get("outs", [])}
        for stage, content in stages.items()
    }
