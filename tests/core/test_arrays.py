"""What enters a layer is checked, and refused with the cure."""

import math

import numpy as np
import pytest

import minnet as mn
from minnet.core.arrays import add_up, class_major, column_sums, row_sums, sums
from minnet.core.checks import check_floats, check_gradient, check_int, check_scores

OWNER = mn.Linear(3, 2, rng=0)


# -- check_floats


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1,), (0,), (2, 3)])
def test_floats_pass(dtype, shape):
    check_floats(OWNER, np.ones(shape, dtype))
    check_floats(OWNER, np.ones(shape, dtype), np.dtype(dtype))


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int64", "float16", "longdouble", ">f4", "complex64", "?", "O", "U3"]
)
def test_an_array_of_anything_else_is_refused_with_the_cure(dtype):
    with pytest.raises(TypeError, match=r"Linear\(3, 2\) expected float32 or float64, got .*: pass x.astype"):
        check_floats(OWNER, np.ones((2, 3)).astype(dtype))


@pytest.mark.parametrize(("x", "kind"), [([1.0], "list"), (1.0, "float"), (np.float32(1), "float32")])
def test_what_is_no_array_is_refused_with_the_cure(x, kind):
    with pytest.raises(TypeError, match=rf"expected a NumPy array, got {kind}: pass np.asarray\(x, dtype=np.float64\)"):
        check_floats(OWNER, x, np.dtype(np.float64))


def test_a_forgotten_return_is_guessed():
    with pytest.raises(
        TypeError, match="expected a NumPy array, got NoneType: did the previous layer's forward return nothing"
    ):
        check_floats(OWNER, None)
    with pytest.raises(TypeError, match=r"backward expected .*, got NoneType: did the backward of .* return nothing"):
        check_gradient(OWNER, None, (2,))


def test_the_value_of_a_loss_is_no_gradient():
    with pytest.raises(
        TypeError, match=r"got float: is this the loss itself\? Pass .* model.backward\(loss.backward\(\)\)"
    ):
        check_gradient(OWNER, 0.5, (2,))


def test_bytes_are_to_be_scaled():
    with pytest.raises(
        TypeError, match=r"computes in float32, got uint8: pass x.astype\(np.float32\) / 256, or .*DataLoader"
    ):
        check_floats(OWNER, np.zeros(3, np.uint8), np.dtype(np.float32))


@pytest.mark.parametrize(("value", "got"), [(3.0, r"float 3.0"), ("3", r"str '3'"), (np.float64(3), "float64 .*3.0.*")])
def test_a_size_that_is_no_int_is_refused_with_the_cure(value, got):
    with pytest.raises(TypeError, match=rf"^L expected size to be an int, got {got}: pass a whole .* size=int\("):
        check_int("L", "size", value)


def test_a_single_number_is_refused_with_the_cure():
    with pytest.raises(ValueError, match=r"expected an array, got the single number 1.5: pass x.reshape\(1\)"):
        check_floats(OWNER, np.array(1.5))


@pytest.mark.parametrize(
    ("got", "wanted", "cure"),
    [
        ("float64", "float32", r"pass x.astype\(np.float32\), or convert the model with model.astype\(np.float64\)$"),
        ("float32", "float64", r"pass x.astype\(np.float64\), or convert the model with model.astype\(np.float32\)$"),
        ("int64", "float32", r"pass x.astype\(np.float32\)$"),
    ],
)
def test_another_dtype_than_the_layers_is_refused_with_the_cure(got, wanted, cure):
    with pytest.raises(TypeError, match=rf"Linear\(3, 2\) computes in {wanted}, got {got}: {cure}"):
        check_floats(OWNER, np.ones(3, got), np.dtype(wanted))


# -- check_gradient


def test_a_gradient_of_the_right_shape_and_dtype_passes():
    check_gradient(OWNER, np.ones((4, 2)), (4, 2))
    check_gradient(OWNER, np.ones((4, 2), np.float32), (4, 2), np.dtype(np.float32))


@pytest.mark.parametrize("shape", [(2,), (1, 2), (4, 1), (2, 4), (4, 2, 1), ()])
def test_a_gradient_of_another_shape_is_refused_even_if_it_would_broadcast(shape):
    with pytest.raises(ValueError, match=r"Linear\(3, 2\).backward expected dy of the output's shape \(4, 2\), got \("):
        check_gradient(OWNER, np.ones(shape), (4, 2))


