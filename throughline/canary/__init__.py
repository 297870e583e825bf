"""A proof that held-out rows cannot reach the training side."""
