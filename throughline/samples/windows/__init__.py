"""Time series: a regular grid, windows by index, preprocessing over windows, targets ahead."""
