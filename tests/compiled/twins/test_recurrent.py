"""The twins of recurrent layers compute what the layers' own walk does."""

import numpy as np
import pytest

import minnet as mn
from minnet.layers.sequences.unrolling import Recurrent

recurrent = pytest.importorskip("minnet.compiled.twins.recurrent", exc_type=ImportError)
LEAST_STEPS, MOST_WEIGHTS = recurrent.LEAST_STEPS, recurrent.MOST_WEIGHTS
using_twins = pytest.importorskip("minnet.compiled.twins.table").using_twins

KINDS = {
    "RNN": lambda *sizes, **options: mn.RNN(*sizes, **options),
    "RNN relu": lambda *sizes, **options: mn.RNN(*sizes, nonlinearity="relu", **options),
    "GRU": lambda *sizes, **options: mn.GRU(*sizes, **options),
    "LSTM": lambda *sizes, **options: mn.LSTM(*sizes, **options),
}
every = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
SHAPES = [(5, 7, 3), (7, 3), (1, 9, 3), (4, 1, 3), (1, 1, 3), (1, 3), (33, 2, 3)]


def some(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def flat(values):
    """Yield the arrays of nested tuples."""
    for value in values:
        yield from flat(value) if isinstance(value, tuple) else [value]


def state_of(layer, rng, batch):
    first = (len(layer.layers),) if layer.layers else ()
    arrays = tuple(some(rng, *first, *batch, layer.hidden_size) for _ in layer.state_names)
    return arrays if len(arrays) > 1 else arrays[0]


def learn(layer, x, state=None, mask=None, dstate=None, twins=(True, True), dy=None):
    """Return all that forward and backward compute, each by twins or without."""
    for parameter in layer.parameters():
        parameter.grad[...] = 0.5
    with using_twins(twins[0]):
        y, last = layer.unroll(x, state, mask)
    dy = some(np.random.default_rng(1), *y.shape) if dy is None else dy
    with using_twins(twins[1]):
        dx = layer.backward(dy, dstate)
    return list(flat([y, last, dx, *(parameter.grad.copy() for parameter in layer.parameters())]))


def same(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert one.dtype == other.dtype
        size = np.abs(other).max(initial=1e-3)
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=2e-6 * size)


@pytest.fixture
def walks(monkeypatch):
    """Return a list that gets the name of each kernel that is called, for few steps, too."""
    called = []
    monkeypatch.setattr(recurrent, "LEAST_STEPS", 1)
    monkeypatch.setattr(recurrent, "MOST_WEIGHTS", 10**6)

    def named(kernel):
        def call(*arguments):
            called.append(kernel.__name__)
            return kernel(*arguments)

        return call

    for cls, kernels in recurrent.CELLS.items():
        named_kernels = kernels._replace(forward=named(kernels.forward), back=named(kernels.back))
        monkeypatch.setitem(recurrent.CELLS, cls, named_kernels)
    return called


@every
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("stated", [False, True])
def test_a_walk_is_that_of_the_layer(kind, shape, masked, stated, walks):
    rng = np.random.default_rng(0)
    layer = kind(3, 21, rng=0)
    batch = shape[:-2]
    x, mask = some(rng, *shape), rng.random(shape[:-1]) < 0.6 if masked else None
    state, dstate = (state_of(layer, rng, batch), state_of(layer, rng, batch)) if stated else (None, None)
    expected = learn(layer, x, state, mask, dstate, (False, False))
    assert not walks
    same(learn(layer, x, state, mask, dstate), expected)
    assert len(walks) == 2
    same(learn(layer, x, state, mask, dstate, (True, False)), expected)  # each reads what the other has saved
    same(learn(layer, x, state, mask, dstate, (False, True)), expected)


@every
@pytest.mark.parametrize("sizes", [(1, 1), (2, 17), (40, 64), (3, 130)], ids=str)
@pytest.mark.parametrize("bias", [False, True])
def test_sizes_and_biases(kind, sizes, bias, walks):
    layer, x = kind(*sizes, bias=bias, rng=0), some(np.random.default_rng(0), 6, 5, sizes[0])
    same(learn(layer, x), learn(layer, x, twins=(False, False)))
    assert len(walks) == 2


@every
def test_layers_on_top_of_each_other_in_both_directions(kind, walks):
    rng = np.random.default_rng(0)
    layer, x, mask = kind(3, 9, 2, bidirectional=True, rng=0), some(rng, 4, 6, 3), rng.random((4, 6)) < 0.7
    state = state_of(layer, rng, (4,))
    same(learn(layer, x, state, mask), learn(layer, x, state, mask, twins=(False, False)))
    assert len(walks) == 8


@every
def test_dropout_between_layers(kind, walks):
    x = some(np.random.default_rng(0), 4, 6, 3)
    one, other = (learn(kind(3, 9, 2, dropout=0.5, rng=0), x, twins=(on, on)) for on in (True, False))
    same(one, other)
    assert len(walks) == 4


@every
def test_what_is_not_a_number_stays_so(kind, walks):
    x = some(np.random.default_rng(0), 4, 6, 3)
    x[0, 2, 0], x[1, 3, 1], x[2, 0, 2] = np.nan, np.inf, -np.inf
    x[3] *= 1e6  # beyond what exp can compute
    layer = kind(3, 5, rng=0)
    with np.errstate(all="ignore"):
        expected, found = learn(layer, x, twins=(False, False)), learn(layer, x)
    for one, other in zip(found[:1], expected[:1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(np.isnan(one), np.isnan(other))
    assert len(walks) == 2


@every
def test_arrays_that_lie_otherwise_in_memory_or_are_read_only(kind, walks):
    rng = np.random.default_rng(0)
    layer = kind(3, 5, rng=0)
    x, dy, mask, state = some(rng, 3, 6, 4), some(rng, 6, 4, 5), rng.random((6, 4)) < 0.7, state_of(layer, rng, (4,))
    arrays = [x.T, dy.swapaxes(0, 1), mask.T, state]  # (4, 6, …), each
    for array in flat([*arrays[:3], state]):
        array.flags.writeable = False
    x, dy, mask, state = arrays
    found = learn(layer, x, state, mask, state, dy=dy)
    same(found, learn(layer, x, state, mask, state, (False, False), dy=dy))
    assert len(walks) == 2


@every
def test_eval_mode_keeps_nothing(kind, walks):
    layer, x = kind(3, 5, rng=0), some(np.random.default_rng(0), 4, 6, 3)
    expected = layer.forward(x)
    layer.eval()
    with using_twins():
        y, last = layer.unroll(x)
    same([y], [expected])
    same([last[0] if isinstance(last, tuple) else last], [expected[:, -1]])
    assert "_cache" not in vars(layer)
    assert len(walks) == 1


@every
@pytest.mark.parametrize("shape", [(0, 6, 3), (4, 0, 3), (0, 0, 3), (0, 3)], ids=str)
def test_nothing_and_float64_are_left_to_the_layer(kind, shape, walks):
    layer = kind(3, 5, rng=0)
    same(learn(layer, np.empty(shape, np.float32)), learn(layer, np.empty(shape, np.float32), twins=(False, False)))
    layer, x = layer.astype(np.float64), np.random.default_rng(0).normal(size=(4, 6, 3))
    dy = np.ones((4, 6, 5))
    for one, other in zip(learn(layer, x, dy=dy), learn(layer, x, dy=dy, twins=(False, False)), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not walks


@pytest.mark.parametrize("name", ["_cell", "_cell_backward", "_sums"])
def test_a_cell_of_ones_own_is_not_replaced(name, walks):
    method = getattr(mn.LSTM, name)
    own = type("Own", (mn.LSTM,), {name: lambda self, *arguments: method(self, *arguments)})
    learn(own(3, 5, rng=0), some(np.random.default_rng(0), 4, 6, 3))
    layer = mn.LSTM(3, 5, rng=0)
    vars(layer)[name] = lambda *arguments: method(layer, *arguments)  # of one layer only
    learn(layer, some(np.random.default_rng(0), 4, 6, 3))
    assert not walks
    learn(type("Inheriting", (mn.LSTM,), {})(3, 5, rng=0), some(np.random.default_rng(0), 4, 6, 3))
    assert walks == ["lstm", "lstm_back"]


@pytest.mark.parametrize(
    ("shape", "hidden", "calls"),
    [((9, 3, 2), 8, 0), ((9, 4, 2), 8, 2), ((1, 4, 2), 33, 0), ((4, 4, 2), 33, 2)],
    ids=str,
)
def test_few_steps_are_left_to_the_layer(shape, hidden, calls, walks, monkeypatch):
    monkeypatch.setattr(recurrent, "LEAST_STEPS", LEAST_STEPS)
    monkeypatch.setattr(recurrent, "MOST_WEIGHTS", MOST_WEIGHTS)
    learn(mn.LSTM(2, hidden, rng=0), some(np.random.default_rng(0), *shape))
    assert len(walks) == calls


def test_arrays_that_were_given_stay_as_they_are():
    rng = np.random.default_rng(0)
    for kind in KINDS.values():
        layer, x = kind(3, 5, rng=0), some(rng, 4, 6, 3)
        state, dstate, dy = state_of(layer, rng, (4,)), state_of(layer, rng, (4,)), some(rng, 4, 6, 5)
        given = list(flat([x, state, dstate, dy, *(parameter.data for parameter in layer.parameters())]))
        copies = [array.copy() for array in given]
        learn(layer, x, state, None, dstate, dy=dy)
        for array, copy in zip(given, copies, strict=True):
            np.testing.assert_array_equal(array, copy)


def test_every_kind_of_cell_has_its_walk():
    assert set(recurrent.CELLS) == {mn.RNN, mn.GRU, mn.LSTM}
    assert {Recurrent._walk.formula, Recurrent._walk_back.formula} == set(recurrent.TWINS)


class Last(mn.Layer):
    def forward(self, y):
        self.cache = y.shape
        return y[:, -1]

    def backward(self, dy):
        dx = np.zeros(self.cache, dy.dtype)
        dx[:, -1] = dy
        return dx


@pytest.mark.parametrize("threads", [1, 2])
def test_a_training_is_the_same_with_twins(threads):
    if threads > 1:
        pytest.importorskip("threadpoolctl", reason="the extra threads is not installed")
    rng = np.random.default_rng(0)
    X, y = some(rng, 60, 8, 5), rng.integers(0, 3, 60)

    def weights(**options):
        model = mn.Sequential(mn.LSTM(5, 12, rng=0), mn.GRU(12, 9, rng=1), Last(), mn.Linear(9, 3, rng=2))
        loss, optimizer = mn.SoftmaxCrossEntropyLoss(), mn.Adam(model.parameters(), 0.01)
        trainer = mn.Trainer(model, loss, optimizer, threads=threads, **options)
        trainer.fit(mn.DataLoader(X, y, batch_size=16, rng=0), epochs=3, progress=False)
        return [parameter.data for parameter in model.parameters()]

    found = weights(compiled=True)
    for one, other, again in zip(found, weights(), weights(compiled=True), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
        np.testing.assert_array_equal(one, again)
