"""Whole steps are compiled only of what they support; all else trains with compiled=True, too, by twins of formulas."""

import sys
from functools import partial

import numpy as np
import pytest
from compiled_trainings import CLASSES, DENSE, data, fit, learn_alike

import minnet as mn
from minnet.compiled.steps.supported import chain, data_problem, reason


def trainer(model=None, loss=None, optimizer=None, **options):
    model = model or mn.Sequential(mn.Linear(4, 3, rng=0), mn.ReLU(), mn.Linear(3, 2, rng=0))
    optimizer = optimizer or mn.SGD(model.parameters(), lr=0.1)
    return mn.Trainer(model, loss or mn.SoftmaxCrossEntropyLoss(), optimizer, compiled=True, **options)


def why(made, loader=None, callbacks=()):
    """Return why whole steps are not compiled."""
    loader = mn.DataLoader(*xy()) if loader is None else loader
    return reason(made.model, made.loss, made.optimizer, made.accumulate, loader, callbacks)


def sequential(*layers):
    return lambda: mn.Sequential(*(layer() for layer in layers))


def linear(inputs=4, outputs=2):
    return lambda: mn.Linear(inputs, outputs, rng=0)


class MyReLU(mn.ReLU):
    pass


class MyFlatten(mn.Flatten):
    pass


class MySequential(mn.Sequential):
    pass


class MyLoss(mn.SoftmaxCrossEntropyLoss):
    pass


class MyAdam(mn.Adam):
    pass


def mixed():
    model = mn.Sequential(mn.Linear(4, 4, rng=0), mn.Linear(4, 2, rng=0))
    model.layers[1].astype(np.float64)
    return model


def tied():
    model = mn.Sequential(mn.Linear(4, 4, rng=0), mn.Linear(4, 4, rng=0))
    model.layers[1].weight = model.layers[0].weight
    return model


def shared():
    model = mn.Sequential(mn.Linear(4, 4, rng=0), mn.Linear(4, 4, rng=0))
    model.layers[1].weight.share(model.layers[0].weight)
    return model


def other_parameters():
    class Mine(mn.Parameter):
        pass

    model = mn.Sequential(mn.Linear(4, 2, rng=0))
    model.layers[0].weight = Mine(np.ones((4, 2)))
    return model


def bias_with_two_axes():
    model = mn.Sequential(mn.Linear(4, 2, rng=0))
    model.layers[0].bias = mn.Parameter(np.ones((1, 2)))
    return model


def wrong_width():
    return mn.Sequential(mn.Linear(4, 3, rng=0), mn.ReLU(), mn.Linear(7, 2, rng=0))


def short_bias():
    model = mn.Sequential(mn.Linear(4, 2, rng=0))
    model.layers[0].bias = mn.Parameter(np.ones(1))
    return model


