"""Random networks: exported, loadable and within parity.

`python -m benchmarks.networks` also trains them against `model.fit`, and asks other runtimes.
"""

from __future__ import annotations

import onnx
import pytest
from keras_parity import assert_same, exported, randomise

from throughline.export.fallback import converted
from throughline.export.graph.reach import lower
from throughline.export.registry import UnsupportedLayer


@pytest.mark.parametrize("number", range(25))
def test_random_networks(number):
    import random_networks

    made = random_networks.network(number, rows=7)
    randomise(made.model, number)
    try:
        graph = exported(made.model)
    except UnsupportedLayer:
        graph = lower(converted(made.model))
    try:
        assert_same(made.model, graph, *made.rows.values())
    except AssertionError as error:
        error.add_note("\n".join(random_networks.described(made.model)))
        raise


def test_what_tf2onnx_writes_is_onnx_or_refused():
    """It gave this convolution two biases, which the stage met as a traceback."""
    import random_networks

    made = random_networks.network(20276)
    randomise(made.model, 20276)
    with pytest.raises(onnx.checker.ValidationError, match="Conv"):
        converted(made.model)


def test_a_product_with_a_table_is_no_end_of_a_network():
    import random_networks

    assert random_networks.network(21019).model.outputs
