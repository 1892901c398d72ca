"""Activations, dropout of units, branches and tied weights compute what PyTorch's do, forward and backward."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pytorch import compare, examples, seeds, tensor, torch

from minnet import Linear, Sequential, Tanh
from minnet.core.special import erf, erfc
from minnet.layers.activations.classic import Hardtanh, LeakyReLU, LogSigmoid, ReLU6, Softsign, Tanhshrink
from minnet.layers.activations.gates import GLU, Hardswish, Mish
from minnet.layers.activations.hard import Hardshrink, Hardsigmoid, Softshrink, Threshold
from minnet.layers.activations.prelu import PReLU
from minnet.layers.activations.smooth import CELU, ELU, GELU, SELU, SiLU, Softplus
from minnet.layers.containers.branches import Add, Concat
from minnet.layers.dropout import Dropout, Dropout2d, DropPath
from minnet.layers.structure import Identity, Permute, Reshape
from minnet.layers.tied import Tied

modest = examples(30)
# Tails, zeros and kinks. Nothing larger: the bound is relative to the largest number of an array.
numbers = st.one_of(
    st.floats(-8, 8, allow_subnormal=False),
    st.floats(-40, 40, allow_subnormal=False),
    st.sampled_from([0.0, 1.0, -1.0, 6.0, 20.0, 1e-8, -1e-8]),
)
gradients = st.floats(-5, 5, allow_subnormal=False)
shapes = array_shapes(min_dims=1, max_dims=4, max_side=5)
slopes = st.floats(-3, 3, allow_subnormal=False)
images = st.tuples(*[st.integers(1, 4)] * 4)


@st.composite
def pairs(draw, shape=shapes):
    """Draw x and dy of one shape."""
    shape = draw(shape)
    return draw(arrays(np.float64, shape, elements=numbers)), draw(arrays(np.float64, shape, elements=gradients))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (ReLU6, torch.nn.ReLU6),
        (LeakyReLU, torch.nn.LeakyReLU),
        (Hardtanh, torch.nn.Hardtanh),
        (ELU, torch.nn.ELU),
        (SELU, torch.nn.SELU),
        (GELU, torch.nn.GELU),
        (SiLU, torch.nn.SiLU),
        (Softplus, torch.nn.Softplus),
        (CELU, torch.nn.CELU),
        (Mish, torch.nn.Mish),
        (Hardswish, torch.nn.Hardswish),
        (Hardshrink, torch.nn.Hardshrink),
        (Softshrink, torch.nn.Softshrink),
        (LogSigmoid, torch.nn.LogSigmoid),
        (Softsign, torch.nn.Softsign),
        (Tanhshrink, torch.nn.Tanhshrink),
    ],
)
@modest
@given(pair=pairs())
def test_defaults(parity, ours, theirs, pair):
    compare(parity, ours(), theirs(), *pair)


@modest
@given(pair=pairs(), slope=slopes)
def test_leaky_relu(parity, pair, slope):
    compare(parity, LeakyReLU(slope), torch.nn.LeakyReLU(slope), *pair)


@modest
@given(pair=pairs(), bounds=st.lists(st.integers(-5, 5), min_size=2, max_size=2, unique=True))
def test_hardtanh(parity, pair, bounds):
    compare(parity, Hardtanh(*sorted(bounds)), torch.nn.Hardtanh(*sorted(bounds)), *pair)


@modest
@given(pair=pairs(), alpha=st.floats(0, 3, allow_subnormal=False))
def test_elu(parity, pair, alpha):
    compare(parity, ELU(alpha), torch.nn.ELU(alpha), *pair)


@modest
@given(pair=pairs(), alpha=st.sampled_from([0.25, 0.5, 2.0, 3.0]))
def test_celu(parity, pair, alpha):
    """PyTorch takes α as a float32 in the gradient, so it is one here."""
    compare(parity, CELU(alpha), torch.nn.CELU(alpha), *pair)


@modest
@given(pair=pairs())
def test_hardsigmoid(parity, pair):
    """PyTorch's own takes 1/6 as a float32 in the gradient; its formula of other functions does not."""
    compare(parity, Hardsigmoid(), lambda t: torch.nn.functional.relu6(t + 3) / 6, *pair)
    theirs = torch.nn.Hardsigmoid()(torch.tensor(pair[0]))
    parity("Hardsigmoid", "output", Hardsigmoid().forward(pair[0]), theirs)


@modest
@given(pair=pairs(), lambd=st.floats(0, 3, allow_subnormal=False), value=slopes)
def test_thresholds(parity, pair, lambd, value):
    compare(parity, Hardshrink(lambd), torch.nn.Hardshrink(lambd), *pair)
    compare(parity, Softshrink(lambd), torch.nn.Softshrink(lambd), *pair)
    for threshold in (lambd, -lambd):
        compare(parity, Threshold(threshold, value), torch.nn.Threshold(threshold, value), *pair)


@modest
@given(pair=pairs(array_shapes(min_dims=2, max_dims=4, max_side=5)), data=st.data())
def test_prelu(parity, pair, data):
    x, dy = pair
    values = data.draw(arrays(np.float64, st.sampled_from([1, x.shape[1]]), elements=slopes))
    layer, theirs = PReLU(len(values)).astype(np.float64), torch.nn.PReLU(len(values), dtype=torch.float64)
    layer.weight.data = values
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(values))
    compare(parity, layer, theirs, x, dy)
    parity("PReLU", "dL/d weight", layer.weight.grad, theirs.weight.grad)


