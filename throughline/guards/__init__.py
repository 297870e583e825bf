"""Guards against leaks: rows, groups and columns that would make test figures too good."""
