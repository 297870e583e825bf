"""The stages of every pipeline in their order, and what the help says of each.

Not in `stages`: `throughline --help` names them and imports none.
"""

from __future__ import annotations

STAGES = {
    "ingest": "fetch the raw rows",
    "validate": "set aside rows that break a rule",
    "bottleneck": "compute what a frozen network makes of pictures",
    "prepare": "split, fit the preprocessing, make arrays",
    "cross_validate": "train and score the folds",
    "train": "train the networks",
    "export": "write model.onnx and prove it",
    "evaluate": "meet the test rows, write the report",
}
