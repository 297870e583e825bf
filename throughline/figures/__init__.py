"""What is measured: names and directions."""
