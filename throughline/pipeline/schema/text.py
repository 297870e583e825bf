"""A text column: tokens, vocabulary and encoding, all of them nodes of the graph."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from throughline.pipeline.strict import Strict

# Runs of letters and digits of any script with their marks (the vowels of Hindi, points of Hebrew)
# and joiners, with apostrophes inside words; and each emoji, with what changes its look.
EMOJI = r"\p{So}[\p{M}\x{1F3FB}-\x{1F3FF}]*"
WORDS = rf"[\p{{L}}\p{{M}}\p{{N}}'\x{{200C}}\x{{200D}}]+|{EMOJI}(?:\x{{200D}}{EMOJI})*"


class Vocabulary(Strict):
    """Which tokens are known: the most frequent of the training rows; written as a number.

    Args:
        size: how many tokens. Default: all.
        minimum_count: times that a token must be seen. Default: 1.
        without: tokens that are left out (stop words); `english` is scikit-learn's list.
        file: an auxiliary file of the source whose words are the vocabulary, in their order; then
            nothing is fitted.
    """

    size: int | None = Field(default=None, ge=1)
    minimum_count: int = Field(default=1, ge=1)
    without: list[str] | Literal["english"] = []
    file: str | None = None

    @model_validator(mode="after")
    def _a_file_is_not_fitted(self) -> Vocabulary:
        if self.file is not None and (self.minimum_count > 1 or self.without):
            raise ValueError("'minimum_count' and 'without' have no effect beside 'file'")
        return self


class Ids(Strict):
    """Token numbers: 0 fills up, then `start` (if wanted) and the unknown, then the vocabulary.

    Args:
        length: numbers a row.
        fill: where shorter texts are filled up. Default: `before`, as Keras does, so that a
            recurrent network ends on the text's end.
        cut: where longer texts are cut. Default: `before`.
        start: whether each text begins with a number of its own.
        first: the number of the vocabulary's first token; Keras' own data sets leave one free
            before it (`start: true, first: 4`).
    """

    length: int = Field(ge=1)
    fill: Literal["before", "after"] = "before"
    cut: Literal["before", "after"] = "before"
    start: bool = False
    first: int | None = None

    @property
    def first_id(self) -> int:
        """The number of the vocabulary's first token."""
        return self.first or (3 if self.start else 2)

    @property
    def unknown_id(self) -> int:
        """The number of a token that the vocabulary does not have."""
        return 2 if self.start else 1

    @model_validator(mode="after")
    def _room_for_the_reserved(self) -> Ids:
        if self.first is not None and self.first <= self.unknown_id:
            raise ValueError(f"'first' must be above {self.unknown_id}, the number of the unknown")
        return self


def _short_ids(value: Any) -> Any:
    """`encode: {ids: {length: 80}}` is how a file writes token numbers."""
    return value["ids"] if isinstance(value, dict) and set(value) == {"ids"} else value


class WordVectors(Strict):
    """Which word vectors a text's Embedding starts from; written as the name of the file.

    Args:
        file: an auxiliary file of the source.
        missing: what a word gets that the file lacks: normal (drawn with the mean and standard
            deviation of the file's numbers), uniform (drawn between 0 and 1), zeros.
    """

    file: str
    missing: Literal["normal", "uniform", "zeros"] = "normal"


def _short_vectors(value: Any) -> Any:
    """`vectors: glove` is how most files write it."""
    return {"file": value} if isinstance(value, str) else value


class Text(Strict):
    """How a text becomes numbers.

    Args:
        tokens: the pattern (RE2) of a token, or `characters`. Default: words of every script, and
            emoji.
        lower: whether capitals are small letters. Default: true.
        vocabulary: which tokens are known; a number is the size.
        ngrams: `[1, 2]` counts pairs of neighbouring tokens, too; stop words are taken out first,
            so that the words beside one become neighbours (as in scikit-learn).
        encode: multi-hot (0 or 1 a token of the vocabulary), counts, tf-idf (as scikit-learn:
            smoothed, rows of length 1), or `{ids: {length: 80}}`.
        vectors: the word vectors of a layer `Embedding: {weights: vectors}`.
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
    ngrams: tuple[int, int] = Field(default=(1, 1), strict=False)
    encode: Annotated[
        Literal["multi-hot", "counts", "tf-idf"] | Ids,
        BeforeValidator(
            _short_ids,
            json_schema_input_type=Literal["multi-hot", "counts", "tf-idf"]
            | Ids
            | dict[Literal["ids"], Ids],
        ),
    ] = "multi-hot"
    vectors: Annotated[
        WordVectors | None,
        BeforeValidator(_short_vectors, json_schema_input_type=WordVectors | str | None),
    ] = None

    @model_validator(mode="after")
    def _settings_that_have_an_effect(self) -> Text:
        low, high = self.ngrams
        if not 1 <= low <= high:
            raise ValueError("'ngrams' needs two numbers from 1 on, the smaller first")
        if high > 1 and isinstance(self.encode, Ids):
            raise ValueError("'ngrams' has no effect beside 'ids'")
        if self.vectors is not None and not isinstance(self.encode, Ids):
            raise ValueError("'vectors' has an effect beside 'ids' only")
        return self
