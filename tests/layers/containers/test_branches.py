"""Add and Concat: layers that stand side by side and read the same x."""

import copy
import pickle

import numpy as np
import pytest
from helpers import Plus, check_copy

import minnet as mn
from minnet import Linear, ReLU, Residual, Sequential, Sigmoid, Softmax, Tanh
from minnet.layers.containers.branches import Add, Concat
from minnet.layers.structure import Identity


class Times(mn.Layer):
    """y = factor · x, with the factor a Parameter."""

    def __init__(self, factor):
        self.factor = mn.Parameter(factor, np.float64)

    def forward(self, x):
        self.cache = x
        return self.factor.data * x

    def backward(self, dy):
        self.factor.grad += (dy * self.cache).sum()
        return self.factor.data * dy


X = np.array([[1.0, 2.0], [3.0, 4.0]])
X.flags.writeable = False
BOTH = [Add, Concat]


# -- by hand


def test_add_by_hand():
    model = Add(Times(2), Plus(), Times(10))
    np.testing.assert_array_equal(model.forward(X), 13 * X + 1)
    np.testing.assert_array_equal(model.backward(X), 13 * X)
    assert model.layers[0].factor.grad == model.layers[2].factor.grad == 30  # Σ x²


def test_concat_by_hand():
    model = Concat(Times(2), Plus(), Times(10))
    np.testing.assert_array_equal(model.forward(X), [[2, 4, 2, 3, 10, 20], [6, 8, 4, 5, 30, 40]])
    dy = np.array([[1.0, 0, 0, 0, 0, 1], [0, 1, 1, 0, 0, 0]])
    # dx = 2 · [[1, 0], [0, 1]] + [[0, 0], [1, 0]] + 10 · [[0, 1], [0, 0]]
    np.testing.assert_array_equal(model.backward(dy), [[2, 10], [1, 2]])
    assert model.layers[0].factor.grad == 1 + 4
    assert model.layers[2].factor.grad == 2


def test_concat_along_the_channels_of_images():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    model = Concat(Identity(), Sequential(Plus()), axis=1)
    y = model.forward(x)
    assert y.shape == (2, 6, 4, 5)
    np.testing.assert_array_equal(y, np.concatenate([x, x + 1], axis=1))
    dy = np.random.default_rng(1).normal(size=y.shape)
    np.testing.assert_array_equal(model.backward(dy), dy[:, :3] + dy[:, 3:])


