"""Between which limits a figure lies, by the method that fits the figure and the rows."""
