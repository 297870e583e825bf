"""Section `export`: smaller files of the same model, and how much worse one may be."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from throughline.pipeline.strict import Strict

Precision = Literal["float16", "int8-dynamic", "int8-static"]


class Export(Strict):
    """Which precisions are written beside the float32 `model.onnx`, for the pipeline itself.

    float16: weights in half precision, computed in single. int8-dynamic: weights of products as
    eight-bit numbers, inputs scaled at run time. int8-static: inner values too.

    Args:
        precisions: that are written.
        tolerance: the accuracy (of a regression the share of the MAE) that a smaller file may lose
            on the test rows, by the worse end of the 95 % interval; beyond it the file is not
            released. Default: 0.01.
        calibration_rows: training rows that give `int8-static` its scales. Default: 256.
    """

    precisions: list[Precision] = []
    tolerance: float = Field(default=0.01, ge=0)
    calibration_rows: int = Field(default=256, ge=1)
