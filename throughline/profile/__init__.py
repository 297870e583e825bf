"""A first look at a table: what is in each column, and a pipeline file to begin with."""
