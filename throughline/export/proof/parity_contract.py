"""The parity contract: an exported file against its network's own answers to golden rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import RefusedByGate
from throughline.export.proof.parity import TOLERANCE, OutputParity, compare, scales_of
from throughline.figures.rounding import order_of
from throughline.samples.samples import kind

if TYPE_CHECKING:
    import onnx

# The largest error that a precision may have on any golden row. Eight-bit numbers have no such
# bound: `evaluate` judges them by what they cost on the test rows.
TOLERANCES = {
    "float32": TOLERANCE,
    "float16": 1e-2,
    "int8-dynamic": float("inf"),
    "int8-static": float("inf"),
}
ONE_BY_ONE = 8
# Errors below a tenth of float32's tolerance are recorded as that.
SMALLEST_ERROR = 1e-6


@dataclass(frozen=True)
class Held:
    """A file that kept the contract.

    Attributes:
        report: its entry of parity.json.
        requests: the golden rows as the graph takes them, by input.
        answers: what the file answered to them, by output.
    """

    report: Mapping[str, Any]
    requests: Mapping[str, np.ndarray]
    answers: Mapping[str, np.ndarray]


def held_against_network(
    front: onnx.ModelProto,
    back: onnx.ModelProto,
    model: onnx.ModelProto,
    folder: Path,
    summary: Mapping[str, Any],
    branch: str,
    precision: str,
) -> Held:
    """A file's answers to the golden rows, once they are within the tolerance of its precision.

    Args:
        front: from raw columns to the network's output.
        back: from there to the named answers.
        model: both together.
        folder: of the trained network, with its golden rows and the answers to them.
        summary: prepared.json.
        branch: for the error message.
        precision: of the network in `front`.

    Raises:
        RefusedByGate: an output departs further, or the runtime cannot run the graph.
    """
    from throughline.export.states import carried, zero_states
    from throughline.preprocessing.graph.runtime import session_of

    tolerance = TOLERANCES[precision]
    expected = np.load(folder / "golden.npy")
    rows = kind(summary).golden_requests(folder, summary) | zero_states(front, len(expected))
    name = front.graph.output[0].name
    # A target's past may be asked for by the answers alone, where they undo a change.
    seen = {value.name: rows[value.name] for value in front.graph.input}
    needed = [value.name for value in back.graph.input if value.name != name]
    laid = {each: rows[each] for each in needed if each in rows}
    # What the network was given, where the answers compare both.
    between = [each for each in needed if each not in rows]
    with running(branch):
        session = session_of(front)
        received, *given = session.run([name, *between], seen)
        laid |= dict(zip(between, given, strict=True))
        some = range(min(ONE_BY_ONE, len(expected)))
        one_by_one = [
            session.run([name], {key: array[i : i + 1] for key, array in seen.items()})[0]
            for i in some
        ]
        alone = f"{name} (one row)"
        names = [output.name for output in back.graph.output]
        start = expected if precision == "float32" else received
        final = session_of(back).run(names, {name: start, **laid})
        every = [*names, *carried(front).values()]
        answers = dict(zip(every, session_of(model).run(every, rows), strict=True))
    checks = [
        *compare({name: expected}, {name: received}, tolerance),
        *compare({alone: expected[: len(some)]}, {alone: np.concatenate(one_by_one)}, tolerance),
        *compare(
            dict(zip(names, final, strict=True)),
            {key: answers[key] for key in names},
            TOLERANCE,
            scales_of(summary["target"]),
        ),
    ]
    worst = max(checks, key=lambda check: (not check.passed, check.max_relative_error))
    if not worst.passed:
        raise RefusedByGate(
            f"The exported graph of '{branch}' must equal its network within {tolerance:g}",
            f"{worst.max_relative_error:.3g} in output '{worst.output}' {worst.note}",
            "Run `throughline parity` with the pipeline's name: it names the node",
        )
    exact = {key for key, array in answers.items() if array.dtype.kind != "f"}
    report = {
        "tolerance": tolerance if np.isfinite(tolerance) else None,
        "rows": len(expected),
        "largest_error": max(_recorded(check, exact).max_relative_error for check in checks),
        "outputs": [asdict(_recorded(check, exact)) for check in checks],
    }
    return Held(report, rows, answers)


@contextmanager
def running(branch: str) -> Iterator[None]:
    """Say in a line where the runtime cannot run a graph; its errors have no class in common.

    Args:
        branch: whose graph it is, for the message.

    Raises:
        RefusedByGate: whatever the runtime raised inside.
    """
    try:
        yield
    except Exception as error:
        raise RefusedByGate(
            f"The runtime must run the exported graph of '{branch}'",
            " ".join(str(error).split()),
            "Where tf2onnx wrote it, give the layer that has no converter one "
            "(docs/model-file.md), or build it of other layers",
        ) from error


def _recorded(check: OutputParity, exact: Set[str]) -> OutputParity:
    """A check as parity.json keeps it: how large an error of last bits is, is the processor's.

    Its order of magnitude stays; labels, whole numbers and texts have no last bits.
    """
    if check.output in exact:
        return check
    return replace(
        check,
        max_absolute_error=order_of(check.max_absolute_error, SMALLEST_ERROR),
        max_relative_error=order_of(check.max_relative_error, SMALLEST_ERROR),
    )
