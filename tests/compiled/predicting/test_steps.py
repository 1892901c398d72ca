"""Predictor.step goes along a sequence, and computes what one call with all of it does."""

import copy
import pickle

import numpy as np
import pytest

import minnet as mn

pytestmark = pytest.mark.slow


class Counter(mn.Layer):
    """A layer of a user's own that goes step by step: the sum of what came so far."""

    def forward(self, x):
        return x.cumsum(axis=-2)

    def step(self, x, state=None):
        y = x if state is None else x + state
        return y, y


def linear(*sizes):
    return mn.Linear(*sizes, rng=0)


MODELS = {  # what computes each place by itself, and how many of its layers have a state
    "one": (lambda: [mn.LSTM(3, 5, rng=0)], 1),
    "head": (lambda: [mn.GRU(3, 5, rng=0), linear(5, 4), mn.ReLU(), linear(4, 2), mn.Softmax()], 1),
    "stacked": (lambda: [linear(3, 4), mn.LSTM(4, 5, 2, dropout=0.5, rng=0), mn.Dropout(0.5), mn.LayerNorm(5)], 1),
    "several": (lambda: [mn.RNN(3, 5, rng=0), mn.Tanh(), mn.GRU(5, 4, rng=0), mn.LSTM(4, 2, rng=0)], 3),
    "nested": (lambda: [mn.Sequential(mn.GRU(3, 5, rng=0), mn.Sequential(linear(5, 5))), mn.GELU()], 1),
    "own": (lambda: [linear(3, 4), Counter(), mn.GRU(4, 2, rng=0)], 2),
    "residual": (lambda: [mn.Residual(linear(3, 3), mn.ReLU()), mn.GRU(3, 2, rng=0)], 1),
}


@pytest.mark.parametrize("shape", [(2, 6, 3), (6, 3)])
@pytest.mark.parametrize("name", MODELS)
def test_steps_compute_the_same_as_whole_sequences(name, shape):
    make, count = MODELS[name]
    model = mn.Sequential(*make()).eval()
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    expected, predict, state = model.forward(x), mn.Predictor(model), None
    for t in range(6):
        y, state = predict.step(x[..., t, :], state)
        np.testing.assert_allclose(y, expected[..., t, :], rtol=1e-4, atol=1e-5)
        assert len(state) == count
        predict = (copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p)))[t % 2](predict)


@pytest.mark.parametrize("last", [mn.Select(-1), mn.Select(-1, axis=-2), mn.PoolTime("last")])
def test_a_classifier_says_after_each_step_what_it_thinks_so_far(last):
    model = mn.Sequential(mn.LSTM(3, 5, rng=0), last, linear(5, 2), mn.BatchNorm1d(2), mn.Softmax()).eval()
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)
    predict, state = mn.Predictor(model), None
    for t in range(4):
        y, state = predict.step(x[:, t], state)
        np.testing.assert_allclose(y, model.forward(x[:, : t + 1]), rtol=1e-4, atol=1e-6)


def test_letters_are_indices():
    model = mn.Sequential(mn.Embedding(7, 3, rng=0), mn.GRU(3, 4, rng=0), linear(4, 7)).eval()
    letters, predict, state = np.array([[3, 0, 6]]), mn.Predictor(model), None
    for t in range(3):
        y, state = predict.step(letters[:, t], state)
    np.testing.assert_allclose(y, model.forward(letters)[:, -1], rtol=1e-5)


def test_bytes_are_multiplied_by_what_the_model_expects():
    model = mn.Sequential(mn.GRU(3, 4, rng=0)).eval()
    x, predict = np.array([[0, 100, 255]], np.uint8), mn.Predictor(model)
    np.testing.assert_array_equal(predict.step(x)[0], predict.step(x / np.float32(256))[0])


def test_two_sequences_may_go_on_from_one_state():
    predict = mn.Predictor(mn.Sequential(mn.LSTM(3, 5, rng=0)))
    x = np.ones((1, 3), np.float32)
    _, state = predict.step(x)
    before = copy.deepcopy(state)
    first, second = predict.step(x, state), predict.step(-x, state)
    np.testing.assert_array_equal(state, before)
    np.testing.assert_array_equal(predict.step(x, state)[0], first[0])
    assert not np.array_equal(first[0], second[0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mn.Linear(3, 3), "needs a recurrent layer in the model"),
        (lambda: mn.Sequential(mn.GRU(3, 3, bidirectional=True)), "cannot go step by step"),
        (
            lambda: mn.Sequential(mn.GRU(3, 3), mn.PoolTime()),
            r"cannot do a step of PoolTime\('mean'\)|step of PoolTime",
        ),
        (lambda: mn.Sequential(mn.GRU(3, 3), mn.Select(0)), r"cannot do a step of Select\(0"),
        (lambda: mn.Sequential(mn.GRU(3, 3), mn.Flatten()), "cannot do a step of Flatten"),
        (lambda: mn.Sequential(mn.MultiHeadAttention(4, 2), mn.GRU(4, 3)), "cannot do a step of MultiHead"),
        (lambda: mn.Sequential(mn.Residual(mn.GRU(3, 3))), "got one in Residual"),
        (lambda: mn.Graph(one=mn.GRU(3, 3)), "got one in Graph"),
    ],
)
def test_models_that_cannot_go_step_by_step(make, message):
    predict = mn.Predictor(make())
    for _ in range(2):
        with pytest.raises(ValueError, match=message):
            predict.step(np.ones((1, 3), np.float32))


@pytest.mark.parametrize("state", [(), (1, 2), np.zeros((1, 3), np.float32), [None]])
def test_a_state_is_what_the_last_step_returned(state):
    predict = mn.Predictor(mn.Sequential(mn.GRU(3, 3)))
    with pytest.raises(
        TypeError, match=r"a tuple of 1, one state for each recurrent layer, or None .* got (a tuple|nd|l)"
    ):
        predict.step(np.ones((1, 3), np.float32), state)


def test_wrong_inputs_are_refused_as_by_the_layer():
    predict = mn.Predictor(mn.Sequential(mn.GRU(3, 3)))
    with pytest.raises(ValueError, match=r"GRU\(3, 3\) expected shape \(N, 3\)"):
        predict.step(np.ones((1, 4), np.float32))
    with pytest.raises(TypeError, match="float64"):
        predict.step(np.ones((1, 3)))
