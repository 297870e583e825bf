"""A folder of small drawn pictures with every fault, and a pipeline built from it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.repositories import write_pipeline
from throughline.paths import Workspace
from throughline.stages.declared import stages_of
from throughline.stages.run import run_stage

SIDE = 12
EACH = 24


def drawn(kind: str, number: int) -> np.ndarray:
    """A picture with a bright bar, upright or lying, (height, width, 3) of uint8."""
    generator = np.random.default_rng((number, len(kind)))
    pixels = generator.integers(0, 60, (16, 20, 3), dtype=np.uint8)
    place = 3 + number % 9
    if kind == "upright":
        pixels[:, place : place + 2] = 230
    else:
        pixels[place : place + 2] = 230
    return pixels


def encoded(pixels: np.ndarray, kind: str, mode: str | None = None) -> bytes:
    """Pixels as the bytes of an image file."""
    stream = io.BytesIO()
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(stream, kind)
    return stream.getvalue()


def write_folder(folder: Path) -> None:
    """train/ and test/ with two classes, and one file of each fault."""
    for part in ("train", "test"):
        for kind in ("upright", "lying"):
            (folder / part / kind).mkdir(parents=True)
            for number in range(EACH):
                content = encoded(drawn(kind, number + 100 * (part == "test")), "PNG")
                (folder / part / kind / f"{number:03}.png").write_bytes(content)
    bad = folder / "train" / "lying"
    whole = encoded(drawn("lying", 900), "JPEG")
    (bad / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (bad / "broken.jpg").write_bytes(b"this is no image at all")
    (bad / "mislabelled.jpg").write_bytes(encoded(drawn("lying", 901), "PNG"))
    (bad / "twice.png").write_bytes((bad / "003.png").read_bytes())
    (bad / "cmyk.jpg").write_bytes(encoded(drawn("lying", 902), "JPEG", "CMYK"))
    (bad / "transparent.png").write_bytes(encoded(drawn("lying", 903), "PNG", "RGBA"))
    (bad / "Thumbs.db").write_bytes(b"left behind")


PIPELINE = {
    "title": "Does the bar stand or lie?",
    "task": "binary",
    "source": {
        "folder": "bars",
        "licence": "public domain",
        "images": {"size": [SIDE, SIDE], "fit": "crop", "limit": 0.1},
    },
    "target": "class",
    "columns": {
        "pixels": {"image": {"size": [SIDE, SIDE], "fit": "crop", "scale": {"divide": 255}}}
    },
    "split": {"kind": "predefined", "column": "part"},
    "network": [
        {"RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1}},
        {"Conv2D": {"filters": 4, "kernel_size": 3, "activation": "relu"}},
        "GlobalMaxPooling2D",
    ],
    "training": {"optimizer": {"Adam": {"learning_rate": 0.05}}, "epochs": 15, "batch_size": 16},
    "cross_validation": {"folds": 2},
    "compare": ["majority", "LogisticRegression"],
    "variants": {"grey": {"columns": {"pixels": {"image": {"channels": 1}}}}},
}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The pipeline above after all stages."""
    root = tmp_path_factory.mktemp("repository")
    write_folder(root / "bars")
    workspace = write_pipeline(root, "bars", PIPELINE)
    for stage in [each.name for each in stages_of({})]:
        run_stage(stage, "bars", root)
    return workspace
