"""From the names of section `training` to Keras' optimizer, loss and metrics."""
