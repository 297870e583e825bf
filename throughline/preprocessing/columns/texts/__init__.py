"""Columns of texts as features: folding, tokens, counts, vectors."""
