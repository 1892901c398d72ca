"""A padded batch with its mask computes what each sequence computes alone: outputs and gradients of all weights."""

import numpy as np
import pytest

import minnet as mn
from minnet import Add, Concat, Linear, PoolTime, Residual, Sequential

LENGTHS = [5, 1, 7, 3]
T, D = 7, 4
MASK = np.arange(T) < np.array(LENGTHS)[:, None]
RNG = np.random.default_rng(3)
X = np.where(MASK[..., None], RNG.normal(size=(4, T, D)), 99.0)
TOKENS = np.where(MASK, RNG.integers(1, 9, (4, T)), 0)


def transformer(**options):
    return mn.TransformerBlock(D, 2, 8, dropout=0.0, rng=4, **options)


SEQUENCES = {  # a model, and whether it reads tokens
    "RNN": (mn.RNN(D, 3, rng=0), False),
    "GRU": (mn.GRU(D, 3, rng=0), False),
    "LSTM": (mn.LSTM(D, 3, bias=False, rng=0), False),
    "LSTM in both directions": (mn.LSTM(D, 3, bidirectional=True, rng=0), False),
    "two GRUs in both directions": (mn.GRU(D, 3, num_layers=2, bidirectional=True, rng=0), False),
    "attention": (mn.MultiHeadAttention(D, 2, rng=0), False),
    "causal attention": (mn.MultiHeadAttention(D, 2, causal=True, rng=0), False),
    "block": (transformer(), False),
    "block, norm last": (transformer(norm_first=False, causal=True), False),
    "mean": (PoolTime("mean"), False),
    "max": (PoolTime("max"), False),
    "last": (PoolTime("last"), False),
    "stack": (Sequential(mn.GRU(D, 3, rng=0), mn.Tanh(), mn.LSTM(3, 5, rng=1), PoolTime("last"), Linear(5, 2)), False),
    "places": (Sequential(mn.Embedding(9, D, rng=0), mn.RNN(D, 3, rng=0), Linear(3, 2, rng=0), mn.Softmax()), True),
    "padding index": (
        Sequential(mn.Embedding(9, D, padding_idx=0, rng=0), transformer(), PoolTime("max"), Linear(D, 3, rng=0)),
        True,
    ),
    "positions": (
        Sequential(
            mn.Embedding(9, D, rng=0),
            mn.LearnedPosition(T, D, rng=0),
            mn.SinusoidalPosition(D),
            mn.LayerNorm(D),
            transformer(),
            mn.RMSNorm(D),
            PoolTime(),
        ),
        True,
    ),
    "residual": (Sequential(Residual(mn.LayerNorm(D), mn.GRU(D, D, rng=0)), Linear(D, 2, rng=0), PoolTime()), False),
    "branches": (
        Sequential(
            Add(mn.GRU(D, 3, rng=0), Linear(D, 3, rng=1)),
            Concat(PoolTime("mean"), PoolTime("max"), Sequential(mn.LSTM(3, 2, rng=2), PoolTime("last"))),
            mn.Dropout(0.5),
            Linear(8, 2, rng=3),
        ),
        False,
    ),
    "nested": (
        Sequential(
            body=Sequential(Sequential(Linear(D, 3, rng=0), mn.ReLU()), mn.RNN(3, 3, rng=0)),
            pool=PoolTime("mean"),
            head=Sequential(Linear(3, 5, rng=0), mn.BatchNorm1d(5), mn.Flatten()),
        ),
        False,
    ),
    "a mask for one of two": (
        Sequential(mn.GRU(D, 3, rng=0), PoolTime(), mn.Reshape(3, 1), mn.GRU(1, 2, rng=0)),
        False,
    ),
}
# Dropout and batch normalization behave as in eval mode, or samples would differ by chance, or depend on each other.
for model, _ in SEQUENCES.values():
    model.astype(np.float64)
    for _, layer in model.named_layers():
        if isinstance(layer, mn.Dropout | mn.BatchNorm1d):
            layer.freeze(statistics=True)