@pytest.mark.parametrize("shape", [(3,), (1, 3), (0, 3), (4, 3), (2, 2, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shapes_and_dtypes(shape, dtype):
    for model, width in [(Add(Linear(3, 2), Linear(3, 2)), 2), (Concat(Linear(3, 2), Linear(3, 5), Tanh()), 10)]:
        model.astype(dtype)
        y = model.forward(np.ones(shape, dtype))
        assert y.shape == (*shape[:-1], width)
        assert y.dtype == dtype
        dx = model.backward(np.ones(y.shape, dtype))
        assert dx.shape == shape
        assert dx.dtype == dtype


@pytest.mark.parametrize("kind", BOTH)
def test_one_branch_alone(kind):
    model = kind(Times(3))
    np.testing.assert_array_equal(model.forward(X), 3 * X)
    np.testing.assert_array_equal(model.backward(X), 3 * X)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_nothing_is_written_into_what_a_branch_handed_on(order):
    x, dy = X.copy(), np.ones((2, 2))
    branches = [Identity(), Plus()]
    for model in (Add(*(branches[i] for i in order)), Add(Identity(), Identity(), Times(1))):
        model.forward(x)
        model.backward(dy)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(dy, 1)


# -- the relation to Residual


def test_residual_is_add_with_identity():
    inner = Linear(3, 4, rng=0), Tanh(), Linear(4, 3, rng=1)
    residual = Residual(*copy.deepcopy(inner))
    added = Add(Identity(), Sequential(*inner))
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    np.testing.assert_array_equal(added.forward(x), residual.forward(x))
    np.testing.assert_array_equal(added.backward(x), residual.backward(x))
    for ours, theirs in zip(added.parameters(), residual.parameters(), strict=True):
        np.testing.assert_array_equal(ours.grad, theirs.grad)


# -- accumulate_grad


@pytest.mark.parametrize(
    "model",
    [
        Add(Linear(3, 3, rng=0), Sequential(Linear(3, 3, rng=1), ReLU())),
        Add(Identity(), Linear(3, 3, rng=0)),
        Concat(Tanh(), Linear(3, 2, rng=0), Add(Linear(3, 1, rng=1), Linear(3, 1, rng=2))),
        Sequential(Tanh(), Concat(Linear(3, 2, rng=0), Sigmoid()), Linear(5, 2, rng=1)),
        Concat(Tanh(), Sigmoid()),
    ],
    ids=lambda model: repr(model).replace("\n", ""),
)
def test_accumulate_grad_adds_what_backward_adds(model):
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    other = copy.deepcopy(model)
    dy = np.ones_like(model.forward(x))
    other.forward(x)
    model.accumulate_grad(dy)
    other.backward(dy)
    for got, wanted in zip(model.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(got.grad, wanted.grad)


def test_accumulate_grad_leaves_out_branches_that_learn_nothing():
    model = Add(Plus(), Times(2))
    model.forward(X)
    model.accumulate_grad(X)
    assert "called" not in vars(model.layers[0])
    assert model.layers[1].factor.grad == 30
    model.layers = (Times(2), Times(3))
    model.forward(X)
    model.accumulate_grad(X)
    assert model.layers[0].factor.grad == model.layers[1].factor.grad == 30


# -- what does not fit


@pytest.mark.parametrize(
    ("branches", "message"),
    [
        ((Linear(3, 2), Linear(3, 4)), r"they map \(4, 3\) to \(4, 2\) and \(4, 4\): all must have one shape"),
        ((Identity(), Linear(3, 1)), r"to \(4, 3\) and \(4, 1\)"),  # would broadcast
    ],
)
def test_add_refuses_other_shapes(branches, message):
    with pytest.raises(ValueError, match=r"^Add\(\) adds its branches' outputs, but .*" + message):
        Add(*branches).forward(np.ones((4, 3), np.float32))


class Stack(mn.Layer):
    """y = x with another axis in front of the last."""

    def forward(self, x):
        return x[..., None, :]


@pytest.mark.parametrize(
    ("model", "shape", "message"),
    [
        (Concat(Identity(), Stack()), (4, 3), r"\(4, 3\) and \(4, 1, 3\): all other axes must agree"),
        (Concat(Identity(), Linear(3, 2), axis=1), (4, 2, 3), r"\(4, 2, 3\) and \(4, 2, 2\): all other axes must"),
        (Concat(Identity(), axis=2), (4, 3), "2, but .*: there is no such axis"),
        (Concat(Identity(), axis=-3), (4, 3), "-3, but .*: there is no such axis"),
    ],
)
def test_concat_refuses_what_does_not_fit(model, shape, message):
    with pytest.raises(ValueError, match=r"^Concat\(axis=.*\) joins its branches' outputs along axis .*" + message):
        model.forward(np.ones(shape, np.float32))


@pytest.mark.parametrize(
    ("axis", "error", "message"),
    [
        (0, ValueError, "Concat's axis is 0, the batch: channels of images are axis=1, features axis=-1"),
        (1.0, TypeError, "Concat expected axis to be an int, got float"),
        (None, TypeError, "got NoneType"),
        (True, TypeError, "got bool"),
    ],
)
def test_an_axis_that_is_none(axis, error, message):
    with pytest.raises(error, match=message):
        Concat(Tanh(), axis=axis)


# -- errors say where, and change nothing


@pytest.mark.parametrize("kind", BOTH)
def test_an_error_in_forward_says_where(kind):
    model = Sequential(kind(Tanh(), Sequential(ReLU(), Linear(4, 2))))
    with pytest.raises(ValueError, match=r"^Linear\(4, 2\) expected 4 features") as caught:
        model.forward(np.ones((5, 3), np.float32))
    assert caught.value.__notes__ == [
        "in Sequential.layers[1] = Linear(4, 2), input shape (5, 3)",
        f"in {kind.__name__}.layers[1] = Sequential(), input shape (5, 3)",
        f"in Sequential.layers[0] = {model.layers[0].describe()}, input shape (5, 3)",
    ]


class Faulty(Tanh):
    """A layer whose backward fails."""

    def backward(self, dy):
        raise ValueError("faulty")


@pytest.mark.parametrize("method", ["backward", "accumulate_grad"])
@pytest.mark.parametrize("kind", BOTH)
def test_an_error_in_backward_says_where(kind, method):
    model = kind(Tanh(), Sequential(Times(1), Faulty()))
    dy = np.ones_like(model.forward(X))
    with pytest.raises(ValueError, match="faulty") as caught:
        getattr(model, method)(dy)
    assert caught.value.__notes__[-1] == f"in {kind.__name__}.layers[1] = Sequential(), gradient shape (2, 2)"


@pytest.mark.parametrize("method", ["backward", "accumulate_grad"])
@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("wrong", [lambda dy: dy[:1], lambda dy: dy[:, :-1], lambda dy: dy.astype(np.float64), list])
def test_a_wrong_gradient_changes_nothing(kind, method, wrong):
    model = kind(Linear(3, 3), Linear(3, 3))
    dy = np.ones_like(model.forward(np.ones((5, 3), np.float32)))
    for parameter in model.parameters():
        parameter.grad += 7
    with pytest.raises((ValueError, TypeError), match=rf"^{kind.__name__}\(.*\).backward expected"):
        getattr(model, method)(wrong(dy))
    assert all((parameter.grad == 7).all() for parameter in model.parameters())


@pytest.mark.parametrize("method", ["backward", "accumulate_grad"])
@pytest.mark.parametrize("kind", BOTH)
def test_backward_needs_a_forward_in_training_mode(kind, method):
    model = kind(Linear(2, 2), Linear(2, 2)).astype(np.float64)
    with pytest.raises(RuntimeError, match=rf"{kind.__name__}.backward\(\) before forward\(\)"):
        getattr(model, method)(X)
    model.eval().forward(X)
    assert all("_cache" not in vars(layer) for _, layer in model.named_layers())
    with pytest.raises(RuntimeError, match="in eval mode nothing is kept"):
        getattr(model, method)(X)


# -- copies and looks


@pytest.mark.parametrize("copied_by", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_compute_the_same_bits_and_are_independent(copied_by):
    model = Sequential(Concat(Linear(3, 4, rng=0), Add(Identity(), Tanh())), Linear(7, 2, rng=1), Softmax())
    check_copy(copied_by, model)


def test_repr_draws_the_branches():
    assert repr(Concat(Linear(4, 4), Add(Identity(), ReLU()))).splitlines() == [
        "Concat(axis=-1",
        "  layers[0]: Linear(4, 4)",
        "  layers[1]: Add(",
        "    layers[0]: Identity()",
        "    layers[1]: ReLU()",
        "  )",
        ")",
    ]
