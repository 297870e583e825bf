"""The n-gram baseline: what came next after the last tokens, counted in the training rows."""

from __future__ import annotations

import numpy as np


class NGram:
    """Predicts the next token from the last n − 1 token numbers, as scikit-learn's models do.

    The shares of each context are mixed with those of the next shorter one as if that had been
    seen once (a Bayesian interpolation, MacKay and Peto 1995); the shortest knows only the
    answers' own shares.

    Args:
        n: tokens in a gram, the predicted one included. Default: 3.
    """

    def __init__(self, n: int = 3) -> None:
        self.n = n

    def fit(self, features: np.ndarray, answers: np.ndarray) -> NGram:
        """Count.

        Args:
            features: token numbers, shape (N, F), the nearest token last.
            answers: the positions of the next tokens, shape (N,).
        """
        self.classes_, numbers = np.unique(answers, return_inverse=True)
        self._tables: list[dict[tuple[int, ...], np.ndarray]] = []
        contexts = self._last(features)
        for length in range(self.n):
            table: dict[tuple[int, ...], np.ndarray] = {}
            for context, number in zip(self._cut(contexts, length), numbers, strict=True):
                if context not in table:
                    table[context] = np.zeros(len(self.classes_), dtype=np.float32)
                table[context][number] += 1
            self._tables.append(table)
        return self

    def predict_proba(self, features: np.ndarray) -> np.ndarray:
        """The shares of the next tokens, shape (N, classes)."""
        contexts = self._last(features)
        shares = np.full((len(contexts), len(self.classes_)), 1 / len(self.classes_))
        for length, table in enumerate(self._tables):
            for row, context in enumerate(self._cut(contexts, length)):
                counts = table.get(context)
                if counts is not None:
                    shares[row] = (counts + shares[row]) / (counts.sum() + 1)
        return shares

    def predict(self, features: np.ndarray) -> np.ndarray:
        """The likeliest next token of each row."""
        found: np.ndarray = self.classes_[self.predict_proba(features).argmax(axis=1)]
        return found

    def _last(self, features: np.ndarray) -> np.ndarray:
        """The tokens that count, without a copy of the others."""
        return np.asarray(features[:, max(0, features.shape[1] - self.n + 1) :], dtype=np.int64)

    @staticmethod
    def _cut(contexts: np.ndarray, length: int) -> list[tuple[int, ...]]:
        """The last `length` tokens of each row."""
        return [tuple(row) for row in contexts[:, contexts.shape[1] - length :].tolist()]
