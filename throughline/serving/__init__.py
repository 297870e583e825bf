"""Runtime inference on onnxruntime and numpy alone: what a production image installs."""
