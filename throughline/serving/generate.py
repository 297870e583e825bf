"""Texts that a model goes on writing, token by token, with a temperature."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from throughline.serving.errors import BadRequest

if TYPE_CHECKING:
    from throughline.serving.predictor import Predictor

LONGEST = 20


def drawn(probabilities: np.ndarray, temperature: float, generator: np.random.Generator) -> int:
    """One class, drawn from softmax(log p / temperature).

    Args:
        probabilities: of the classes, shape (C,).
        temperature: 1 draws as the model says, near 0 always the likeliest, large any.
        generator: of the draw.
    """
    with np.errstate(divide="ignore"):
        scaled = np.log(probabilities.astype(np.float64)) / temperature
    weights = np.exp(scaled - scaled.max())
    return int(generator.choice(len(weights), p=weights / weights.sum()))


def generated(
    predictor: Predictor,
    start: str,
    temperature: float = 1.0,
    count: int = 1,
    seed: int = 0,
    longest: int = LONGEST,
) -> Iterator[str]:
    """Continuations of a text.

    The model answers which token comes next; the token is put at the end of the text, and it is
    asked again, until the token that ends a text comes or there are `longest` tokens.

    Args:
        predictor: a model whose only input is the text so far and whose classes are the tokens.
        start: the first characters or words.
        temperature: see `drawn`. Default: 1.
        count: texts. Default: 1.
        seed: of all draws. Default: 0.
        longest: most tokens that are added. Default: 20.

    Raises:
        BadRequest: another kind of model, or a setting out of range.
    """
    if not temperature > 0:
        raise BadRequest(f"'temperature' must be above 0. Received: {temperature}.")
    if count < 1 or longest < 1:
        raise BadRequest(f"'count' and 'longest' must be 1 or more. Received: {count}, {longest}.")
    classes = [str(name) for name in predictor.metadata.get("target", {}).get("classes") or ()]
    texts = [name for name, entry in predictor.inputs.items() if entry["type"] == "string"]
    if len(texts) != 1 or len(predictor.inputs) != 1 or "probabilities" not in predictor.outputs:
        raise BadRequest(
            "A model that generates takes one text and answers the probabilities of the next "
            f"token. Received: inputs {', '.join(predictor.inputs)}; outputs "
            f"{', '.join(predictor.outputs)}."
        )
    samples = predictor.metadata.get("samples") or {}
    end = samples.get("end") or None
    separator = "" if samples.get("of") == "characters" else " "
    generator = np.random.default_rng(seed)
    for _ in range(count):
        text = start
        for _ in range(longest):
            answer = predictor.predict({texts[0]: [text]})["probabilities"][0]
            token = classes[drawn(answer, temperature, generator)]
            if token == end:
                break
            text += separator + token
        yield text
