"""The walk over time: states in and out, masks, single steps, odd sizes, wrong arrays."""

import copy

import numpy as np
import pytest
from helpers import as_tuple

import minnet as mn
from minnet.inspection.gradcheck import check_layer
from minnet.layers.sequences.recurrent import GRU, LSTM, RNN
from minnet.layers.sequences.unrolling import Recurrent

CLASSES = [RNN, GRU, LSTM]
random = np.random.default_rng(0)
X = random.normal(size=(3, 5, 2))
every = pytest.mark.parametrize("cls", CLASSES)


def make(cls):
    return cls(2, 4, rng=0).astype(np.float64)


def some_state(layer, *batch, seed=1):
    arrays = tuple(np.random.default_rng(seed).normal(size=(*batch, layer.hidden_size)) for _ in layer.state_names)
    return arrays if len(arrays) > 1 else arrays[0]


def rows(state, index):
    """Return the state of some sequences of the batch."""
    return tuple(s[index] for s in state) if isinstance(state, tuple) else state[index]


def same(one, other, rtol=1e-12):
    for a, b in zip(as_tuple(one), as_tuple(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-14)


# -- states


class WithStates(mn.Layer):
    """A recurrent layer as a function of x, h, (c) and a mask, to y and the last state laid end to end."""

    def __init__(self, inner):
        self.inner = inner

    def forward(self, x, *states_and_mask):
        *states, mask = states_and_mask
        y, last = self.inner.unroll(x, tuple(states) if len(states) > 1 else states[0], mask)
        self.cache = y.shape
        return np.concatenate([y.reshape(len(y), y.shape[1] * y.shape[2]), *as_tuple(last)], axis=1)

    def backward(self, dy):
        n, steps, width = self.cache
        dlast = np.split(dy[:, steps * width :], len(self.inner.state_names), axis=1)
        dx, dfirst = self.inner.backward(
            dy[:, : steps * width].reshape(n, steps, width), tuple(dlast) if len(dlast) > 1 else dlast[0]
        )
        return dx, *as_tuple(dfirst)


@every
@pytest.mark.parametrize("mask", ["all", "ends", "holes", "none"])
def test_gradients_with_states_and_masks(cls, mask):
    """By finite differences: dL/dx, dL/d(first state), and all weights, when L depends on y and on the last state."""
    mask = {
        "all": np.ones((3, 5), bool),
        "ends": np.arange(5) < np.array([[5], [2], [0]]),
        "holes": np.random.default_rng(3).random((3, 5)) < 0.6,
        "none": np.zeros((3, 5), bool),
    }[mask]
    layer = make(cls)
    assert check_layer(WithStates(layer), X, *as_tuple(some_state(layer, 3)), mask)


@every
def test_zeros_are_where_it_starts(cls):
    layer = make(cls)
    zeros = rows(some_state(layer, 3), slice(None))
    zeros = tuple(0 * s for s in zeros) if isinstance(zeros, tuple) else 0 * zeros
    np.testing.assert_array_equal(layer.forward(X), layer.forward(X, zeros))


@every
def test_backward_returns_dstate_if_a_state_was_given_and_only_then(cls):
    layer = make(cls)
    dy = np.ones_like(layer.forward(X))
    without = layer.backward(dy)
    assert isinstance(without, np.ndarray)
    layer.forward(X, some_state(layer, 3))
    dx, dstate = layer.backward(dy)
    assert dx.shape == X.shape
    assert [d.shape for d in as_tuple(dstate)] == [(3, 4)] * len(layer.state_names)
    assert isinstance(dstate, tuple) == (cls is LSTM)


@every
def test_pieces_give_what_the_whole_does_and_so_do_their_gradients(cls):
    layer = make(cls)
    y, last = layer.unroll(X, some_state(layer, 3))
    dy, dlast = np.random.default_rng(2).normal(size=y.shape), some_state(layer, 3, seed=3)
    dx, dfirst = layer.backward(dy, dlast)
    whole = {name: p.grad.copy() for name, p in layer.named_parameters()}

    first, second = copy.deepcopy(layer), copy.deepcopy(layer)  # each has its own cache
    y1, middle = first.unroll(X[:, :2], some_state(layer, 3))
    y2, end = second.unroll(X[:, 2:], middle)
    same(np.concatenate([y1, y2], axis=1), y)
    same(end, last)
    dx2, dmiddle = second.backward(dy[:, 2:], dlast)
    dx1, dstart = first.backward(dy[:, :2], dmiddle)
    same(np.concatenate([dx1, dx2], axis=1), dx)
    same(dstart, dfirst)
    for name, parameter in layer.named_parameters():  # the copies began with the whole's gradients
        parts = dict(first.named_parameters())[name].grad + dict(second.named_parameters())[name].grad - whole[name]
        np.testing.assert_allclose(parts, 2 * parameter.grad, rtol=1e-10, atol=1e-12)


@every
def test_the_last_output_is_the_state(cls):
    layer = make(cls)
    y, last = layer.unroll(X)
    np.testing.assert_array_equal(as_tuple(last)[0], y[:, -1])


@every
def test_accumulate_grad_takes_the_gradient_of_the_last_state_too(cls):
    layer = make(cls)
    other = copy.deepcopy(layer)
    dlast = some_state(layer, 3)
    layer.backward(np.ones_like(layer.forward(X)), dlast)
    assert other.accumulate_grad(np.ones_like(other.forward(X)), dlast) is None
    for one, same_one in zip(layer.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(one.grad, same_one.grad)


# -- steps


@every
@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("batch", [(), (1,), (3,)])
def test_steps_give_what_forward_does(cls, mode, batch):
    layer = getattr(make(cls), mode)()
    x = np.random.default_rng(4).normal(size=(*batch, 6, 2))
    y, last = layer.unroll(x, some_state(layer, *batch))
    state = some_state(layer, *batch)
    for t in range(6):
        y_t, state = layer.step(x[..., t, :], state)
        same(y_t, y[..., t, :])
    same(state, last)


@every
def test_a_step_starts_at_zeros_and_keeps_nothing(cls):
    layer = make(cls)
    before = set(vars(layer))
    y, _ = layer.step(X[:, 0])
    same(y, layer.eval().forward(X)[:, 0])
    assert set(vars(layer)) <= before | {"training", "recording"}
    layer.train().forward(X)
    kept = layer.cache
    layer.step(X[:, 0])
    assert layer.cache is kept


@every
def test_eval_mode_keeps_nothing(cls):
    layer = make(cls).eval()
    layer.unroll(X)
    assert "_cache" not in vars(layer)


# -- masks


@every
def test_a_mask_stands_for_lengths(cls):
    layer = make(cls)
    lengths = np.array([5, 2, 0])
    first = some_state(layer, 3)
    y, last = layer.unroll(X, first, np.arange(5) < lengths[:, None])
    for i, length in enumerate(lengths):
        alone, end = layer.unroll(X[i, :length], rows(first, i))
        same(y[i, :length], alone)
        same(rows(last, i), end)
        held = as_tuple(end)[0]
        np.testing.assert_allclose(y[i, length:], np.broadcast_to(held, (5 - length, 4)), rtol=1e-12)
    np.testing.assert_array_equal(y[:, -1], as_tuple(last)[0])


@every
def test_what_is_masked_has_no_part_in_anything(cls):
    layer = make(cls)
    mask = np.array([[1, 1, 0, 1, 0], [0, 0, 1, 1, 1], [0, 0, 0, 0, 0]], bool)
    other = X.copy()
    other[~mask] = 1e3
    results = []
    for x in (X, other):
        copied = copy.deepcopy(layer)
        y = copied.forward(x, mask=mask)
        dx = copied.backward(np.cos(y))
        assert (dx[~mask] == 0).all()
        results.append([y, dx, *(p.grad for p in copied.parameters())])
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(results[0][0][2], 0)  # the third sequence never begins


@every
def test_a_mask_of_nothing_but_true_changes_nothing(cls):
    layer = make(cls)
    np.testing.assert_array_equal(layer.forward(X), layer.forward(X, mask=np.ones((3, 5), bool)))


@every
def test_one_sequence_alone(cls):
    layer = make(cls)
    mask, first = np.array([1, 1, 0, 1, 0], bool), some_state(layer)
    y, last = layer.unroll(X[0], first, mask)
    dx, dfirst = layer.backward(np.cos(y))
    batch = make(cls)
    batch_y, batch_last = batch.unroll(X[:1], tuple(s[None] for s in first) if cls is LSTM else first[None], mask[None])
    batch_dx, batch_dfirst = batch.backward(np.cos(batch_y))
    assert y.shape == (5, 4)
    assert dx.shape == (5, 2)
    for one, two in [(y, batch_y), (last, batch_last), (dx, batch_dx), (dfirst, batch_dfirst)]:
        same(one, rows(two, 0))
    for one, two in zip(layer.parameters(), batch.parameters(), strict=True):
        same(one.grad, two.grad)


# -- sizes


@every
@pytest.mark.parametrize("shape", [(0, 5, 2), (3, 0, 2), (0, 0, 2), (0, 2), (1, 1, 2)])
@pytest.mark.parametrize("masked", [False, True])
def test_nothing_in_nothing_out(cls, shape, masked):
    layer = make(cls)
    first = some_state(layer, *shape[:-2])
    y, last = layer.unroll(np.zeros(shape), first, np.ones(shape[:-1], bool) if masked else None)
    assert y.shape == (*shape[:-1], 4)
    dlast = some_state(layer, *shape[:-2], seed=5)
    dx, dfirst = layer.backward(np.ones_like(y), dlast)
    assert dx.shape == shape
    if shape[-2] == 0:  # no step: the state passes as it is
        same(last, first)
        same(dfirst, dlast)
    if 0 in shape:
        assert all((p.grad == 0).all() for p in layer.parameters())


@every
def test_layers_in_a_stack(cls):
    model = mn.Sequential(cls(2, 3, rng=0), cls(3, 4, rng=1), mn.Linear(4, 1, rng=2)).astype(np.float64)
    y = model.forward(X)
    assert y.shape == (3, 5, 1)
    assert model.backward(np.ones_like(y)).shape == X.shape


@every
def test_outputs_are_contiguous_and_stay(cls):
    layer = make(cls)
    y = layer.forward(X)
    dx = layer.backward(np.ones_like(y))
    assert y.flags.c_contiguous
    assert dx.flags.c_contiguous
    saved = y.copy(), dx.copy()
    layer.backward(np.ones_like(layer.forward(2 * X)))
    np.testing.assert_array_equal(y, saved[0])
    np.testing.assert_array_equal(dx, saved[1])


def test_states_are_read_only_to_the_layer():
    for cls in CLASSES:
        layer = make(cls)
        first, dlast = some_state(layer, 3), some_state(layer, 3)
        for array in (*as_tuple(first), *as_tuple(dlast)):
            array.flags.writeable = False
        y, _ = layer.unroll(X, first)
        layer.backward(np.ones_like(y), dlast)


def test_a_cell_of_ones_own():
    """h_t = a_t · (1 + u_t): two methods make a layer."""

    class Product(Recurrent):
        gates = 1
        only_the_sum = False

        def __init__(self, input_size, hidden_size, rng=None):
            super().__init__(input_size, hidden_size, rng=rng)

        def _cell(self, sums, state):
            (a,), (u,) = sums
            return (a * (1 + u),), (a, u)

        def _cell_backward(self, dstate, kept):
            (dh,), (a, u) = dstate, kept
            return ((dh * (1 + u),), (dh * a,)), (0.0,)

    assert check_layer(Product(2, 3, rng=0), X)


# -- wrong arrays


@every
@pytest.mark.parametrize("shape", [(2,), (3, 5, 3), (3, 5), (1, 3, 5, 2), (3, 5, 0)])
def test_a_wrong_shape_is_refused_with_the_cure(cls, shape):
    message = r"^\w+\(2, 4.*\) expected shape \(N, T, 2\), batch first and features last, .* got \(.*x\[\.\.\., None\]$"
    with pytest.raises(ValueError, match=message):
        make(cls).forward(np.zeros(shape))


@every
def test_a_step_of_a_wrong_shape_is_refused(cls):
    with pytest.raises(ValueError, match=r"expected shape \(N, 2\), .* got \(3, 5, 2\)"):
        make(cls).step(X)


@every
def test_another_dtype_is_refused(cls):
    layer = make(cls)
    for call in (layer.forward, layer.step):
        with pytest.raises(TypeError, match=r"computes in float64, got float32: pass x\.astype\(np\.float64\)"):
            call(X[:, 0].astype(np.float32))
    h = some_state(layer, 3)
    single = tuple(s.astype(np.float32) for s in h) if cls is LSTM else h.astype(np.float32)
    with pytest.raises(TypeError, match=r"expected state in float64, got h in float32: pass h\.astype\(np\.float64\)"):
        layer.forward(X, single)


@every
@pytest.mark.parametrize("shape", [(4,), (1, 3, 4), (2, 4), (3, 5)])
def test_a_state_of_a_wrong_shape_is_refused(cls, shape):
    layer = make(cls)
    state = np.zeros(shape)
    with pytest.raises(ValueError, match=r"expected state of shape \(3, 4\), got h of .*no first axis for layers"):
        layer.forward(X, (state, state) if cls is LSTM else state)


def test_a_state_of_another_kind_is_refused():
    h = np.zeros((3, 4))
    for state in (h, (h,), (h, h, h), [h, h], (h, None)):
        with pytest.raises(TypeError, match=r"LSTM.* expected state to be the tuple \(h, c\), got "):
            make(LSTM).forward(X, state)
    for state in ((h, h), [h], 0.0):
        with pytest.raises(TypeError, match=r"GRU.* expected state to be the array h, got "):
            make(GRU).forward(X, state)


@every
def test_a_wrong_mask_is_refused_with_the_cure(cls):
    layer = make(cls)
    for mask in (np.ones((3, 5)), np.array([5, 2, 1]), [[True] * 5] * 3):
        with pytest.raises(TypeError, match=r"expected a mask of booleans.* np\.arange\(T\) < lengths\[:, None\]"):
            layer.forward(X, mask=mask)
    for shape in ((3,), (5, 3), (3, 4), (3, 5, 1), (5,)):
        with pytest.raises(ValueError, match=r"expected a mask of shape \(3, 5\), True where a step is real, got "):
            layer.forward(X, mask=np.ones(shape, bool))


@every
def test_a_wrong_gradient_is_refused_before_anything_changed(cls):
    layer = make(cls)
    y = layer.forward(X)
    wrong = [
        (ValueError, (y[:, :-1],)),
        (ValueError, (y[0],)),
        (TypeError, (y.astype(np.float32),)),
        (TypeError, (y, "h")),
        (ValueError, (y, some_state(layer, 2))),
        (TypeError, (y, (y[:, 0],) * 3)),
    ]
    for error, arguments in wrong:
        for method in (layer.backward, layer.accumulate_grad):
            with pytest.raises(error, match="expected"):
                method(*arguments)
    assert all((p.grad == 0).all() for p in layer.parameters())


@every
def test_a_refused_input_leaves_the_last_cache(cls):
    layer = make(cls)
    y = layer.forward(X)
    with pytest.raises(ValueError, match="mask"):
        layer.forward(X, mask=np.ones((1, 1), bool))
    assert layer.backward(np.ones_like(y)).shape == X.shape
