"""LBFGS reaches minima that have a closed form, and scikit-learn's. (Its steps beside PyTorch's: tests/parity.)"""

import copy
import functools
import math
import pickle

import numpy as np
import pytest

import minnet as mn
from minnet import LBFGS, Parameter
from minnet.errors import NonFiniteError

WOLFE = {"line_search_fn": "strong_wolfe"}
TIGHT = {"tolerance_grad": 1e-12, "tolerance_change": 1e-15, **WOLFE}


def quadratic(n=6, seed=0):
    """Return A, positive definite, and b, of L = pᵀ A p / 2 − bᵀ p."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(n, n))
    return a @ a.T + np.eye(n), rng.normal(size=n)


def closure_of(optimizer, loss):
    """Return a closure of a function that returns the loss and the gradient of the first Parameter's values."""

    def closure():
        optimizer.zero_grad()
        value, gradient = loss(optimizer.parameters[0].data)
        optimizer.parameters[0].grad += gradient
        closure.calls += 1
        return value

    closure.calls = 0
    return closure


def minimised(loss, start, steps=1, dtype=np.float64, **options):
    parameter = Parameter(np.array(start, float), dtype)
    optimizer = LBFGS([parameter], **options)
    closure = closure_of(optimizer, loss)
    values = [optimizer.step(closure) for _ in range(steps)]
    return parameter.data, values, closure.calls, optimizer


def test_the_minimum_of_a_quadratic_loss():
    a, b = quadratic()
    p, *_ = minimised(lambda p: (p @ a @ p / 2 - b @ p, a @ p - b), np.zeros(6), max_iter=100, **TIGHT)
    np.testing.assert_allclose(p, np.linalg.solve(a, b), rtol=1e-6)


def test_the_first_step_is_down_the_gradient_and_at_most_of_length_lr():
    for g, t in ((np.array([3.0, -1.0]), 0.5 / 4), (np.array([0.3, -0.1]), 0.5)):
        p, *_ = minimised(lambda p, g=g: (g @ p, g), [0.0, 0.0], max_iter=1, lr=0.5)
        np.testing.assert_allclose(p, -t * g, rtol=1e-14)


def test_in_one_dimension_it_is_the_secant_method():
    """H = s / y, so p ← p − g (p − p₀) / (g − g₀)."""
    p, *_ = minimised(lambda p: (np.cosh(p - 2).item(), np.sinh(p - 2)), [0.0], max_iter=4, max_eval=9)
    points = [0.0, 1.0]  # the first step has the length 1
    for _ in range(3):
        (p0, p1), (g0, g1) = points[-2:], np.sinh(np.array(points[-2:]) - 2)
        points.append(p1 - g1 * (p1 - p0) / (g1 - g0))
    assert p[0] == pytest.approx(points[-1], rel=1e-12)


def test_the_direction_is_that_of_the_matrix_written_out():
    """H ← V H Vᵀ + ρ s sᵀ, from H₀ = yᵀ s / (yᵀ y), for every remembered pair."""
    a, b = quadratic()
    _, _, _, optimizer = minimised(
        lambda p: (p @ a @ p / 2 - b @ p, a @ p - b), np.zeros(6), max_iter=6, history_size=4, lr=0.3
    )
    pairs = [(optimizer.state[f"move_{k}"][0], optimizer.state[f"change_{k}"][0]) for k in range(4)]
    assert "move_4" not in optimizer.state
    s, y = pairs[-1]
    h = np.eye(6) * (y @ s) / (y @ y)
    for s, y in pairs:
        rho = 1 / (y @ s)
        assert rho == pytest.approx(1)  # so they are kept
        v = np.eye(6) - rho * np.outer(s, y)
        h = v @ h @ v.T + rho * np.outer(s, s)
    g = optimizer.state["gradient"][0]
    np.testing.assert_allclose(optimizer.state["displacement"][0] / 0.3, -(h @ g), rtol=1e-6)
    np.testing.assert_allclose(h @ y, s, rtol=1e-8)  # what BFGS asks of H


def linear_data(samples=300, features=5, seed=1):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(samples, features))
    return X, X @ rng.normal(size=(features, 2)) + 0.1 * rng.normal(size=(samples, 2)) + 1


def fitted(model, loss, X, y, steps=10, **options):
    model.astype(np.float64)
    optimizer = LBFGS(model.parameters(), **{"max_iter": 50, **TIGHT, **options})
    trainer = mn.Trainer(model, loss, optimizer, metrics={})
    trainer.fit(mn.DataLoader(X, y, len(X), check=False), steps=steps, progress=False)
    return model


