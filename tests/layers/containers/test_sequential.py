"""Containers: Sequential chains layers, Residual adds a way around them."""

import copy
import pickle

import numpy as np
import pytest
from helpers import Plus, check_copy, slope

import minnet as mn
from minnet import Flatten, Linear, ReLU, Residual, Sequential, Sigmoid, Softmax, Tanh
from minnet.layers.containers.branches import Add, Concat
from minnet.layers.containers.container import Container


class Times(mn.Layer):
    """y = factor · x, with the factor a Parameter; counts its calls."""

    def __init__(self, factor):
        self.factor = mn.Parameter(factor, np.float64)
        self.calls = []

    def forward(self, x):
        self.calls.append("forward")
        self.cache = x
        return self.factor.data * x

    def backward(self, dy):
        self.calls.append("backward")
        self.factor.grad += (dy * self.cache).sum()
        return self.factor.data * dy


X = np.array([[1.0, 2.0], [3.0, 4.0]])
X.flags.writeable = False


# -- Sequential


def test_forward_goes_first_to_last():
    np.testing.assert_array_equal(Sequential(Times(2), Plus(), Times(10)).forward(X), 10 * (2 * X + 1))


def test_backward_goes_last_to_first():
    model = Sequential(Times(2), Plus(), Times(10))
    model.forward(X)  # y = 10 (2x + 1)
    np.testing.assert_array_equal(model.backward(np.ones((2, 2))), np.full((2, 2), 20))
    assert model.layers[2].factor.grad == 2 * 10 + 4  # Σ (2x + 1)
    assert model.layers[0].factor.grad == 10 * 10  # Σ 10x


def test_one_layer_alone():
    model = Sequential(Times(3))
    np.testing.assert_array_equal(model.forward(X), 3 * X)
    np.testing.assert_array_equal(model.backward(X), 3 * X)


