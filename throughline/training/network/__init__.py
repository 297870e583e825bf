"""From the layers of a pipeline file to a Keras model."""
