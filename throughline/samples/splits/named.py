"""Parts that data name themselves, in folders or in a column, in any usual spelling."""

from __future__ import annotations

import re
from collections.abc import Iterable

TRAIN, VALIDATION, TEST, GAP = "train", "validation", "test", "gap"
WORDS = {
    **dict.fromkeys(("train", "training", "trn", "trainset", "traindata", "trainingset"), TRAIN),
    **dict.fromkeys(("valid", "validation", "val", "dev", "valset", "validationset"), VALIDATION),
    **dict.fromkeys(("test", "testing", "tst", "testset", "testdata"), TEST),
    # Files to be answered have no class, and are left out.
    **dict.fromkeys(("pred", "predict", "prediction"), TEST),
    "gap": GAP,
}
# What stands beside such a word and says no more.
BESIDE = {
    "set", "data", "dataset", "split", "part", "folder", "dir", "files", "samples", "rows", "seg",
    "image", "images", "img", "imgs", "pics", "pictures", "photos", "audio", "sounds", "texts",
    "public", "private",
}  # fmt: skip


def part_named(name: str) -> str | None:
    """`train`, `validation`, `test` or `gap` where a name says so.

    So do `Training`, `test_set`, `train2017`, `PublicTest` and `seg_train`.
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = [word for word in re.split(r"[\W\d_]+", apart.lower()) if word]
    parts = {WORDS[word] for word in words if word in WORDS}
    others = [word for word in words if word not in WORDS and word not in BESIDE]
    return parts.pop() if len(parts) == 1 and not others else None


def tells_parts(names: Iterable[str]) -> bool:
    """Whether names are those of parts: training rows, and others to test with."""
    found = {part_named(name) for name in names}
    return None not in found and TRAIN in found and bool(found & {VALIDATION, TEST})
