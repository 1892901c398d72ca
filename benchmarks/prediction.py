"""A prediction maps one image to probabilities, as in a program that classifies images when they come."""

from dataclasses import replace

import networks
import numpy as np
from rivals import Remark, ask
from rounds import Call, Effort, Times, race
from works import WORKS, Weights, digits, initial_weights

CASES = {  # title → the work whose model predicts, and the shape of the image
    "784-10, x (784,)": ("W1", (784,)),
    "784-10, x (1, 784)": ("W1", (1, 784)),
    "784-128-10, x (784,)": ("W3", (784,)),
    "784-128-10, x (1, 784)": ("W3", (1, 784)),
}


def measure(effort: Effort, races: dict[str, Times], remark: Remark) -> None:
    """Time the predictions of all cases."""
    effort = replace(effort, rounds=min(effort.rounds, 9), turn=effort.turn / 2)
    for title in CASES:
        races[title] = Times()
        race(predictors(title, remark), effort, title, races[title])
    networks.measure(effort, races, remark)


def predictors(title: str, remark: Remark) -> list[Call]:
    """Return the contenders of a case."""
    return ask("predictors", *model_and_image(title), remark=remark)


def model_and_image(title: str) -> tuple[Weights, np.ndarray]:
    """Return the weights and the image of a case."""
    work, shape = CASES[title]
    return initial_weights(WORKS[work]), digits().X[0].reshape(shape)
