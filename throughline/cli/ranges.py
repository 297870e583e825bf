"""What arguments of Keras may be: numbers within a range, and words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Range:
    """The numbers that an argument may be.

    Args:
        low: the least of them.
        high: the largest. Default: there is none.
        whole: whether all are whole. Default: false.
        open_low, open_high: whether the bound itself is outside. Default: false.
        beside: one number more that has a meaning. Default: none.
    """

    low: float
    high: float | None = None
    whole: bool = False
    open_low: bool = False
    open_high: bool = False
    beside: float | None = None

    def holds(self, value: Any) -> bool:
        if value == self.beside and self.beside is not None:
            return True
        if self.whole and value != int(value):
            return False
        above = value > self.low if self.open_low else value >= self.low
        if self.high is None:
            return bool(above)
        return bool(above and (value < self.high if self.open_high else value <= self.high))

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        low = f"above {self.low:g}" if self.open_low else f"from {self.low:g} on"
        if self.high is None:
            return f"{kind} {low}"
        ends = "below" if self.open_high else "to at most"
        return f"{kind} {low.removesuffix(' on')} {ends} {self.high:g}"


COUNT = Range(1, whole=True)
SHARE, DECAY = Range(0, 1), Range(0, 1, open_high=True)
POSITIVE, NOT_NEGATIVE = Range(0, open_low=True), Range(0)
# By kind of object and argument; the arguments of lists are held member by member.
RANGES: dict[str, dict[str, Range]] = {
    "layers": {
        **dict.fromkeys(
            (
                "units", "filters", "kernel_size", "strides", "pool_size", "dilation_rate",
                "input_dim", "output_dim", "num_heads", "head_dim", "key_dim", "value_dim",
                "num_query_heads", "num_key_value_heads", "height", "width", "n",
                "depth_multiplier", "output_size", "num_tokens", "max_number", "num_mel_bins",
                "fft_length", "frame_length", "frame_step", "sequence_stride",
            ),
            COUNT,
        ),
        # -1 is a group a channel.
        "groups": Range(1, whole=True, beside=-1),
        **dict.fromkeys(("rate", "dropout", "recurrent_dropout", "momentum"), SHARE),
        **dict.fromkeys(("epsilon", "stddev", "l1", "l2"), NOT_NEGATIVE),
    },
    "optimizers": {
        "learning_rate": NOT_NEGATIVE,
        **dict.fromkeys(("beta_1", "beta_2", "rho", "adam_beta_1", "adam_beta_2"), DECAY),
        **dict.fromkeys(("momentum", "ema_momentum"), SHARE),
        **dict.fromkeys(("clipnorm", "clipvalue", "global_clipnorm", "clip_threshold"), POSITIVE),
        **dict.fromkeys(
            (
                "epsilon", "weight_decay", "adam_weight_decay", "initial_accumulator_value",
                "l1_regularization_strength", "l2_regularization_strength",
            ),
            NOT_NEGATIVE,
        ),
        "gradient_accumulation_steps": Range(2, whole=True),
        **dict.fromkeys(("ema_overwrite_frequency", "ns_steps"), COUNT),
        "warmup_steps": Range(0, whole=True),
    },
    "schedules": {
        **dict.fromkeys(("decay_steps", "first_decay_steps"), POSITIVE),
        **dict.fromkeys(
            ("initial_learning_rate", "warmup_target", "end_learning_rate"), NOT_NEGATIVE
        ),
        "warmup_steps": Range(0, whole=True),
        "decay_rate": POSITIVE,
        "boundaries": NOT_NEGATIVE,
        "values": NOT_NEGATIVE,
    },
    "plateau": {
        "factor": DECAY,
        **dict.fromkeys(("patience", "cooldown"), Range(0, whole=True)),
        **dict.fromkeys(("min_lr", "min_delta"), NOT_NEGATIVE),
    },
    "losses": {
        "label_smoothing": SHARE,
        "gamma": NOT_NEGATIVE,
        "delta": POSITIVE,
        "q": Range(0, 1, open_low=True),
    },
    "metrics": {
        "label_smoothing": SHARE,
        **dict.fromkeys(("recall", "precision", "specificity", "sensitivity"), SHARE),
        "num_thresholds": Range(2, whole=True),
        **dict.fromkeys(("k", "num_classes"), COUNT),
    },
    "regularizers": dict.fromkeys(("l1", "l2", "factor"), NOT_NEGATIVE),
    "constraints": {"max_value": NOT_NEGATIVE, "min_value": NOT_NEGATIVE, "rate": SHARE},
    "initializers": {"stddev": NOT_NEGATIVE, "scale": POSITIVE},
}  # fmt: skip
REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none")
FORMATS = ("channels_first", "channels_last")
# By kind of object and argument; an argument of a list may be one of several texts.
WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    "layers": {
        "padding": ("valid", "same"),
        "data_format": FORMATS,
        "merge_mode": ("concat", "sum", "mul", "ave"),
        "score_mode": ("dot", "concat"),
    },
    "losses": {"reduction": REDUCTIONS},
    "plateau": {"mode": ("auto", "min", "max")},
}
# Where an argument takes another word, too.
CAUSAL = ("Conv1D", "Convolution1D")
DTYPES = (
    "float32", "bfloat16", "mixed_bfloat16", "float64", "uint8", "int8", "int16", "int32", "int64",
    "bool", "string",
)  # fmt: skip
RECURRENT = ("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "GRU", "LSTM", "RNN", "SimpleRNN")
