"""Flatten: the same numbers, one row a sample."""

import copy
import pickle

import numpy as np
import pytest

from minnet import Flatten


def array(shape, dtype=np.float32):
    """Return 0, 1, 2, … in that shape, read-only."""
    result = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
    result.flags.writeable = False
    return result


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
def test_shapes_there_and_back(shape, flat, dtype):
    layer = Flatten()
    y = layer.forward(array(shape, dtype))
    dx = layer.backward(array(flat, dtype))
    assert y.shape == flat
    assert dx.shape == shape
    assert y.dtype == dx.dtype == dtype


def test_each_sample_keeps_its_numbers_in_order():
    layer = Flatten()
    np.testing.assert_array_equal(layer.forward(array((2, 2, 2))), [[0, 1, 2, 3], [4, 5, 6, 7]])
    np.testing.assert_array_equal(layer.backward(array((2, 4))), [[[0, 1], [2, 3]], [[4, 5], [6, 7]]])


def test_arrays_need_not_be_contiguous():
    layer = Flatten()
    x = array((2, 3, 4)).transpose(2, 1, 0)
    np.testing.assert_array_equal(layer.forward(x)[1], [1, 13, 5, 17, 9, 21])
    np.testing.assert_array_equal(layer.backward(array((6, 4)).T)[1], [[1, 5], [9, 13], [17, 21]])


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.float16])
def test_other_dtypes_are_refused_with_the_cure(dtype):
    with pytest.raises(TypeError, match=r"^Flatten\(\) expected float32 or float64, got .*: pass x.astype"):
        Flatten().forward(array((2, 3), dtype))


def test_a_list_is_refused_with_the_cure():
    with pytest.raises(TypeError, match=r"^Flatten\(\) expected a NumPy array, got list: pass np.asarray"):
        Flatten().forward([[1.0]])


@pytest.mark.parametrize("shape", [(2, 3, 4), (12,), (2, 3), (1, 12), (3, 12), (24,), (12, 2)])
def test_a_gradient_of_another_shape_is_refused_even_if_it_has_as_many_numbers(shape):
    layer = Flatten()
    layer.forward(array((2, 3, 4)))
    with pytest.raises(ValueError, match=r"^Flatten\(\).backward expected dy of the output's shape \(2, 12\), got \("):
        layer.backward(array(shape))


@pytest.mark.parametrize("dy", [[[1.0, 2.0]], None, array((1, 2), np.int64)])
def test_a_gradient_that_is_not_of_floats_is_refused(dy):
    layer = Flatten()
    layer.forward(array((1, 2)))
    with pytest.raises(TypeError, match=r"^Flatten\(\).backward expected"):
        layer.backward(dy)


def test_backward_needs_a_forward_in_training_mode():
    layer = Flatten()
    with pytest.raises(RuntimeError, match=r"Flatten.backward\(\) before forward\(\)"):
        layer.backward(array((2, 12)))
    layer.eval().forward(array((2, 3, 4)))
    with pytest.raises(RuntimeError, match="in eval mode nothing is kept"):
        layer.backward(array((2, 12)))


@pytest.mark.parametrize("copied_by", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_and_looks(copied_by):
    copied = copied_by(Flatten())
    assert repr(copied) == "Flatten()"
    assert copied.forward(array((2, 3, 4))).shape == (2, 12)