@pytest.mark.parametrize("shape", [(3,), (1, 3), (0, 3), (4, 3), (2, 2, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shapes_and_dtypes(shape, dtype):
    model = Sequential(Linear(3, 4, rng=0), Tanh(), Linear(4, 2, rng=1)).astype(dtype)
    x, dy = np.ones(shape, dtype), np.ones((*shape[:-1], 2), dtype)
    assert model.forward(x).shape == dy.shape
    dx = model.backward(dy)
    assert dx.shape == shape
    assert dx.dtype == dtype


@pytest.mark.parametrize("wrap", [Sequential, Residual])
def test_gradients_are_slopes(wrap):
    """L = Σ sin(y), by finite differences."""
    model = wrap(Linear(3, 5, rng=0), Tanh(), Residual(Linear(5, 5, rng=1), Sigmoid()), Linear(5, 3, rng=2))
    model.astype(np.float64)
    x = np.random.default_rng(0).normal(size=(2, 3))
    dx = model.backward(np.cos(model.forward(x)))
    for values, gradient in [(x, dx), *((p.data, p.grad) for p in model.parameters())]:
        for place in np.ndindex(values.shape):
            measured = slope(lambda: np.sin(model.forward(x)).sum(), values, place)
            assert gradient[place] == pytest.approx(measured, rel=1e-6, abs=1e-8)


def test_nested_containers_find_all_parameters_in_order():
    model = Sequential(Linear(2, 2), Sequential(Linear(2, 2), Residual(Linear(2, 2, bias=False))))
    assert [path for path, _ in model.named_parameters()] == [
        "layers[0].weight",
        "layers[0].bias",
        "layers[1].layers[0].weight",
        "layers[1].layers[0].bias",
        "layers[1].layers[1].layers[0].weight",
    ]


def test_modes_reach_all_layers():
    model = Sequential(mn.Dropout(0.5, rng=0), Sequential(Residual(mn.Dropout(0.5, rng=1)))).eval()
    np.testing.assert_array_equal(model.forward(X), 2 * X)
    assert (model.train().forward(X) != 2 * X).any()


# -- accumulate_grad: the gradients without dL/dx


def gradients(model, method, x):
    """Return all gradients after one forward and the given method."""
    y = model.forward(x)
    getattr(model, method)(np.ones_like(y))
    return [p.grad.copy() for p in model.parameters()]


@pytest.mark.parametrize(
    "model",
    [
        Sequential(Linear(3, 3, rng=0)),
        Sequential(Flatten(), Linear(3, 4, rng=0), ReLU(), Linear(4, 2, rng=1)),
        Sequential(Flatten(), Sequential(Tanh(), Linear(3, 4, rng=0)), Linear(4, 2, rng=1)),
        Sequential(Residual(Linear(3, 3, rng=0), Tanh()), Linear(3, 2, rng=1)),
        Residual(Flatten(), Linear(3, 3, rng=0)),
        Sequential(Tanh(), Sigmoid()),
    ],
    ids=lambda model: repr(model).replace("\n", ""),
)
def test_accumulate_grad_adds_what_backward_adds(model):
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    expected = gradients(copy.deepcopy(model), "backward", x)
    for got, wanted in zip(gradients(model, "accumulate_grad", x), expected, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_accumulate_grad_stops_where_nothing_is_left_to_learn():
    model = Sequential(Plus(), Times(2), Plus())
    model.forward(X)
    model.accumulate_grad(X)
    assert "called" not in vars(model.layers[0])
    assert "called" in vars(model.layers[2])
    assert model.layers[1].factor.grad == 2 + 6 + 12 + 20  # Σ x (x + 1)


def test_accumulate_grad_reaches_a_first_layer_that_was_put_in_later():
    model = Sequential(Flatten(), Linear(3, 2, rng=0))
    model.layers = (Linear(3, 3, rng=1), *model.layers[1:])
    model.forward(np.ones((4, 3), np.float32))
    model.accumulate_grad(np.ones((4, 2), np.float32))
    assert model.layers[0].weight.grad.any()


# -- Residual


def test_residual_forward_and_backward_by_hand():
    model = Residual(Times(2), Plus())
    np.testing.assert_array_equal(model.forward(X), 3 * X + 1)
    np.testing.assert_array_equal(model.backward(np.ones((2, 2))), np.full((2, 2), 3))
    assert model.layers[0].factor.grad == 10


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3,), (1, 3), (0, 3), (2, 2, 3)])
def test_residual_keeps_shape_and_dtype(shape, dtype):
    model = Residual(Linear(3, 3, rng=0)).astype(dtype)
    y = model.forward(np.ones(shape, dtype))
    dx = model.backward(np.ones(shape, dtype))
    assert y.shape == dx.shape == shape
    assert y.dtype == dx.dtype == dtype


@pytest.mark.parametrize(
    ("layer", "x", "out"), [(Linear(3, 2), (4, 3), r"\(4, 2\)"), (Linear(3, 1), (4, 3), r"\(4, 1\)")]
)
def test_residual_refuses_layers_that_change_the_shape_even_if_it_would_broadcast(layer, x, out):
    with pytest.raises(ValueError, match=rf"they map \(4, 3\) to {out}: the layers inside must keep the shape"):
        Residual(layer).forward(np.ones(x, np.float32))


# -- what cannot be a container


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        ((), ValueError, r"needs at least one layer: {}\(layer, layer, ...\)"),
        (([ReLU(), Tanh()],), TypeError, r"takes the layers one by one, not a list: {}\(\*layers\)"),
        ((ReLU(), (Tanh(),)), TypeError, r"not a tuple"),
        ((ReLU(), Tanh), TypeError, r"layer 1 is the class Tanh: make one, Tanh\(...\)"),
        ((np.tanh,), TypeError, "layer 0 is a ufunc, not a Layer: derive it from mn.Layer"),
        ((ReLU(), None), TypeError, "layer 1 is a NoneType, not a Layer"),
    ],
)
@pytest.mark.parametrize("kind", [Sequential, Residual, Add, Concat])
def test_what_is_no_layer_is_refused_with_the_cure(kind, layers, error, message):
    with pytest.raises(error, match=f"^{kind.__name__}.*{message.format(kind.__name__)}"):
        kind(*layers)


@pytest.mark.parametrize("kind", [Sequential, Residual, Add, Concat])
def test_one_layer_object_twice_is_refused(kind):
    layer = ReLU()
    with pytest.raises(
        ValueError, match=r"the same ReLU\(\) object stands at layers\[0\] and at layers\[1\].layers\[1\]"
    ):
        kind(layer, Sequential(Tanh(), layer))


