"""Building and running a preprocessing graph."""
