"""Word vectors: read, laid out by a vocabulary, equal to a frozen Embedding, looked at."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest

from throughline.errors import BadData, BadPipeline
from throughline.pipeline.schema.columns import Column
from throughline.preprocessing.columns.decoding import decoded
from throughline.preprocessing.columns.neighbours import analogy, nearest_words, write_projector
from throughline.preprocessing.columns.texts.vectors import Vectors, matrix_for, read_vectors
from throughline.preprocessing.fit import Preprocessing, fit
from throughline.preprocessing.graph.run import run
from throughline.preprocessing.plan import plan

MIRROR = os.environ.get("THROUGHLINE_MIRROR", "")
GLOVE = Path(MIRROR) / "glove" / "glove_6B_50d_top40000_f16.npz"
needs_glove = pytest.mark.skipif(not GLOVE.is_file(), reason="THROUGHLINE_MIRROR has no GloVe")

WORDS = ("the", "cat", "dog", "king")
VALUES = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    np.savez(tmp_path / "small.npz", words=np.array(WORDS), vectors=VALUES)
    return tmp_path


def fitted(texts: list[str], files: Path | None, **text: object) -> Preprocessing:
    rows = pd.DataFrame({"text": texts})
    column = Column.model_validate({"text": text})
    return fit(rows, plan(rows, {"text": column}, None, []), files=files)


def numbers(result: Preprocessing, texts: list[str]) -> np.ndarray:
    rows = pd.DataFrame({"text": texts})
    return run(result.graph, rows, result.inputs, result.types)["features"]


class TestReading:
    def test_numpy_and_lines_alike(self, files: Path) -> None:
        lines = [f"{w} {' '.join(map(str, row))}" for w, row in zip(WORDS, VALUES, strict=True)]
        (files / "small.txt").write_text("\n".join(lines) + "\n")
        for name in ("small.npz", "small.txt"):
            held = read_vectors(files / name)
            assert held.words == WORDS
            np.testing.assert_array_equal(held.values, VALUES)

    def test_rows_of_different_length(self, tmp_path: Path) -> None:
        (tmp_path / "bad.txt").write_text("a 1 2\nb 1\n")
        with pytest.raises(BadData, match=r"Line 2 of 'bad\.txt' must have 2 numbers"):
            read_vectors(tmp_path / "bad.txt")

    def test_a_file_that_the_source_does_not_have(self, files: Path) -> None:
        with pytest.raises(BadPipeline, match="Did you mean 'small'"):
            fitted(["cat"], files, vectors="smal", encode={"ids": {"length": 1}})


class TestTheEmbedding:
    def test_has_the_files_rows_at_the_numbers_of_the_words(self, files: Path) -> None:
        result = fitted(
            ["dog dog cat", "zebra"], files, vectors="small", encode={"ids": {"length": 3}}
        )
        matrix = result.vectors["features"]
        dog, cat, zebra = numbers(result, ["dog cat zebra"])[0]
        np.testing.assert_array_equal(matrix[dog], VALUES[2])
        np.testing.assert_array_equal(matrix[cat], VALUES[1])
        assert not matrix[0].any()
        assert matrix[zebra].any()

    def test_rows_of_unknown_words_are_seeded(self) -> None:
        held = Vectors(WORDS, VALUES)
        one, same = (matrix_for(["cat", "zebra"], 2, held) for _ in range(2))
        np.testing.assert_array_equal(one, same)
        assert one.shape == (4, 3)

    @pytest.mark.parametrize(
        ("missing", "low", "high"), [("zeros", 0.0, 0.0), ("uniform", 0.0, 1.0)]
    )
    def test_what_a_missing_word_gets(
        self, files: Path, missing: str, low: float, high: float
    ) -> None:
        given = {"file": "small", "missing": missing}
        result = fitted(["dog zebra"], files, vectors=given, encode={"ids": {"length": 2}})
        dog, zebra = numbers(result, ["dog zebra"])[0]
        row = result.vectors["features"][zebra]
        assert row.min() >= low and row.max() <= high
        assert row.any() == (missing == "uniform")
        np.testing.assert_array_equal(result.vectors["features"][dog], VALUES[2])

    def test_the_files_words_can_be_the_vocabulary(self, files: Path) -> None:
        ids = {"ids": {"length": 1}}
        vocabulary = {"file": "small", "size": 3}
        result = fitted(["a text"], files, vocabulary=vocabulary, vectors="small", encode=ids)
        assert numbers(result, ["the", "dog", "king"]).ravel().tolist() == [2, 4, 1]

    def test_frozen_in_keras_equals_the_file(self, files: Path, keras: None) -> None:
        from throughline.training.network.build import Output, build

        result = fitted(["dog dog cat"], files, vectors="small", encode={"ids": {"length": 2}})
        network = [{"Embedding": {"weights": "vectors", "trainable": False}}, "Flatten"]
        model = build(
            network,
            {"features": (2,)},
            Output(1, "sigmoid"),
            {"features": "int32"},
            vectors=result.vectors,
        )
        embedding = model.get_layer("embedding")
        assert not embedding.trainable_variables
        np.testing.assert_array_equal(embedding.get_weights()[0], result.vectors["features"])

    def test_without_vectors_says_so(self, keras: None) -> None:
        from throughline.training.network.build import BadNetwork, Output, build

        with pytest.raises(BadNetwork, match="should find word vectors"):
            build(
                [{"Embedding": {"weights": "vectors"}}],
                {"features": (2,)},
                Output(1, "sigmoid"),
                {"features": "int32"},
            )


class TestDecoding:
    def test_gives_the_words_back(self, files: Path) -> None:
        ids = {"ids": {"length": 5, "start": True}}
        result = fitted(["dog dog cat"], None, encode=ids)
        texts = ["Dog cat zebra", ""]
        assert decoded(result.graph, numbers(result, texts)) == ["^ dog cat ?", "^"]

    def test_of_a_graph_without_numbers(self) -> None:
        result = fitted(["dog"], None)
        assert isinstance(result.graph, onnx.ModelProto)
        with pytest.raises(BadData, match="must make token numbers"):
            decoded(result.graph, np.zeros((1, 1), np.int64))


@needs_glove
class TestTheTextsFigures:
    """Neighbours and cosines that zero-to-deep-learning prints for GloVe with 50 dimensions."""

    def test_nearest_words(self) -> None:
        found = nearest_words(read_vectors(GLOVE), "good")
        assert [word for word, _ in found] == ["better", "really", "always", "sure", "something"]
        assert found[0][1] == pytest.approx(0.92844, abs=1e-3)
        assert nearest_words(read_vectors(GLOVE), "two", 2)[0][0] == "three"

    @pytest.mark.parametrize(
        ("first", "second", "third", "answer"),
        [
            ("man", "king", "woman", "queen"),
            ("france", "paris", "germany", "berlin"),
            ("cat", "kitten", "dog", "puppy"),
        ],
    )
    def test_analogies(self, first: str, second: str, third: str, answer: str) -> None:
        assert analogy(read_vectors(GLOVE), first, second, third)[0][0] == answer

    def test_projector_files(self, tmp_path: Path) -> None:
        held = read_vectors(GLOVE)
        write_projector(held, tmp_path, 100)
        written = np.loadtxt(tmp_path / "vectors.tsv", delimiter="\t")
        np.testing.assert_allclose(written, held.values[:100], rtol=1e-5)
        assert (tmp_path / "metadata.tsv").read_text().split("\n")[0] == "the"
        assert "vectors.tsv" in (tmp_path / "projector_config.pbtxt").read_text()

    def test_an_unknown_word_names_the_nearest(self) -> None:
        with pytest.raises(BadData, match="Did you mean 'good'"):
            nearest_words(read_vectors(GLOVE), "goood")
