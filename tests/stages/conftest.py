"""One small pipeline, built once through every stage, for the tests of what a build promises."""

from __future__ import annotations

import pytest

from tests.repositories import write_pipeline
from throughline.paths import Workspace
from throughline.stages.declared import stages_of
from throughline.stages.run import run_stage

PIPELINE = {
    "title": "Does it sell?",
    "task": "binary",
    "source": {
        "rows": {
            "age": [float((7 * i) % 50 + 18) for i in range(120)],
            "town": ["abc"[i % 3] for i in range(120)],
            "vip": [i % 5 == 0 for i in range(120)],
            "bought": ["yes" if ((7 * i) % 50 > 20) == (i % 3 > 0) else "no" for i in range(120)],
        }
    },
    "target": "bought",
    "columns": {
        "age": {"scale": "standard", "impute": "mean"},
        "town": {"encode": "one-hot"},
        "vip": {},
    },
    "expectations": {"rules": [{"expect_table_row_count_to_equal": {"value": 120}}]},
    "split": {"test": 0.25, "stratify": "bought", "seed": 1},
    "network": [{"Dense": {"units": 8, "activation": "relu"}}, {"Dropout": {"rate": 0.1}}],
    "training": {"optimizer": {"Adam": {"learning_rate": 0.02}}, "epochs": 12, "batch_size": 16},
    "cross_validation": {"folds": 3, "sizes": [0.5]},
    "compare": ["majority", "LogisticRegression"],
    "export": {"precisions": ["float16", "int8-dynamic", "int8-static"], "tolerance": 0.1},
    "slices": [{"column": "town"}],
    "claims": [{"text": "a text", "at": "L1", "metric": "accuracy", "value": 0.5}],
    "variants": {"logistic": {"network": []}, "bare": {"columns": {"age": {"scale": "minmax"}}}},
    "sweeps": {
        "rate": {"over": {"training.optimizer.Adam.learning_rate": [0.01, 0.1]}, "folds": 2}
    },
}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The pipeline above after all seven stages."""
    root = tmp_path_factory.mktemp("repository")
    workspace = write_pipeline(root, "shop", PIPELINE)
    for stage in [each.name for each in stages_of({})]:
        run_stage(stage, "shop", root)
    return workspace
