"""A released model made again, and held against the released one."""
