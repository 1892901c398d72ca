"""Optimizers step downhill: by known amounts, as PyTorch does, in place."""

import math
import tracemalloc

import numpy as np
import pytest

import minnet as mn
from minnet import SGD, Optimizer, Parameter


def steps(gradients, **options):
    """Return where SGD takes a Parameter that starts at 1, given the gradient of each step."""
    parameter = Parameter([1.0], np.float64)
    optimizer = SGD([parameter], **options)
    values = []
    for gradient in gradients:
        optimizer.zero_grad()
        parameter.grad += gradient
        optimizer.step()
        values.append(float(parameter.data[0]))
    return values


# -- steps worked out by hand


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"lr": 0.5}, [0.0, -0.5, -1.5]),  # g = 2, 1, 2: minus half of each
        ({"lr": 0.5, "momentum": 0.5}, [0.0, -1.0, -2.5]),  # v = 2, 2, 3
        ({"lr": 0.5, "momentum": 0.5, "nesterov": True}, [-0.5, -1.5, -3.25]),  # g + v/2 = 3, 2, 3.5
        ({"lr": 0.5, "weight_decay": 0.5}, [-0.25, -0.6875, -1.515625]),  # g = 2.5, 0.875, 1.65625
        ({"lr": 0.5, "weight_decay": 0.5, "momentum": 0.5}, [-0.25, -1.3125, -2.515625]),  # v = 2.5, 2.125, 2.40625
    ],
)
def test_known_steps(options, expected):
    assert steps([2.0, 1.0, 2.0], **options) == pytest.approx(expected, rel=1e-15)


def test_on_a_parabola_each_step_shrinks_the_distance_by_1_minus_lr():
    parameter = Parameter([8.0], np.float64)  # L = p²/2, so the gradient is p itself
    optimizer = SGD([parameter], lr=0.25)
    for _ in range(10):
        optimizer.zero_grad()
        parameter.grad += parameter.data
        optimizer.step()
    assert parameter.data[0] == 8 * 0.75**10


def test_the_learning_rate_may_change_between_steps():
    parameter = Parameter([1.0], np.float64)
    parameter.grad += 1
    optimizer = SGD([parameter], lr=0.5)
    optimizer.step()
    optimizer.lr = 0.25
    optimizer.step()
    assert parameter.data[0] == 0.25


def test_a_step_leaves_the_gradient_alone_and_zero_grad_clears_it():
    parameter = Parameter([1.0, 2.0])
    optimizer = SGD([parameter], 0.1, momentum=0.9, nesterov=True, weight_decay=0.1)
    grad = parameter.grad
    parameter.grad += 3
    optimizer.step()
    np.testing.assert_array_equal(grad, [3, 3])
    optimizer.zero_grad()
    np.testing.assert_array_equal(grad, [0, 0])
    assert parameter.grad is grad


# -- weight decay and frozen Parameters


@pytest.mark.parametrize(("decay_biases", "bias_shrinks"), [(True, True), (False, False)])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_decay_biases_spares_what_has_fewer_than_two_axes(decay_biases, bias_shrinks, momentum):
    weight, bias, scale = Parameter(np.ones((2, 2))), Parameter(np.ones(2)), Parameter(1.0)
    SGD([weight, bias, scale], 0.1, momentum, weight_decay=0.5, decay_biases=decay_biases).step()
    assert (weight.data < 1).all()
    assert (bias.data < 1).all() == bias_shrinks
    assert (scale.data < 1) == bias_shrinks


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_frozen_parameter_stays_even_with_weight_decay(momentum):
    free, frozen = Parameter([1.0]), Parameter([1.0], trainable=False)
    optimizer = SGD([free, frozen], 0.1, momentum, weight_decay=0.5)
    for parameter in (free, frozen):
        parameter.grad += 1
    optimizer.step()
    assert free.data[0] != 1
    assert frozen.data[0] == 1
    optimizer.zero_grad()
    assert frozen.grad[0] == 0


def test_a_parameter_may_be_frozen_and_freed_between_steps():
    parameter = Parameter([1.0], np.float64)
    parameter.grad += 1
    optimizer = SGD([parameter], 0.25)
    for trainable in (True, False, True):
        parameter.trainable = trainable
        optimizer.step()
    assert parameter.data[0] == 0.5


# -- as PyTorch does


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": 0.9},
        {"momentum": 0.9, "nesterov": True},
        {"weight_decay": 0.01},
        {"momentum": 0.5, "weight_decay": 0.1},
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    ],
    ids=str,
)
def test_a_hundred_steps_as_in_pytorch(options):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: no parity to check")
    generator = np.random.default_rng(0)
    starts = [generator.normal(size=shape) for shape in [(4, 3), (3,), ()]]
    ours = [Parameter(start, np.float64) for start in starts]
    theirs = [torch.nn.Parameter(torch.tensor(start, dtype=torch.float64)) for start in starts]
    our_optimizer, their_optimizer = SGD(ours, 0.1, **options), torch.optim.SGD(theirs, 0.1, **options)
    for step in range(100):
        if step == 50:
            our_optimizer.lr = their_optimizer.param_groups[0]["lr"] = 0.03
        our_optimizer.zero_grad()
        for p, q in zip(ours, theirs, strict=True):
            gradient = generator.normal(size=p.data.shape)
            p.grad += gradient
            q.grad = torch.tensor(gradient, dtype=torch.float64)
        our_optimizer.step()
        their_optimizer.step()
        for p, q in zip(ours, theirs, strict=True):
            assert np.abs(p.data - q.detach().numpy()).max() <= 1e-12