every_model = pytest.mark.parametrize(("model", "reads_tokens"), SEQUENCES.values(), ids=SEQUENCES)


def gradients(model):
    """Return the gradients, and begin anew at zero."""
    copies = [p.grad.copy() for p in model.parameters()]
    for p in model.parameters():
        p.zero_grad()
    return copies


@every_model
@pytest.mark.parametrize("shift", [0, 2])
def test_a_padded_batch_is_each_sequence_alone(model, reads_tokens, shift):
    """Also if the padding is longer than any sequence."""
    inputs = TOKENS if reads_tokens else X
    inputs = np.pad(inputs, [(0, 0), (0, shift), (0, 0)][: inputs.ndim], constant_values=0 if reads_tokens else -7)
    if shift and any(isinstance(layer, mn.LearnedPosition) for _, layer in model.named_layers()):
        pytest.skip("its table has no more places")
    mask = np.pad(MASK, [(0, 0), (0, shift)])
    y = model.forward(inputs, mask=mask)
    of_places = y.shape[1:2] == mask.shape[1:] and y.ndim == 3
    dy = np.random.default_rng(5).normal(size=y.shape)
    if of_places:
        dy[~mask] = 0
    gradients(model)
    dx = model.backward(dy)
    together, parts = gradients(model), []
    for i, n in enumerate(LENGTHS):
        alone = model.forward(inputs[i : i + 1, :n])
        np.testing.assert_allclose(y[i : i + 1, :n] if of_places else y[i : i + 1], alone, rtol=1e-12, atol=1e-13)
        dx_alone = model.backward(dy[i : i + 1, :n] if of_places else dy[i : i + 1])
        parts.append(gradients(model))
        if dx is not None:
            np.testing.assert_allclose(dx[i : i + 1, :n], dx_alone, rtol=1e-12, atol=1e-13)
            assert not dx[i, n:].any()
    for whole, *each in zip(together, *parts, strict=True):
        np.testing.assert_allclose(whole, sum(each), rtol=1e-12, atol=1e-13)


@every_model
def test_the_padding_may_hold_any_numbers(model, reads_tokens):
    inputs = TOKENS if reads_tokens else X
    other = np.where(MASK if reads_tokens else MASK[..., None], inputs, 8 if reads_tokens else -1e6)
    y, z = model.forward(inputs, mask=MASK), model.forward(other, mask=MASK)
    if y.shape[1:2] == (T,):
        y, z = y[MASK], z[MASK]
    np.testing.assert_array_equal(y, z)


@every_model
def test_a_mask_of_true_is_none(model, reads_tokens):
    inputs = TOKENS[2:3] if reads_tokens else X[2:3]
    np.testing.assert_allclose(model.forward(inputs, mask=MASK[2:3]), model.forward(inputs), rtol=1e-14)


@every_model
def test_the_order_of_calls_with_and_without_a_mask_does_not_matter(model, reads_tokens):
    """What a Sequential remembers of the one is not used for the other."""
    inputs = TOKENS if reads_tokens else X
    with_mask, without = model.forward(inputs, mask=MASK), model.forward(inputs)
    assert not np.array_equal(with_mask[-1], without[-1]) or model is SEQUENCES["places"][0]
    for _ in range(2):
        np.testing.assert_array_equal(model.forward(inputs, mask=MASK), with_mask)
        np.testing.assert_array_equal(model.forward(inputs), without)
        other = MASK.copy()
        other[0, 3:] = False
        model.forward(inputs, mask=other)


