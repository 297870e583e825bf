"""Kinds of data that a draft is made for, beside a table's rows: series, pictures, sounds."""
