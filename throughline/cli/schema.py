"""`throughline schema`: the JSON Schema of a pipeline file, each key with its description."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from throughline.paths import replaced
from throughline.pipeline.pipeline import Pipeline
from throughline.pipeline.strict import Strict

SCHEMA = Path("docs") / "pipeline.schema.json"


class Described(GenerateJsonSchema):
    """Each key says what the docstring of its section says; names take no other keys."""

    def dict_schema(self, schema: Any) -> dict[str, Any]:
        """A mapping whose keys are names is closed to others."""
        found = super().dict_schema(schema)
        return found | {"additionalProperties": False} if "patternProperties" in found else found

    def model_schema(self, schema: Any) -> dict[str, Any]:
        """A section: its keys with their descriptions, itself without the list of them."""
        found = super().model_schema(schema)
        prose, keys = documented(schema["cls"])
        for key, text in keys.items():
            found["properties"][key]["description"] = text
        return found | {"description": prose}


@cache
def documented(section: type) -> tuple[str, dict[str, str]]:
    """What the docstring of a section says of it, and of each of its keys under `Args`."""
    from griffe import Docstring, DocstringSectionKind, parse_google

    found = parse_google(Docstring(section.__doc__ or "", lineno=1), warnings=False)
    prose = [part.value for part in found if part.kind is DocstringSectionKind.text]
    keys = [part.value for part in found if part.kind is DocstringSectionKind.parameters]
    (base, *_) = section.__bases__
    # A section that adds keys to another one tells of those alone.
    inherited = documented(base)[1] if base is not Strict and issubclass(base, Strict) else {}
    own = {key.name: " ".join(key.description.split()) for part in keys for key in part}
    return "\n\n".join(prose), inherited | own


def content() -> dict[str, Any]:
    """The JSON Schema of a pipeline file."""
    return Pipeline.model_json_schema(schema_generator=Described)


def write_schema(root: Path) -> Path:
    """Write the JSON Schema of a pipeline file, for editors that complete and check YAML."""
    path = root / SCHEMA
    with replaced(path) as draft:
        draft.write_text(json.dumps(content(), indent=1, ensure_ascii=False) + "\n")
    return path
