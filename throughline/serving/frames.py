"""What two processes tell each other about a model: JSON and arrays, never a pickle.

Whoever receives a pickle runs what it says, and one of the two holds a stranger's file.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

TEXTS = "O"


def send(end: Connection, words: Any, arrays: Sequence[Any] = ()) -> None:
    """Send what JSON can hold, and arrays of numbers or texts.

    Raises:
        TypeError: an array holds something else.
        OSError: nobody listens.
    """
    import numpy as np

    headers: list[Any] = []
    frames: list[bytes | memoryview] = []
    for array in arrays:
        if not isinstance(array, np.ndarray):
            # Whoever receives it asks for the shape.
            headers.append(None)
        elif array.dtype.kind == TEXTS:
            headers.append({"shape": array.shape, "texts": array.ravel().tolist()})
        else:
            headers.append({})
            file = io.BytesIO()
            np.save(file, array, allow_pickle=False)
            frames.append(file.getbuffer())
    # Before anything is on its way: what cannot be written leaves the other side waiting.
    written = json.dumps({"words": words, "arrays": headers}).encode()
    for frame in (written, *frames):
        end.send_bytes(frame)


def receive(end: Connection) -> tuple[Any, list[Any]]:
    """What was sent: words, and arrays or, for what was none, None.

    Raises:
        EOFError, OSError: nobody sends any more.
    """
    import numpy as np

    message = json.loads(end.recv_bytes())
    arrays: list[Any] = []
    for header in message["arrays"]:
        if header is None:
            arrays.append(None)
        elif "texts" in header:
            texts = np.empty(len(header["texts"]), dtype=object)
            texts[:] = header["texts"]
            arrays.append(texts.reshape(header["shape"]))
        else:
            arrays.append(np.load(io.BytesIO(end.recv_bytes()), allow_pickle=False))
    return message["words"], arrays
