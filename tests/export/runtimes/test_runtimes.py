"""Which runtimes take the files that are written, and answer as the one that proved them.

`python -m pytest -m slow -s tests/export/runtimes/test_runtimes.py` prints the table of
docs/model-file.md. It takes the models that lie in `models/` and `textbooks/models/`, and texts,
whose graphs are made here; each runtime is installed from the registry into an environment of
its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import runtimes
from runtimes import verdict

from throughline.export.graph.canonical import canonical_bytes
from throughline.export.graph.reach import lower, oldest_runtime
from throughline.paths import read_json
from throughline.pipeline.schema.text import Text
from throughline.preprocessing.columns.kinds.text import fit_text
from throughline.preprocessing.columns.texts.text_graph import write_text
from throughline.preprocessing.graph.builder import Graph
from throughline.preprocessing.graph.runtime import session_of
from throughline.samples.samples import kind

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ROOT = Path(__file__).resolve().parents[3]
# Each adds a quarter of a million numbers in one sum, which another build does in another order.
LONG_SUMS = {"filters", "sound"}
TEXTS = ["le crème Éclair", "ÉCLAIR", "", "ПРИВЕТ, мир", "ΟΔΟΣ ΤΗΣ", "naïve Ångström plain", "...!"]
ENCODINGS = {
    "counts": {"encode": "counts", "ngrams": (1, 2)},
    "tf-idf": {"encode": "tf-idf"},
    "token numbers": {"encode": {"ids": {"length": 4}}},
}


def of_projects():
    """Name, file and golden requests of every model that was built here."""
    for project in (ROOT, ROOT / "textbooks"):
        for path in sorted(project.glob("models/*/model.onnx")):
            prepared = project / "data/prepared" / path.parent.name / "training/main"
            if (prepared / "prepared.json").is_file():
                summary = read_json(prepared / "prepared.json")
                yield (
                    path.parent.name,
                    path,
                    kind(summary).golden_requests(path.parent / "network/main", summary),
                )


def of_texts(folder: Path):
    """The same of texts in every encoding."""
    for name, settings in ENCODINGS.items():
        text = Text(tokens=r"[\p{L}]+", **settings)
        texts = np.array(TEXTS, dtype=object)
        fitted = fit_text("t", texts, text)
        graph = Graph()
        found = write_text(graph, graph.input("t", "string", ["N", 1]), fitted)
        ids = name == "token numbers"
        graph.output(found, 6 if ids else 1, ["N", 4 if ids else len(fitted.vocabulary)])
        path = folder / f"{name}.onnx"
        path.write_bytes(canonical_bytes(lower(graph.model())))
        yield f"texts as {name}", path, {"t": texts[:, None]}


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A folder of requests, and by name the file and its answers in this process."""
    folder = tmp_path_factory.mktemp("runtimes")
    known = {}
    for name, path, requests in (*of_projects(), *of_texts(folder)):
        model = onnx.load(path)
        session = session_of(model)
        outputs = [value.name for value in session.get_outputs()]
        known[name] = (model, dict(zip(outputs, session.run(outputs, requests), strict=True)))
        runtimes.request(folder, name, path, outputs, requests)
    return folder, known


def answers(runtime: str, asked: Any, own: Path) -> dict[str, Any]:
    try:
        command = runtimes.command(runtime, own)
    except runtimes.NotInstalled as error:
        pytest.skip(str(error))
    return runtimes.answers(command, asked[0])


def told(runtime: str, verdicts: dict[str, str]) -> None:
    print(f"\n{runtime}")
    for name, found in verdicts.items():
        print(f"  {name}: {found}")


def resizes(model: onnx.ModelProto) -> bool:
    """Whether pictures come in any size: they are resized in 64 bits, which OpenVINO cuts to 32."""
    tensors = (value.type.tensor_type for value in model.graph.input)
    return any(
        tensor.elem_type == onnx.TensorProto.UINT8
        and any(not dim.HasField("dim_value") for dim in tensor.shape.dim[1:])
        for tensor in tensors
    )


def is_cut(model) -> bool:
    """Whether OpenVINO, which cuts integers of 64 bits to 32, takes other pixels or hours."""
    moments = [
        each
        for each in model.graph.input
        if each.type.tensor_type.elem_type == onnx.TensorProto.INT64
    ]
    return bool(moments) or resizes(model)


@pytest.mark.parametrize("runtime", runtimes.PACKAGES)
def test_python(runtime, asked, tmp_path):
    known = asked[1]
    found = answers(runtime, asked, tmp_path / "own")
    verdicts = {name: verdict(known[name][1], line) for name, line in found.items()}
    told(runtime, verdicts)
    version = runtime.split()[-1]
    for name, (model, _) in known.items():
        if runtime == "openvino":
            texts = any(value.type.tensor_type.elem_type == 8 for value in model.graph.input)
            takes = not texts and name not in LONG_SUMS and not is_cut(model)
        else:
            takes = version == "newest" or number(oldest_runtime(model)) <= number(version)
        if takes:
            assert verdicts[name].endswith("µs"), (name, verdicts[name], found[name])


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


@pytest.mark.parametrize("module", runtimes.MODULES)
def test_javascript(module, asked, tmp_path):
    known = asked[1]
    found = answers(module, asked, tmp_path / "own")
    verdicts = {name: verdict(known[name][1], line) for name, line in found.items()}
    told(module, verdicts)
    others = {
        name: each
        for name, each in verdicts.items()
        if not each.endswith("µs") and not (module == "onnxruntime-web" and name in LONG_SUMS)
    }
    assert not others
