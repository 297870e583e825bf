"""Networks of textbooks and of Keras' examples, as a pipeline file says them, in tiny sizes.

Each is the section `network`, the shapes of its inputs (a word input is one of small whole
numbers), and the units and activation of its output.
"""

from __future__ import annotations

from typing import Any

WORDS = 9


def dense(units: int, activation: str = "relu", **wiring: Any) -> dict[str, Any]:
    return {"Dense": {"units": units, "activation": activation}, **wiring}


def conv(filters: int, size: int = 3, settings: dict[str, Any] | None = None, **wiring: Any) -> Any:
    given = {"filters": filters, "kernel_size": size, "padding": "same", **(settings or {})}
    return {"Conv2D": given, **wiring}


def conv1(filters: int, size: int, settings: dict[str, Any] | None = None, **wiring: Any) -> Any:
    given = {"filters": filters, "kernel_size": size, **(settings or {})}
    return {"Conv1D": given, **wiring}


def embedding(size: int, masked: bool = False, **wiring: Any) -> dict[str, Any]:
    return {
        "Embedding": {"input_dim": WORDS, "output_dim": size, "mask_zero": masked}, **wiring
    }  # fmt: skip


def joint(kind: str, *sources: str, name: str | None = None, **settings: Any) -> dict[str, Any]:
    wiring = {"from": list(sources)} | ({"name": name} if name else {})
    return {kind: settings, **wiring}


def encoder(number: int, before: str, causal: bool = False) -> list[Any]:
    """A block of a transformer on sequences of size 4, which ends in `out{number}`."""
    heads = {"num_heads": 2, "key_dim": 2, "dropout": 0.1, "use_causal_mask": causal}
    return [
        {"MultiHeadAttention": heads, "name": f"heads{number}", "from": before},
        joint("Add", before, f"heads{number}"),
        {"LayerNormalization": {}, "name": f"read{number}"},
        dense(6, "gelu"),
        {"Dropout": {"rate": 0.1}},
        dense(4, "linear", name=f"thought{number}"),
        joint("Add", f"read{number}", f"thought{number}"),
        {"LayerNormalization": {"epsilon": 1e-6}, "name": f"out{number}"},
    ]


def residual(number: int, before: str, filters: int) -> list[Any]:
    """A block of a ResNet with a projection, which ends in `out{number}`."""
    return [
        conv(filters, 3, {"strides": 2, "use_bias": False}, **{"from": before}),
        {"BatchNormalization": {}},
        {"ReLU": {}},
        conv(filters, 3, {"use_bias": False}),
        {"BatchNormalization": {}, "name": f"deep{number}"},
        conv(filters, 1, {"strides": 2}, name=f"short{number}", **{"from": before}),
        joint("Add", f"deep{number}", f"short{number}"),
        {"ReLU": {}, "name": f"out{number}"},
    ]


def dilated(number: int, before: str) -> list[Any]:
    """A block of a temporal convolutional network."""
    causal = {"padding": "causal", "dilation_rate": 2**number, "activation": "relu"}
    return [
        conv1(3, 2, causal, **{"from": before}),
        {"SpatialDropout1D": {"rate": 0.1}},
        conv1(3, 2, causal, name=f"deep{number}"),
        joint("Add", before, f"deep{number}", name=f"out{number}"),
    ]


POOL = "GlobalAveragePooling2D"
POOL1 = "GlobalAveragePooling1D"
IMAGE, SERIES, TABLE, TEXT = (8, 8, 2), (6, 3), (5,), (6,)
CLASSES, CHANCE, NUMBER = (3, "softmax"), (1, "sigmoid"), (1, "linear")
FEATURES = {"features": TABLE}
PICTURE, STEPS, TOKENS = {"features": IMAGE}, {"features": SERIES}, {"words": TEXT}

Network = tuple[list[Any], dict[str, tuple[int, ...]], tuple[int, str]]

