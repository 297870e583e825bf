"""What a draft says decides whether its model is better than another."""

from __future__ import annotations

import pytest

from throughline.profile.protocol import compared_by


@pytest.mark.parametrize(
    ("task", "counts", "decides"),
    [
        ("binary", [50, 50], "accuracy"),
        ("binary", [980, 20], "roc_auc"),
        ("multiclass", [40, 30, 30], "accuracy"),
        ("multiclass", [95, 3, 2], "macro_f1"),
        ("regression", [1, 1, 1], None),
    ],
)
def test_accuracy_unless_one_class_is_nearly_all(
    task: str, counts: list[int], decides: str | None
) -> None:
    assert compared_by(task, counts).get("compare_by") == decides
