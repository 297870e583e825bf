"""From clean rows to prepared windows."""
