"""The flows as Prefect's workers load them; see prefect.yaml."""

from __future__ import annotations

from flows.pipeline import pipeline_flow
from flows.retrain import retrain_flow

pipeline = pipeline_flow()
retrain = retrain_flow()
