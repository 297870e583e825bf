"""Rows that are made, where a text's own are drawn or are not to be had."""
