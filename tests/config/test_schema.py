"""The JSON Schema for editors, and the round trip of a pipeline through its own long form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from throughline.cli.schema import SCHEMA, content, write_schema
from throughline.pipeline.pipeline import Pipeline

ROOT = Path(__file__).parents[2]
FILES = sorted(f for p in (ROOT, ROOT / "textbooks") for f in p.glob("pipelines/*/pipeline.yaml"))


class TestTheSchemaForEditors:
    def test_is_the_one_that_the_command_writes(self, tmp_path: Path) -> None:
        (tmp_path / "docs").mkdir()
        assert write_schema(tmp_path).read_text() == (ROOT / SCHEMA).read_text()

    def test_describes_every_key(self) -> None:
        written = content()
        sections = {"pipeline": written, **written["$defs"]}
        silent = [
            f"{section}.{key}"
            for section, schema in sections.items()
            for key, said in schema.get("properties", {}).items()
            if not said.get("description")
        ]
        assert len(sections) > 30 and not silent

    @pytest.mark.parametrize("file", FILES, ids=lambda path: path.parent.name)
    def test_accepts_every_pipeline_file(self, file: Path) -> None:
        import jsonschema

        schema = json.loads((ROOT / SCHEMA).read_text())
        jsonschema.validate(yaml.safe_load(file.read_text()), schema)

    def test_refuses_an_unknown_key(self) -> None:
        import jsonschema

        schema = json.loads((ROOT / SCHEMA).read_text())
        document = yaml.safe_load(FILES[0].read_text()) | {"colums": {}}
        with pytest.raises(jsonschema.ValidationError, match="colums"):
            jsonschema.validate(document, schema)


class TestTheLongForm:
    @pytest.mark.parametrize("file", FILES, ids=lambda path: path.parent.name)
    def test_of_a_pipeline_is_the_same_pipeline(self, file: Path) -> None:
        pipeline = Pipeline.model_validate(yaml.safe_load(file.read_text()))
        assert Pipeline.model_validate(pipeline.model_dump()) == pipeline
