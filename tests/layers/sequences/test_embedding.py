"""Embedding, LearnedPosition, SinusoidalPosition: vectors for words, and for where they stand."""

import copy
import pickle

import numpy as np
import pytest
from helpers import normal_numbers

import minnet as mn
from minnet import SGD, DataLoader, Flatten, Linear, Sequential, Softmax, SoftmaxCrossEntropyLoss, Trainer
from minnet.inspection.gradcheck import check_layer
from minnet.layers.sequences.embedding import Embedding, LearnedPosition, SinusoidalPosition

generator = np.random.default_rng(0)
floats = normal_numbers(generator)


@pytest.fixture
def layer():
    """A table whose row k is (k, 10·k)."""
    layer = Embedding(4, 2, rng=0)
    layer.weight.data = [[0, 0], [1, 10], [2, 20], [3, 30]]
    return layer


# -- Embedding


def test_rows_by_hand(layer):
    y = layer.forward(np.array([[3, 0], [1, 1]]))
    np.testing.assert_array_equal(y, [[[3, 30], [0, 0]], [[1, 10], [1, 10]]])
    assert y.dtype == np.float32


def test_the_gradients_of_a_row_that_occurs_twice_add_up(layer):
    layer.weight.grad += 100
    layer.forward(np.array([[3, 0], [3, 3]]))
    dx = layer.backward(np.array([[[1, 2], [3, 4]], [[10, 20], [100, 200]]], np.float32))
    assert dx is None
    np.testing.assert_array_equal(layer.weight.grad, [[103, 104], [100, 100], [100, 100], [211, 322]])


@pytest.mark.parametrize("shape", [(), (1,), (5,), (0,), (2, 3), (2, 0, 3), (2, 1, 3, 2)])
@pytest.mark.parametrize("padding_idx", [None, 1])
def test_any_shape(shape, padding_idx):
    layer = Embedding(3, 2, padding_idx, rng=0)
    indices = generator.integers(0, 3, shape)
    indices = np.asarray(indices)
    assert layer.forward(indices).shape == (*shape, 2)
    layer.backward(np.ones((*shape, 2), np.float32))
    expected = np.bincount(indices.reshape(-1), minlength=3)
    if padding_idx is not None:
        expected[padding_idx] = 0
    np.testing.assert_array_equal(layer.weight.grad, np.stack([expected, expected], axis=1))


def test_it_is_a_linear_layer_for_onehot_rows():
    layer, linear = Embedding(7, 3, rng=0), Linear(7, 3, bias=False)
    linear.weight.data = layer.weight.data
    indices, dy = generator.integers(0, 7, (4, 5)), floats(4, 5, 3)
    onehot = np.eye(7, dtype=np.float32)[indices]
    np.testing.assert_allclose(layer.forward(indices), linear.forward(onehot))
    layer.backward(dy)
    linear.backward(dy)
    np.testing.assert_allclose(layer.weight.grad, linear.weight.grad, atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "indices"),
    [
        (Embedding(5, 2, rng=0), [1, 3, 3]),
        (Embedding(5, 2, padding_idx=3, rng=0), [1, 3, 3]),
        (Embedding(1, 1, rng=0), [0, 0]),
        (Embedding(2, 3, padding_idx=0, rng=0), [0, 0]),
    ],
    ids=lambda value: repr(value) if isinstance(value, Embedding) else "",
)
def test_gradients_and_promises(layer, indices):
    assert "every requirement met" in check_layer(layer, np.array(indices))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.int64, np.uint64])
def test_any_integers_will_do(layer, dtype):
    layer.forward(np.array([3, 1], dtype))
    layer.backward(np.ones((2, 2), np.float32))
    np.testing.assert_array_equal(layer.weight.grad[:, 0], [0, 1, 0, 1])


def test_small_integers_do_not_overflow_in_large_tables():
    layer = Embedding(200, 64, rng=0)
    layer.forward(np.array([199], np.uint8))
    layer.backward(np.ones((1, 64), np.float32))
    assert np.flatnonzero(layer.weight.grad[:, 0]).tolist() == [199]


def test_the_padding_row_is_zero_and_stays_there():
    layer = Embedding(4, 3, padding_idx=-1, rng=0)
    assert layer.padding_idx == 3
    assert not layer.weight.data[3].any()
    optimizer = SGD(layer.parameters(), lr=0.1, momentum=0.9)
    for _ in range(3):
        y = layer.forward(np.array([[0, 3, 3]]))
        assert not y[0, 1:].any()
        layer.backward(np.ones((1, 3, 3), np.float32))
        optimizer.step()
    assert not layer.weight.data[3].any()
    assert not layer.weight.grad[3].any()
    assert layer.weight.grad[0].all()


def test_padding_gives_zeros_even_if_its_row_was_given_other_values():
    layer = Embedding(4, 3, padding_idx=0, rng=0)
    layer.weight.data[0] = 5
    assert not layer.forward(np.array([0, 0])).any()
    assert not layer.forward(np.array(0)).any()


