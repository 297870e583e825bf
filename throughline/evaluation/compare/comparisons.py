"""Trivial and classical models, trained on the same rows and tested on the same rows."""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadPipeline, listed, nearest
from throughline.evaluation.compare.features import Features
from throughline.evaluation.outcome import Outcome, Target
from throughline.pipeline.schema.judgement import BASELINES

if TYPE_CHECKING:
    from throughline.pipeline.schema.judgement import Comparison

SEED = 0

MODULES = {
    "LogisticRegression": "sklearn.linear_model",
    "LinearRegression": "sklearn.linear_model",
    "RandomForestClassifier": "sklearn.ensemble",
    "RandomForestRegressor": "sklearn.ensemble",
    "HistGradientBoostingClassifier": "sklearn.ensemble",
    "HistGradientBoostingRegressor": "sklearn.ensemble",
    "SVC": "sklearn.svm",
    "SVR": "sklearn.svm",
    "GaussianNB": "sklearn.naive_bayes",
    "KNeighborsClassifier": "sklearn.neighbors",
    "KNeighborsRegressor": "sklearn.neighbors",
    "NGram": "throughline.evaluation.compare.ngram",
}
REGRESSORS = ("LinearRegression", "SVR", "KNeighborsRegressor")
DENSE_ONLY = ("GaussianNB", "HistGradientBoosting")
# These answer several labels or targets at once by themselves.
SEVERAL_OUTPUTS = ("LinearRegression", "RandomForest", "KNeighbors")


@dataclass(frozen=True)
class Prepared:
    """The arrays that every comparison model sees.

    Attributes:
        features: of the training rows, shape (N, F); dense or scipy.sparse.
        answers: truth of the training rows as `Outcome.actual` holds it.
        test_features: of the rows that are evaluated, shape (M, F).
        actual: truth of those rows.
        target: what is predicted.
    """

    features: Features
    answers: np.ndarray
    test_features: Features
    actual: np.ndarray
    target: Target

    def outcome(self, predicted: np.ndarray, probabilities: np.ndarray | None) -> Outcome:
        """Answers of a comparison model beside the truth."""
        names = self.target.names
        return Outcome(self.target.task, self.actual, predicted, probabilities, names)


def titles(comparisons: Sequence[Comparison]) -> list[str]:
    """A name for each; a second one of the same kind gets a number."""
    seen: dict[str, int] = {}
    result = []
    for comparison in comparisons:
        seen[comparison.model] = seen.get(comparison.model, 0) + 1
        number = seen[comparison.model]
        result.append(comparison.model + (f" {number}" if number > 1 else ""))
    return result


def compared(comparison: Comparison, prepared: Prepared) -> Outcome:
    """The outcome of a comparison model on the rows that are evaluated.

    Raises:
        BadPipeline: the model does not fit the task, or an argument does not fit the model.
    """
    if comparison.model in BASELINES:
        return _trivial(comparison, prepared)
    return _classical(comparison, prepared)


def _trivial(comparison: Comparison, prepared: Prepared) -> Outcome:
    if comparison.arguments:
        raise BadPipeline(f"'{comparison.model}' takes no arguments", comparison.arguments)
    classifies = prepared.target.task not in ("regression", "proportion")
    if comparison.model == ("mean" if classifies else "majority"):
        right = "majority" if classifies else "mean"
        raise BadPipeline(
            f"The trivial baseline of task '{prepared.target.task}' is '{right}'", comparison.model
        )
    if comparison.model == "shuffled-labels":
        return prepared.outcome(_shuffled(prepared), None)
    return _mean(prepared) if comparison.model == "mean" else _majority(prepared)


def _shuffled(prepared: Prepared) -> np.ndarray:
    """Training answers in random order: what a model gets that knows the shares alone."""
    order = np.random.default_rng(SEED).permutation(len(prepared.answers))
    return prepared.answers[np.resize(order, len(prepared.actual))]


def _mean(prepared: Prepared) -> Outcome:
    mean = prepared.answers.mean(axis=0)
    return prepared.outcome(np.tile(mean, (len(prepared.actual), 1)), None)


