"""From raw rows to a validated, cross-validated, versioned ONNX model, and what runs it."""
