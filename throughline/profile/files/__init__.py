"""How a file that nobody described is to be read: its layout, header and marks."""
