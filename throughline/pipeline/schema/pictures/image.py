"""Pictures: how a source decodes them, and how a column of them becomes numbers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from throughline.names import Name
from throughline.pipeline.schema.pictures.filters import Filter
from throughline.pipeline.schema.pretrained import Pretrained
from throughline.pipeline.strict import Strict

Size = Annotated[
    tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]],
    # YAML has lists alone.
    Field(strict=False),
]
Constants = float | list[float]
Fit = Literal["crop", "pad", "stretch"]
SetAside = Literal["mode", "duplicate", "mislabelled"]

# What `keras.applications` calls modes: (x - subtract) / divide for each channel.
MODES: dict[str, dict[str, Any]] = {
    "tf": {"subtract": 127.5, "divide": 127.5},
    "torch": {
        "subtract": [123.675, 116.28, 103.53],
        "divide": [58.395, 57.12, 57.375],
    },
    "caffe": {"subtract": [103.939, 116.779, 123.68], "divide": 1.0, "order": "BGR"},
}


class Sound(Strict):
    """How the wav files of a source become waveforms of one length.

    Serving reads its files alike.

    Args:
        rate: samples a second; other rates are resampled, to one channel of 16 bits.
        seconds: length; a longer sound is cut, a shorter one goes on in silence.
    """

    rate: int = Field(ge=1)
    seconds: float = Field(gt=0)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of what is stored: two bytes a sample."""
        return max(1, round(self.rate * self.seconds)), 2, 1


class Images(Strict):
    """How the pictures of a source become one array of uint8, rows.images/COLUMN.npy.

    Args:
        column: that holds the number of a row's picture. Default: `pixels`.
        array: the array, of a file of arrays, whose rows are pictures.
        size: height and width that all image files are stored in.
        sound: reads wav files instead, whose waveforms are stored as pictures are.
        channels: 3 for colours, 1 for grey. Default: 3.
        fit: how a picture gets the size: `crop` cuts what is too much, `pad` fills up with black,
            `stretch` does neither. Default: `crop`.
        set_aside: files that are set aside beside broken ones: `mode` (transparent, CMYK, 16 bits,
            or coloured where `channels` is 1), `duplicate` (the same pixels in the same part),
            `mislabelled` (another format than the ending says).
        limit: the share of files that may be set aside. Default: 0.01.
    """

    column: Name = "pixels"
    array: str | None = None
    size: Size | None = None
    sound: Sound | None = None
    channels: Literal[1, 3] = 3
    fit: Fit = "crop"
    set_aside: list[SetAside] = ["mode", "duplicate", "mislabelled"]
    limit: float = Field(default=0.01, ge=0, le=1)

    @model_validator(mode="after")
    def _settings_that_have_an_effect(self) -> Images:
        if self.array is not None and self.size is not None:
            raise ValueError("'size' has no effect beside 'array', whose pictures have one size")
        if self.sound is not None and (self.size or self.array):
            raise ValueError("'size' and 'array' have no effect beside 'sound'")
        return self

    @property
    def stored(self) -> tuple[int, int, int] | None:
        """The shape of one picture or waveform of files; None where nothing says it."""
        if self.sound is not None:
            return self.sound.shape
        return None if self.size is None else (*self.size, self.channels)


class PixelScale(Strict):
    """(pixel - subtract) / divide; or `tf`, `torch`, `caffe`, as `keras.applications` calls them.

    Args:
        subtract: one number, or one for each channel.
        divide: one number, or one for each channel.
        order: of the channels.
    """

    subtract: Constants = 0.0
    divide: Constants = 1.0
    order: Literal["RGB", "BGR"] = "RGB"

    @model_validator(mode="after")
    def _divisors(self) -> PixelScale:
        divisors = self.divide if isinstance(self.divide, list) else [self.divide]
        if 0 in divisors:
            raise ValueError("'divide' must not be 0")
        return self


class Image(Strict):
    """What happens to a picture inside the graph, in this order.

    Resized; made grey; rounded to uint8, which is what training arrays hold; scaled by constants;
    run through fixed filters, or turned into the features of a frozen network.

    Args:
        size: height and width. Default: as it is stored.
        fit: how a picture of arrays gets the size; files are cut as the source says. Default:
            `crop`.
        channels: 1 makes it grey.
        scale: constants, or `tf`, `torch`, `caffe`.
        filters: convolutions with fixed kernels, poolings, a spectrogram.
        pretrained: a frozen network whose output is the column's features.
    """

    size: Size | None = None
    fit: Fit | None = None
    channels: Literal[1, 3] | None = None
    scale: Annotated[
        PixelScale | None,
        BeforeValidator(
            lambda value: MODES.get(value, value) if isinstance(value, str) else value,
            json_schema_input_type=PixelScale | Literal["tf", "torch", "caffe"] | None,
        ),
    ] = None
    filters: list[Filter] = []
    pretrained: Pretrained | None = None

    @property
    def framing(self) -> Fit | None:
        """How a picture of any size gets there; None where training saw arrays of one size only."""
        return self.fit or ("crop" if self.size else None)

    @model_validator(mode="after")
    def _one_way(self) -> Image:
        if self.filters and self.pretrained is not None:
            raise ValueError("'filters' and 'pretrained' exclude each other")
        if any(step.spectrogram is not None for step in self.filters):
            self._as_sound()
        return self

    def _as_sound(self) -> None:
        """A spectrogram is made of the bytes of a sound, before anything else."""
        if any(step.spectrogram is not None for step in self.filters[1:]):
            raise ValueError("'spectrogram' is the first of 'filters'")
        useless = [key for key in ("size", "channels", "scale") if getattr(self, key) is not None]
        if useless:
            raise ValueError(f"'{useless[0]}' has no meaning for a sound")
