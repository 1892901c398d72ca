"""Explanations of small models, and of every layer, for the tests of how they are shown."""

import numpy as np
from every_layer import OPTIONS, make

import minnet as mn

WHY = "layers[0].weight[2, 1]"


class Scale(mn.Layer):
    """y = <b>w</b> · $x$ & {w}, where `w` is one number."""

    def __init__(self):
        self.w = mn.Parameter(np.array([2.0]))

    def forward(self, x):
        self.cache = x
        return self.w.data * x

    def backward(self, dy):
        self.w.grad += (dy * self.cache).sum()
        return self.w.data * dy


class Doubled(mn.Layer):
    """y = 2 x, with a wrong backward."""

    def forward(self, x):
        self.cache = 0
        return 2 * x

    def backward(self, dy):
        return dy


def notebook(why=WHY):
    """Explain the notebook's model, with three pixels and two classes."""
    model = mn.Sequential(mn.Linear(3, 2, rng=0), mn.Softmax())
    x = np.array([[0.0, 0.5, 1.0], [1.0, 0.25, 0.0]])
    return mn.explain(model, mn.CrossEntropyLoss(), x, np.array([1, 0]), why)


def images():
    """Explain a model with images, a layer with layers inside, and a layer of a user's own."""
    inside = mn.Residual(mn.Conv2d(2, 2, 3, padding=1, rng=1))
    model = mn.Sequential(mn.Conv2d(1, 2, 3, rng=0), inside, mn.GlobalAvgPool2d(), Scale(), mn.Linear(2, 3, rng=2))
    x = np.random.default_rng(0).normal(size=(2, 1, 6, 6))
    return mn.explain(model, mn.SoftmaxCrossEntropyLoss(), x, np.array([0, 2]), "layers[0].weight[0, 1, 1, 2]")


def of_layer(name):
    """Explain a layer of minnet, with a squared loss."""
    shapes, options = OPTIONS[name]
    rng = np.random.default_rng(0)
    x = rng.integers(0, 9, shapes[-1]) if name == "Embedding" else rng.normal(size=shapes[-1]).astype(np.float32)
    layer = None
    for pick in (0, -1):  # the first options of some layers do not go together
        try:
            layer = make(name, {key: (some() if callable(some) else some)[pick] for key, some in options.items()})
            y = layer.forward(x)
            break
        except (TypeError, ValueError):
            if pick:
                raise
    return mn.explain(layer, mn.MSELoss(), x, np.zeros_like(y))
