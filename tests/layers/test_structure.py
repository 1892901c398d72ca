"""Flatten, Identity, Reshape, Permute: the same numbers in another shape or order."""

import copy
import pickle

import numpy as np
import pytest

from minnet.layers.structure import Flatten, Identity, Permute, Reshape


def numbers(*shape, dtype=np.float32):
    """Return 0, 1, 2, … in a read-only array of that shape."""
    result = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
    result.flags.writeable = False
    return result


# -- Flatten


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "flat"),
    [
        ((2, 3, 4), (2, 12)),
        ((2, 3, 4, 5), (2, 60)),
        ((2, 3), (2, 3)),
        ((1, 28, 28), (1, 784)),
        ((0, 28, 28), (0, 784)),
        ((2, 0, 3), (2, 0)),
        ((5,), (5,)),
    ],
)
def test_flatten_shapes_there_and_back(shape, flat, dtype):
    layer = Flatten()
    y = layer.forward(numbers(*shape, dtype=dtype))
    dx = layer.backward(numbers(*flat, dtype=dtype))
    assert y.shape == flat
    assert dx.shape == shape
    assert y.dtype == dx.dtype == dtype


def test_flatten_each_sample_keeps_its_numbers_in_order():
    layer = Flatten()
    np.testing.assert_array_equal(layer.forward(numbers(2, 2, 2)), [[0, 1, 2, 3], [4, 5, 6, 7]])
    np.testing.assert_array_equal(layer.backward(numbers(2, 4)), [[[0, 1], [2, 3]], [[4, 5], [6, 7]]])


def test_flatten_arrays_need_not_be_contiguous():
    layer = Flatten()
    x = numbers(2, 3, 4).transpose(2, 1, 0)
    np.testing.assert_array_equal(layer.forward(x)[1], [1, 13, 5, 17, 9, 21])
    np.testing.assert_array_equal(layer.backward(numbers(6, 4).T)[1], [[1, 5], [9, 13], [17, 21]])


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.float16])
def test_flatten_other_dtypes_are_refused_with_the_cure(dtype):
    with pytest.raises(TypeError, match=r"^Flatten\(\) expected float32 or float64, got .*: pass x.astype"):
        Flatten().forward(numbers(2, 3, dtype=dtype))


def test_flatten_a_list_is_refused_with_the_cure():
    with pytest.raises(TypeError, match=r"^Flatten\(\) expected a NumPy array, got list: pass np.asarray"):
        Flatten().forward([[1.0]])


@pytest.mark.parametrize("shape", [(2, 3, 4), (12,), (2, 3), (1, 12), (3, 12), (24,), (12, 2)])
def test_flatten_a_gradient_of_another_shape_is_refused_even_if_it_has_as_many_numbers(shape):
    layer = Flatten()
    layer.forward(numbers(2, 3, 4))
    with pytest.raises(ValueError, match=r"^Flatten\(\).backward expected dy of the output's shape \(2, 12\), got \("):
        layer.backward(numbers(*shape))


@pytest.mark.parametrize("dy", [[[1.0, 2.0]], None, numbers(1, 2, dtype=np.int64)])
def test_flatten_a_gradient_that_is_not_of_floats_is_refused(dy):
    layer = Flatten()
    layer.forward(numbers(1, 2))
    with pytest.raises(TypeError, match=r"^Flatten\(\).backward expected"):
        layer.backward(dy)


def test_flatten_backward_needs_a_forward_in_training_mode():
    layer = Flatten()
    with pytest.raises(RuntimeError, match=r"Flatten.backward\(\) before forward\(\)"):
        layer.backward(numbers(2, 12))
    layer.eval().forward(numbers(2, 3, 4))
    with pytest.raises(RuntimeError, match="in eval mode nothing is kept"):
        layer.backward(numbers(2, 12))


@pytest.mark.parametrize("copied_by", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_and_repr_of_flatten(copied_by):
    copied = copied_by(Flatten())
    assert repr(copied) == "Flatten()"
    assert copied.forward(numbers(2, 3, 4)).shape == (2, 12)


# -- Identity


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3,), (0,), (2, 3), (0, 3), (2, 3, 4)])
def test_identity_returns_what_it_is_given(shape, dtype):
    layer, x, dy = Identity(), numbers(*shape, dtype=dtype), numbers(*shape, dtype=dtype)
    assert layer.forward(x) is x
    assert layer.backward(dy) is dy


# -- Reshape


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (Reshape(2, 3), (5, 6), (5, 2, 3)),
        (Reshape(6), (5, 2, 3), (5, 6)),
        (Reshape(-1), (5, 2, 3), (5, 6)),
        (Reshape(-1), (5,), (5, 1)),
        (Reshape(1, 28, -1), (5, 784), (5, 1, 28, 28)),
        (Reshape(1), (5,), (5, 1)),
        (Reshape(), (5, 1), (5,)),
        (Reshape(), (5, 1, 1), (5,)),
        (Reshape(2, -1), (0, 6), (0, 2, 3)),  # NumPy's own −1 cannot tell
        (Reshape(2, -1), (1, 6), (1, 2, 3)),
        (Reshape(2, -1), (3, 0), (3, 2, 0)),
    ],
)
def test_reshape_keeps_the_batch_and_the_order(layer, shape, expected):
    x = numbers(*shape)
    y = layer.forward(x)
    assert y.shape == expected
    np.testing.assert_array_equal(y.ravel(), x.ravel())
    dx = layer.backward(numbers(*expected))
    assert dx.shape == shape
    np.testing.assert_array_equal(dx, x)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Reshape(2, 3), (5, 7)),
        (Reshape(2, 3), (5, 12)),
        (Reshape(2, 3), (6,)),
        (Reshape(4, -1), (5, 6)),
        (Reshape(-1, 4), (5, 6)),
        (Reshape(4, -1), (0, 6)),
        (Reshape(), (5, 2)),
        (Reshape(5, 2, 3), (5, 6)),  # the batch was counted
        (Reshape(30), (5, 6)),
    ],
)
def test_reshape_refuses_samples_of_another_size(layer, shape):
    message = (
        r"^Reshape\(.*\) expected samples of .*\d+ numbers, got x of shape .*, whose samples have \d+ "
        r"\(the batch axis is not counted, and stays\): use sizes whose product is \d+"
    )
    with pytest.raises(ValueError, match=message):
        layer.forward(numbers(*shape))


