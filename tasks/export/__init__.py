"""Export: a trained network and its preprocessing as one ONNX file."""