def test_the_output_is_no_view_of_the_table(layer):
    for indices in (np.array(1), np.array([1]), np.array([[1]])):
        assert not np.may_share_memory(layer.forward(indices), layer.weight.data)


def test_first_values_are_normal_with_variance_one():
    values = Embedding(1000, 50, rng=0).weight.data.astype(np.float64)
    assert abs(values.mean()) < 5 / np.sqrt(values.size)
    assert abs(values.var() - 1) < 5 * np.sqrt(2 / values.size)
    np.testing.assert_array_equal(Embedding(3, 2, rng=1).weight.data, Embedding(3, 2, rng=1).weight.data)


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([0, 4], r"from 0 to 3, got 4 \(1 of 2 are outside\): num_embeddings must be larger"),
        ([-1, 2, -1], r"from 0 to 3, got -1 \(2 of 3 are outside\)"),  # NumPy would count from the end
        ([[0, 1], [2, 100]], r"got 100 \(1 of 4"),
    ],
)
def test_integers_outside_the_table_are_refused(layer, indices, message):
    layer.forward(np.array([1]))
    with pytest.raises(ValueError, match=rf"^Embedding\(4, 2\) expected integers {message}|{message}"):
        layer.forward(np.array(indices))
    layer.backward(np.ones((1, 2), np.float32))  # still answers for the last good one
    np.testing.assert_array_equal(layer.weight.grad[:, 0], [0, 1, 0, 0])


@pytest.mark.parametrize("indices", [np.array([1.0]), np.array([True]), [1, 2], 3])
def test_what_is_not_an_array_of_integers_is_refused(layer, indices):
    with pytest.raises(TypeError, match=r"^Embedding\(4, 2\) expected an array of integers, .* pass np\.asarray"):
        layer.forward(indices)


def test_words_are_to_be_numbered(layer):
    with pytest.raises(
        TypeError, match=r"^Embedding\(4, 2\) expected an array of integers, .* np\.unique\(x, return_inv"
    ):
        layer.forward(np.array(["a"]))


@pytest.mark.parametrize("dy", [np.ones((2, 3), np.float32), np.ones((3, 2), np.float32), np.ones((2, 2)), None])
@pytest.mark.parametrize("method", ["backward", "accumulate_grad"])
def test_a_wrong_gradient_is_refused_before_anything_changed(layer, dy, method):
    layer.forward(np.array([1, 2]))
    with pytest.raises((ValueError, TypeError), match=r"^Embedding\(4, 2\)\.backward expected"):
        getattr(layer, method)(dy)
    assert not layer.weight.grad.any()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 2), ValueError, "Embedding needs num_embeddings >= 1, got 0"),
        ((2, 0), ValueError, "Embedding needs embedding_dim >= 1, got 0"),
        ((2, 2.0), TypeError, "Embedding expected embedding_dim to be an int"),
        ((3, 2, 3), ValueError, "padding_idx from -3 to 2, a row of the table, got 3"),
        ((3, 2, -4), ValueError, "padding_idx from -3 to 2"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        Embedding(*arguments)


@pytest.mark.parametrize(
    "word", ["max_norm", "norm_type", "scale_grad_by_freq", "sparse", "_weight", "_freeze", "device", "dtype"]
)
def test_words_of_pytorch_are_answered(word):
    with pytest.raises(TypeError, match=rf"^Embedding has no argument '{word}': "):
        Embedding(4, 2, **{word: True})


def test_repr():
    assert repr(Embedding(4, 2)) == "Embedding(4, 2)"
    assert repr(Embedding(4, 2, padding_idx=-1)) == "Embedding(4, 2, padding_idx=3)"


def test_it_stands_first_in_a_model_and_learns():
    """Which of two words comes first decides the class."""
    x = generator.integers(0, 4, (300, 2))
    y = (x[:, 0] > x[:, 1]).astype(int)
    model = Sequential(Embedding(4, 3, rng=0), Flatten(), Linear(6, 2, rng=1))
    assert model.forward(x[:5]).shape == (5, 2)
    assert model.backward(np.ones((5, 2), np.float32)) is None
    trainer = Trainer(model, SoftmaxCrossEntropyLoss(), SGD(model.parameters(), lr=0.5))
    trainer.fit(DataLoader(x, y, 30, shuffle=True, rng=0), epochs=20)
    assert trainer.evaluate((x, y))["accuracy"] == 1
    assert trainer.predict(x).shape == (300, 2)


def test_bytes_that_a_loader_made_floats_are_refused_with_the_cure():
    model = Sequential(Embedding(4, 3, rng=0), Flatten(), Linear(6, 2, rng=1), Softmax())
    x, _ = next(iter(DataLoader(np.ones((4, 2), np.uint8), np.zeros(4, int), 4)))
    with pytest.raises(TypeError, match="a DataLoader turns uint8 into floats: give it int64"):
        model.forward(x)


# -- positions


def test_learned_position_by_hand():
    layer = LearnedPosition(3, 2, rng=0)
    layer.weight.data = [[1, 2], [3, 4], [5, 6]]
    x = np.array([[[0, 0], [10, 10]], [[100, 0], [0, 0]]], np.float32)
    np.testing.assert_array_equal(layer.forward(x), [[[1, 2], [13, 14]], [[101, 2], [3, 4]]])
    dy = np.array([[[1, 2], [3, 4]], [[10, 20], [30, 40]]], np.float32)
    np.testing.assert_array_equal(layer.backward(dy), dy)
    np.testing.assert_array_equal(layer.weight.grad, [[11, 22], [33, 44], [0, 0]])


def test_sinusoidal_position_by_the_papers_formula():
    y = SinusoidalPosition(6).forward(np.ones((2, 9, 6)))
    for t in range(9):
        for i in range(3):
            angle = t / 10_000 ** (2 * i / 6)
            assert y[0, t, 2 * i] == pytest.approx(1 + np.sin(angle), rel=1e-14)
            assert y[1, t, 2 * i + 1] == pytest.approx(1 + np.cos(angle), rel=1e-14)


def test_a_shift_by_k_places_is_the_same_rotation_everywhere():
    """The reason the paper gives for its choice: PE(t + k) is a linear function of PE(t)."""
    table = SinusoidalPosition(4).forward(np.zeros((50, 4)))
    shift = np.linalg.lstsq(table[:40], table[7:47])[0]
    np.testing.assert_allclose(table[:40] @ shift, table[7:47], atol=1e-12)


def test_sines_of_far_places_are_exact_in_float32():
    y = SinusoidalPosition(2).forward(np.zeros((100_000, 2), np.float32))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y[-1], [np.sin(99_999.0), np.cos(99_999.0)], rtol=1e-6)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (LearnedPosition(6, 3, rng=0), (2, 4, 3)),
        (LearnedPosition(1, 1, rng=0), (2, 1, 1)),
        (LearnedPosition(4, 3, rng=0), (1, 4, 3)),
        (SinusoidalPosition(4), (2, 3, 4)),
        (SinusoidalPosition(3), (2, 4, 3)),
        (SinusoidalPosition(1), (2, 1, 1)),
    ],
    ids=lambda value: repr(value) if not isinstance(value, tuple) else "x".join(map(str, value)),
)
def test_positions_keep_the_promises(layer, shape):
    assert "every requirement met" in check_layer(layer, floats(*shape))


