"""Cross-validation: the arrays of every fold and what their scores say."""
