"""One kind of column a module: fitted on training rows, written as nodes of the graph."""
