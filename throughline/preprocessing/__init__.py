"""Fitted preprocessing as an ONNX graph: what is trained on and what is served are one thing."""