@pytest.mark.parametrize("dy", [[[1.0, 1.0]], None, 1.0, np.ones((1, 2), int), np.ones((1, 2), np.float64)])
def test_a_gradient_of_another_dtype_is_refused(dy):
    with pytest.raises(TypeError, match="backward expected float32, the dtype of its output, got"):
        check_gradient(OWNER, dy, (1, 2), np.dtype(np.float32))


# -- check_scores: probabilities are recognised, scores never taken for them


TWICE = r"Linear\(3, 2\) expected scores, got probabilities \(every row is positive and sums to 1\): the cure"


def softmax(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("shape", [(0,), (3, 0)])
def test_without_a_class_axis_there_are_no_scores(shape):
    with pytest.raises(ValueError, match=r"expected shape \(..., classes\), got \(.*: there is no class axis"):
        check_scores(OWNER, np.ones(shape), "")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(2, 2), (128, 2), (4, 3), (2, 3, 5), (1, 10), (10,), (128, 10), (64, 1000)])
def test_probabilities_are_recognised(dtype, shape):
    for seed in range(100):
        scores = np.random.default_rng(seed).normal(scale=3, size=shape).astype(dtype)
        with pytest.raises(ValueError, match=TWICE):
            check_scores(OWNER, softmax(scores), "the cure")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("gap", [0, 1, 10, 20, 50, 100, 1000])
def test_confident_probabilities_are_recognised(dtype, gap):
    scores = np.zeros((4, 3), dtype)
    scores[:, 0] = gap
    probabilities = mn.Softmax().forward(scores)
    with pytest.raises(ValueError, match=TWICE):
        check_scores(OWNER, probabilities, "the cure")


@pytest.mark.parametrize("bias", [0.0, 1.0, -3.0])
@pytest.mark.parametrize("samples", [1, 2, 100])
def test_two_sigmoids_of_a_dead_network_are_no_softmax(samples, bias):
    """Only biases are left, so that all rows are one; and b and −b are what two classes learn from 0."""
    scores = np.tile(np.array([bias, -bias], np.float32), (samples, 1))
    check_scores(OWNER, mn.Sigmoid().forward(scores), "false alarm")
    mn.SoftmaxCrossEntropyLoss().forward(mn.Sigmoid().forward(scores), np.zeros(samples, int))
    if samples > 1:
        scores[-1] += [1, 2]
        with pytest.raises(ValueError, match=TWICE):
            check_scores(OWNER, mn.Softmax().forward(scores), "the cure")


@pytest.mark.parametrize("scale", [0.01, 0.1, 0.3, 1, 10, 100])
@pytest.mark.parametrize("shape", [(2,), (3,), (10,), (1, 2), (2, 2), (4, 2), (1, 7), (1, 10), (32, 3), (128, 10)])
def test_random_scores_never_raise_a_false_alarm(scale, shape):
    generator = np.random.default_rng(0)
    for _ in range(1000):
        check_scores(OWNER, generator.normal(scale=scale, size=shape).astype(np.float32), "false alarm")


@pytest.mark.parametrize("shape", [(2,), (1, 2), (1, 6), (2, 2), (3, 2), (2, 3), (4, 5), (1, 10), (128, 10)])
def test_scores_between_0_and_1_raise_no_false_alarm(shape):
    generator = np.random.default_rng(1)
    for _ in range(5000):
        check_scores(OWNER, generator.random(shape, np.float32), "false alarm")


@pytest.mark.parametrize(
    "scores",
    [
        np.zeros((4, 3)),  # what a layer that starts at zero gives
        np.ones((4, 3)),
        np.eye(3),
        np.eye(10)[[7]],
        np.array([0.5, 0.5]),  # one sample of few classes may sum to 1 by chance
        np.array([[0.2, 0.3, 0.5]]),
        np.array([[0.2, 0.3, 0.5], [0.2, 0.3, 0.6]]),
        np.array([[0.5, 0.6, -0.1], [0.2, 0.3, 0.5]]),  # sums to 1, but is not positive
        np.ones((4, 1)),  # one class: every probability is 1
        np.ones((0, 10)),
        np.full((4, 3), np.nan),
    ],
)
def test_scores_that_look_a_little_like_probabilities_pass(scores):
    check_scores(OWNER, scores, "false alarm")


