"""Clipping bounds gradients, and the norms of columns of weights."""

import math

import numpy as np
import pytest
from helpers import linear_problem
from helpers import small_trainer as make

import minnet as mn
from minnet.callbacks import Callback, ClipGradNorm, ClipGradValue, MaxNorm

X, Y = linear_problem(40)


class Gradients(Callback):
    def on_gradients(self, trainer):
        self.seen = np.concatenate([p.grad.ravel() for p in trainer.optimizer.parameters])


def gradients(*callbacks):
    seen = Gradients()
    make().fit(mn.DataLoader(X, Y, 40), steps=1, callbacks=[*callbacks, seen])
    return seen.seen


def test_clip_grad_norm_keeps_the_direction():
    plain = gradients()
    norm = np.linalg.norm(plain)
    clipped = gradients(ClipGradNorm(norm / 4))
    np.testing.assert_allclose(clipped, plain / 4, rtol=1e-5)
    np.testing.assert_array_equal(gradients(ClipGradNorm(norm * 1.01)), plain)


def test_clip_grad_norm_of_huge_gradients():
    parameter = mn.Parameter(np.zeros(4))
    parameter.grad[...] = 1e30  # its square is no float32
    trainer = make()
    trainer.optimizer = mn.SGD([parameter], lr=1)
    ClipGradNorm(1.0).on_gradients(trainer)
    np.testing.assert_allclose(parameter.grad, 0.5, rtol=1e-6)


def test_clip_grad_value():
    plain = gradients()
    bound = np.abs(plain).max() / 2
    clipped = gradients(ClipGradValue(bound))
    assert np.abs(clipped).max() == pytest.approx(bound)
    inside = np.abs(plain) < bound
    np.testing.assert_array_equal(clipped[inside], plain[inside])
    assert inside.any()
    np.testing.assert_array_equal(np.sign(clipped), np.sign(plain))


@pytest.mark.parametrize("kind", [ClipGradNorm, ClipGradValue, MaxNorm])
@pytest.mark.parametrize("bad", [0, -1, math.nan])
def test_clipping_needs_a_positive_bound(kind, bad):
    with pytest.raises(ValueError, match="a finite max_.* > 0, got" if math.isnan(bad) else "> 0, got"):
        kind(bad)


def constrained(max_norm, *parameters):
    trainer = make()
    trainer.optimizer = mn.SGD(parameters, lr=1)
    MaxNorm(max_norm).on_step_end(trainer)


def test_max_norm_scales_the_columns_that_are_too_long():
    weight = mn.Parameter([[3.0, 0.3, 0.0], [4.0, 0.4, 0.0]])  # columns of norm 5, 0.5, 0
    data = weight.data
    constrained(1.0, weight)
    assert weight.data is data
    np.testing.assert_allclose(data[:, 0], [0.6, 0.8], rtol=1e-6)
    np.testing.assert_array_equal(data[:, 1], np.float32([0.3, 0.4]))
    np.testing.assert_array_equal(data[:, 2], 0)
    assert data.dtype == np.float32


@pytest.mark.parametrize("shape", [(3, 4, 2), (3, 4, 2, 5), (1, 1, 1, 1), (2, 0), (0, 2)])
def test_max_norm_of_kernels_is_that_of_all_that_leads_into_one_unit(shape):
    start = np.random.default_rng(0).normal(size=shape)
    weight = mn.Parameter(start, np.float64)
    constrained(0.5, weight)
    for unit in range(shape[1]):
        norm = np.linalg.norm(start[:, unit])
        np.testing.assert_allclose(weight.data[:, unit], start[:, unit] * min(1, 0.5 / (norm or 1)), rtol=1e-12)


def test_max_norm_spares_biases_and_frozen_parameters():
    bias, frozen = mn.Parameter([5.0]), mn.Parameter([[5.0]], trainable=False)
    constrained(1.0, bias, frozen, mn.Parameter([[1.0]]))
    assert bias.data == 5
    assert frozen.data == 5


def test_max_norm_works_after_each_step():
    trainer = make(lr=10.0)
    trainer.fit(mn.DataLoader(X, Y, 10), epochs=2, callbacks=[MaxNorm(0.5)])
    norms = np.linalg.norm(trainer.model.layers[0].weight.data, axis=0)
    np.testing.assert_allclose(norms, 0.5, rtol=1e-6)  # at such a learning rate all columns are at the bound


@pytest.mark.parametrize(("dtype", "size"), [(np.float32, 1e25), (np.float64, 1e200)])
def test_max_norm_of_weights_whose_squares_overflow(dtype, size):
    """They became 0, because 1 / infinity is 0."""
    start = np.array([[3.0, 1e-30], [4.0, 1e-30]]) * size
    weight = mn.Parameter(start, dtype)
    with np.errstate(over="ignore"):
        constrained(5.0, weight)
    np.testing.assert_allclose(weight.data[:, 0], [3, 4], rtol=1e-6)
    small = np.array([1e-30, 1e-30]) * size
    np.testing.assert_allclose(weight.data[:, 1], small * min(1, 5 / math.hypot(*small)), rtol=1e-6)


def test_clip_grad_norm_of_gradients_whose_squares_overflow():
    class Huge(Callback):
        def on_gradients(self, trainer):
            for parameter in trainer.optimizer.parameters:
                parameter.grad[...] = 0
            trainer.optimizer.parameters[0].grad[0, :2] = 3e200, 4e200

    trainer, seen = make(lr=0.1), Gradients()
    trainer.model.astype(np.float64)
    trainer.fit(mn.DataLoader(X, Y, 40), steps=1, callbacks=[Huge(), ClipGradNorm(5.0), seen])
    np.testing.assert_allclose(np.sort(seen.seen)[-2:], [3, 4], rtol=1e-12)
