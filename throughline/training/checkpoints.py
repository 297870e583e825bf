"""Checkpoints: a training that is killed goes on where it was and ends with the same weights."""

from __future__ import annotations

import hashlib
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throughline.cache import CACHE, private, private_file
from throughline.preprocessing.sparse import Sparse
from throughline.samples.windows.gathered import Ahead, Windowed
from throughline.training.engine.runs import Array, Run

# Below the repository's root, beside DVC's outputs: git ignores it and no stage depends on it.
FOLDER = CACHE / "checkpoints"
SECONDS_BETWEEN = 10.0


class Checkpoints:
    """Files of one call of `fit`, one a run; who calls deletes them when all is done.

    A training that is shorter than `seconds` writes none.

    Args:
        folder: where they are kept between processes.
        settings: text of all that the result depends on besides the run's rows; a checkpoint of
            other settings is not used.
        seconds: least time between two checkpoints of a run. Default: 10.
        began: when the work began of which the call is a part, so that many short trainings
            are kept too. Default: now.
    """

    def __init__(
        self,
        folder: Path,
        settings: str,
        seconds: float | None = None,
        began: float | None = None,
    ) -> None:
        self.folder = folder
        self.settings = settings
        self.seconds = SECONDS_BETWEEN if seconds is None else seconds
        self.digests: dict[int, str] = {}
        # Of each run the weights it starts with: of a pretrained network, of words, of a warm-up.
        self.starts: dict[int, str] = {}
        self.last = time.monotonic()
        self.began = self.last if began is None else began

    def path(self, run: Run) -> Path:
        """The file of a run: its name is the digest of everything its result depends on."""
        digest = hashlib.sha256(self.settings.encode())
        rows = [run.train_rows, run.validation_rows, run.watched_rows]
        arrays: list[Any] = [run.target, *rows, run.sample_weight]
        for name in sorted(run.inputs):
            digest.update(name.encode() + self._digest(run.inputs[name]).encode())
        for array in arrays:
            digest.update(b"none" if array is None else self._digest(array).encode())
        own = f"{run.seed} {run.learning_rate} {self.starts.get(id(run))}"
        digest.update(own.encode())
        return self.folder / f"{digest.hexdigest()[:32]}.npz"

    def _digest(self, array: Any) -> str:
        if isinstance(array, Windowed | Ahead | Sparse):
            return " ".join(self._digest(part) for part in array.parts)
        if id(array) not in self.digests:
            content = np.ascontiguousarray(array)
            head = f"{content.dtype} {content.shape}".encode()
            digest = hashlib.sha256(head)
            digest.update(content.data)  # Not its bytes, which would be a copy of all data.
            self.digests[id(array)] = digest.hexdigest()
        return self.digests[id(array)]

    def load(self, run: Run, start: Any) -> tuple[Any, list[Array]]:
        """State and history to go on from.

        Args:
            run: the training.
            start: its state before the first epoch, which gives the structure.

        Returns:
            The state and the history's rows so far; `start` and nothing without a checkpoint.
        """
        from keras import tree

        from throughline.training.engine import backends

        weights = self._on_host([*start.trainable, *start.fixed])
        content = b"".join(value.tobytes() for value in weights)
        self.starts[id(run)] = hashlib.sha256(content).hexdigest()
        path = self.path(run) if self.folder.is_dir() else self.folder
        if not path.is_file():
            return start, []
        backend = backends.current()
        with np.load(path, allow_pickle=False) as file:
            count = sum(name.startswith("state") for name in file.files)
            flat = [backend.device_array(file[f"state{i}"]) for i in range(count)]
            history = [file["history"]]
        return tree.pack_sequence_as(start, flat), history

    def _on_host(self, tensors: Sequence[Any]) -> list[np.ndarray]:
        from keras import ops

        return [np.asarray(ops.convert_to_numpy(tensor)) for tensor in tensors]

    def save(self, run: Run, state: Any, history: list[Array], done: bool) -> None:
        """Keep the state of a run, if the last time, or the start of a finished one, is long ago.

        Args:
            run: the training.
            state: of the compiled program.
            history: its rows so far.
            done: whether this is the end of the run.
        """
        from keras import tree

        if time.monotonic() - (self.began if done else self.last) < self.seconds:
            return
        flat = self._on_host(tree.flatten(state))
        arrays = {f"state{i}": value for i, value in enumerate(flat)}
        arrays["history"] = np.concatenate(history)
        path = self.path(run)
        private(path.parent)
        draft = path.with_suffix(".draft")
        with private_file(draft, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
        draft.replace(path)
        self.last = time.monotonic()
