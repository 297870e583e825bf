"""One converter per Keras layer, by family; every module here registers its own."""
