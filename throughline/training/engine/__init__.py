"""The training loop as one compiled program."""
