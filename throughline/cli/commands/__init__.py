"""The commands themselves: each declares its arguments and calls who does the work."""
