"""RNN, GRU and LSTM compute what PyTorch's do, forward and backward: with states, and with lengths against masks."""

import numpy as np
import pytest
from helpers import as_tuple
from hypothesis import given
from hypothesis import strategies as st
from pytorch import examples, seeds, tensor, torch

from minnet.layers.sequences.recurrent import GRU, LSTM, RNN
from minnet.layers.sequences.select import Select
from minnet.layers.sequences.time_pooling import PoolTime

modest = examples(30)
sizes = st.integers(1, 5)
CELLS = [
    ("RNN", lambda *sizes, **options: RNN(*sizes, **options), torch.nn.RNN),
    (
        "RNN relu",
        lambda *sizes, **options: RNN(*sizes, nonlinearity="relu", **options),
        lambda *sizes, **options: torch.nn.RNN(*sizes, nonlinearity="relu", **options),
    ),
    ("GRU", GRU, torch.nn.GRU),
    ("LSTM", LSTM, torch.nn.LSTM),
]
cells = pytest.mark.parametrize(("part", "Ours", "Theirs"), CELLS, ids=[name for name, *_ in CELLS])


def make(Ours, Theirs, inputs, hidden, bias, seed):
    """Return our layer and PyTorch's with the same numbers: its weights are (out, in)."""
    ours = Ours(inputs, hidden, bias=bias, rng=seed).astype(np.float64)
    theirs = Theirs(inputs, hidden, bias=bias, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for name, parameter in ours.named_parameters():
            getattr(theirs, f"{name}_l0").copy_(torch.tensor(parameter.data.T))
    return ours, theirs


def same_gradients(parity, part, ours, theirs):
    for name, parameter in ours.named_parameters():
        parity(part, f"dL/d {name}", parameter.grad, getattr(theirs, f"{name}_l0").grad.numpy().T)


def same_states(parity, part, ours, states, their_states, what):
    """Compare states, or their gradients: PyTorch's have an axis of layers."""
    for name, state, theirs in zip(ours.state_names, as_tuple(states), as_tuple(their_states), strict=True):
        parity(part, f"{what} {name}", state, theirs[0])


def as_state(arrays):
    return tuple(arrays) if len(arrays) > 1 else arrays[0]


@cells
@modest
@given(n=sizes, steps=st.integers(1, 7), inputs=sizes, hidden=sizes, bias=st.booleans(), seed=seeds)
def test_sequences(parity, part, Ours, Theirs, n, steps, inputs, hidden, bias, seed):
    generator = np.random.default_rng(seed)
    ours, theirs = make(Ours, Theirs, inputs, hidden, bias, seed)
    x, dy = generator.normal(size=(n, steps, inputs)), generator.normal(size=(n, steps, hidden))
    t = tensor(x)
    y, _ = theirs(t)
    y.backward(torch.tensor(dy))
    parity(part, "output", ours.forward(x), y)
    parity(part, "dL/dx", ours.backward(dy), t.grad)
    same_gradients(parity, part, ours, theirs)


@cells
@modest
@given(
    batch=st.sampled_from([(), (1,), (4,)]),
    steps=st.integers(1, 7),
    inputs=sizes,
    hidden=sizes,
    seed=seeds,
)
def test_first_and_last_states(parity, part, Ours, Theirs, batch, steps, inputs, hidden, seed):
    """Also without the batch axis; the loss depends on y and on the last state."""
    generator = np.random.default_rng(seed)
    ours, theirs = make(Ours, Theirs, inputs, hidden, True, seed)
    x, dy = generator.normal(size=(*batch, steps, inputs)), generator.normal(size=(*batch, steps, hidden))
    first, dlast = ([generator.normal(size=(*batch, hidden)) for _ in ours.state_names] for _ in range(2))

    t, their_first = tensor(x), [tensor(s[None]) for s in first]  # PyTorch's states have an axis of layers
    y, last = theirs(t, as_state(their_first))
    torch.autograd.backward([y, *as_tuple(last)], [torch.tensor(d) for d in (dy, *(d[None] for d in dlast))])

    our_y, our_last = ours.unroll(x, as_state(first))
    parity(part, "output", our_y, y)
    same_states(parity, part, ours, our_last, last, "last")
    dx, dfirst = ours.backward(dy, as_state(dlast))
    parity(part, "dL/dx", dx, t.grad)
    same_states(parity, part, ours, dfirst, tuple(state.grad for state in their_first), "dL/d first")
    same_gradients(parity, part, ours, theirs)


@cells
@modest
@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=5),
    padding=st.integers(0, 2),
    inputs=sizes,
    hidden=sizes,
    seed=seeds,
)
def test_packed_lengths_are_masks(parity, part, Ours, Theirs, lengths, padding, inputs, hidden, seed):
    """PyTorch's output is 0 beyond a sequence's end, ours is the last h: what is compared is up to the end."""
    generator = np.random.default_rng(seed)
    ours, theirs = make(Ours, Theirs, inputs, hidden, True, seed)
    lengths = np.array(lengths)
    n, steps = len(lengths), lengths.max() + padding
    mask = np.arange(steps) < lengths[:, None]
    x, dy = generator.normal(size=(n, steps, inputs)), generator.normal(size=(n, steps, hidden))
    dy *= mask[..., None]
    first, dlast = ([generator.normal(size=(n, hidden)) for _ in ours.state_names] for _ in range(2))

    t, their_first = tensor(x), [tensor(s[None]) for s in first]
    pack = torch.nn.utils.rnn.pack_padded_sequence
    packed = pack(t, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    packed_y, last = theirs(packed, as_state(their_first))
    y, _ = torch.nn.utils.rnn.pad_packed_sequence(packed_y, batch_first=True, total_length=int(steps))
    torch.autograd.backward([y, *as_tuple(last)], [torch.tensor(d) for d in (dy, *(d[None] for d in dlast))])

    our_y, our_last = ours.unroll(x, as_state(first), mask)
    parity(part, "output", our_y * mask[..., None], y)
    same_states(parity, part, ours, our_last, last, "last")
    dx, dfirst = ours.backward(dy, as_state(dlast))
    parity(part, "dL/dx", dx, t.grad)
    same_states(parity, part, ours, dfirst, tuple(state.grad for state in their_first), "dL/d first")
    same_gradients(parity, part, ours, theirs)


@cells
@modest
@given(n=sizes, pieces=st.lists(st.integers(1, 4), min_size=1, max_size=4), seed=seeds)
def test_piece_by_piece_in_eval_mode(parity, part, Ours, Theirs, n, pieces, seed):
    """Streaming: pieces, and then single steps, from state to state, against one run over the whole."""
    generator = np.random.default_rng(seed)
    ours, theirs = make(Ours, Theirs, 3, 4, True, seed)
    x = generator.normal(size=(n, sum(pieces) + 2, 3))
    y, _ = theirs(torch.tensor(x))
    ours.eval()
    state, start = None, 0
    for size in pieces:
        our_y, state = ours.unroll(x[:, start : start + size], state)
        parity(part, "output", our_y, y[:, start : start + size])
        start += size
    for t in (start, start + 1):
        our_y, state = ours.step(x[:, t], state)
        parity(part, "output", our_y, y[:, t])


# -- several layers and directions


def stack(Ours, Theirs, draw, **options):
    """Return our stack and PyTorch's with the same numbers, and the sizes that were drawn."""
    inputs, hidden, seed = draw(sizes), draw(sizes), draw(seeds)
    layers, both, bias = draw(st.integers(1, 3)), draw(st.booleans()), draw(st.booleans())
    ours = Ours(inputs, hidden, num_layers=layers, bidirectional=both, bias=bias, rng=seed).astype(np.float64)
    theirs = Theirs(
        inputs, hidden, num_layers=layers, bidirectional=both, bias=bias, batch_first=True, dtype=torch.float64
    )
    with torch.no_grad():
        for name, other in theirs.named_parameters():
            other.copy_(torch.tensor(ours_of(ours, name).data.T))
    return ours, theirs, np.random.default_rng(seed)


def ours_of(layer, name):
    """Return the Parameter that PyTorch calls weight_ih_l1_reverse, ..."""
    kind, _, place = name.partition("_l")
    return getattr(layer.layers[f"l{place}"] if layer.layers else layer, kind)


@cells
@modest
@given(
    data=st.data(),
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    padding=st.integers(0, 2),
    batched=st.booleans(),
    packed=st.booleans(),
    mode=st.sampled_from(["train", "eval"]),
)
def test_stacks(parity, part, Ours, Theirs, data, lengths, padding, batched, packed, mode):
    """With first states, gradients of last states, lengths against masks, and without the batch axis."""
    ours, theirs, generator = stack(Ours, Theirs, data.draw)
    part += " of several layers and directions"
    lengths = np.array(lengths)
    n, steps = len(lengths), lengths.max() + padding
    batch = (n,) if batched or packed else ()
    mask = np.arange(steps) < lengths[:, None] if packed else None
    directions = 2 if ours.bidirectional else 1
    x = generator.normal(size=(*batch, steps, ours.input_size))
    dy = generator.normal(size=(*batch, steps, directions * ours.hidden_size))
    if packed:
        dy *= mask[..., None]
    shape = (ours.num_layers * directions, *batch, ours.hidden_size)
    first, dlast = ([generator.normal(size=shape) for _ in ours.state_names] for _ in range(2))
    if not ours.layers:  # a plain layer's states have no axis of layers
        our_first, our_dlast = ([s[0] for s in states] for states in (first, dlast))
    else:
        our_first, our_dlast = first, dlast

    t, their_first = tensor(x), [tensor(s) for s in first]
    given = t
    if packed:
        given = torch.nn.utils.rnn.pack_padded_sequence(
            t, torch.tensor(lengths), batch_first=True, enforce_sorted=False
        )
    y, last = getattr(theirs, mode)()(given, as_state(their_first))
    if packed:
        y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=int(steps))
    torch.autograd.backward([y, *as_tuple(last)], [torch.tensor(d) for d in (dy, *dlast)])

    our_y, our_last = getattr(ours, mode)().unroll(x, as_state(our_first), mask)
    parity(part, "output", our_y if mask is None else our_y * mask[..., None], y)
    for one, other in zip(as_tuple(our_last), as_tuple(last), strict=True):
        parity(part, "last state", one if ours.layers else one[None], other)
    if mode == "eval":
        return
    dx, dfirst = ours.backward(dy, as_state(our_dlast))
    parity(part, "dL/dx", dx, t.grad)
    for one, other in zip(as_tuple(dfirst), their_first, strict=True):
        parity(part, "dL/d first state", one if ours.layers else one[None], other.grad)
    for name, other in theirs.named_parameters():
        parity(part, "dL/d weights", ours_of(ours, name).grad, other.grad.numpy().T)


