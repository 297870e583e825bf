"""Layers of Keras that no network here can have: what it should be, and what to use."""

from __future__ import annotations

REFUSED = {
    "Lambda": (
        "a layer that can be stored; a Lambda holds code",
        "Use a layer of Keras, or 'network: package.module:function' with keras.ops",
    ),
    "AugMix": (
        "a layer that draws anew for each batch; AugMix draws its operations once a process, "
        "from a source that no seed reaches",
        "Use RandAugment, or the single Random... layers",
    ),
    "InputLayer": (
        "a layer; the inputs are there already, for they follow from the columns",
        "Remove it",
    ),
    "StackedRNNCells": (
        "one cell or layer; cells are stacked as layers",
        "Write the recurrent layers one after another, each but the last with return_sequences: "
        "true",
    ),
    "Pipeline": (
        "one layer; a Pipeline holds several",
        "Write its layers one after another",
    ),
    **dict.fromkeys(
        ("FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper", "Wrapper"),
        (
            "a layer whose arguments can be written; this one holds an object of Python or a file",
            "Use a layer of Keras, or 'network: package.module:function'",
        ),
    ),
}