@pytest.mark.parametrize(
    ("shape", "error", "message"),
    [
        ((-1, -1), ValueError, r"Reshape\(-1, -1\) needs sizes >= 1, and -1 at most once"),
        ((2, -2), ValueError, "needs sizes >= 1"),
        ((0,), ValueError, "needs sizes >= 1"),
        ((2.0,), TypeError, "Reshape expected size to be an int, got float"),
        ((True,), TypeError, "Reshape expected size to be an int, got bool"),
        (((2, 3),), TypeError, r"got tuple: pass the numbers one by one, Reshape\(\*numbers\)"),
    ],
)
def test_reshape_shapes_that_are_none(shape, error, message):
    with pytest.raises(error, match=message):
        Reshape(*shape)


# -- Permute


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (Permute(0, 2, 1), (5, 7, 3), (5, 3, 7)),
        (Permute(0, 3, 1, 2), (5, 28, 27, 3), (5, 3, 28, 27)),
        (Permute(0, -1, 1, 2), (5, 28, 27, 3), (5, 3, 28, 27)),
        (Permute(0, 1), (5, 3), (5, 3)),
        (Permute(0), (5,), (5,)),
        (Permute(0, 2, 1), (0, 7, 3), (0, 3, 7)),
    ],
)
def test_permute_and_back(layer, shape, expected):
    x = numbers(*shape)
    y = layer.forward(x)
    assert y.shape == expected
    np.testing.assert_array_equal(layer.backward(y), x)


def test_permute_by_hand():
    layer, x = Permute(0, 3, 1, 2), numbers(2, 3, 4, 5)
    y = layer.forward(x)
    assert y[1, 4, 2, 3] == x[1, 2, 3, 4]
    dy = numbers(2, 5, 3, 4)
    assert layer.backward(dy)[1, 2, 3, 4] == dy[1, 4, 2, 3]  # the same order again would not be the inverse


@pytest.mark.parametrize(
    ("axes", "error", "message"),
    [
        ((2, 0, 1), ValueError, r"Permute\(2, 0, 1\) must name each axis once, and the batch, axis 0, first"),
        ((1, 2), ValueError, r"axis 0, first: to swap .* Permute\(0, 2, 1\)"),
        ((0, 1, 1), ValueError, "each axis once"),
        ((0, 3), ValueError, "each axis once"),
        ((0, -3, 1), ValueError, "each axis once"),
        ((), ValueError, "each axis once"),
        ((0, 1.0), TypeError, "Permute expected axis to be an int, got float"),
        (((0, 2, 1),), TypeError, r"got tuple: pass the numbers one by one, Permute\(\*numbers\)"),
    ],
)
def test_permute_axes_that_are_none(axes, error, message):
    with pytest.raises(error, match=message):
        Permute(*axes)


@pytest.mark.parametrize("shape", [(5,), (5, 3), (5, 3, 2, 1)])
def test_permute_refuses_another_number_of_axes(shape):
    with pytest.raises(ValueError, match=r"^Permute\(0, 2, 1\) expected 3 axes, the batch included, got shape"):
        Permute(0, 2, 1).forward(numbers(*shape))


# -- all of them

ALL = [(Identity(), (2, 3, 4)), (Reshape(4, 3), (2, 4, 3)), (Permute(0, 2, 1), (2, 4, 3))]


@pytest.mark.parametrize(("layer", "out"), ALL, ids=repr)
def test_wrong_inputs_and_gradients(layer, out):
    layer = copy.deepcopy(layer)
    with pytest.raises(RuntimeError, match=r"backward\(\) before forward\(\)"):
        layer.backward(numbers(*out))
    with pytest.raises(TypeError, match="expected float32 or float64, got int64"):
        layer.forward(np.ones((2, 3, 4), np.int64))
    assert layer.forward(numbers(2, 3, 4)).shape == out
    for shape in (out[1:], (1, *out[1:]), (*out, 1), (24,)):
        with pytest.raises(ValueError, match="backward expected dy of the output's shape"):
            layer.backward(numbers(*shape))
    with pytest.raises(TypeError, match="backward expected float32, the dtype of its output, got float64"):
        layer.backward(numbers(*out, dtype=np.float64))
    layer.eval().forward(numbers(2, 3, 4))
    with pytest.raises(RuntimeError, match="in eval mode nothing is kept"):
        layer.backward(numbers(*out))


@pytest.mark.parametrize(("layer", "out"), ALL, ids=repr)
@pytest.mark.parametrize("copied_by", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies(layer, out, copied_by):
    x = numbers(2, 3, 4)
    np.testing.assert_array_equal(copied_by(layer).forward(x), layer.forward(x))


def test_repr():
    assert repr(Identity()) == "Identity()"
    assert repr(Reshape(1, 28, -1)) == "Reshape(1, 28, -1)"
    assert repr(Permute(0, -1, 1, 2)) == "Permute(0, 3, 1, 2)"
