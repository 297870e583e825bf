"""The engine room: builds networks, trains folds as one compiled program, compares scores."""
