"""`python -m benchmarks.text`: 25,000 reviews to multi-hot rows, by the graph and by others.

Each side tokenises the same reviews with the same vocabulary, in one process of its own with one
thread, so that its time and its peak memory are its alone: the fitted graph into bytes as `prepare`
does, scikit-learn's CountVectorizer (already fitted) into its sparse matrix and into the dense
array that a network takes, and the loop of the textbooks over token numbers into float64, which
gets its tokens by the same pattern. Then one review end to end by `model.onnx`, if it is built.
The pipeline is one of `textbooks`, or of the folder that you name; what `prepare` makes is made
first where it is missing.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from throughline.errors import ThroughlineError
from throughline.paths import Workspace, needed

ROOT = Path(__file__).parents[1] / "textbooks"
PIPELINE = "imdb-dense"
SIDES = ("graph", "scikit-learn, sparse", "scikit-learn, dense", "textbook loop")
MEGABYTES = 1024.0  # ru_maxrss counts kilobytes.
MOST_MEMORY = 1024.0
MOST_MILLISECONDS = 1.0
CALLS = 500


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 1 when the graph is not the fastest or takes a gigabyte."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.text", description=__doc__)
    parser.add_argument("--name", default=PIPELINE, help="a pipeline of multi-hot texts, prepared")
    parser.add_argument("--root", type=Path, default=ROOT, help="the project that holds it")
    parser.add_argument("--rows", type=int, default=25_000)
    parser.add_argument("--side", choices=SIDES, help="measure this side alone, in this process")
    chosen = parser.parse_args(arguments)
    workspace = Workspace(chosen.root, chosen.name)
    try:
        if chosen.side:
            print(json.dumps(measured(workspace, chosen.side, chosen.rows)))
            return 0
        _prepared(workspace)
        found = {side: _in_its_own_process(workspace, side, chosen.rows) for side in SIDES}
    except ThroughlineError as error:
        print(error, file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        return int(error.returncode)  # It has said why.
    ours = found["graph"]["seconds"]
    print(f"{'':24}{'seconds':>10}{'times ours':>12}{'peak MB':>10}{'ones':>14}")
    for side, each in found.items():
        print(
            f"{side:24}{each['seconds']:>10.2f}{each['seconds'] / ours:>12.2f}"
            f"{each['megabytes']:>10.0f}{each['ones']:>14,.0f}"
        )
    fine = all(ours < found[side]["seconds"] for side in SIDES[1:])
    fine &= found["graph"]["megabytes"] < MOST_MEMORY
    if workspace.model.exists():
        milliseconds = one_review(workspace)
        print(f"one review, raw text to probability: median {milliseconds:.3f} ms")
        fine &= milliseconds < MOST_MILLISECONDS
    return int(not fine)


def _prepared(workspace: Workspace) -> None:
    """Run the stages up to `prepare`, if their arrays are not there."""
    if workspace.training_data.exists():
        return
    for stage in ("ingest", "validate", "prepare"):
        command = [sys.executable, "-m", "throughline", stage, workspace.name]
        subprocess.run(command, cwd=workspace.root, stdout=sys.stderr, check=True)


def _in_its_own_process(workspace: Workspace, side: str, rows: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.text", "--name", workspace.name, "--side", side]
    command += ["--root", str(workspace.root), "--rows", str(rows)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def measured(workspace: Workspace, side: str, rows: int) -> dict[str, float]:
    """Processor seconds of the encoding alone, peak memory of the process, ones in the result."""
    texts, vocabulary, pattern = _given(workspace, rows)
    make = {
        "graph": lambda: _graph(workspace, texts),
        "scikit-learn, sparse": lambda: _vectorizer(texts, vocabulary, pattern, dense=False),
        "scikit-learn, dense": lambda: _vectorizer(texts, vocabulary, pattern, dense=True),
        "textbook loop": lambda: _loop(texts, vocabulary, pattern),
    }[side]
    encode: Callable[[], float] = make()
    # Processor time: what other programs of the machine do is no matter.
    started = time.process_time()
    ones = encode()
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTES
    return {"seconds": seconds, "megabytes": peak, "ones": ones}


def _given(workspace: Workspace, rows: int) -> tuple[np.ndarray, list[str], str]:
    """The reviews, the vocabulary that `prepare` fitted, and the pattern of a token."""
    import pyarrow.parquet

    from throughline.pipeline.loading import load

    (column,) = load(workspace).main.columns
    folder = needed(workspace.training_data, "prepare") / "main"
    table = pyarrow.parquet.read_table(folder / "rows.parquet", columns=[column])
    texts = np.array(table.column(column).to_pylist()[:rows], dtype=object)
    (names,) = json.loads((folder / "prepared.json").read_text())["features"].values()
    text = load(workspace).main.columns[column].text
    assert text is not None
    return texts, [name.removeprefix(f"{column}=") for name in names], text.tokens


def _graph(workspace: Workspace, texts: np.ndarray) -> Callable[[], float]:
    """By the graph, into an array of bytes, as `prepare` stores it."""
    import onnx

    from throughline.preprocessing.graph.run import TEXTS
    from throughline.preprocessing.graph.runtime import session_of

    graph = onnx.load(workspace.training_data / "main" / "preprocess.onnx")
    session = session_of(graph)
    (output,) = session.get_outputs()
    (name,) = [each.name for each in session.get_inputs()]

    def encode() -> float:
        result = np.empty((len(texts), output.shape[1]), np.uint8)
        for start in range(0, len(texts), TEXTS):
            part = slice(start, start + TEXTS)
            (result[part],) = session.run([output.name], {name: texts[part, None]})
        return float(np.count_nonzero(result))

    return encode


def _vectorizer(
    texts: np.ndarray, vocabulary: list[str], pattern: str, dense: bool
) -> Callable[[], float]:
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(
        token_pattern=pattern, vocabulary=vocabulary, binary=True, dtype=np.uint8
    )

    def encode() -> float:
        result = counter.transform(texts)
        return float(np.count_nonzero(result.toarray()) if dense else result.nnz)

    return encode


def _loop(texts: np.ndarray, vocabulary: list[str], pattern: str) -> Callable[[], float]:
    """`vectorize_sequences` of the texts, after a loop that looks every token up."""
    numbers = {token: i for i, token in enumerate(vocabulary)}
    token = re.compile(pattern)

    def encode() -> float:
        sequences = [
            [numbers[word] for word in token.findall(text.lower()) if word in numbers]
            for text in texts
        ]
        results = np.zeros((len(sequences), len(vocabulary)))
        for i, sequence in enumerate(sequences):
            results[i, sequence] = 1.0
        return float(np.count_nonzero(results))

    return encode


def one_review(workspace: Workspace) -> float:
    """The median of one review's way through `model.onnx`, in milliseconds."""
    from throughline.serving.predictor import Predictor

    texts, _, _ = _given(workspace, CALLS)
    predictor = Predictor(workspace.model)
    (name,) = predictor.inputs
    predictor.predict({name: texts[:8]})
    times = []
    for text in texts:
        started = time.perf_counter()
        predictor.predict({name: [text]})
        times.append(time.perf_counter() - started)
    return float(np.median(times)) * 1000


if __name__ == "__main__":
    sys.exit(main())
