"""What every page is made of: charts, tables, style."""
