"""The parts of an estimator are made from names, classes, functions and ready layers; anything else is refused."""

import functools

import numpy as np
import pytest

pytest.importorskip("sklearn")
import minnet as mn
from minnet.sklearn import parts

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("loss", ["HuberLoss", mn.HuberLoss, mn.HuberLoss(), lambda: mn.HuberLoss(2.0)])
def test_losses(loss):
    made = parts.make_loss("C", loss)
    assert type(made) is mn.HuberLoss
    assert made is not loss


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ("log_loss", "name in mn.losses, got 'log_loss': the names are BCELoss"),
        (3, "to make a Loss, got an int"),
        (mn.ReLU, "to make a Loss, got a ReLU"),
    ],
)
def test_wrong_losses(loss, message):
    with pytest.raises((TypeError, ValueError), match=message):
        parts.make_loss("C", loss)


@pytest.mark.parametrize(
    "optimizer", ["SGD", mn.SGD, functools.partial(mn.SGD, momentum=0.9), lambda parameters, lr: mn.SGD(parameters, lr)]
)
def test_optimizers(optimizer):
    made = parts.make_optimizer("C", optimizer, mn.Linear(2, 3).parameters(), 0.5, 0.25)
    assert type(made) is mn.SGD
    assert (made.lr, made.weight_decay, made.decay_biases) == (0.5, 0.25, False)


def test_an_optimizer_keeps_a_weight_decay_of_its_own():
    own = functools.partial(mn.SGD, weight_decay=0.75)
    assert parts.make_optimizer("C", own, mn.Linear(2, 3).parameters(), 0.5, 0.25).weight_decay == 0.75


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        ("adam", "name in mn.optimizers, got 'adam'"),
        (mn.SGD(mn.Linear(2, 3).parameters(), 0.1), r"functools.partial\(mn.SGD, momentum=0.9\)"),
        (lambda parameters, lr: 3, "to make a Optimizer, got an int"),
    ],
)
def test_wrong_optimizers(optimizer, message):
    with pytest.raises((TypeError, ValueError), match=message):
        parts.make_optimizer("C", optimizer, mn.Linear(2, 3).parameters(), 0.5, 0.25)


def test_models():
    ready = mn.Linear(4, 3)
    copied = parts.make_model("C", ready, 4, 3, RNG)
    assert copied is not ready
    assert (copied.weight.data == ready.weight.data).all()
    drawn = [parts.make_model("C", mn.Linear, 4, 3, np.random.default_rng(0)).weight.data for _ in range(2)]
    assert (drawn[0] == drawn[1]).all()
    assert parts.make_model("C", lambda i, o: mn.Linear(i, o, bias=False), 4, 3, RNG).bias is None


def test_a_function_that_a_seed_does_not_reach_is_warned_of():
    with pytest.warns(mn.errors.TrainingWarning, match=r"def model\(n_features, n_outputs, rng\)"):
        parts.make_model("C", lambda i, o: mn.Linear(i, o), 4, 3, RNG, seeded=True)
    for quiet in (lambda i, o: mn.Linear(i, o, rng=0), functools.partial(mn.Linear, rng=0), mn.Linear, mn.Linear(4, 3)):
        parts.make_model("C", quiet, 4, 3, RNG, seeded=True)
    parts.make_model("C", lambda i, o: mn.Linear(i, o), 4, 3, RNG)
    bound = parts.make_model("C", functools.partial(mn.Linear, rng=0), 4, 3, RNG)
    assert (bound.weight.data == mn.Linear(4, 3, rng=0).weight.data).all()


@pytest.mark.parametrize("model", [(100,), "mlp", lambda i, o: None])
def test_wrong_models(model):
    with pytest.raises(TypeError, match="Layer"):
        parts.make_model("C", model, 4, 3, RNG)


@pytest.mark.parametrize(
    ("sizes", "activation", "loss", "expected"),
    [
        ((), "relu", None, ["Linear(4, 3)"]),
        (5, "tanh", None, ["Linear(4, 5)", "Tanh()", "Linear(5, 3)"]),
        (np.int64(5), mn.Tanh, mn.CrossEntropyLoss(), ["Linear(4, 5)", "Tanh()", "Linear(5, 3)", "Softmax()"]),
        (
            [5, 6],
            "logistic",
            mn.BCELoss(),
            ["Linear(4, 5)", "Sigmoid()", "Linear(5, 6)", "Sigmoid()", "Linear(6, 3)", "Sigmoid()"],
        ),
        ((), "SiLU", mn.NLLLoss(), ["Linear(4, 3)", "LogSoftmax()"]),
    ],
)
def test_dense(sizes, activation, loss, expected):
    assert [layer.describe() for layer in parts.make_dense("C", sizes, activation, 4, 3, loss, RNG)] == expected


@pytest.mark.parametrize(
    ("sizes", "activation", "message"),
    [
        ((0,), "relu", "hidden_layer_sizes >= 1"),
        ("100", "relu", "a tuple of ints, got '100'"),
        (1.5, "relu", "a tuple of ints, got 1.5"),
        ((5,), "relu6", "name in mn.layers, got 'relu6'"),
        ((5,), 3, "a name or a class, such as 'relu', got an int"),
    ],
)
def test_wrong_sizes_and_activations(sizes, activation, message):
    with pytest.raises((TypeError, ValueError), match=message):
        parts.make_dense("C", sizes, activation, 4, 3, None, RNG)


def test_the_last_layer_is_found_inside_of_others():
    last = mn.Softmax()
    assert parts.last_layer(mn.Sequential(mn.ReLU(), mn.Sequential(mn.ReLU(), last))) is last
    residual = mn.Residual(mn.Linear(3, 3), last)
    assert parts.last_layer(residual) is residual


def test_outputs():
    x = np.zeros((1, 4), np.float32)
    assert parts.outputs_of("C", mn.Linear(4, 1), x, (2, 1), "two classes") == 1
    with pytest.raises(ValueError, match=r"map a sample \(1, 4\) to \(1, 2\), because y has two classes, got \(1, 3\)"):
        parts.outputs_of("C", mn.Linear(4, 3), x, (2, 1), "two classes")
    with pytest.raises(ValueError, match="use in_features=4") as caught:
        parts.outputs_of("C", mn.Linear(5, 2), x, (2, 1), "two classes")
    assert "model=lambda n_features, n_outputs" in caught.value.__notes__[-1]


def test_looking_at_the_outputs_leaves_the_modes_as_they_are():
    model = mn.Sequential(mn.Dropout(0.5), mn.Linear(4, 2))
    model.layers[0].eval()
    parts.outputs_of("C", model, np.zeros((1, 4), np.float32), (2,), "two classes")
    assert (model.training, model.layers[0].training, model.layers[1].training) == (True, False, True)