@pytest.mark.parametrize("kind", [Sequential, Residual, Add, Concat])
def test_a_layer_put_in_later_must_not_come_twice_either(kind):
    model, layer = kind(ReLU()), Tanh()
    assert isinstance(model, Container)
    with pytest.raises(ValueError, match=r"the same Tanh\(\) object"):
        model.layers = (layer, layer)


def test_one_parameter_twice_is_welcome():
    first, second = Times(2), Times(0)
    second.factor = first.factor
    model = Sequential(first, second)
    assert len(model.parameters()) == 1
    np.testing.assert_array_equal(model.forward(X), 4 * X)
    model.backward(np.ones((2, 2)))
    assert first.factor.grad == 2 * 2 * 10  # d(f² Σx)/df = 2 f Σx


# -- errors say where


def test_an_error_in_forward_says_where():
    model = Sequential(Flatten(), Sequential(Linear(6, 4), Linear(3, 2)))
    with pytest.raises(ValueError, match=r"^Linear\(3, 2\) expected 3 features") as caught:
        model.forward(np.ones((5, 2, 3), np.float32))
    assert caught.value.__notes__ == [
        "in Sequential.layers[1] = Linear(3, 2), input shape (5, 4)",
        "in Sequential.layers[1] = Sequential(), input shape (5, 6)",
    ]


@pytest.mark.parametrize("method", ["backward", "accumulate_grad"])
@pytest.mark.parametrize("kind", [Sequential, Residual])
def test_an_error_in_backward_says_where(kind, method):
    model = kind(Linear(3, 3))
    model.forward(np.ones((5, 3), np.float32))
    with pytest.raises(ValueError, match=r"^Linear\(3, 3\).backward expected dy") as caught:
        getattr(model, method)(np.ones((5, 2), np.float32))
    assert caught.value.__notes__ == [f"in {kind.__name__}.layers[0] = Linear(3, 3), gradient shape (5, 2)"]


@pytest.mark.parametrize("method", ["backward", "accumulate_grad"])
@pytest.mark.parametrize("kind", [Sequential, Residual])
@pytest.mark.parametrize("dy", [np.ones((5, 2), np.float32), np.ones((1, 3), np.float32), np.ones((5, 3)), None])
def test_a_wrong_gradient_changes_nothing(kind, method, dy):
    model = kind(Linear(3, 3), ReLU(), Linear(3, 3))
    model.forward(np.ones((5, 3), np.float32))
    for parameter in model.parameters():
        parameter.grad += 7
    with pytest.raises((ValueError, TypeError), match="expected"):
        getattr(model, method)(dy)
    assert all((parameter.grad == 7).all() for parameter in model.parameters())


def test_backward_before_forward_says_where():
    with pytest.raises(RuntimeError, match=r"Linear.backward\(\) before forward\(\)") as caught:
        Sequential(Linear(3, 2)).backward(np.ones((1, 2), np.float32))
    assert caught.value.__notes__ == ["in Sequential.layers[0] = Linear(3, 2), gradient shape (1, 2)"]


def test_in_eval_mode_nothing_is_kept():
    model = Sequential(Linear(3, 2), Tanh()).eval()
    model.forward(np.ones((1, 3), np.float32))
    assert all("_cache" not in vars(layer) for _, layer in model.named_layers())


# -- copies and looks


