"""A small forecaster, built once through every stage."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.repositories import write_pipeline
from throughline.paths import Workspace
from throughline.pipeline.schema.judgement import FORECASTERS
from throughline.stages.declared import stages_of
from throughline.stages.run import run_stage

HOURS = 600
LOOKBACK = 24


def load() -> np.ndarray:
    """A daily wave with noise that leans on the hour before."""
    generator = np.random.default_rng(0)
    noise = np.zeros(HOURS)
    for hour in range(1, HOURS):
        noise[hour] = 0.7 * noise[hour - 1] + generator.normal(0, 1.0)
    return 100 + 20 * np.sin(2 * np.pi * np.arange(HOURS) / 24) + noise


def times() -> list[str]:
    """Hours from New Year's Eve on."""
    return [str(datetime(2019, 12, 31) + timedelta(hours=hour)) for hour in range(HOURS)]


PIPELINE: dict[str, Any] = {
    "title": "How much in the next hours?",
    "task": "forecast",
    "source": {"rows": {"when": times(), "load": load().tolist()}},
    "target": {"column": "load", "change": "difference", "scale": "standard", "unit": "MW"},
    "columns": {
        "load": {"scale": "standard"},
        "rise": {"derive": {"sum": ["load"]}, "change": "difference", "scale": "standard"},
    },
    "time": {
        "index": "when",
        "every": "1h",
        "lookback": LOOKBACK,
        "horizon": {"sequence": 3},
        "calendar": ["hour"],
    },
    "split": {"kind": "temporal", "test": 0.3},
    "network": [{"GRU": {"units": 8}}],
    "training": {"optimizer": {"Adam": {"learning_rate": 0.01}}, "epochs": 6, "batch_size": 32},
    "cross_validation": {"folds": 2},
    "compare": [*FORECASTERS, "LinearRegression"],
    "export": {"precisions": ["float16", "int8-static"], "tolerance": 0.1},
    "gates": {"beat": "persistence"},
    "variants": {
        "short": {
            "time": {"lookback": 2, "horizon": 1},
            "network": [{"Flatten": {}}],
            "cross_validation": None,
        },
        "decoder": {
            "time": {"output": "sequence"},
            "network": [
                {"GRU": {"units": 4}},
                {"RepeatVector": {"n": 3}},
                {"GRU": {"units": 4, "return_sequences": True}},
            ],
            "training": {"epochs": 2},
            "cross_validation": None,
        },
    },
}


@pytest.fixture(scope="session")
def forecaster(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The pipeline above after all stages."""
    root = tmp_path_factory.mktemp("repository")
    return built(root, "load", PIPELINE)


def built(root: Path, name: str, pipeline: dict[str, Any]) -> Workspace:
    """A repository of one pipeline after all stages."""
    workspace = write_pipeline(root, name, pipeline)
    for stage in [each.name for each in stages_of({})]:
        run_stage(stage, name, root)
    return workspace