# -- in place, without allocating


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "options", [{}, {"momentum": 0.9, "weight_decay": 0.1}, {"momentum": 0.9, "nesterov": True}], ids=str
)
def test_a_step_allocates_nothing_and_keeps_arrays_and_dtype(dtype, options):
    parameter = Parameter(np.ones((500, 500)), dtype)
    optimizer = SGD([parameter], lr=0.1, **options)
    data, grad = parameter.data, parameter.grad
    optimizer.step()
    tracemalloc.start()
    optimizer.zero_grad()
    optimizer.step()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < data.nbytes / 50
    assert parameter.data is data
    assert parameter.grad is grad
    assert data.dtype == dtype


@pytest.mark.parametrize("options", [{}, {"momentum": 0.9, "weight_decay": 0.1}, {"momentum": 0.9, "nesterov": True}])
def test_a_model_may_change_its_dtype_under_the_optimizer(options):
    """The velocity goes on where it was: two models, one in float64 from the start, stay together."""
    models = [mn.Linear(3, 2, rng=0), mn.Linear(3, 2, rng=0).astype(np.float64)]
    optimizers = [SGD(model.parameters(), 0.1, **options) for model in models]
    for step in range(6):
        if step == 3:
            models[0].astype(np.float64)
        for model, optimizer in zip(models, optimizers, strict=True):
            optimizer.zero_grad()
            model.weight.grad += model.weight.data
            optimizer.step()
    assert models[0].weight.data.dtype == np.float64
    np.testing.assert_allclose(models[0].weight.data, models[1].weight.data, rtol=1e-6)


# -- bad arguments

MODEL = mn.Linear(3, 2, rng=0)
SHARED = Parameter([1.0])


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        (MODEL, TypeError, r"expected Parameters, got Linear: pass model.parameters\(\)"),
        (SHARED, TypeError, r"expected Parameters, got Parameter: pass model.parameters\(\)"),
        (MODEL.named_parameters(), TypeError, r"expected Parameters, got tuple: pass model.parameters\(\)"),
        ([np.ones(3)], TypeError, "expected Parameters, got ndarray"),
        ([], ValueError, r"got no Parameters: has the model a layer with weights"),
        (mn.ReLU().parameters(), ValueError, r"got no Parameters"),
        ([SHARED, SHARED], ValueError, r"got a Parameter twice.*: list it once"),
    ],
)
def test_bad_parameters(parameters, error, message):
    with pytest.raises(error, match=f"^SGD .*{message}"):
        SGD(parameters, 0.1)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("lr", 0, ValueError),
        ("lr", -1, ValueError),
        ("lr", math.nan, ValueError),
        ("lr", math.inf, ValueError),
        ("lr", "0.1", TypeError),
        ("lr", None, TypeError),
        ("lr", True, TypeError),
        ("lr", np.ones(1), TypeError),
        ("momentum", -0.1, ValueError),
        ("momentum", 1.0, ValueError),
        ("momentum", math.nan, ValueError),
        ("momentum", "0.9", TypeError),
        ("weight_decay", -0.1, ValueError),
        ("weight_decay", math.inf, ValueError),
    ],
)
def test_bad_numbers(name, value, error):
    with pytest.raises(error, match=f"SGD .*{name}"):
        SGD([SHARED], **{"lr": 0.1, name: value})


def test_nesterov_needs_momentum():
    with pytest.raises(ValueError, match=r"nesterov=True needs a momentum, such as momentum=0.9"):
        SGD([SHARED], 0.1, nesterov=True)


@pytest.mark.parametrize("lr", [1, np.float32(0.5), np.float64(0.5), np.int64(1)])
def test_numbers_of_any_kind_become_floats(lr):
    assert type(SGD([SHARED], lr).lr) is float


def test_parameters_may_be_any_iterable_and_keep_their_order():
    parameters = MODEL.parameters()
    optimizer = SGD(iter(parameters), 0.1)
    assert all(a is b for a, b in zip(optimizer.parameters, parameters, strict=True))


def test_an_optimizer_of_ones_own_is_one_method():
    class SignDescent(Optimizer):
        def step(self):
            for parameter in self.parameters:
                parameter.data -= self.lr * np.sign(parameter.grad)

    parameter = Parameter([1.0, 1.0])
    parameter.grad += [3, -3]
    SignDescent([parameter], lr=0.5).step()
    np.testing.assert_array_equal(parameter.data, [0.5, 1.5])


def test_an_optimizer_without_step_says_so():
    with pytest.raises(NotImplementedError, match=r"Optimizer has no step: define step\(self\)"):
        Optimizer([SHARED], 0.1).step()


def test_momentum_may_be_switched_on_later():
    p = mn.Parameter([1.0])
    p.grad += 1
    optimizer = mn.SGD([p], lr=0.5)
    optimizer.step()
    optimizer.momentum = 0.5
    optimizer.step()
    assert p.data == 0
    optimizer.step()  # velocity 0.5 · 1 + 1
    assert p.data == -0.75
