"""The report page, its sections, plots and tables."""
