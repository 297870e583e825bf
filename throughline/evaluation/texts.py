"""Texts: which were answered most wrongly, which words weighed most, what a word alone says.

Everything is asked of `model.onnx` with raw texts, so it holds for any network behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.evaluation.outcome import CLOSEST, Outcome, Target
from throughline.evaluation.raw_rows import Rows, answers
from throughline.paths import read_json

if TYPE_CHECKING:
    from throughline.evaluation.branch import Judged
    from throughline.pipeline.pipeline import Pipeline
    from throughline.pipeline.schema.columns import Column
    from throughline.pipeline.schema.text import Text

# Texts and words that the report shows.
MOST_TEXTS = 5
MOST_WORDS = 8
MOST_WEIGHTS = 12
# Of a long text so many different words are tried.
MOST_TRIED = 400
LONGEST_SHOWN = 700
# Classes whose words the report lists.
MOST_CLASSES = 12


def text_column(columns: Mapping[str, Column]) -> str | None:
    """The text column of a pipeline that has one."""
    found = texts_of(columns)
    return next(iter(found)) if len(found) == 1 else None


def texts_of(columns: Mapping[str, Column]) -> dict[str, Text]:
    """The settings of each text column."""
    return {name: column.text for name, column in columns.items() if column.text is not None}


def analysed(model: Path, view: Pipeline, judged: Judged) -> dict[str, Any]:
    """What the report says of the texts of a pipeline; nothing where it has none.

    Args:
        model: `model.onnx`.
        view: the sections of the pipeline.
        judged: the pipeline itself, measured.
    """
    column, outcome = text_column(view.columns), judged.outcome
    if column is None or outcome.task not in ("binary", "multiclass"):
        return {}
    folder, rows, target = judged.parts.folder, judged.parts.evaluated, judged.parts.target
    settings = texts_of(view.columns)[column]
    separator = "" if settings.tokens == "characters" else " "
    graph = folder / "preprocess.onnx"
    wrong = most_wrong(model, graph, column, rows, outcome, target, separator)
    found: dict[str, Any] = {"column": column, "wrong": wrong}
    features = read_json(folder / "prepared.json")["features"]
    bag = isinstance(settings.encode, str) and settings.ngrams == (1, 1)
    if bag and len(view.columns) == 1:
        (names,) = features.values()
        vocabulary = [name.removeprefix(f"{column}=") for name in names]
        found["weights"] = word_weights(model, column, vocabulary, target, outcome.names)
    return found


def most_wrong(
    model: Path,
    graph: Path,
    column: str,
    rows: Rows,
    outcome: Outcome,
    target: Target,
    separator: str = " ",
) -> list[dict[str, Any]]:
    """The wrong answers that the model was surest of, each with the words that weighed most.

    A word's weight is by how much the log-odds of the answer fall when every occurrence of the
    word is taken out of the text.

    Args:
        model: `model.onnx`.
        graph: `preprocess.onnx`, whose tokens these are.
        column: the text column.
        rows: raw rows.
        outcome: the model's answers to them.
        target: what is predicted.
        separator: between tokens that are put together again. Default: a space.
    """
    assert outcome.probabilities is not None
    wrong = np.flatnonzero(outcome.predicted != outcome.actual)
    sure = outcome.probabilities[wrong, outcome.predicted[wrong]]
    chosen = wrong[np.argsort(-sure, kind="stable")][:MOST_TEXTS]
    if not len(chosen):
        return []
    found = []
    for row, tokens in zip(chosen, tokens_of(graph, column, rows, chosen), strict=True):
        predicted = int(outcome.predicted[row])
        words = list(dict.fromkeys(tokens))[:MOST_TRIED]
        texts = [separator.join(tokens)]
        texts += [separator.join(t for t in tokens if t != word) for word in words]
        asked = _with_texts(rows, int(row), column, texts)
        odds = log_odds(model, asked, target)[:, predicted]
        effects = odds[0] - odds[1:]
        heaviest = np.argsort(-np.abs(effects), kind="stable")[:MOST_WORDS]
        raw = str(rows.columns[column][row])
        found.append(
            {
                "row": int(row),
                "text": raw[:LONGEST_SHOWN] + ("…" if len(raw) > LONGEST_SHOWN else ""),
                "actual": outcome.names[int(outcome.actual[row])],
                "predicted": outcome.names[predicted],
                "probability": float(outcome.probabilities[row, predicted]),
                "words": [{"word": words[i], "weight": float(effects[i])} for i in heaviest],
            }
        )
    return found


def word_weights(
    model: Path, column: str, vocabulary: Sequence[str], target: Target, names: Sequence[str]
) -> list[dict[str, Any]]:
    """For each class the words that alone speak most for it.

    The log-odds of a text that is this word alone, less those of an empty text. For a network
    without hidden layers that is the word's weight itself.

    Args:
        model: `model.onnx`, whose only input is the text.
        column: the text column.
        vocabulary: the known words.
        target: what is predicted.
        names: of the classes.
    """
    texts = np.array(["", *vocabulary], dtype=object)
    odds = log_odds(model, Rows({column: texts}, len(texts)), target)
    weights = odds[1:] - odds[:1]
    if len(names) == 2:
        # The two classes mirror each other.
        weights[:, 0] = -weights[:, 1]
    result = []
    for place, name in list(enumerate(names))[:MOST_CLASSES]:
        best = np.argsort(-weights[:, place], kind="stable")[:MOST_WEIGHTS]
        words = [{"word": vocabulary[i], "weight": float(weights[i, place])} for i in best]
        result.append({"class": name, "words": words})
    return result


def log_odds(model: Path, rows: Rows, target: Target) -> np.ndarray:
    """The log-odds of every class, shape (N, C)."""
    found = answers(model, rows)
    if "probability" in found:
        positive = found["probability"].astype(np.float64).reshape(-1)
        probabilities = np.column_stack([1 - positive, positive])
    else:
        probabilities = found["probabilities"].astype(np.float64)
    kept = np.clip(probabilities, CLOSEST, 1 - CLOSEST)
    odds: np.ndarray = np.log(kept) - np.log1p(-kept)
    return odds


def tokens_of(graph: Path, column: str, rows: Rows, chosen: np.ndarray) -> list[list[str]]:
    """The tokens that the graph finds in the texts of some rows."""
    import onnx

    from throughline.export.graph.rewriting import drop_dead, replace_items
    from throughline.preprocessing.graph.runtime import session_of

    part = onnx.load(graph)
    name = f"{column}/tokens"
    tokens = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.STRING, None)
    replace_items(part.graph.output, [tokens])
    drop_dead(part.graph)
    replace_items(part.graph.input, [given for given in part.graph.input if given.name == column])
    session = session_of(part)
    texts = ["" if text is None else str(text) for text in rows.columns[column][chosen]]
    (found,) = session.run([name], {column: np.array(texts, dtype=object)[:, None]})
    return [[token for token in row if token] for row in found]


def _with_texts(rows: Rows, row: int, column: str, texts: Sequence[str]) -> Rows:
    """The row again and again, with another text each time."""
    columns = {
        name: np.repeat(values[row : row + 1], len(texts)) for name, values in rows.columns.items()
    }
    columns[column] = np.array(texts, dtype=object)
    return Rows(columns, len(texts))
