"""What is measured: directions, limits, units, and how many digits mean something."""