@pytest.mark.parametrize(
    ("make", "unsupported"),
    [
        (sequential(linear(), mn.Dropout), "layers[1], Dropout("),
        (sequential(mn.Flatten, linear(), mn.Dropout), "layers[2], Dropout("),
        (sequential(linear(), MyReLU, linear(2, 2)), "layers[1], MyReLU(), a subclass of ReLU"),
        (sequential(mn.ReLU, linear()), "layers[0], ReLU()"),
        (sequential(linear(), mn.ReLU, mn.Tanh), "layers[2], Tanh()"),
        (sequential(linear(), mn.Flatten), "layers[1], Flatten()"),
        (sequential(linear(), mn.Softmax, linear(2, 2)), "layers[1], Softmax()"),
        (sequential(linear(), sequential(linear(2, 2))), "layers[1], Sequential"),
        (linear(), "Linear"),
        (lambda: mn.Residual(mn.Linear(4, 4, rng=0)), "Residual, a subclass of Sequential"),
        (sequential(MyFlatten, linear()), "layers[0], MyFlatten(), a subclass of Flatten"),
        (lambda: MySequential(mn.Linear(4, 2, rng=0)), "MySequential, a subclass of Sequential"),
        (wrong_width, "layers[2], Linear(7, 2), which is given 3 features"),
        (short_bias, "layers[0], Linear(4, 2)"),
        (tied, "a Parameter that layers share"),
        (shared, "a Parameter that layers share"),
        (other_parameters, "layers[0], Linear(4, 2)"),
        (bias_with_two_axes, "layers[0], Linear(4, 2)"),
    ],
)
def test_models(make, unsupported):
    model = make()
    layers, problem = chain(model)
    assert layers == []
    assert problem.startswith(unsupported)
    assert why(trainer(model)) == problem


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"accumulate": 2}, "accumulate"),
        ({"loss": lambda: mn.NLLLoss()}, "NLLLoss"),
        ({"loss": lambda: mn.CrossEntropyLoss()}, "CrossEntropyLoss"),
        ({"loss": lambda: mn.L1Loss()}, "L1Loss"),
        ({"loss": lambda: mn.SoftmaxCrossEntropyLoss(label_smoothing=0.1)}, "SoftmaxCrossEntropyLoss"),
        ({"loss": lambda: mn.SoftmaxCrossEntropyLoss(weight=[1.0, 2.0])}, "SoftmaxCrossEntropyLoss"),
        ({"loss": lambda: mn.SoftmaxCrossEntropyLoss(ignore_index=0)}, "SoftmaxCrossEntropyLoss"),
        ({"model": mixed}, "Parameters of several dtypes"),
        ({"loss": lambda: MyLoss()}, "MyLoss"),
        ({"optimizer": lambda p: mn.RMSprop(p)}, "RMSprop"),
        ({"optimizer": lambda p: MyAdam(p)}, "MyAdam"),
        ({"optimizer": lambda p: mn.Adam(p, amsgrad=True)}, "Adam"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_parts(options, problem):
    model = options.pop("model", sequential(linear()))()
    made = {
        name: make(model.parameters()) if name == "optimizer" else make() if callable(make) else make
        for name, make in options.items()
    }
    assert why(trainer(model, **made)).startswith(problem)


def test_nothing_speaks_against_a_network_of_linear_layers():
    assert why(trainer()) == ""


class MyLoader(mn.DataLoader):
    def __iter__(self):
        return iter([(self.X, self.y)])


@pytest.mark.parametrize(
    ("X", "y", "loss"),
    [
        (np.zeros((8, 5), np.float32), np.zeros(8, np.int64), mn.SoftmaxCrossEntropyLoss),
        (np.zeros((8, 2, 2), np.float32), np.zeros(8, np.int64), mn.SoftmaxCrossEntropyLoss),
        (np.zeros((8, 4), np.int64), np.zeros(8, np.int64), mn.SoftmaxCrossEntropyLoss),
        (np.zeros((8, 4), np.float32), np.zeros((8, 1), np.int64), mn.SoftmaxCrossEntropyLoss),
        (np.zeros((8, 4), np.float32), np.zeros(8, np.float32), mn.SoftmaxCrossEntropyLoss),
        (np.zeros((8, 4), np.float32), np.zeros((8, 3), np.float32), mn.MSELoss),
        (np.zeros((8, 4), np.float32), np.zeros(8, np.float32), mn.MSELoss),
        (np.zeros((8, 4), np.float32), np.zeros((7, 2), np.float32), mn.MSELoss),
    ],
)
def test_compiled_code_would_read_beyond_an_array(X, y, loss):
    made, loader = trainer(loss=loss()), mn.DataLoader(*xy())
    loader.X, loader.y = X, y
    assert data_problem(made.model, made.loss, loader).startswith("X (8, ")


def test_bytes_without_a_scale():
    loader = mn.DataLoader(np.zeros((8, 4), np.uint8), xy()[1], scale=None)
    made = trainer()
    assert data_problem(made.model, made.loss, loader) == "X (8, 4) of uint8 and y (8,) of int64"


def xy(samples=8):
    return np.zeros((samples, 4), np.float32), np.zeros(samples, np.int64)


@pytest.mark.parametrize(
    ("loader", "problem"),
    [
        (lambda X, y: [(X, y)], "list"),
        (lambda X, y: mn.DataLoader(X, y, transform=lambda x, rng: x.copy()), "a DataLoader's transform"),
        (lambda X, y: mn.DataLoader(np.asfortranarray(X), y), "X that is not one array in C order"),
        (lambda X, y: mn.DataLoader(X, np.repeat(y, 2)[::2]), "y that is not one array in C order"),
        (lambda X, y: mn.DataLoader((X,), y), "X that is not one array in C order"),
        (lambda X, y: mn.DataLoader(X.astype(np.float16), y), "X (8, 4) of float16"),
        (lambda X, y: mn.DataLoader(X.astype(">f4"), y), "X (8, 4) of >f4"),
        (lambda X, y: mn.DataLoader(X, y.astype(">i8")), "X (8, 4) of float32 and y (8,) of >i8"),
        (lambda X, y: MyLoader(X, y), "MyLoader"),
    ],
    ids=["list", "transform", "order of X", "order of y", "tuple", "float16", "byte order", "labels", "another loader"],
)
def test_data(loader, problem):
    assert why(trainer(), loader(*xy())).startswith(problem)


def test_callbacks_that_change_gradients():
    assert why(trainer(), callbacks=[mn.callbacks.ClipGradNorm(1.0)]) == "ClipGradNorm changes gradients"


def test_a_callback_on_which_a_function_was_set_that_changes_gradients():
    """It was not called, in silence."""
    callback = mn.callbacks.Callback()
    callback.on_gradients = lambda trainer: None
    assert why(trainer(), callbacks=[callback]) == "Callback changes gradients"


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"layers": [*DENSE, (mn.Linear, CLASSES, CLASSES), mn.GELU]},
        {"loss": partial(mn.SoftmaxCrossEntropyLoss, label_smoothing=0.1)},
        {"optimizer": mn.RMSprop},
        {"optimizer": partial(mn.Adam, amsgrad=True)},
        {"accumulate": 2},
    ],
    ids=["model", "loss", "RMSprop", "amsgrad", "accumulate"],
)
def test_what_whole_steps_do_not_support_is_trained_alike(calls, options):
    learn_alike(lambda trainer: fit(trainer, *data()), **options)
    assert not calls


