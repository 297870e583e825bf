"""What the intervals and verdicts of a report cover, simulated through its own functions."""
