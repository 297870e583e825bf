"""Recurrent layers as native operators."""
