"""A page that asks a model: `model.onnx` and a runtime in one file that opens without a network."""
