"""The guards' findings stand in one order, whatever a process has done before."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from throughline.guards import examine as module
from throughline.pipeline.schema.protocol import Split
from throughline.pipeline.schema.targets import Target


class TestOrder:
    def test_is_the_same_whatever_was_imported_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A worker that has prepared a series before has the windows guard registered first."""
        generator = np.random.default_rng(1)
        columns = ["x0", "x1", "x2"]
        rows = pd.DataFrame(generator.normal(size=(500, 3)), columns=columns)
        rows["y"] = (rows.sum(axis=1) > 0) * 1
        parts = generator.permutation(np.repeat(["training", "test"], [400, 100]))

        def guards() -> list[str]:
            found = module.examine(rows, parts, columns, Target(columns=["y"]), "binary", Split())
            return [finding.guard for finding in found]

        expected = guards()
        assert len(set(expected)) > 5
        monkeypatch.setattr(module, "GUARDS", dict(reversed(module.GUARDS.items())))
        assert guards() == expected
