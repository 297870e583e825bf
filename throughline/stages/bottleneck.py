"""Stage `bottleneck`: what a frozen network makes of every picture, computed once and stored.

It stands between `ingest` and `prepare` for pipelines whose file names a pretrained network, and
nowhere else. A frozen network is fitted on nothing of ours, so its features of test pictures tell
training nothing; `prepare` still hands on those of training rows alone.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadPipeline, listed
from throughline.paths import Workspace, needed, replaced
from throughline.stages.stage import Document, Entry, Stage, has_pretrained, in_variant

if TYPE_CHECKING:
    import onnx
    import pandas as pd

    from throughline.pipeline.schema.pictures.image import Image
    from throughline.sources.registry import Surroundings
    from throughline.stages.given import StageInput

# Pictures in one call; a network's own arrays are some hundred times as large as its input.
PICTURES = 16


def _named_networks(stage: Stage, document: Document) -> list[str]:
    """Only what names networks: another learning rate or head must not compute features anew."""
    found = [key for key in stage.reads if has_pretrained(document.get(key))]
    for name, variant in (document.get("variants") or {}).items():
        found += in_variant(name, [key for key in variant if has_pretrained(variant[key])])
    return sorted(set(found))


# Stands before `prepare` in pipelines that name a pretrained network, and nowhere else.
PLACE = {"after": "validate", "help": "compute what a frozen network makes of pictures"}
STAGE = Stage(
    "bottleneck",
    reads=("columns", "network"),
    inputs=(Entry("raw"),),
    outputs=(Entry("bottleneck"),),
    when=has_pretrained,
    keys=_named_networks,
)


def bottleneck(stage_input: StageInput, workspace: Workspace) -> None:
    """Fetch the pretrained networks of a pipeline and store the features of the frozen ones.

    Writes data/bottleneck/NAME/: SHA256.keras for each network that a `network` section goes on
    training, and KEY.onnx and KEY.npy for each frozen one (`preprocessing/bottleneck.py`).

    Raises:
        MissingFile, BadData, Unreachable: a network cannot be fetched, or has no layer of the name
            given.
        BadPipeline: two networks that differ in their arguments alone, or a column without
            pictures.
    """
    from throughline.preprocessing.bottleneck import frozen_columns, key
    from throughline.preprocessing.pictures import stored_images
    from throughline.sources.fetching.pretrained_files import fetched
    from throughline.sources.gate import copied
    from throughline.sources.registry import Surroundings
    from throughline.training.network.pretrained_layers import entries_of

    surroundings = Surroundings.of(workspace.root)
    images = stored_images(needed(workspace.raw / "rows.parquet", "ingest"))
    networks: dict[Path, str] = {}
    with replaced(workspace.bottleneck) as folder:
        folder.mkdir()
        for view in stage_input.branches.values():
            for name, image in frozen_columns(view.columns).items():
                if name not in images:
                    raise BadPipeline(
                        f"columns.{name}: a pretrained network needs a column of pictures",
                        listed(images) or "none",
                        "Say in 'source.images' which column holds pictures",
                    )
                path = folder / f"{key(name, image)}.onnx"
                if not path.exists():
                    _freeze(name, image, images[name], path, surroundings)
            for entry in entries_of(view.network):
                path = folder / f"{entry.sha256 or entry.application}.keras"
                if networks.setdefault(path, entry.built) != entry.built:
                    raise BadPipeline(
                        "Networks of one pipeline that have the same weights must have the same "
                        "'application' and 'arguments'",
                        f"{networks[path]} and {entry.built}",
                    )
                # An application is built here; the checksum is that of its weights.
                sha256 = entry.sha256 if entry.application is None else None
                copied(fetched(entry, surroundings), path, sha256)


def _freeze(
    name: str, image: Image, pictures: np.ndarray, path: Path, surroundings: Surroundings
) -> None:
    """Write a frozen network and its features of all pictures."""
    from throughline.export.pretrained_graph import frozen_graph
    from throughline.sources.fetching.pretrained_files import fetched
    from throughline.sources.gate import copied

    assert image.pretrained is not None
    pretrained = image.pretrained
    sha256 = pretrained.sha256 if pretrained.application is None else None
    network = path.with_suffix(".keras")
    copied(fetched(pretrained, surroundings), network, sha256)
    graph = frozen_graph(network, pretrained)
    network.unlink()
    path.write_bytes(graph.SerializeToString(deterministic=True))
    _write_features(_whole(name, image, pictures, path), name, pictures, path.with_suffix(".npy"))


def _whole(name: str, image: Image, pictures: np.ndarray, path: Path) -> onnx.ModelProto:
    """The graph from raw pixels to features, as `prepare` will fit it."""
    import pandas as pd

    from throughline.pipeline.schema.columns import Column
    from throughline.preprocessing.fit import fit
    from throughline.preprocessing.plan import Plan, Planned

    rows: pd.DataFrame = pd.DataFrame({name: pd.Series([pictures[0]], dtype=object)})
    planned = Planned(name, "image", Column(image=image))
    whole = Plan({name: "image"}, {"features": [planned]})
    return fit(rows, whole, frozen={name: path}).graph


def _write_features(graph: onnx.ModelProto, name: str, pictures: np.ndarray, path: Path) -> None:
    """Run the graph over all pictures, a block a thread; each block is computed by one thread."""
    from tqdm import tqdm

    from throughline.preprocessing.graph.runtime import session_of

    session = session_of(graph)
    starts = range(0, len(pictures), PICTURES)

    def features(start: int) -> Any:
        return session.run(None, {name: pictures[start : start + PICTURES]})[0]

    shape = (len(pictures), *features(0).shape[1:])
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = tqdm(pool.map(features, starts), "bottleneck", len(starts), disable=None)
        for start, block in zip(starts, done, strict=True):
            array[start : start + len(block)] = block
    array.flush()