@modest
@given(x=arrays(np.float64, shapes, elements=numbers), data=st.data())
def test_glu(parity, x, data):
    axis = data.draw(st.integers(1, x.ndim - 1) if x.ndim > 1 else st.just(-1))
    axis -= data.draw(st.sampled_from([0, x.ndim])) if axis > 0 else 0
    x = np.concatenate((x, -x[::-1] + 0.5), axis)
    dy = np.split(np.cos(x), 2, axis)[1]
    compare(parity, GLU(axis), torch.nn.GLU(axis), x, dy)


@modest
@given(pair=pairs(images), p=st.sampled_from([0.0, 1.0]))
def test_dropout_of_nothing_and_of_everything(parity, pair, p):
    """Here nothing is random, so PyTorch's own can be compared."""
    for ours, theirs in ((Dropout, torch.nn.Dropout), (Dropout2d, torch.nn.Dropout2d)):
        compare(parity, ours(p), theirs(p), *pair)
        compare(parity, ours(p).freeze(statistics=True), theirs(p).eval(), *pair)
    compare(parity, DropPath(p), lambda t: t * (1 - p), *pair)


@modest
@given(pair=pairs())
def test_gelu_tanh(parity, pair):
    compare(parity, GELU("tanh"), torch.nn.GELU("tanh"), *pair)


@modest
@given(pair=pairs(), beta=st.floats(0.1, 5), threshold=st.floats(-5, 30))
def test_softplus(parity, pair, beta, threshold):
    compare(parity, Softplus(beta, threshold), torch.nn.Softplus(beta, threshold), *pair)


@modest
@given(x=arrays(np.float64, shapes, elements=numbers))
def test_error_functions(parity, x):
    parity("special.erf", "value", erf(x), torch.erf(torch.tensor(x)))
    parity("special.erfc", "value", erfc(x), torch.erfc(torch.tensor(x)))


@modest
@given(pair=pairs(images), p=st.floats(0, 0.9), seed=seeds)
def test_dropout_of_units_with_the_same_mask(parity, pair, p, seed):
    x, dy = pair
    for kind in (Dropout2d, DropPath):
        mask = torch.tensor(kind(p, rng=seed).forward(np.ones(x.shape)))
        compare(parity, kind(p, rng=seed), lambda t, mask=mask: t * mask, x, dy)


@modest
@given(x=arrays(np.float64, images, elements=numbers), order=st.permutations([1, 2, 3]))
def test_structure(parity, x, order):
    compare(parity, Identity(), torch.nn.Identity(), x, 2 * x)
    compare(parity, Permute(0, *order), lambda t: t.permute(0, *order), x, 2 * x.transpose(0, *order))
    shape = (x.shape[3], -1, x.shape[1])
    compare(parity, Reshape(*shape), lambda t: t.reshape(len(t), *shape), x, 2 * x.reshape(len(x), *shape))


def their_linear(layer):
    """Return PyTorch's Linear with the numbers of ours: its weight is (out, in)."""
    theirs = torch.nn.Linear(layer.in_features, layer.out_features, dtype=torch.float64)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(layer.weight.data.T))
        theirs.bias.copy_(torch.tensor(layer.bias.data))
    return theirs


@modest
@given(
    x=arrays(np.float64, shapes, elements=gradients),
    widths=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    seed=seeds,
)
def test_branches(parity, x, widths, seed):
    generator = np.random.default_rng(seed)
    for kind, outputs in ((Concat, widths), (Add, [widths[0]] * len(widths))):
        ours = [Linear(x.shape[-1], width, rng=generator).astype(np.float64) for width in outputs]
        theirs = [their_linear(layer) for layer in ours]
        y = (
            (lambda t, theirs=theirs: torch.cat([layer(t) for layer in theirs], -1))
            if kind is Concat
            else (lambda t, theirs=theirs: sum(layer(t) for layer in theirs))
        )
        dy = generator.normal(size=(*x.shape[:-1], sum(outputs) if kind is Concat else outputs[0]))
        compare(parity, kind(*ours), y, x, dy)
        for layer, other in zip(ours, theirs, strict=True):
            parity(kind.__name__, "dL/dW", layer.weight.grad, other.weight.grad.T)
            parity(kind.__name__, "dL/db", layer.bias.grad, other.bias.grad)


@modest
@given(x=arrays(np.float64, shapes, elements=gradients), width=st.integers(1, 5), seed=seeds)
def test_tied_autoencoder(parity, x, width, seed):
    encoder = Linear(x.shape[-1], width, rng=seed)
    decoder = Tied(encoder, rng=seed)
    model = Sequential(encoder, Tanh(), decoder).astype(np.float64)
    theirs, bias = their_linear(encoder), tensor(decoder.bias.data)
    t, dy = tensor(x), np.random.default_rng(seed).normal(size=x.shape)
    y = torch.tanh(theirs(t)) @ theirs.weight + bias
    y.backward(torch.tensor(dy))
    parity("Tied", "output", model.forward(x), y)
    parity("Tied", "dL/dx", model.backward(dy), t.grad)
    parity("Tied", "dL/dW", encoder.weight.grad, theirs.weight.grad.T)
    parity("Tied", "dL/db", decoder.bias.grad, bias.grad)
