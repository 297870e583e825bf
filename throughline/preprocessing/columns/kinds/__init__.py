"""The kinds of column: a module registers a class, and is found by itself."""
