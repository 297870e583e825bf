"""What Keras has under which name, and which of it no network here can have."""
