"""Pictures and sounds as a model takes them, from the bytes of their files."""
