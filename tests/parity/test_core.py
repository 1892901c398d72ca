"""The layers and losses of the notebook's model and its like compute what PyTorch's do, forward and backward."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pytorch import compare, examples, seeds, tensor, torch

import minnet as mn

functional = torch.nn.functional

modest = examples(40)
numbers = st.floats(-20, 20, allow_subnormal=False)
shapes = array_shapes(min_dims=1, max_dims=4, max_side=5)


@st.composite
def pairs(draw, shape=shapes):
    """Draw x and dy of one shape."""
    shape = draw(shape)
    return draw(arrays(np.float64, shape, elements=numbers)), draw(arrays(np.float64, shape, elements=numbers))


@st.composite
def scores_and_labels(draw):
    """Draw scores (..., C), which are not probabilities by chance, and labels (...)."""
    scores = draw(arrays(np.float64, shapes, elements=numbers))
    assume(scores.min() <= 0 or np.abs(scores.sum(axis=-1) - 1).max() > 1e-5)
    labels = draw(arrays(np.int64, scores.shape[:-1], elements=st.integers(0, scores.shape[-1] - 1)))
    return scores, labels


# -- layers


@pytest.mark.parametrize(
    ("layer", "theirs"),
    [
        (mn.ReLU(), torch.relu),
        (mn.Sigmoid(), torch.sigmoid),
        (mn.Tanh(), torch.tanh),
        (mn.LogSoftmax(), lambda t: torch.log_softmax(t, -1)),
        (mn.Softmax(), lambda t: torch.softmax(t, -1)),
    ],
    ids=lambda value: repr(value) if isinstance(value, mn.Layer) else "",
)
@modest
@given(pair=pairs())
def test_layers_without_parameters(parity, layer, theirs, pair):
    x, dy = pair
    assume(x.min() <= 0 or np.abs(x.sum(axis=-1) - 1).max() > 1e-5)  # or a Softmax takes x for probabilities
    compare(parity, layer, theirs, x, dy)


@modest
@given(x=arrays(np.float64, array_shapes(min_dims=2, max_dims=4, max_side=4), elements=numbers))
def test_flatten(parity, x):
    compare(parity, mn.Flatten(), torch.nn.Flatten(), x, 2 * x.reshape(len(x), -1))


@modest
@given(pair=pairs(), p=st.floats(0, 0.9), seed=seeds)
def test_dropout_with_the_same_mask(parity, pair, p, seed):
    x, dy = pair
    mask = torch.tensor(mn.Dropout(p, rng=seed).forward(np.ones(x.shape)))
    compare(parity, mn.Dropout(p, rng=seed), lambda t: t * mask, x, dy)


def their_linear(layer):
    """Return PyTorch's Linear with the numbers of ours: its weight is (out, in)."""
    theirs = torch.nn.Linear(layer.in_features, layer.out_features, layer.bias is not None, dtype=torch.float64)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(layer.weight.data.T))
        if layer.bias is not None:
            theirs.bias.copy_(torch.tensor(layer.bias.data))
    return theirs


def same_gradients(parity, layer, theirs):
    """Compare dL/dW and dL/db of a Linear layer."""
    parity("Linear", "dL/dW", layer.weight.grad, theirs.weight.grad.T)
    if layer.bias is not None:
        parity("Linear", "dL/db", layer.bias.grad, theirs.bias.grad)


@modest
@given(data=st.data(), bias=st.booleans(), outputs=st.integers(1, 5), seed=seeds)
def test_linear(parity, data, bias, outputs, seed):
    x = data.draw(arrays(np.float64, shapes, elements=numbers))
    dy = data.draw(arrays(np.float64, (*x.shape[:-1], outputs), elements=numbers))
    layer = mn.Linear(x.shape[-1], outputs, bias, rng=seed).astype(np.float64)
    theirs = their_linear(layer)
    compare(parity, layer, theirs, x, dy)
    same_gradients(parity, layer, theirs)


@modest
@given(pair=pairs(st.tuples(st.integers(1, 5), st.integers(1, 5))), seed=seeds)
def test_residual_inside_sequential(parity, pair, seed):
    x, dy = pair
    generator, width = np.random.default_rng(seed), x.shape[1]
    first, second = (mn.Linear(width, width, rng=generator).astype(np.float64) for _ in range(2))
    their_first, their_second = their_linear(first), their_linear(second)
    model = mn.Sequential(first, mn.Residual(mn.Tanh(), second), mn.Sigmoid())

    def theirs(t):
        h = their_first(t)
        return torch.sigmoid(h + their_second(torch.tanh(h)))

    compare(parity, model, theirs, x, dy)
    same_gradients(parity, first, their_first)
    same_gradients(parity, second, their_second)


# -- losses


def compare_loss(parity, loss, theirs, prediction, target):
    """Compare the value and dL/d prediction of a loss and of a function of PyTorch's, which takes (N, C)."""
    t, target = tensor(prediction), np.asarray(target)
    rows = t if target.dtype.kind == "f" else t.reshape(-1, t.shape[-1])
    value = theirs(rows, torch.tensor(target if target.dtype.kind == "f" else target.reshape(-1)))
    value.backward()
    part = type(loss).__name__
    parity(part, "value", loss.forward(prediction, target), value)
    parity(part, "dL/d prediction", loss.backward(), t.grad)


@modest
@given(sample=scores_and_labels())
def test_softmax_cross_entropy(parity, sample):
    compare_loss(parity, mn.SoftmaxCrossEntropyLoss(), functional.cross_entropy, *sample)


@modest
@given(sample=scores_and_labels())
def test_nll(parity, sample):
    scores, labels = sample
    compare_loss(parity, mn.NLLLoss(), functional.nll_loss, mn.LogSoftmax().forward(scores), labels)


@modest
@given(sample=scores_and_labels())
def test_cross_entropy_of_probabilities(parity, sample):
    scores, labels = sample
    p = mn.Softmax().forward(scores)
    compare_loss(parity, mn.CrossEntropyLoss(), lambda t, y: functional.nll_loss(torch.log(t), y), p, labels)


@modest
@given(pair=pairs())
def test_mse(parity, pair):
    compare_loss(parity, mn.MSELoss(), functional.mse_loss, *pair)


@pytest.mark.parametrize("end", ["Softmax + CrossEntropyLoss", "LogSoftmax + NLLLoss", "SoftmaxCrossEntropyLoss"])
@modest
@given(n=st.integers(1, 6), classes=st.integers(2, 5), seed=seeds)
def test_a_whole_classifier(parity, end, n, classes, seed):
    generator = np.random.default_rng(seed)
    x, labels = generator.normal(size=(n, 4)), generator.integers(0, classes, n)
    first, second = mn.Linear(4, 6, rng=generator), mn.Linear(6, classes, rng=generator)
    last, loss = {
        "Softmax + CrossEntropyLoss": ([mn.Softmax()], mn.CrossEntropyLoss()),
        "LogSoftmax + NLLLoss": ([mn.LogSoftmax()], mn.NLLLoss()),
        "SoftmaxCrossEntropyLoss": ([], mn.SoftmaxCrossEntropyLoss()),
    }[end]
    model = mn.Sequential(first, mn.ReLU(), second, *last).astype(np.float64)
    their_first, their_second = their_linear(first), their_linear(second)

    value = loss.forward(model.forward(x), labels)
    model.accumulate_grad(loss.backward())
    their_value = functional.cross_entropy(their_second(torch.relu(their_first(tensor(x)))), torch.tensor(labels))
    their_value.backward()
    parity(end, "value", value, their_value)
    same_gradients(parity, first, their_first)
    same_gradients(parity, second, their_second)
