"""Recurrent layers of several layers and directions, compared with plain ones that are put together by hand."""

import copy

import numpy as np
import pytest
from helpers import as_tuple

import minnet as mn
from minnet.inspection.gradcheck import check_layer
from minnet.layers.sequences.recurrent import GRU, LSTM, RNN

CLASSES = [RNN, GRU, LSTM]
X = np.random.default_rng(0).normal(size=(3, 5, 2))
MASK = np.arange(5) < np.array([[5], [2], [0]])
every = pytest.mark.parametrize("cls", CLASSES)
kinds = pytest.mark.parametrize(
    ("layers", "both"), [(1, True), (2, False), (2, True)], ids=["both directions", "two layers", "two of both"]
)


def make(cls, layers=2, both=True, **options):
    return cls(2, 4, layers, bidirectional=both, rng=0, **options).astype(np.float64)


def some_state(layer, *batch, seed=1):
    shape = (len(layer.layers), *batch, layer.hidden_size)
    arrays = tuple(np.random.default_rng(seed).normal(size=shape) for _ in layer.state_names)
    return arrays if len(arrays) > 1 else arrays[0]


def rows(state, index):
    return tuple(s[index] for s in state) if isinstance(state, tuple) else state[index]


def same(one, other):
    for a, b in zip(as_tuple(one), as_tuple(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


# -- what it is made of


@every
def test_a_plain_layer_is_what_it_was(cls):
    """One layer in one direction has its own Parameters, drawn in the same order, and no layer inside."""
    layer = cls(3, 2, 1, dropout=0.0, bidirectional=False, rng=5)
    assert [name for name, _ in layer.named_parameters()] == ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    assert [path for path, _ in layer.named_layers()] == [""]
    generator = np.random.default_rng(5)
    for parameter in layer.parameters():
        drawn = generator.uniform(-(2**-0.5), 2**-0.5, parameter.data.shape)
        np.testing.assert_array_equal(parameter.data, drawn.astype(np.float32))


@every
def test_the_layers_inside_have_the_names_and_sizes_that_pytorch_gives_them(cls):
    layer = cls(3, 2, 2, bidirectional=True, bias=False, rng=0)
    assert layer.layers.names == ("l0", "l0_reverse", "l1", "l1_reverse")
    shapes = {name: p.data.shape for name, p in layer.named_parameters() if "weight_ih" in name}
    width = 2 * layer.gates
    assert shapes == {
        'layers["l0"].weight_ih': (3, width),
        'layers["l0_reverse"].weight_ih': (3, width),
        'layers["l1"].weight_ih': (4, width),
        'layers["l1_reverse"].weight_ih': (4, width),
    }
    assert len(layer.parameters()) == 8
    assert all(type(inner) is cls for inner in layer.layers)


def test_the_layers_inside_have_the_nonlinearity():
    assert {inner.nonlinearity for inner in RNN(3, 2, 2, nonlinearity="relu").layers} == {"relu"}


@every
def test_the_seed_decides(cls):
    one, same_one, other = (cls(3, 2, 2, dropout=0.5, rng=seed).astype(np.float64) for seed in (1, 1, 2))
    x = np.ones((2, 3, 3))
    np.testing.assert_array_equal(one.forward(x), same_one.forward(x))
    assert (one.forward(x) != other.forward(x)).all()


# -- forward


@every
@pytest.mark.parametrize("mask", [None, MASK], ids=["all real", "masked"])
def test_two_layers_are_two_layers_in_a_row(cls, mask):
    layer = make(cls, 2, False)
    first, second = copy.deepcopy(layer.layers)
    middle = first.forward(X, mask=mask)
    dy = np.cos(X @ np.ones((2, 4)))
    same(layer.forward(X, mask=mask), second.forward(middle, mask=mask))
    same(layer.backward(dy), first.backward(second.backward(dy)))
    for one, other in zip(layer.parameters(), [*first.parameters(), *second.parameters()], strict=True):
        same(one.grad, other.grad)


@every
def test_the_backward_direction_begins_at_each_sequences_last_real_step(cls):
    layer = make(cls, 1, True)
    first = some_state(layer, 3)
    y, last = layer.unroll(X, first, MASK)
    assert y.shape == (3, 5, 8)
    for i, length in enumerate([5, 2, 0]):
        back = copy.deepcopy(layer.layers["l0_reverse"])
        alone, end = back.unroll(X[i, :length][::-1], rows(rows(first, 1), i))
        same(y[i, :length, 4:], alone[::-1])
        same(rows(rows(last, 1), i), end)
        forward, end = copy.deepcopy(layer.layers["l0"]).unroll(X[i, :length], rows(rows(first, 0), i))
        same(y[i, :length, :4], forward)
        same(rows(rows(last, 0), i), end)
    h = as_tuple(last)[0]
    np.testing.assert_array_equal(y[:, -1, :4], h[0])
    np.testing.assert_array_equal(y[:, 0, 4:], h[1])


@every
@kinds
def test_a_mask_stands_for_lengths(cls, layers, both):
    layer = make(cls, layers, both)
    first = some_state(layer, 3)
    y, last = layer.unroll(X, first, MASK)
    for i, length in enumerate([5, 2, 0]):
        state = tuple(s[:, i] for s in first) if cls is LSTM else first[:, i]
        alone, end = layer.unroll(X[i, :length], state)
        same(y[i, :length], alone)
        same(tuple(s[:, i] for s in last) if cls is LSTM else last[:, i], end)


@every
@kinds
def test_what_is_masked_has_no_part_in_anything(cls, layers, both):
    layer, mask = make(cls, layers, both), np.array([[1, 1, 0, 1, 0], [0, 0, 1, 1, 1], [0, 0, 0, 0, 0]], bool)
    results = []
    for x in (X, np.where(mask[..., None], X, 1e3)):
        copied = copy.deepcopy(layer)
        y = copied.forward(x, mask=mask)
        dx = copied.backward(np.cos(y))
        assert (dx[~mask] == 0).all()
        results.append([y, dx, *(p.grad for p in copied.parameters())])
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


@every
@kinds
@pytest.mark.parametrize("shape", [(0, 5, 2), (3, 0, 2), (0, 2), (1, 1, 2), (4, 2)])
def test_odd_sizes(cls, layers, both, shape):
    layer = make(cls, layers, both)
    first, dlast = some_state(layer, *shape[:-2]), some_state(layer, *shape[:-2], seed=5)
    y, last = layer.unroll(np.ones(shape), first)
    assert y.shape == (*shape[:-1], 8 if both else 4)
    assert y.flags.c_contiguous or 0 in shape
    dx, dfirst = layer.backward(np.ones_like(y), dlast)
    assert dx.shape == shape
    if shape[-2] == 0:
        same(last, first)
        same(dfirst, dlast)


# -- gradients


class WithStates(mn.Layer):
    """A stack as a function of x, the states (N first) and a mask, to y and the last states laid end to end."""

    def __init__(self, inner):
        self.inner = inner

    def forward(self, x, *states_and_mask):
        *states, mask = states_and_mask
        states = tuple(s.swapaxes(0, 1) for s in states)
        y, last = self.inner.unroll(x, states if len(states) > 1 else states[0], mask)
        self.cache = y.shape
        flat = [s.swapaxes(0, 1).reshape(len(y), s.shape[0] * s.shape[2]) for s in as_tuple(last)]
        return np.concatenate([y.reshape(len(y), y.shape[1] * y.shape[2]), *flat], axis=1)

    def backward(self, dy):
        n, steps, width = self.cache
        parts = np.split(dy[:, steps * width :], len(self.inner.state_names), axis=1)
        dlast = tuple(p.reshape(n, len(self.inner.layers), self.inner.hidden_size).swapaxes(0, 1) for p in parts)
        dx, dfirst = self.inner.backward(
            dy[:, : steps * width].reshape(n, steps, width), dlast if len(dlast) > 1 else dlast[0]
        )
        return dx, *(d.swapaxes(0, 1) for d in as_tuple(dfirst))


@every
@kinds
def test_gradients_with_states_and_masks(cls, layers, both):
    """By finite differences: dL/dx, dL/d(first state), and all weights, when L depends on y and on the last state."""
    layer = cls(2, 2, layers, bidirectional=both, dropout=0.3 if layers > 1 else 0.0, rng=0).astype(np.float64)
    states = [s.swapaxes(0, 1) for s in as_tuple(some_state(layer, 3))]
    assert check_layer(WithStates(layer), X, *states, MASK)


@every
@kinds
def test_accumulate_grad_adds_what_backward_adds(cls, layers, both):
    for first in (None, some_state(make(cls, layers, both), 3)):
        layer = make(cls, layers, both, dropout=0.3 if layers > 1 else 0.0)
        other = copy.deepcopy(layer)
        dlast = some_state(layer, 3, seed=2)
        layer.backward(np.cos(layer.forward(X, first)), dlast)
        assert other.accumulate_grad(np.cos(other.forward(X, first)), dlast) is None
        for one, same_one in zip(layer.parameters(), other.parameters(), strict=True):
            np.testing.assert_array_equal(one.grad, same_one.grad)


@every
def test_backward_returns_dstate_if_a_state_was_given_and_only_then(cls):
    layer = make(cls)
    dy = np.ones_like(layer.forward(X))
    assert isinstance(layer.backward(dy), np.ndarray)
    layer.forward(X, some_state(layer, 3))
    dx, dstate = layer.backward(dy)
    assert dx.shape == X.shape
    assert [d.shape for d in as_tuple(dstate)] == [(4, 3, 4)] * len(layer.state_names)


@every
def test_pieces_give_what_the_whole_does_and_so_do_their_gradients(cls):
    """Truncated backpropagation, not truncated: the gradient of the state goes from a piece to the one before."""
    layer = make(cls, 2, False)
    y, last = layer.unroll(X, some_state(layer, 3))
    dy = np.random.default_rng(2).normal(size=y.shape)
    first, second = copy.deepcopy(layer), copy.deepcopy(layer)
    dx, dfirst = layer.backward(dy)
    y1, middle = first.unroll(X[:, :2], some_state(layer, 3))
    y2, end = second.unroll(X[:, 2:], middle)
    same(np.concatenate([y1, y2], axis=1), y)
    same(end, last)
    dx2, dmiddle = second.backward(dy[:, 2:])
    dx1, dstart = first.backward(dy[:, :2], dmiddle)
    same(np.concatenate([dx1, dx2], axis=1), dx)
    same(dstart, dfirst)
    for one, two, whole in zip(first.parameters(), second.parameters(), layer.parameters(), strict=True):
        np.testing.assert_allclose(one.grad + two.grad, whole.grad, rtol=1e-10, atol=1e-12)


# -- dropout


@every
def test_dropout_is_between_the_layers_and_in_training_only(cls):
    layer = make(cls, 3, True, dropout=0.5)
    assert [d.p for d in layer.dropouts] == [0.5, 0.5]
    assert layer.dropout == 0.5
    plain = make(cls, 3, True)
    for ours, other in zip(layer.parameters(), plain.parameters(), strict=True):
        other.data[...] = ours.data
    assert not np.allclose(layer.forward(X), plain.forward(X))
    np.testing.assert_array_equal(layer.eval().forward(X), plain.eval().forward(X))
    first = copy.deepcopy(layer.train())
    for inner in first.layers[2:]:  # nothing is dropped before the first layer or behind the last
        inner.weight_ih.data[...] = 0
    np.testing.assert_array_equal(first.forward(X), first.forward(X))


@every
def test_dropout_of_one_layer_is_refused(cls):
    with pytest.raises(ValueError, match=r"dropout is between its layers.*num_layers=1.*=0\.5: .*mn\.Dropout"):
        cls(3, 2, dropout=0.5)
    with pytest.raises(ValueError, match=r"p"):
        cls(3, 2, 2, dropout=1.5)


# -- steps


@every
@pytest.mark.parametrize("batch", [(), (3,)])
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_steps_give_what_forward_does_without_dropout(cls, batch, mode):
    layer = make(cls, 3, False, dropout=0.5)
    x = np.random.default_rng(4).normal(size=(*batch, 6, 2))
    y, last = layer.eval().unroll(x, some_state(layer, *batch))
    state = some_state(layer, *batch)
    getattr(layer, mode)()
    for t in range(6):
        y_t, state = layer.step(x[..., t, :], state)
        same(y_t, y[..., t, :])
    same(state, last)


@every
def test_a_step_leaves_what_backward_needs(cls):
    layer, other = (make(cls, 2, False, dropout=0.5) for _ in range(2))
    dy = np.cos(layer.forward(X))
    other.forward(X)
    layer.step(X[:, 0])
    np.testing.assert_array_equal(layer.backward(dy), other.backward(dy))


@every
def test_both_directions_cannot_go_step_by_step(cls):
    with pytest.raises(ValueError, match=r"bidirectional=True\) cannot go step by step.*unroll the whole"):
        make(cls).step(X[:, 0])


# -- wrong arguments


@every
@pytest.mark.parametrize(
    ("word", "cure"),
    [("batch_first", r"always \(N, T, I\)"), ("proj_size", "Linear"), ("device", "CPU"), ("dtype", "astype")],
)
def test_words_of_pytorch_are_answered(cls, word, cure):
    with pytest.raises(TypeError, match=rf"^{cls.__name__} has no argument '{word}': .*{cure}"):
        cls(3, 2, 2, **{word: True})


@every
def test_a_wrong_input_is_refused(cls):
    layer = make(cls)
    with pytest.raises(ValueError, match=r"^\w+\(2, 4, num_layers=2, bidirectional=True\) expected shape \(N, T, 2\)"):
        layer.forward(X[..., :1])
    with pytest.raises(TypeError, match="computes in float64, got float32"):
        layer.forward(X.astype(np.float32))
    for h in (np.zeros((3, 4)), np.zeros((2, 3, 4)), np.zeros((3, 4, 4))):
        with pytest.raises(ValueError, match=r"expected state of shape \(4, 3, 4\).*a first axis for layers"):
            layer.forward(X, (h, h) if cls is LSTM else h)
    with pytest.raises(ValueError, match=r"expected a mask of shape \(3, 5\)"):
        layer.forward(X, mask=MASK[:, :3])


@every
def test_a_wrong_gradient_is_refused_before_anything_changed(cls):
    layer = make(cls)
    y = layer.forward(X)
    wrong = [y[:, :-1], y[..., :4], y.astype(np.float32), y.tolist()]
    for dy in wrong:
        with pytest.raises((ValueError, TypeError), match="expected"):
            layer.backward(dy)
    with pytest.raises(ValueError, match="expected dstate of shape"):
        layer.backward(y, some_state(layer, 2))
    assert all((p.grad == 0).all() for p in layer.parameters())
    with pytest.raises(ValueError, match="mask"):
        layer.forward(X[:1], mask=MASK)
    assert layer.backward(y).shape == X.shape  # the cache of the last good one is still there


# -- in a model


def test_a_summary_counts_every_weight_once():
    model = mn.Sequential(LSTM(2, 4, 2, bidirectional=True, dropout=0.1), mn.PoolTime("max"), mn.Linear(8, 2))
    text = mn.summary(model, (5, 2))
    assert "not run" not in text
    assert 'layers["l1_reverse"] LSTM(8, 4)' in text
    assert f"{sum(p.data.size for p in model.parameters())} parameters" in text.replace(",", "")


def test_frozen_statistics_drop_nothing():
    layer = make(GRU, 2, False, dropout=0.5).freeze(statistics=True)
    np.testing.assert_array_equal(layer.forward(X), layer.forward(X))


def test_a_class_of_ones_own_stacks_its_own_cell():
    class Slow(GRU):
        def _cell(self, sums, state):
            (h,), saved = super()._cell(sums, state)
            return (h / 2,), saved

        def _cell_backward(self, dstate, saved):
            return super()._cell_backward((dstate[0] / 2,), saved)

    assert all(type(inner) is Slow for inner in Slow(2, 3, 2).layers)
    assert check_layer(Slow(2, 3, 2, bidirectional=True, rng=0), X)
