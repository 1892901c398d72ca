"""What check_layer advises for the mistakes that people make most often."""

import numpy as np
import pytest

import minnet as mn
from minnet.inspection.gradcheck import LayerError, check_layer

X = np.random.default_rng(0).normal(size=(4, 3))


class Dense(mn.Layer):
    """y = x @ W + b, with one mistake at a time."""

    def __init__(self, inputs=3, outputs=3, bias=(3,), transposed=True, axis=0, product="right"):
        self.weight = mn.Parameter(np.random.default_rng(1).normal(size=(inputs, outputs)))
        self.bias = mn.Parameter(np.zeros(bias))
        self.transposed, self.axis, self.product = transposed, axis, product

    def forward(self, x):
        self.cache = x
        return x @ self.weight.data + self.bias.data

    def backward(self, dy):
        x = self.cache
        gradient = x.T @ dy
        self.weight.grad += gradient if self.product == "right" else gradient.T
        self.bias.grad += dy.sum(axis=self.axis)
        return dy @ (self.weight.data.T if self.transposed else self.weight.data)


class Plain(mn.Layer):
    """A Dropout that a newcomer wrote: it drops in eval mode, too."""

    def __init__(self):
        self.rng = np.random.default_rng(0)

    def forward(self, x):
        self.cache = mask = (self.rng.random(x.shape) > 0.5).astype(x.dtype)
        return x * mask

    def backward(self, dy):
        return dy * self.cache


def test_the_right_one_passes():
    assert check_layer(Dense(), X)


@pytest.mark.parametrize(
    ("layer", "x", "advice"),
    [
        (
            Dense(outputs=2, bias=(2,), transposed=False),
            X,
            r"dy has shape \(4, 2\), .* a transpose is missing or misplaced; here dy @ ",
        ),
        (
            Dense(transposed=False),
            X,
            r"dL/dx.* is wrong.*it is dy @ self\.weight\.data .a transpose is missing.: "
            r"the right one is dy @ self\.weight\.data\.T",
        ),
        (Dense(product="transposed"), X, r"weight\.grad.* it is the transpose of the right gradient"),
        (Dense(axis=1), X[:3], r"bias\.grad.* it is dy\.sum\(axis=1\): the right one is dy\.sum\(axis=0\)"),
        (Dense(axis=1), X, r"self\.bias\.grad has shape \(3,\), .* a sum over them: the sum is dy\.sum\(axis=0\)"),
        (Dense(axis=(0, 1)), X, r"bias\.grad.* it is dy\.sum\(\): the right one is dy\.sum\(axis=0\)"),
        (
            Dense(bias=()),
            X,
            r"self\.bias is a single number, shared by all outputs: give each its own, self\.bias = mn\.Parameter",
        ),
        (Plain(), X, r"draws random numbers in eval mode: return x as it is if not self\.training"),
    ],
    ids=["transpose", "square transpose", "transposed dW", "square axis", "axis", "all axes", "scalar bias", "dropout"],
)
def test_the_advice_names_the_mistake(layer, x, advice):
    with pytest.raises(LayerError, match=advice):
        check_layer(layer, x)
    model = mn.Sequential(mn.Tanh(), mn.Residual(layer) if x is X else layer, mn.Tanh())
    if layer.describe().startswith("Dense") and layer.weight.data.shape == (3, 3):
        with pytest.raises(LayerError, match=rf"^Sequential\(\): in layers\[1\]\S* = {type(layer).__name__}.*{advice}"):
            check_layer(model, x)
