"""Where raw data come from: one module a kind of source, one module a file format."""