@every_model
@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (MASK.astype(int), TypeError, "expected a mask of booleans, .*got int64"),
        (MASK.tolist(), TypeError, "expected a mask of booleans, .*got list"),
        (MASK[:, :5], ValueError, r"expected a mask of shape \(4, 7\), .*got \(4, 5\)"),
        (MASK.T, ValueError, r"expected a mask of shape \(4, 7\), .*got \(7, 4\)"),
        (MASK[..., None], ValueError, r"expected a mask of shape \(4, 7\), .*got \(4, 7, 1\)"),
    ],
    ids=["integers", "list", "short", "turned", "axis"],
)
def test_masks_that_are_none(model, reads_tokens, mask, error, message):
    for _ in range(2):  # before and after a plan for this kind of input is made
        with pytest.raises(error, match=message):
            model.forward(TOKENS if reads_tokens else X, mask=mask)
        model.forward(TOKENS if reads_tokens else X, mask=MASK)


# -- what cannot be given a mask


class PlaceByPlace(mn.Layer):
    def forward(self, x):
        return 2 * x

    def backward(self, dy):
        return 2 * dy


@pytest.mark.parametrize(
    "model",
    [
        Sequential(Linear(D, D), mn.ReLU()),
        Sequential(PlaceByPlace()),
        Residual(Linear(D, D)),
        Add(Linear(D, D), mn.Identity()),
        Sequential(Sequential(Linear(D, D)), Concat(mn.Tanh(), mn.Identity())),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_model_that_cannot_use_a_mask_says_so(model):
    with pytest.raises(TypeError, match=r"was given a mask, but none of its layers takes one: those that do are RNN, "):
        model.forward(X.astype(np.float32), MASK)
    model.forward(X.astype(np.float32))


MIXING = [
    mn.BatchNorm1d(T),
    mn.Conv1d(T, T, 3, padding="same"),
    mn.Flatten(),
    mn.Reshape(D, T),
    mn.Permute(0, 2, 1),
    mn.LayerNorm((T, D)),
    mn.GroupNorm(1, T),
    Sequential(mn.Identity(), mn.BatchNorm1d(T)),
    Residual(mn.BatchNorm1d(T)),
]


@pytest.mark.parametrize("layer", MIXING, ids=lambda layer: type(layer).__name__)
def test_a_layer_that_mixes_places_refuses_a_mask(layer):
    """Its numbers would depend on the padding, in silence."""
    x = X.astype(np.float32)
    for model in (Sequential(layer, mn.GRU(D, 3)), Sequential(mn.GRU(D, D), layer), Add(layer, mn.GRU(D, D))):
        with pytest.raises(
            ValueError, match=rf"layers\[\d\] = {type(layer).__name__}.* cannot be given a mask: its out"
        ):
            model.forward(x, MASK)
        Sequential(mn.GRU(D, D), layer).forward(x)
    Sequential(mn.GRU(D, 3), PoolTime(), mn.BatchNorm1d(3)).forward(x, MASK)


def test_a_refusal_names_the_layer_inside():
    with pytest.raises(ValueError, match=r"^Sequential.layers\[\"norm\"\] = BatchNorm1d\(7.* cannot be given a mask"):
        Sequential(mn.GRU(D, D), Sequential(norm=mn.BatchNorm1d(T), rnn=mn.GRU(D, D))).forward(
            X.astype(np.float32), MASK
        )


def test_a_layer_of_ones_own_may_take_the_mask():
    class FirstPlace(mn.Layer):
        takes_mask, removes_time = True, True

        def forward(self, x, mask=None):
            self.cache = x.shape
            assert mask is MASK
            return x[:, 0]

        def backward(self, dy):
            dx = np.zeros(self.cache, dy.dtype)
            dx[:, 0] = dy
            return dx

    model = Sequential(PlaceByPlace(), FirstPlace(), Linear(D, 2)).astype(np.float64)
    assert model.forward(X, MASK).shape == (4, 2)
    assert model.backward(np.ones((4, 2))).shape == X.shape


def test_a_layer_of_ones_own_that_mixes_places_may_say_so():
    class Turned(PlaceByPlace):
        mixes_places = True

    with pytest.raises(ValueError, match=r"layers\[0\] = Turned\(\) cannot be given a mask"):
        Sequential(Turned(), PoolTime()).forward(X, MASK)


def test_an_error_behind_a_mask_says_where_it_was():
    model = Sequential(mn.GRU(D, 3), PoolTime(), Linear(4, 2))
    with pytest.raises(ValueError, match="expected") as caught:
        model.forward(X.astype(np.float32), MASK)
    assert caught.value.__notes__ == ["in Sequential.layers[2] = Linear(4, 2), input shape (4, 3)"]


def test_eval_mode_and_threads_keep_nothing():
    model = Sequential(mn.Embedding(9, D), mn.GRU(D, 3), PoolTime("last")).eval()
    first = model.forward(TOKENS, MASK)
    np.testing.assert_array_equal(model.forward(TOKENS, MASK), first)
    with pytest.raises(RuntimeError, match="in eval mode nothing is kept"):
        model.backward(first)


def test_layers_that_are_added_later_are_asked_about_the_mask():
    model = Sequential(mn.GRU(D, D))
    model.forward(X.astype(np.float32), MASK)
    model.append(PoolTime()).append(mn.BatchNorm1d(D))
    assert model.forward(X.astype(np.float32), MASK).shape == (4, D)
    model.insert(0, mn.BatchNorm1d(T))
    with pytest.raises(ValueError, match="cannot be given a mask"):
        model.forward(X.astype(np.float32), MASK)


def test_heads_and_inputs_hand_the_mask_on():
    inputs = mn.Inputs(text=Sequential(mn.Embedding(9, D, rng=0), mn.GRU(D, 3, rng=0), PoolTime()), table=mn.Identity())
    model = Sequential(inputs, mn.Heads(a=Linear(5, 2, rng=0), b=Linear(5, 1, rng=1))).astype(np.float64)
    table = RNG.normal(size=(4, 2))
    y = model.forward(text=TOKENS, table=table, mask=MASK)
    for i, n in enumerate(LENGTHS):
        alone = model.forward(text=TOKENS[i : i + 1, :n], table=table[i : i + 1])
        np.testing.assert_allclose(alone["a"], y["a"][i : i + 1], rtol=1e-12)
    places = Sequential(mn.GRU(D, 3, rng=0), mn.Heads(tag=Linear(3, 2), whole=PoolTime("last"))).astype(np.float64)
    tags = places.forward(X, MASK)
    np.testing.assert_array_equal(tags["whole"], places.layers[0].forward(X, mask=MASK)[:, -1])
    with pytest.raises(TypeError, match="Inputs was given a mask, but none of its layers takes one"):
        mn.Inputs(mn.Identity(), mn.Identity()).forward(table, table, mask=MASK)


@pytest.mark.parametrize(
    ("inputs", "named", "got"),
    [
        ((), {}, "nothing"),
        ((X, MASK, MASK), {}, r"an array of shape \(4, 7, 4\), .*, an array of shape \(4, 7\)"),
        ((X,), {"x": X}, r"an array of shape \(4, 7, 4\), x=..."),
        ((), {"text": X}, "text=..."),
        ((), {"mask": MASK}, "mask=..."),
        ((X, MASK.astype(float)), {}, ".*; a mask is an array of booleans, such as mask.astype"),
    ],
)
def test_other_inputs_are_named(inputs, named, got):
    with pytest.raises(
        TypeError, match=f"Sequential.forward expected x, or x and the mask of padded sequences, got {got}"
    ):
        Sequential(mn.GRU(D, 3)).forward(*inputs, **named)


def test_the_inputs_may_have_names():
    model = Sequential(mn.GRU(D, 3, rng=0), PoolTime()).astype(np.float64)
    expected = model.forward(X, MASK)
    np.testing.assert_array_equal(model.forward(x=X, mask=MASK), expected)
    np.testing.assert_array_equal(model.forward(X, None), model.forward(X))
