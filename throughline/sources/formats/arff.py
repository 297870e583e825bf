"""ARFF files, Weka's format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from throughline.errors import BadData
from throughline.sources.formats.content import decoded

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source import Read


def read(content: bytes, name: str, settings: Read) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table in an ARFF file, dense or with strings.

    Raises:
        BadData: no sound ARFF file.
    """
    import pandas as pd
    from sklearn.externals._arff import ArffException, loads

    try:
        document = loads(decoded(content, name, settings.encoding))
    except ArffException as error:
        raise BadData(f"'{name}' must be a sound ARFF file", str(error)) from None
    columns = [attribute for attribute, _ in document["attributes"]]
    frame = pd.DataFrame(document["data"], columns=columns)
    return frame, {"relation": document["relation"], "encoding": settings.encoding}
