"""A text column: tokens, vocabulary and encoding, all of them nodes of the graph."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from tasks.config.strict import Strict

# Runs of letters and digits of any script, with apostrophes inside words.
WORDS = r"[\p{L}\p{N}']+"


class Vocabulary(Strict):
    """Which tokens are known: the `size` most frequent of the training rows; written as a number.

    Tokens that are seen less than `minimum_count` times, and those of `without` (stop words), are
    left out; `without: english` is scikit-learn's list.
    """

    size: int | None = Field(default=None, ge=1)
    minimum_count: int = Field(default=1, ge=1)
    without: list[str] | Literal["english"] = []


class Ids(Strict):
    """Token numbers: 0 fills up, then `start` (if wanted) and `unknown`, then the vocabulary.

    Each row has `length` numbers; shorter texts are filled up, longer ones cut, `before` (Keras'
    way, so that a recurrent network ends on the text's end) or `after`.
    """

    length: int = Field(ge=1)
    fill: Literal["before", "after"] = "before"
    cut: Literal["before", "after"] = "before"
    start: bool = False


class Text(Strict):
    """How a text becomes numbers.

    `tokens` is the pattern (RE2) of a token, or `characters`. `lower` folds the letters A to Z
    only, so that no machine's locale changes the tokens. `encode`: multi-hot (0 or 1 a token of
    the vocabulary), counts, tf-idf (as scikit-learn: smoothed, rows of length 1), or ids.
    `ngrams: [1, 2]` counts pairs of neighbouring tokens too.
    """

    tokens: str = WORDS
    lower: bool = True
    vocabulary: Annotated[
        Vocabulary,
        BeforeValidator(
            lambda value: {"size": value} if isinstance(value, int) else value,
            json_schema_input_type=Vocabulary | int,
        ),
    ] = Vocabulary()
    ngrams: tuple[int, int] = (1, 1)
    encode: Literal["multi-hot", "counts", "tf-idf"] | Ids = "multi-hot"

    @model_validator(mode="before")
    @classmethod
    def _short_ids(cls, value: Any) -> Any:
        """`encode: {ids: {length: 80}}` is how a file writes token numbers."""
        if isinstance(value, dict) and isinstance(value.get("encode"), dict):
            encode = value["encode"]
            if set(encode) == {"ids"}:
                return {**value, "encode": encode["ids"]}
        return value

    @model_validator(mode="after")
    def _settings_that_have_an_effect(self) -> Text:
        low, high = self.ngrams
        if not 1 <= low <= high:
            raise ValueError("'ngrams' needs two numbers from 1 on, the smaller first")
        if high > 1 and isinstance(self.encode, Ids):
            raise ValueError("'ngrams' has no effect beside 'ids'")
        if high > 1 and self.vocabulary.without:
            raise ValueError("stop words with 'ngrams' would join tokens that are no neighbours")
        return self