@pytest.mark.parametrize("copied_by", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_compute_the_same_bits_and_are_independent(copied_by):
    model = Sequential(Linear(3, 8, rng=0), Tanh(), Residual(Linear(8, 8, rng=1)), Softmax())
    check_copy(copied_by, model)


def test_repr_draws_the_model():
    model = Sequential(Linear(4, 4), Residual(Linear(4, 4), ReLU()), Softmax())
    assert repr(model).splitlines() == [
        "Sequential(",
        "  layers[0]: Linear(4, 4)",
        "  layers[1]: Residual(",
        "    layers[0]: Linear(4, 4)",
        "    layers[1]: ReLU()",
        "  )",
        "  layers[2]: Softmax()",
        ")",
    ]
    assert model.describe() == "Sequential()"


class Forgetful(mn.Layer):
    """Its methods return nothing."""

    def forward(self, x):
        self.cache = x

    def backward(self, dy):
        self.cache = dy


class Passing(mn.Layer):
    def forward(self, x):
        return np.zeros(3, np.float32) if x is None else x

    def backward(self, dy):
        return dy


def test_a_forgotten_return_is_found_where_it_is():
    with pytest.raises(TypeError) as raised:
        Sequential(Forgetful(), Tanh()).forward(np.zeros((2, 3), np.float32))
    assert "Sequential.layers[0] = Forgetful() returned None: add a return to its forward" in raised.value.__notes__

    model = Sequential(Tanh(), Forgetful(), Passing())
    model.forward(np.zeros((2, 3), np.float32))
    with pytest.raises(TypeError) as raised:
        model.backward(np.zeros(3, np.float32))
    assert "Sequential.layers[1] = Forgetful() returned None: add a return to its backward" in raised.value.__notes__


def test_who_returned_nothing_is_named_also_where_pooling_goes_before_relu():
    image = np.zeros((1, 1, 4, 4), np.float32)
    with pytest.raises(TypeError) as raised:
        Sequential(Forgetful(), ReLU(), mn.MaxPool2d(2)).forward(image)
    assert "Sequential.layers[0] = Forgetful() returned None: add a return to its forward" in raised.value.__notes__

    model = Sequential(mn.Conv2d(1, 1, 1, rng=0), ReLU(), mn.MaxPool2d(2), Forgetful())
    model.forward(image)
    for backward in (model.backward, model.accumulate_grad):
        with pytest.raises(TypeError) as raised:
            backward(image)
        assert "Sequential.layers[3] = Forgetful() returned None: add a return to its backward" in (
            raised.value.__notes__
        )


def test_a_branch_is_not_blamed_for_what_all_branches_were_given():
    with pytest.raises(TypeError) as raised:
        Sequential(Forgetful(), Add(mn.Identity(), Tanh())).forward(np.zeros((2, 3), np.float32))
    blamed = [note for note in raised.value.__notes__ if "returned None" in note]
    assert blamed == ["Sequential.layers[0] = Forgetful() returned None: add a return to its forward"]


# -- parts and sums of a Sequential


def test_a_part_shares_the_layers_and_keeps_their_names():
    model = Sequential(body=Linear(3, 4, rng=0), relu=ReLU(), head=Linear(4, 2, rng=1))
    x = np.ones((5, 3), np.float32)
    body, rest = model[:2], model[2:]
    assert (type(body), len(body), body.layers.names) == (Sequential, 2, ("body", "relu"))
    assert body["body"] is model["body"]
    np.testing.assert_array_equal(rest.forward(body.forward(x)), model.forward(x))
    rest[0].weight.data[:] = rest[0].bias.data[:] = 0
    assert not model.forward(x).any()
    del body["relu"]
    assert len(model) == 3


def test_a_part_of_a_residual_is_the_chain_inside_it():
    layer = Residual(Times(2), Plus())
    np.testing.assert_array_equal(layer[:].forward(X), 2 * X + 1)


def test_a_part_is_in_the_mode_of_the_model():
    model = Sequential(mn.Dropout(0.9, rng=0), Tanh(), Softmax())
    assert model[:2].recording
    part = model.eval()[:2]
    assert (part.training, part.recording) == (False, False)
    np.testing.assert_array_equal(part.forward(X), np.tanh(X))
    part = model.train().freeze(statistics=True)[:2]
    assert (part.training, part.recording) == (False, True)
    assert part.unfreeze().training


def test_a_part_knows_what_the_model_says_of_its_ends():
    model = Sequential(Linear(3, 4), ReLU(), Linear(4, 2))
    model.input_scale, model.class_names = 0.5, ["no", "yes"]
    assert [(model[a:b].input_scale, model[a:b].class_names) for a, b in ((0, 3), (0, 2), (1, 3))] == [
        (0.5, ["no", "yes"]),
        (0.5, None),
        (mn.Layer.input_scale, ["no", "yes"]),
    ]


def test_an_empty_part():
    with pytest.raises(IndexError, match="no layer is in this part: their numbers are 0 to 1"):
        Sequential(ReLU(), ReLU())[2:]


def test_a_sum_is_one_after_the_other():
    one, other = Sequential(Times(2), plus=Plus()), Sequential(times=Times(10))
    both = one + other
    np.testing.assert_array_equal(both.forward(X), 10 * (2 * X + 1))
    assert both.layers.names == (None, "plus", "times")
    assert (len(one), len(other)) == (2, 1)
    with pytest.raises(ValueError, match="the same"):
        one + one
    with pytest.raises(TypeError, match="unsupported operand"):
        one + Plus()
