"""A trained network and its fitted preprocessing as one ONNX file."""