NETWORKS: dict[str, Network] = {
    "resnet": (
        [conv(3, name="stem", **{"from": "features"}), *residual(1, "stem", 3),
         *residual(2, "out1", 4), {POOL: {}}],
        PICTURE, CLASSES,
    ),
    "u-net": (
        [
            conv(2, name="down1", **{"from": "features"}),
            {"MaxPooling2D": {"pool_size": 2}},
            conv(4, name="down2"),
            {"MaxPooling2D": {"pool_size": 2}},
            conv(6),
            {"Conv2DTranspose": {"filters": 4, "kernel_size": 2, "strides": 2}, "name": "up2"},
            joint("Concatenate", "up2", "down2"),
            conv(4),
            {"UpSampling2D": {"size": 2, "interpolation": "bilinear"}, "name": "up1"},
            joint("Concatenate", "up1", "down1"),
            conv(1, 1, {"activation": "sigmoid"}),
            "Flatten",
        ],
        PICTURE, (64, "sigmoid"),
    ),
    "inception": (
        [
            conv(2, 1, name="one", **{"from": "features"}),
            conv(2, 1, **{"from": "features"}), conv(2, 3, name="three"),
            conv(2, 1, **{"from": "features"}), conv(2, 5, name="five"),
            {"MaxPooling2D": {"pool_size": 3, "strides": 1, "padding": "same"}, "from": "features"},
            conv(2, 1, name="pooled"),
            joint("Concatenate", "one", "three", "five", "pooled"), {POOL: {}},
        ],
        PICTURE, CLASSES,
    ),
    "densenet": (
        [
            conv(2, name="a", **{"from": "features"}),
            {"BatchNormalization": {}}, {"Activation": {"activation": "relu"}},
            conv(2, name="b"), joint("Concatenate", "a", "b", name="ab"),
            {"BatchNormalization": {}}, {"Activation": {"activation": "relu"}},
            conv(2, name="c"), joint("Concatenate", "ab", "c"),
            conv(2, 1), {"AveragePooling2D": {"pool_size": 2}}, {POOL: {}},
        ],
        PICTURE, CLASSES,
    ),
    "squeeze-excite": (
        [
            conv(4, name="maps", **{"from": "features"}),
            {POOL: {"keepdims": True}}, dense(2), dense(4, "sigmoid", name="gates"),
            joint("Multiply", "maps", "gates"), {POOL: {}},
        ],
        PICTURE, CLASSES,
    ),
    "mobilenet": (
        [
            conv(4, 1, name="wide", **{"from": "features"}), {"ReLU": {"max_value": 6.0}},
            {"DepthwiseConv2D": {"kernel_size": 3, "padding": "same"}}, "BatchNormalization",
            {"ReLU": {"max_value": 6.0}}, conv(2, 1, name="narrow"),
            joint("Add", "features", "narrow"), {POOL: {}},
        ],
        PICTURE, CLASSES,
    ),
    "xception": (
        [
            {"SeparableConv2D": {"filters": 3, "kernel_size": 3, "padding": "same"},
             "from": "features"},
            "BatchNormalization",
            {"MaxPooling2D": {"pool_size": 3, "strides": 2, "padding": "same"}, "name": "deep"},
            conv(3, 1, {"strides": 2}, name="short", **{"from": "features"}),
            joint("Add", "deep", "short"), {POOL: {}},
        ],
        PICTURE, CLASSES,
    ),
    "convnext": (
        [
            conv(4, 2, {"strides": 2}, name="stem", **{"from": "features"}),
            {"DepthwiseConv2D": {"kernel_size": 7, "padding": "same"}},
            {"LayerNormalization": {"epsilon": 1e-6}}, dense(8, "gelu"),
            dense(4, "linear", name="deep"), joint("Add", "stem", "deep"), {POOL: {}},
        ],
        PICTURE, CLASSES,
    ),
    "squeezenet": (
        [
            conv(2, 1, {"activation": "relu"}, name="squeeze", **{"from": "features"}),
            conv(3, 1, {"activation": "relu"}, name="one", **{"from": "squeeze"}),
            conv(3, 3, {"activation": "relu"}, name="three", **{"from": "squeeze"}),
            joint("Concatenate", "one", "three"), {"GlobalMaxPooling2D": {}},
        ],
        PICTURE, CLASSES,
    ),
    "attention gate": (
        [
            conv(3, name="skip", **{"from": "features"}),
            conv(3, 3, name="gate", **{"from": "features"}),
            joint("Add", "skip", "gate"), {"Activation": {"activation": "relu"}},
            conv(1, 1, {"activation": "sigmoid"}, name="where"),
            joint("Multiply", "skip", "where"), {POOL: {}},
        ],
        PICTURE, CHANCE,
    ),
    "vision transformer": (
        [
            conv(4, 4, {"strides": 4, "padding": "valid"}),
            {"Reshape": {"target_shape": [4, 4]}}, {"AddPositions": {}, "name": "patches"},
            *encoder(1, "patches"), {POOL1: {}},
        ],
        PICTURE, CLASSES,
    ),
    "mlp-mixer": (
        [
            {"LayerNormalization": {}, "from": "features", "name": "x"},
            {"Permute": {"dims": [2, 1]}}, dense(4, "gelu"), dense(6, "linear"),
            {"Permute": {"dims": [2, 1]}, "name": "mixed"},
            joint("Add", "features", "mixed", name="y"),
            {"LayerNormalization": {}}, dense(4, "gelu"), dense(3, "linear", name="channels"),
            joint("Add", "y", "channels"), {POOL1: {}},
        ],
        STEPS, CLASSES,
    ),
    "transformer encoder": (
        [embedding(4, True, **{"from": "words"}), {"AddPositions": {}, "name": "x"},
         *encoder(1, "x"), *encoder(2, "out1"), {POOL1: {}}],
        TOKENS, CLASSES,
    ),
    "causal transformer": (
        [embedding(4, **{"from": "words"}), {"AddPositions": {"kind": "sine"}, "name": "x"},
         *encoder(1, "x", causal=True), {"Flatten": {}}],
        TOKENS, CLASSES,
    ),
    "cross attention": (
        [
            embedding(4, True, name="asked", **{"from": "words"}),
            dense(4, name="known", **{"from": "series"}),
            joint("MultiHeadAttention", "asked", "known", num_heads=2, key_dim=3), {POOL1: {}},
        ],
        {"words": TEXT, "series": SERIES}, CHANCE,
    ),
    "attention pooling": (
        [
            dense(4, name="steps", **{"from": "features"}), {POOL1: {}},
            {"RepeatVector": {"n": 1}, "name": "query"},
            joint("MultiHeadAttention", "query", "steps", num_heads=1, key_dim=4), "Flatten",
        ],
        STEPS, NUMBER,
    ),
    "two towers": (
        [
            dense(4, **{"from": "user"}), dense(3, "linear", name="u"),
            dense(4, **{"from": "item"}), dense(3, "linear", name="i"),
            joint("Dot", "u", "i", axes=1),
        ],
        {"user": (4,), "item": (3,)}, CHANCE,
    ),
    "cosine towers": (
        [
            dense(3, "linear", name="u", **{"from": "user"}),
            dense(3, "linear", name="i", **{"from": "item"}),
            joint("Dot", "u", "i", axes=1, normalize=True),
        ],
        {"user": (4,), "item": (3,)}, NUMBER,
    ),
    "siamese": (
        [
            conv1(3, 3, {"activation": "relu"}, name="filters", **{"from": "left"}),
            {"GlobalMaxPooling1D": {}, "name": "pool"}, dense(3, "tanh", name="code"),
            {"Shared": {"layer": "filters"}, "from": "right"}, {"Shared": {"layer": "pool"}},
            {"Shared": {"layer": "code"}, "name": "other"},
            joint("Subtract", "code", "other", name="apart"), joint("Multiply", "apart", "apart"),
        ],
        {"left": SERIES, "right": SERIES}, CHANCE,
    ),
    "wide and deep": (
        [dense(4, **{"from": "features"}), dense(4, name="deep"),
         joint("Concatenate", "features", "deep")],
        FEATURES, CHANCE,
    ),
    "deep and cross": (
        [
            dense(5, "linear", name="w1", **{"from": "features"}),
            joint("Multiply", "features", "w1", name="c1"),
            joint("Add", "c1", "features", name="x1"),
            dense(5, "linear", name="w2"), joint("Multiply", "features", "w2", name="c2"),
            joint("Add", "c2", "x1", name="x2"), dense(4, name="deep", **{"from": "features"}),
            joint("Concatenate", "x2", "deep"),
        ],
        FEATURES, CHANCE,
    ),
    "factorisation machine": (
        [
            embedding(3, **{"from": "user"}), {"Flatten": {}, "name": "u"},
            embedding(3, **{"from": "item"}), {"Flatten": {}, "name": "i"},
            joint("Dot", "u", "i", axes=-1, name="pair"),
            embedding(1, **{"from": "user"}), {"Flatten": {}, "name": "bu"},
            embedding(1, **{"from": "item"}), {"Flatten": {}, "name": "bi"},
            joint("Add", "pair", "bu", "bi"),
        ],
        {"user": (1,), "item": (1,)}, NUMBER,
    ),
    "neural collaborative filtering": (
        [
            embedding(3, **{"from": "user"}), {"Flatten": {}, "name": "u"},
            embedding(3, **{"from": "item"}), {"Flatten": {}, "name": "i"},
            joint("Multiply", "u", "i", name="product"), joint("Concatenate", "u", "i"),
            dense(4), dense(2, name="deep"), joint("Concatenate", "product", "deep"),
        ],
        {"user": (1,), "item": (1,)}, CHANCE,
    ),
    "embeddings of categories": (
        [
            embedding(2, **{"from": "user"}), {"Flatten": {}, "name": "u"},
            embedding(3, **{"from": "item"}), {"Flatten": {}, "name": "i"},
            {"BatchNormalization": {}, "from": "numbers", "name": "n"},
            joint("Concatenate", "u", "i", "n"), dense(4), {"Dropout": {"rate": 0.2}},
        ],
        {"user": (1,), "item": (1,), "numbers": (4,)}, CLASSES,
    ),
    "textcnn": (
        [
            embedding(4, name="e", **{"from": "words"}),
            *(layer for size in (2, 3, 4) for layer in (
                conv1(2, size, {"activation": "relu"}, **{"from": "e"}),
                {"GlobalMaxPooling1D": {}, "name": f"p{size}"},
            )),
            joint("Concatenate", "p2", "p3", "p4"), {"Dropout": {"rate": 0.5}},
        ],
        TOKENS, CLASSES,
    ),
    "fasttext": ([embedding(4, True), POOL1], TOKENS, CLASSES),
    "bilstm with attention": (
        [
            embedding(4, True, **{"from": "words"}),
            {"Bidirectional": {"layer": {"LSTM": {"units": 2, "return_sequences": True}}},
             "name": "h"},
            joint("Attention", "h", "h", name="c"), joint("Concatenate", "h", "c"), {POOL1: {}},
        ],
        TOKENS, CHANCE,
    ),
    "additive attention weights": (
        [
            {"GRU": {"units": 3, "return_sequences": True}, "from": "features", "name": "h"},
            dense(1, "linear"), {"Softmax": {"axis": 1}, "name": "weights"},
            joint("Dot", "weights", "h", axes=1), "Flatten",
        ],
        STEPS, NUMBER,
    ),
    "words and sentences": (
        [
            {"Reshape": {"target_shape": [2, 3]}}, embedding(3),
            {"TimeDistributed": {"layer": {"LSTM": {"units": 3}}}}, {"GRU": {"units": 2}},
        ],
        TOKENS, CLASSES,
    ),
    "sequence to sequence": (
        [
            {"LSTM": {"units": 3}}, {"RepeatVector": {"n": 4}},
            {"LSTM": {"units": 3, "return_sequences": True}},
            {"TimeDistributed": {"layer": {"Dense": {"units": 1}}}}, "Flatten",
        ],
        STEPS, (4, "linear"),
    ),
    "temporal convolutions": (
        [conv1(3, 1, name="out", **{"from": "features"}), *dilated(0, "out"), *dilated(1, "out0"),
         {"GlobalMaxPooling1D": {}}],
        STEPS, NUMBER,
    ),
    "wavenet": (
        [
            conv1(3, 2, {"padding": "causal", "dilation_rate": 2, "activation": "tanh"},
                  name="filter", **{"from": "features"}),
            conv1(3, 2, {"padding": "causal", "dilation_rate": 2, "activation": "sigmoid"},
                  name="gate", **{"from": "features"}),
            joint("Multiply", "filter", "gate"), conv1(3, 1, name="skip"),
            joint("Add", "features", "skip"), {"Flatten": {}},
        ],
        STEPS, NUMBER,
    ),
    "convolutions and memory": (
        [conv1(4, 3, {"padding": "same", "activation": "relu"}), {"MaxPooling1D": {"pool_size": 2}},
         {"LSTM": {"units": 3, "recurrent_dropout": 0.1}}],
        STEPS, NUMBER,
    ),
    "conv-lstm": (
        [{"ConvLSTM2D": {"filters": 2, "kernel_size": 3, "padding": "same"}}, {POOL: {}}],
        {"features": (3, 5, 5, 1)}, NUMBER,
    ),
    "video": (
        [{"Conv3D": {"filters": 2, "kernel_size": 2}}, {"MaxPooling3D": {"pool_size": 2}},
         "GlobalAveragePooling3D"],
        {"features": (4, 5, 5, 1)}, CLASSES,
    ),
    "n-beats": (
        [
            dense(4, **{"from": "features"}), dense(5, "linear", name="back1"),
            joint("Subtract", "features", "back1", name="rest"),
            dense(2, "linear", name="ahead1", **{"from": "back1"}),
            dense(4, **{"from": "rest"}), dense(2, "linear", name="ahead2"),
            joint("Add", "ahead1", "ahead2"),
        ],
        FEATURES, (2, "linear"),
    ),
    "gated residual": (
        [
            dense(4, "elu", **{"from": "features"}), dense(5, "linear", name="h"),
            dense(5, "sigmoid", name="gate", **{"from": "h"}),
            dense(5, "linear", name="value", **{"from": "h"}),
            joint("Multiply", "gate", "value", name="gated"),
            joint("Add", "features", "gated"), "LayerNormalization",
        ],
        FEATURES, NUMBER,
    ),
    "highway": (
        [
            dense(5, "relu", name="h", **{"from": "features"}),
            dense(5, "sigmoid", name="t", **{"from": "features"}),
            joint("Multiply", "h", "t", name="ht"),
            {"Rescaling": {"scale": -1.0, "offset": 1.0}, "from": "t", "name": "carry"},
            joint("Multiply", "features", "carry", name="xc"), joint("Add", "ht", "xc"),
        ],
        FEATURES, NUMBER,
    ),
    "mixture of experts": (
        [
            *(dense(3, "relu", name=f"e{i}", **{"from": "features"}) for i in range(2)),
            joint("Concatenate", "e0", "e1"), {"Reshape": {"target_shape": [2, 3]}, "name": "e"},
            dense(2, "softmax", name="g", **{"from": "features"}), joint("Dot", "g", "e", axes=1),
        ],
        FEATURES, NUMBER,
    ),
    "bottleneck": ([dense(4), dense(2, "linear"), dense(4)], FEATURES, (5, "linear")),
    "self-normalising": (
        [
            {"Dense": {"units": 4, "activation": "selu", "kernel_initializer": "lecun_normal"}},
            {"AlphaDropout": {"rate": 0.1}},
        ],
        FEATURES, CLASSES,
    ),
    "maxout": (
        [*(dense(3, "linear", name=f"d{i}", **{"from": "features"}) for i in range(3)),
         joint("Maximum", "d0", "d1", "d2")],
        FEATURES, CLASSES,
    ),
    "pointnet": (
        [conv1(4, 1, {"activation": "relu"}), "BatchNormalization", "GlobalMaxPooling1D"],
        STEPS, CLASSES,
    ),
}  # fmt: skip


def section(name: str) -> Any:
    """The section `network` of a pipeline file."""
    layers = NETWORKS[name][0]
    wired = any(isinstance(layer, dict) and {"from", "name"} & set(layer) for layer in layers)
    return {"layers": layers} if wired else layers
