"""All activations are compared in test_twins.py; here is what it does not see: how precise they are."""

import numpy as np
import pytest

import minnet as mn

TWINS = pytest.importorskip("minnet.compiled.twins.activations", exc_type=ImportError).TWINS

X = np.concatenate([np.linspace(-20, 20, 4001), np.linspace(-1, 1, 2001), [1e-30, -1e-30, 0]]).astype(np.float32)
LAYERS = [mn.ELU(), mn.CELU(0.5), mn.GELU(), mn.GELU("tanh"), mn.SiLU(), mn.Sigmoid(), mn.Softplus(), mn.Mish()]


@pytest.mark.parametrize("layer", LAYERS, ids=mn.Layer.describe)
def test_as_precise_as_the_formula(layer):
    forward, backward = type(layer).forward.formula, type(layer).backward.formula
    y, dx = forward(layer, X.astype(np.float64)), backward(layer, np.ones(X.shape))
    by_formula = [forward(layer, X), backward(layer, np.ones_like(X))]
    by_twin = [TWINS[forward](layer, X), TWINS[backward](layer, np.ones_like(X))]
    for exact, formula, twin in zip((y, dx), by_formula, by_twin, strict=True):
        size = np.maximum(np.abs(exact), 0.1)  # where terms cancel, neither has all digits
        assert (np.abs(twin - exact) / size).max() <= 2 * (np.abs(formula - exact) / size).max() + 2e-7


def test_in_the_order_of_memory():
    x = np.random.default_rng(0).standard_normal((3, 8, 8, 64), dtype=np.float32).transpose(3, 0, 1, 2)
    layer = mn.LeakyReLU()
    y = TWINS[mn.LeakyReLU.forward.formula](layer, x)
    assert y.strides == x.strides
    assert layer.cache.strides == tuple(step // 4 for step in x.strides)


def test_nothing_is_kept_in_eval_mode():
    layer = mn.GELU().eval()
    TWINS[mn.GELU.forward.formula](layer, X)
    with pytest.raises(RuntimeError, match="eval mode"):
        _ = layer.cache


def test_relu_of_special_numbers():
    x = np.random.default_rng(0).choice(np.array([-1, -0.0, 0, 2, np.nan, np.inf, -np.inf], np.float32), 2**16)
    formula, twin = mn.ReLU(), mn.ReLU()
    y = mn.ReLU.forward.formula(formula, x)
    np.testing.assert_array_equal(TWINS[mn.ReLU.forward.formula](twin, x), y)
    np.testing.assert_array_equal(twin.cache, formula.cache)
