"""How a file becomes a table: one module a format, found by the file's name or `read.format`."""
