"""Rows to answer, from the cells of a file to what the runtime takes, and the answers' way out."""