# -- class_major, add_up


@pytest.mark.parametrize("shape", [(200, 10), (2, 2), (1, 2), (200, 33), (0, 10), (10,), (70, 3, 4)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_class_major_changes_the_order_in_memory_and_nothing_else(shape, order):
    x = np.asarray(np.random.default_rng(0).normal(size=shape).astype(np.float32), order=order)
    y = class_major(x)
    assert np.array_equal(x, y)
    assert y.dtype == x.dtype
    if len(shape) == 2 and shape[0] > 1 and shape[1] <= 32:
        assert y.T.flags.c_contiguous
        assert (y * 2).T.flags.c_contiguous  # what is computed from it has the order, too
    else:
        assert y is x


@pytest.mark.parametrize("size", [0, 1, 64, 65, 10_000])
def test_add_up_in_float64(size):
    x = np.full(size, 0.1, np.float32)
    assert add_up(x) == pytest.approx(size * float(np.float32(0.1)), rel=1e-12)
    assert type(add_up(x)) is float


@pytest.mark.parametrize("size", [2, 100])
def test_add_up_of_what_is_not_finite(size):
    assert add_up(np.full(size, np.inf)) == np.inf
    assert math.isnan(add_up(np.full(size, np.nan)))
    with np.errstate(over="ignore"):
        assert add_up(np.full(size, 1.7e308)) == np.inf


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (128, 10), (5, 32), (5, 33), (2, 3, 4), (7,)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_row_sums(shape, dtype, order):
    x = np.asarray(np.random.default_rng(0).normal(size=shape), dtype, order)
    sums = row_sums(x)
    assert sums.dtype == dtype
    assert sums.shape == (*shape[:-1], 1)
    np.testing.assert_allclose(sums, x.sum(axis=-1, keepdims=True), rtol=0, atol=10 * np.finfo(dtype).eps * 33)


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (128, 10), (1024, 2), (1025, 2), (3000, 4)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_column_sums(shape, dtype, order):
    x = np.asarray(np.random.default_rng(0).normal(size=shape), dtype, order)
    sums = column_sums(x)
    assert sums.dtype == dtype
    assert sums.shape == shape[1:]
    np.testing.assert_allclose(sums, x.sum(axis=0), rtol=0, atol=3 * np.finfo(dtype).eps * max(shape))
    out = np.full(shape[1:], np.nan, dtype)
    assert column_sums(x, out) is out
    np.testing.assert_array_equal(out, sums)


def test_column_sums_of_many_rows_are_exact():
    x = np.random.default_rng(0).normal(size=(200_000, 4)).astype(np.float32) + 1
    exact = x.sum(axis=0, dtype=np.float64)
    assert np.abs(column_sums(x) / exact - 1).max() < 1e-6
    assert np.abs(x.sum(axis=0) / exact - 1).max() > 5e-6  # row added to row


@pytest.mark.parametrize(
    ("view", "error"),
    [
        (lambda x: x[::-1], 1e-6),
        (lambda x: x[:, ::-1], 1e-6),
        (lambda x: x[:, :2], 1e-6),
        (lambda x: np.asfortranarray(x)[::-1], 1e-6),
        (lambda x: np.broadcast_to(x[:1], x.shape), 5e-5),  # BLAS adds up 1024 equal numbers
        (lambda x: np.broadcast_to(x[:, :1], x.shape), 1e-6),
    ],
)
@pytest.mark.parametrize("axes", [(0,), (0, 1)])
def test_sums_of_many_rows_are_exact_in_any_view(view, error, axes):
    x = view(np.random.default_rng(0).random((200_000, 3), np.float32))
    exact = x.sum(axis=axes, keepdims=True, dtype=np.float64)
    assert np.abs(sums(x, axes) / exact - 1).max() < error


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("axes", [(), (0,), (1,), (-1,), (0, 2), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("shape", [(3, 4, 5), (2000, 3, 2), (0, 3, 2), (1, 1, 1)])
def test_sums(shape, axes, order):
    x = np.asarray(np.random.default_rng(0).normal(size=shape), np.float32, order=order)
    total = sums(x, axes)
    expected = x.sum(axis=axes, keepdims=True, dtype=np.float64)
    assert total.dtype == np.float32
    assert total.shape == expected.shape
    np.testing.assert_allclose(total, expected, atol=1e-5)