def _majority(prepared: Prepared) -> Outcome:
    """The most frequent class, or for each label the more frequent answer, with their shares."""
    count = len(prepared.actual)
    if prepared.target.task == "multilabel":
        shares = prepared.answers.mean(axis=0)
        predicted = np.tile((shares > 0.5).astype(np.int64), (count, 1))
    else:
        shares = np.bincount(prepared.answers, minlength=len(prepared.target.names))
        shares = shares / shares.sum()
        predicted = np.full(count, shares.argmax())
    return prepared.outcome(predicted, np.tile(shares, (count, 1)))


def _classical(comparison: Comparison, prepared: Prepared) -> Outcome:
    import threadpoolctl  # type: ignore[import-untyped]

    model = _constructed(comparison, prepared)
    # One thread repeats to the last bit; on shared cores it is faster, too: boosted trees on 200
    # rows took 13 s with two threads that wait for each other.
    with warnings.catch_warnings(), threadpoolctl.threadpool_limits(1):
        # A solver that stops at its iteration limit is a fair comparison all the same.
        warnings.simplefilter("ignore")
        answers = prepared.answers
        if answers.ndim == 2 and answers.shape[1] == 1:
            answers = answers[:, 0]
        training, fresh = _fitting(comparison.model, prepared)
        try:
            model.fit(training, answers)
            predicted = np.asarray(model.predict(fresh))
            probabilities = _probabilities(model, prepared, fresh)
        except (ValueError, TypeError) as error:
            if not comparison.arguments:
                raise
            raise BadPipeline(
                f"'{comparison.model}' of 'compare' refuses its arguments: {_in_one_line(error)}",
                remedy=f"Change {listed(comparison.arguments)}",
            ) from None
    if prepared.target.task in ("regression", "proportion"):
        return prepared.outcome(predicted.reshape(len(predicted), -1).astype(np.float64), None)
    return prepared.outcome(predicted.astype(np.int64), probabilities)


def _fitting(model: str, prepared: Prepared) -> tuple[Features, Features]:
    """Training and evaluated features; dense for the models that take nothing else."""
    pair = (prepared.features, prepared.test_features)
    if not model.startswith(DENSE_ONLY) or isinstance(pair[0], np.ndarray):
        return pair
    return pair[0].toarray(), pair[1].toarray()


def _probabilities(model: Any, prepared: Prepared, fresh: Features) -> np.ndarray | None:
    """(M, C) for one class a row; None for all else and for models that have none."""
    one_class = prepared.target.task in ("binary", "multiclass")
    if not one_class or not hasattr(model, "predict_proba"):
        return None
    probabilities = np.zeros((len(prepared.actual), len(prepared.target.names)))
    # A class without a training row has no column of its own.
    probabilities[:, np.asarray(model.classes_)] = model.predict_proba(fresh)
    return probabilities


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def refused_values(name: str, arguments: Mapping[str, Any]) -> str:
    """What a model says against the values of its arguments; empty where it takes them."""
    try:
        model = getattr(importlib.import_module(MODULES[name]), name)(**arguments)
        # What scikit-learn's own `fit` begins with; it needs no rows.
        getattr(model, "_validate_params", lambda: None)()
    except (ValueError, TypeError) as error:
        return _in_one_line(error)
    return ""


def _constructed(comparison: Comparison, prepared: Prepared) -> Any:
    name = comparison.model
    predicts_numbers = name.endswith("Regressor") or name in REGRESSORS
    if predicts_numbers != (prepared.target.task in ("regression", "proportion")):
        raise BadPipeline(
            f"A comparison model must fit the task '{prepared.target.task}'",
            name,
            "Name a regressor for numbers and a classifier for classes",
        )
    kind = getattr(importlib.import_module(MODULES[name]), name)
    valid = list(inspect.signature(kind).parameters)
    for argument in comparison.arguments:
        if argument not in valid:
            raise BadPipeline(f"'{name}' has no such argument", argument, nearest(argument, valid))
    defaults = {"random_state": SEED, "n_jobs": 1}
    fixed = {key: value for key, value in defaults.items() if key in valid}
    model = kind(**(fixed | comparison.arguments))
    if prepared.answers.ndim == 2 and prepared.answers.shape[1] > 1:
        return (
            model if name.startswith(SEVERAL_OUTPUTS) else _one_model_each(model, predicts_numbers)
        )
    return model


def _one_model_each(model: Any, predicts_numbers: bool) -> Any:
    multioutput = importlib.import_module("sklearn.multioutput")
    kind = "MultiOutputRegressor" if predicts_numbers else "MultiOutputClassifier"
    return getattr(multioutput, kind)(model)