def test_a_trainer_solves_least_squares():
    X, y = linear_data()
    model = fitted(mn.Linear(5, 2, rng=0), mn.MSELoss(), X, y)
    solution, *_ = np.linalg.lstsq(np.c_[X, np.ones(len(X))], y, rcond=None)
    np.testing.assert_allclose(model.weight.data, solution[:-1], atol=1e-7)
    np.testing.assert_allclose(model.bias.data, solution[-1], atol=1e-7)


@pytest.mark.parametrize("decay_biases", [True, False])
def test_with_a_weight_decay_it_solves_ridge_regression(decay_biases):
    """L = mean((Xw + b − y)²) over all N · 2 numbers + λ/2 · ‖w‖² (and of b): (2/(2N) XᵀX + λ I) w = 2/(2N) Xᵀy."""
    X, y = linear_data()
    model = fitted(mn.Linear(5, 2, rng=0), mn.MSELoss(), X, y, weight_decay=0.3, decay_biases=decay_biases)
    A = np.c_[X, np.ones(len(X))]
    penalty = 0.3 * np.diag([1.0] * 5 + [float(decay_biases)])
    solution = np.linalg.solve(A.T @ A / len(X) + penalty, A.T @ y / len(X))
    np.testing.assert_allclose(model.weight.data, solution[:-1], atol=1e-7)
    np.testing.assert_allclose(model.bias.data, solution[-1], atol=1e-7)


