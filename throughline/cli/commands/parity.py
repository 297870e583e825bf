"""`throughline parity NAME`: the model file against the trained network on real test rows.

Stage `export` holds a file against answers that were stored at training, without TensorFlow. This
command goes further, and is slower: it loads the network itself, takes rows that no training has
seen, names the first node that departs, asks a second runtime, and tries what must be refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from throughline.export.proof.parity import (
    TOLERANCE,
    OutputParity,
    compare,
    first_departing_node,
    scales_of,
)
from throughline.paths import Workspace, needed
from throughline.samples.samples import Requests, kind, read_samples

if TYPE_CHECKING:
    import keras
    import onnx


# Rows that the second runtime answers: it is written for reading, not for speed.
REFERENCE_ROWS = 16
SINGLE_ROWS = 8


@dataclass(frozen=True)
class Check:
    """One line of the contract.

    Attributes:
        branch: of the pipeline.
        what: was compared with the network.
        error: the largest |expected − received| / max(1, |expected|); None where there is none.
        passed: None where it could not be tried, and `note` says why.
        note: more about it.
    """

    branch: str
    what: str
    error: float | None
    passed: bool | None
    note: str = ""


def parity(name: str, root: Path, most_rows: int) -> list[Check]:
    """Hold every branch's file against its network.

    Args:
        name: the pipeline.
        root: the repository.
        most_rows: of the test rows, from the first.

    Returns:
        The checks, in the order of the branches.

    Raises:
        MissingFile: a stage has not run.
    """
    from throughline.stages.given import stage_input
    from throughline.stages.own_layers import import_own
    from throughline.stages.train import STAGE
    from throughline.training.engine.devices import configure

    workspace = Workspace(root, name)
    given = stage_input(workspace, STAGE)
    configure(**given.keras)
    import_own(given.document, STAGE.calls)
    return [
        check
        for branch in given.branches
        for check in _checked(workspace, branch, given.prepared_by[branch], most_rows)
    ]


def _checked(
    workspace: Workspace, branch: str, prepared_by: str, most_rows: int
) -> Iterator[Check]:
    import onnx

    from throughline.training.save import load

    path = workspace.model_of(branch)
    network = load(needed(workspace.networks / branch, "train"))
    prepared = needed(workspace.training_data / prepared_by, "prepare")
    # What `export` refused is no file, and why it did is what one wants to know.
    model = onnx.load(path) if path.exists() else _refused(workspace.networks / branch, prepared)
    side = _Side(branch, model, network, prepared)
    samples = kind(side.summary)
    held = needed(workspace.test_data / prepared_by, "prepare")
    test = samples.test_requests(held, side.summary, most_rows)
    if test:
        yield side.rows("test rows", test)
        yield side.rows("test rows, one by one", _first(test, SINGLE_ROWS), single=True)
        yield from side.files(held / "rows.parquet", test)
    edges = samples.golden_requests(workspace.networks / branch, side.summary)
    yield side.rows("golden and edge rows", edges)
    yield side.second_runtime(_first(edges, REFERENCE_ROWS))
    yield side.cuda(edges)
    if path.exists():
        yield side.wrong_type(path, edges)


def _refused(network: Path, prepared: Path) -> onnx.ModelProto:
    """The graph that `export` would write, or did not."""
    from throughline.export.graph.whole import whole
    from throughline.export.network import stored_network

    return whole(stored_network(network)[0], prepared).model


def _first(requests: Requests, count: int) -> Requests:
    return {name: array[:count] for name, array in requests.items()}


class _Side:
    """A branch's file and its network behind the same preprocessing.

    Args:
        branch: of the pipeline.
        model: the joined graph.
        network: the trained network.
        prepared: folder of the preprocessing that it was trained on.
    """

    def __init__(
        self, branch: str, model: onnx.ModelProto, network: keras.Model, prepared: Path
    ) -> None:
        from throughline.preprocessing.graph.runtime import session_of

        samples = read_samples(prepared)
        self.branch = branch
        self.model = model
        self.network = network
        self.summary = samples.summary
        self.front = session_of(samples.graph)
        self.inner = network.layers[-1].name
        self.back = session_of(samples.answers_graph(self.inner))
        self.session = session_of(model)
        self.outputs = [output.name for output in model.graph.output]

    def rows(self, what: str, requests: Requests, *, single: bool = False) -> Check:
        """The file against the network on raw rows."""
        expected = self._expected(requests)
        received = self._one_by_one(requests) if single else self._answered(requests)
        worst = self._worst(expected, received)
        note = worst.note
        if not worst.passed:
            note = f"output '{worst.output}' {worst.note}; {self._departure(requests)}"
        return Check(
            self.branch, f"{_count(requests)} {what}", worst.max_relative_error, worst.passed, note
        )

    def files(self, stored: Path, requests: Requests) -> Iterator[Check]:
        """The files of test rows, decoded by serving, against what is stored of them."""
        from throughline.errors import RefusedByGate
        from throughline.preprocessing.originals import read_originals, served_as_stored

        entry = next((each for each in self.summary["inputs"] if each["type"] == "image"), None)
        if entry is None:
            return
        pictures = requests[entry["name"]]
        found = [each for each in read_originals(stored) or () if each["number"] < len(pictures)]
        if not found:
            return
        what = f"{len(found)} original files as they are stored"
        try:
            served_as_stored(found, [pictures[each["number"]] for each in found], entry)
        except RefusedByGate as error:
            yield Check(self.branch, what, None, False, str(error))
        else:
            yield Check(self.branch, what, 0.0, True)

    def second_runtime(self, requests: Requests) -> Check:
        """onnx's own reference evaluator, which shares no kernel with onnxruntime."""
        from onnx.reference import ReferenceEvaluator

        what = "onnx reference evaluator"
        others = sorted({node.domain for node in self.model.graph.node} - {"", "ai.onnx.ml"})
        if others:
            note = f"it has no operators of {', '.join(others)}"
            return Check(self.branch, what, None, None, note)
        evaluator = ReferenceEvaluator(self.model)
        received = dict(zip(self.outputs, evaluator.run(None, requests), strict=True))
        expected = self._answered(requests)
        worst = self._worst(expected, {name: np.asarray(array) for name, array in received.items()})
        return Check(
            self.branch,
            f"{what}, {_count(requests)} rows",
            worst.max_relative_error,
            worst.passed,
            worst.note,
        )

    def cuda(self, requests: Requests) -> Check:
        """The same file on a GPU, where there is one."""
        import onnxruntime

        from throughline.serving.devices import opened
        from throughline.serving.errors import BadRequest

        try:
            session = opened(self.model.SerializeToString(), onnxruntime.SessionOptions(), "gpu")
        except BadRequest as error:
            return Check(self.branch, "CUDA", None, None, str(error))
        received = dict(zip(self.outputs, session.run(self.outputs, dict(requests)), strict=True))
        worst = self._worst(self._answered(requests), received)
        return Check(self.branch, "CUDA", worst.max_relative_error, worst.passed, worst.note)

    def wrong_type(self, path: Path, requests: Requests) -> Check:
        """A text where a number belongs must be refused, with the column's name."""
        from throughline.serving.errors import BadRequest
        from throughline.serving.predictor import Predictor

        kinds = {entry["name"]: entry["type"] for entry in self.summary["inputs"]}
        number = next((name for name, kind in kinds.items() if kind == "number"), None)
        if number is None:
            return Check(self.branch, "wrong type", None, None, "no column holds numbers")
        columns = kind(self.summary).single(requests)
        if columns is None:
            # These requests stand for the graph alone; a server also asks for the time column.
            return Check(self.branch, "wrong type", None, None, "windows are tried by the tests")
        columns[number] = np.full(columns[number].shape, "no number", dtype=object)
        try:
            Predictor(path).predict(columns)
        except BadRequest as error:
            return Check(self.branch, "wrong type", None, f"'{number}'" in str(error), str(error))
        return Check(self.branch, "wrong type", None, False, "a text was taken for a number")

    def _worst(
        self, expected: Mapping[str, np.ndarray], received: Mapping[str, np.ndarray]
    ) -> OutputParity:
        """The output that is furthest from what was expected."""
        found = compare(expected, received, TOLERANCE, scales_of(self.summary["target"]))
        return max(found, key=lambda each: (not each.passed, each.max_relative_error))

    def _expected(self, requests: Requests) -> dict[str, np.ndarray]:
        """The network's answers behind the fitted preprocessing."""
        features = self._features(requests)
        given = [features[each.name] for each in self.network.inputs]
        answer = self.network.predict(given, verbose=0)
        others = [each.name for each in self.back.get_inputs() if each.name != self.inner]
        # The answers may ask for raw columns, or for what the network was given.
        at_hand = {**features, **requests}
        seen = {self.inner: np.asarray(answer), **{name: at_hand[name] for name in others}}
        return dict(zip(self.outputs, self.back.run(self.outputs, seen), strict=True))

    def _features(self, requests: Requests) -> dict[str, np.ndarray]:
        names = [each.name for each in self.front.get_outputs()]
        wanted = [each.name for each in self.front.get_inputs()]
        values = self.front.run(names, {name: requests[name] for name in wanted})
        return dict(zip(names, values, strict=True))

    def _answered(self, requests: Requests) -> dict[str, np.ndarray]:
        return dict(zip(self.outputs, self.session.run(self.outputs, dict(requests)), strict=True))

    def _one_by_one(self, requests: Requests) -> dict[str, np.ndarray]:
        parts = [
            self._answered({name: array[i : i + 1] for name, array in requests.items()})
            for i in range(_count(requests))
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in self.outputs}

    def _departure(self, requests: Requests) -> str:
        import keras

        features = self._features(requests)
        inner = keras.Model(
            self.network.inputs, {each.name: each.output for each in self.network.layers}
        )
        layers = inner.predict([features[each.name] for each in self.network.inputs], verbose=0)
        found = first_departing_node(layers, self.model, requests)
        if found is None:
            return "every layer is within the tolerance: the answers behind them depart"
        return (
            f"first node that departs: '{found.node}' ({found.operator}) of layer "
            f"'{found.layer}', by {found.max_relative_error:.3g}"
        )


def _count(requests: Requests) -> int:
    return len(next(iter(requests.values())))


def table(checks: Sequence[Check]) -> str:
    """The checks as lines of text."""
    width = max(len(check.what) for check in checks)
    branches = max(len(check.branch) for check in checks)
    words = {True: "as it must", False: "DEPARTS", None: "not tried"}
    return "\n".join(
        f"{check.branch:{branches}}  {check.what:{width}}  "
        f"{'' if check.error is None else f'{check.error:.2g}':>8}  "
        f"{words[check.passed]:10}  {check.note}".rstrip()
        for check in checks
    )
