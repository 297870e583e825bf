"""Parts that data name themselves, in folders or in a column, in any usual spelling."""

from __future__ import annotations

from collections.abc import Iterable

TRAIN, VALIDATION, TEST, GAP = "train", "validation", "test", "gap"
SPELLINGS = {
    "train": TRAIN, "training": TRAIN, "trn": TRAIN, "trainset": TRAIN, "train_set": TRAIN,
    "valid": VALIDATION, "validation": VALIDATION, "val": VALIDATION, "dev": VALIDATION,
    "test": TEST, "testing": TEST, "tst": TEST, "testset": TEST, "test_set": TEST,
    "gap": GAP,
}  # fmt: skip


def part_named(name: str) -> str | None:
    """`train`, `validation`, `test` or `gap` where a name says so; `Training` says train."""
    return SPELLINGS.get(name.strip().lower().replace("-", "_"))


def tells_parts(names: Iterable[str]) -> bool:
    """Whether names are those of parts: training rows, and others to test with."""
    found = {part_named(name) for name in names}
    return None not in found and TRAIN in found and bool(found & {VALIDATION, TEST})
