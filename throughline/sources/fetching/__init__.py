"""Files from other machines, known by their sha256."""
