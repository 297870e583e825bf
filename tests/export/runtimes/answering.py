"""Answers files' requests with the onnxruntime, or OpenVINO, of the running Python.

Imports nothing of ours: it runs in environments that have an old runtime and numpy alone.
`python answering.py PACKAGE FOLDER` reads FOLDER/*.json, prints a line of JSON for each.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np


def array(value: dict) -> np.ndarray:
    kind = object if value["type"] == "string" else value["type"]
    data = [float("nan") if each == "NaN" else each for each in value["data"]]
    return np.array(data, dtype=kind).reshape(value["dims"])


def by_onnxruntime(path: str, names: list[str]):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda feed: dict(zip(names, session.run(names, feed), strict=True))


def by_openvino(path: str, names: list[str]):
    import openvino

    precision = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    model = openvino.Core().compile_model(path, "CPU", precision)
    # It has names of its own for some of them, in the file's order.
    return lambda feed: dict(zip(names, model(feed).values(), strict=True))


def main(package: str, folder: Path) -> None:
    load = by_openvino if package == "openvino" else by_onnxruntime
    for file in sorted(folder.glob("*.json")):
        asked = json.loads(file.read_text(encoding="utf-8"))
        line = {"name": asked["name"]}
        try:
            answer = load(asked["path"], list(asked["outputs"]))
            found = answer({key: array(value) for key, value in asked["requests"].items()})
            one = {key: array(value) for key, value in asked["one"].items()}
            times = []
            for _ in range(50):
                start = time.perf_counter()
                answer(one)
                times.append((time.perf_counter() - start) * 1e6)
            line["answers"] = {key: np.ravel(value).tolist() for key, value in found.items()}
            line["time"] = statistics.median(times)
        except Exception as error:
            line["refused"] = str(error)[:200]
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