@pytest.mark.parametrize("C", [0.01, 1.0])
def test_softmax_regression_of_digits_reaches_scikit_learns_minimum(C):
    """scikit-learn minimises C · Σ loss + ‖w‖²/2: a mean with the weight decay 1 / (C N), which spares the biases."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, y = mn.data.synthetic_digits(300, rng=0)
    X = (X.reshape(300, 28, 28)[:, ::2, ::2].reshape(300, -1) / 255).astype(np.float64)
    theirs = linear_model.LogisticRegression(C=C, tol=1e-10, max_iter=10_000).fit(X, y)
    ours = fitted(
        mn.Linear(196, 10, rng=0), mn.SoftmaxCrossEntropyLoss(), X, y, weight_decay=1 / (C * 300), decay_biases=False
    )

    def objective(w, b):
        scores = X @ w + b
        scores = scores - scores.max(axis=1, keepdims=True)
        losses = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(300), y]
        return losses.mean() + (w**2).sum() / (2 * C * 300)

    mine, other = objective(ours.weight.data, ours.bias.data), objective(theirs.coef_.T, theirs.intercept_)
    assert mine == pytest.approx(other, rel=1e-9)
    np.testing.assert_allclose(ours.weight.data, theirs.coef_.T, atol=1e-4)


def test_the_estimator_without_hidden_layers_is_logistic_regression():
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, y = pytest.importorskip("sklearn.datasets").load_wine(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    theirs = linear_model.LogisticRegression(C=0.5, tol=1e-10, max_iter=10_000).fit(X, y)
    options = {"batch_size": len(X), "max_iter": 50, "tol": 0, "learning_rate_init": 1.0, "random_state": 0}
    optimizer = functools.partial(LBFGS, **WOLFE)
    ours = mn.sklearn.Classifier(hidden_layer_sizes=(), optimizer=optimizer, alpha=2.0, **options).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-4)


def test_a_network_falls_farther_than_with_adam_in_as_many_evaluations():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = np.sin(X).sum(axis=1, keepdims=True)
    losses = []
    for make in (lambda p: LBFGS(p, max_iter=20, **WOLFE), lambda p: mn.Adam(p, lr=0.01)):
        model = mn.Sequential(mn.Linear(3, 20, rng=0), mn.Tanh(), mn.Linear(20, 1, rng=1)).astype(np.float64)
        optimizer = make(model.parameters())
        trainer = mn.Trainer(model, mn.MSELoss(), optimizer)
        trainer.fit(mn.DataLoader(X, y, 200), steps=20 if optimizer.needs_closure else 500, progress=False)
        losses.append(trainer.evaluate((X, y))["loss"])
    assert losses[0] < losses[1] / 10


def test_a_step_ends_where_it_says():
    a, b = quadratic()

    def loss(p):
        return p @ a @ p / 2 - b @ p, a @ p - b

    *_, calls, optimizer = minimised(loss, np.zeros(6), max_iter=3, max_eval=9)
    assert (calls, optimizer.state["step"]) == (3, [3])  # the last point is looked at by the next step
    assert minimised(loss, np.zeros(6), max_iter=8)[2] == 8
    assert minimised(loss, np.zeros(6), max_iter=3)[2] == 3  # max_eval: 5/4 · 3
    assert minimised(loss, np.zeros(6), max_iter=10, max_eval=4)[2] == 4
    assert minimised(loss, np.zeros(6), max_iter=10, tolerance_grad=1e3)[2] == 1
    assert minimised(loss, np.zeros(6), max_iter=10, tolerance_change=1e3)[2] == 1
    assert minimised(loss, np.linalg.solve(a, b), steps=3)[2] == 3  # where there is nothing to do, one each
    assert minimised(loss, np.zeros(6), max_iter=10, max_eval=5, **WOLFE)[2] <= 5


@pytest.mark.parametrize("line_search_fn", [None, "strong_wolfe"])
def test_without_tolerances_it_goes_on_to_the_last_digit_and_ends_there(line_search_fn):
    a, b = quadratic()
    options = {"tolerance_grad": 0, "tolerance_change": 0, "line_search_fn": line_search_fn, "max_iter": 50}
    p, _, calls, _ = minimised(lambda p: (p @ a @ p / 2 - b @ p, a @ p - b), np.zeros(6), steps=10, **options)
    np.testing.assert_allclose(p, np.linalg.solve(a, b), rtol=1e-8)
    p, _, calls, _ = minimised(lambda p: (0.0, np.zeros(6)), np.ones(6), steps=3, **options)
    assert calls == 3


def test_the_value_that_is_returned_is_the_closures_first():
    a, b = quadratic()
    _, values, _, _ = minimised(lambda p: (p @ a @ p / 2 - b @ p, a @ p - b), np.ones(6), steps=2, weight_decay=0.5)
    assert values[0] == pytest.approx(a.sum() / 2 - b.sum(), rel=1e-14)  # without the penalty
    assert values[1] < values[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shapes_and_dtypes_stay(dtype):
    parameters = [Parameter(np.ones(shape), dtype) for shape in [(), (3,), (2, 3), (0, 4)]]
    optimizer = LBFGS(parameters, max_iter=3, **WOLFE)
    arrays = [p.data for p in parameters]

    def closure():
        optimizer.zero_grad()
        for p in parameters:
            p.grad += np.sin(p.data)
        return -sum(np.cos(p.data).sum() for p in parameters)

    for _ in range(3):
        optimizer.step(closure)
    for p, array in zip(parameters, arrays, strict=True):
        assert p.data is array
        assert array.dtype == dtype
        assert (np.abs(array) < 1e-3).all()
    for entries in optimizer.state.values():
        for entry, p in zip(entries, parameters, strict=True):
            assert isinstance(entry, int) or (entry.shape, entry.dtype) == (p.data.shape, dtype)


def rosenbrock(p):
    x, y = p
    return 100 * (y - x**2) ** 2 + (1 - x) ** 2, np.array([-400 * x * (y - x**2) - 2 * (1 - x), 200 * (y - x**2)])


def test_a_banana_valley():
    p, *_ = minimised(rosenbrock, [-1.2, 1.0], max_iter=200, **TIGHT)
    np.testing.assert_allclose(p, [1, 1], rtol=1e-6)


def test_a_copy_and_a_state_go_on_alike():
    _, _, _, optimizer = minimised(rosenbrock, [-1.2, 1.0], max_iter=5, **WOLFE)
    other = LBFGS([Parameter(optimizer.parameters[0].data.copy(), np.float64)], max_iter=5, **WOLFE)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    twins = [copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer)), other]
    for each in (optimizer, *twins):
        for _ in range(2):
            each.step(closure_of(each, rosenbrock))
    for twin in twins:
        np.testing.assert_array_equal(twin.parameters[0].data, optimizer.parameters[0].data)


def test_frozen_parameters_take_no_part_and_the_memory_begins_anew():
    one, two = Parameter([1.0, 2.0], np.float64), Parameter([3.0], np.float64)
    optimizer = LBFGS([one, two], max_iter=3, max_eval=20, **TIGHT)

    def closure():
        optimizer.zero_grad()
        both = np.r_[one.data, two.data]
        gradient = np.array([1.0, 10.0, 100.0]) * both + both.sum()
        one.grad += gradient[:2]
        two.grad += gradient[2:]
        return (np.array([1.0, 10.0, 100.0]) @ both**2 + both.sum() ** 2) / 2

    optimizer.step(closure)
    assert "move_1" in optimizer.state
    two.trainable = False
    before = two.data.copy()
    optimizer.step(closure)
    np.testing.assert_array_equal(two.data, before)
    assert optimizer.state["step"] == [3, 0]
    assert optimizer.state["gradient"][1] is None
    two.trainable = True
    for _ in range(10):
        optimizer.step(closure)
    np.testing.assert_allclose([*one.data, *two.data], 0, atol=1e-6)
    one.trainable = two.trainable = False
    assert optimizer.step(closure) == pytest.approx(0, abs=1e-10)


def test_other_dtypes_in_the_middle():
    model = mn.Linear(3, 2, rng=0)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 3)), rng.normal(size=(50, 2))
    loss, optimizer = mn.MSELoss(), LBFGS(model.parameters(), max_iter=4, **TIGHT)

    def closure():
        optimizer.zero_grad()
        value = loss.forward(model.forward(X.astype(model.dtype)), y.astype(model.dtype))
        model.backward(loss.backward())
        return value

    optimizer.step(closure)
    model.astype(np.float64)
    values = [optimizer.step(closure) for _ in range(10)]
    assert optimizer.state["move_0"][0].dtype == np.float64
    solution = np.linalg.lstsq(np.c_[X, np.ones(50)], y, rcond=None)[0]
    np.testing.assert_allclose(model.weight.data, solution[:-1], atol=1e-5)
    assert values[-1] <= values[0]


@pytest.mark.parametrize("at", [1, 3])
def test_an_error_in_the_closure_changes_nothing(at):
    parameter = Parameter([-1.2, 1.0], np.float64)
    optimizer = LBFGS([parameter], **WOLFE)
    good = closure_of(optimizer, rosenbrock)
    optimizer.step(good)
    state, before, calls = copy.deepcopy(optimizer.state), parameter.data.copy(), []

    def bad():
        calls.append(0)
        if len(calls) == at:
            raise KeyboardInterrupt
        return good()

    with pytest.raises(KeyboardInterrupt):
        optimizer.step(bad)
    np.testing.assert_array_equal(parameter.data, before)
    np.testing.assert_equal(optimizer.state, state)
    optimizer.step(good)  # it is not left inside a step


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("part", ["loss", "gradient"])
def test_numbers_that_are_not_finite(bad, part):
    def loss(p):
        """Is not finite beyond 1: the minimum is at 0.9, and the first steps go too far."""
        value, gradient = ((p - 0.9) ** 2).sum().item() * 1e3, 2e3 * (p - 0.9)
        if (p > 1).any():
            return (bad, gradient) if part == "loss" else (value, gradient + bad)
        return value, gradient

    p, *_ = minimised(loss, [0.0], lr=4.0, max_iter=30, steps=3, **WOLFE)
    assert p[0] == pytest.approx(0.9, abs=1e-6)
    with pytest.raises(NonFiniteError, match=r"^LBFGS got a (loss of|gradient that is not finite).* in evaluation 2"):
        minimised(loss, [0.0], lr=4.0)
    with pytest.raises(NonFiniteError, match="in evaluation 1 of its step"):
        minimised(loss, [2.0])


def test_what_a_closure_must_be():
    optimizer = LBFGS([Parameter([1.0])])
    with pytest.raises(TypeError, match="LBFGS needs the loss at several points: pass a closure to step"):
        optimizer.step()
    with pytest.raises(TypeError, match="LBFGS expected the closure to return the loss, got None"):
        optimizer.step(lambda: None)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"lr": 0}, ValueError, "lr > 0"),
        ({"max_iter": 0}, ValueError, "max_iter >= 1"),
        ({"max_eval": 0}, ValueError, "max_eval >= 1"),
        ({"history_size": 1.5}, TypeError, "history_size to be an int"),
        ({"tolerance_grad": -1}, ValueError, "tolerance_grad >= 0"),
        ({"tolerance_change": math.nan}, ValueError, "tolerance_change"),
        ({"line_search_fn": "wolfe"}, ValueError, "line_search_fn to be one of None, 'strong_wolfe', got 'wolfe'"),
        ({"weight_decay": -1}, ValueError, "weight_decay >= 0"),
    ],
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=f"^LBFGS .*{message}"):
        LBFGS([Parameter([1.0])], **options)


def test_there_is_one_group_and_one_kind_of_weight_decay():
    with pytest.raises(ValueError, match="LBFGS expected one group of Parameters, got 2: it has one step length"):
        LBFGS([{"params": Parameter([1.0])}, {"params": Parameter([1.0])}])
    optimizer = LBFGS([{"params": Parameter([1.0]), "max_iter": 7}])
    assert optimizer.max_iter == 7
    with pytest.raises(ValueError, match="decoupled_weight_decay to be one of False"):
        optimizer.decoupled_weight_decay = True
    with pytest.raises(ValueError, match="MultiOptimizer cannot join LBFGS, whose step needs the loss"):
        mn.MultiOptimizer([optimizer])


def test_shown():
    optimizer = LBFGS([Parameter([1.0])], **WOLFE)
    assert repr(optimizer) == "LBFGS(1 Parameter of 1 number, lr=1.0, line_search_fn='strong_wolfe')"
