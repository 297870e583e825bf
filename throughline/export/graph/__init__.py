"""The ONNX graph under construction and its canonical form."""