@pytest.mark.slow
def test_gradients_that_a_callback_changes_are_those_of_the_step(calls):
    clips = mn.callbacks.ClipGradNorm(0.1)
    learn_alike(lambda trainer: fit(trainer, *data(), callbacks=[clips]))
    assert not calls


def test_an_activation_after_each_layer_is_found():
    model = mn.Sequential(mn.Flatten(), mn.Linear(4, 3, rng=0), mn.Tanh(), mn.Linear(3, 2, rng=0), mn.Softmax())
    assert chain(model) == ([(model.layers[1], model.layers[2]), (model.layers[3], None)], "")


def test_threads_take_their_extra_before_anything_is_compiled(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with pytest.raises(mn.errors.MissingExtraError, match=r'^threadpoolctl is not installed: .* extra "threads"'):
        trainer(threads=2).fit(mn.DataLoader(*xy()), epochs=1)


def test_without_the_extra_one_line_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(mn.errors.MissingExtraError, match=r'^numba is not installed: .* extra "compiled"'):
        trainer()


@pytest.mark.parametrize(
    ("owner", "method", "problem"),
    [
        (0, "forward", "layers[0], Linear(4, 2), whose forward was replaced"),
        (0, "backward", "layers[0], Linear(4, 2), whose backward was replaced"),
        (1, "backward", "SoftmaxCrossEntropyLoss"),
        (2, "step", "SGD"),
        (3, "prepared", "DataLoader"),
    ],
)
def test_a_method_that_was_replaced_on_one_object_is_called(owner, method, problem):
    """It was not called, in silence."""
    layer = mn.Linear(4, 2, rng=0)
    model, loss = mn.Sequential(layer), mn.SoftmaxCrossEntropyLoss()
    optimizer, loader = mn.SGD(model.parameters(), lr=0.1), mn.DataLoader(np.eye(4), np.arange(4) % 2, 2)
    changed = (layer, loss, optimizer, loader)[owner]
    setattr(changed, method, getattr(changed, method))
    assert why(mn.Trainer(model, loss, optimizer, compiled=True), loader).startswith(problem)