@pytest.mark.parametrize("layer", [LearnedPosition(4, 3, rng=0), SinusoidalPosition(3)], ids=repr)
@pytest.mark.parametrize("leading", [(), (0,), (2, 2)])
@pytest.mark.parametrize("length", [0, 1, 4])
def test_any_leading_axes_and_length(layer, leading, length):
    layer = copy.deepcopy(layer)
    x = floats(*leading, length, 3)
    assert layer.forward(x).shape == x.shape
    assert layer.backward(x).shape == x.shape


@pytest.mark.parametrize("layer", [LearnedPosition(4, 3, rng=0), SinusoidalPosition(3)], ids=repr)
@pytest.mark.parametrize("shape", [(3,), (2, 4), (2, 3, 4)])
def test_wrong_shapes(layer, shape):
    with pytest.raises(ValueError, match=r"Position\(.*\) expected shape \(N, T, 3\), got \("):
        layer.forward(floats(*shape))


def test_a_sequence_that_is_too_long():
    with pytest.raises(ValueError, match=r"^LearnedPosition\(4, 3\) expected sequences of at most 4 places, got shape"):
        LearnedPosition(4, 3).forward(floats(2, 5, 3))


@pytest.mark.parametrize("layer", [LearnedPosition(4, 3, rng=0), SinusoidalPosition(3)], ids=repr)
def test_a_wrong_gradient(layer):
    layer = pickle.loads(pickle.dumps(layer))
    layer.forward(floats(2, 4, 3))
    for dy in (floats(2, 3, 3), floats(1, 4, 3), np.ones((2, 4, 3), int), None):
        with pytest.raises((ValueError, TypeError), match=r"Position\(.*\)\.backward expected"):
            layer.backward(dy)
    assert not any(parameter.grad.any() for parameter in layer.parameters())


def test_bad_sizes_of_positions():
    with pytest.raises(ValueError, match="LearnedPosition needs max_length >= 1, got 0"):
        LearnedPosition(0, 3)
    with pytest.raises(ValueError, match="SinusoidalPosition needs embed_dim >= 1, got 0"):
        SinusoidalPosition(0)


def test_the_gradient_over_a_million_sequences_is_right_in_float32():
    layer = mn.LearnedPosition(1, 2)
    dy = np.random.default_rng(0).uniform(size=(1_000_000, 1, 2)).astype(np.float32)
    layer.forward(np.zeros_like(dy))
    layer.backward(dy)
    np.testing.assert_allclose(layer.weight.grad, dy.astype(np.float64).sum(axis=0), rtol=3e-7)
