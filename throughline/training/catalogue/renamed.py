"""Names of Keras 2 and of `tf.keras`, as many texts still write them, and what took their place."""

from __future__ import annotations

from collections.abc import Mapping

MODULES = (
    *("keras.", "tensorflow.", "tf.", "activations.", "constraints.", "initializers."),
    *("layers.", "losses.", "metrics.", "optimizers.", "regularizers."),
)
OF_COLUMNS = "Remove it: the shape of the inputs follows from the columns"
OF_STEPS = "Remove it: Keras 3 chooses by the layer's other arguments"
RATE = "In Keras 3 it is a schedule; write training.schedule: {InverseTimeDecay: ...}, whose "
SUCCESSORS = {
    # Layers.
    "CuDNNGRU": "Write GRU, which runs by cuDNN on a GPU where its arguments allow it",
    "CuDNNLSTM": "Write LSTM, which runs by cuDNN on a GPU where its arguments allow it",
    "DenseFeatures": "Remove it: `columns` says how each column becomes numbers",
    "LocallyConnected1D": "Keras 3 has none; write Conv1D, or a layer of your own",
    "LocallyConnected2D": "Keras 3 has none; write Conv2D, or a layer of your own",
    "SyncBatchNormalization": "Write BatchNormalization: {synchronized: true}",
    "ThresholdedReLU": "Write ReLU: {threshold: ...}",
    # Arguments of layers.
    "batch_input_shape": OF_COLUMNS,
    "batch_size": OF_COLUMNS,
    "implementation": OF_STEPS,
    "input_dim": OF_COLUMNS,
    "input_length": OF_COLUMNS,
    "input_shape": OF_COLUMNS,
    "time_major": OF_STEPS,
    # Arguments of optimizers.
    "decay": f"{RATE}rate at step t is initial_learning_rate / (1 + decay_rate * t / decay_steps)",
    "lr": "Write learning_rate",
    # Initializers.
    "glorot": "Write GlorotUniform or GlorotNormal; Keras' default is GlorotUniform",
    "he": "Write HeNormal or HeUniform",
    "kaiming": "Write HeNormal or HeUniform",
    "lecun": "Write LecunNormal or LecunUniform",
    "normal": "Write RandomNormal",
    "one": "Write Ones",
    "uniform": "Write RandomUniform",
    "xavier": "Write GlorotUniform or GlorotNormal",
    "zero": "Write Zeros",
    # Losses and metrics.
    "cosine": "Write CosineSimilarity",
    "cosine_proximity": "Write CosineSimilarity",
    "kld": "Write KLDivergence",
    "kullback_leibler_divergence": "Write KLDivergence",
}


def successor(name: str, known: Mapping[str, str]) -> str:
    """What to write for a name of Keras 2 or one with its module before it; else nothing.

    Args:
        name: as the file has it.
        known: the valid names by their folded forms.
    """
    bare = name.rpartition(".")[2]
    found = known.get(bare.replace("_", "").lower())
    if found and name.startswith(MODULES):
        return f"Write {found}, without the module before it"
    return SUCCESSORS.get(bare, "")