@modest
@given(how=st.sampled_from(["mean", "max", "last"]), batch=sizes, steps=sizes, width=sizes, seed=seeds)
def test_pooling_over_time(parity, how, batch, steps, width, seed):
    """PyTorch has no such layer: the same by its masked_fill, sum, max and gather."""
    generator = np.random.default_rng(seed)
    x, dy = generator.normal(size=(batch, steps, width)), generator.normal(size=(batch, width))
    mask = generator.random((batch, steps)) < 0.6
    mask[np.arange(batch), generator.integers(0, steps, batch)] = True
    t, m = tensor(x), torch.tensor(mask)[..., None]
    if how == "mean":
        y = t.masked_fill(~m, 0).sum(1) / m.sum(1)
    elif how == "max":
        y = t.masked_fill(~m, -torch.inf).max(1).values
    else:
        last = torch.tensor([np.flatnonzero(row)[-1] for row in mask])
        y = t.gather(1, last[:, None, None].expand(-1, 1, width))[:, 0]
    y.backward(torch.tensor(dy))
    layer = PoolTime(how)
    parity("PoolTime", "output", layer.forward(x, mask), y)
    parity("PoolTime", "dL/dx", layer.backward(dy), t.grad)


@modest
@given(
    index=st.integers(-3, 2),
    axis=st.sampled_from([1, 2, 3, -1, -2, -3]),
    shape=st.lists(st.integers(3, 5), min_size=4, max_size=4),
    seed=seeds,
)
def test_select(parity, index, axis, shape, seed):
    generator = np.random.default_rng(seed)
    layer, x = Select(index, axis), generator.normal(size=shape)
    t = tensor(x)
    y = t.select(axis, index)
    dy = generator.normal(size=tuple(y.shape))
    y.backward(torch.tensor(dy))
    parity("Select", "output", layer.forward(x), y)
    parity("Select", "dL/dx", layer.backward(dy), t.grad)
