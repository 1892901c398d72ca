"""A Parameter's two arrays are allocated once and only ever written in place."""

import copy
import pickle

import numpy as np
import pytest

from minnet import Parameter


@pytest.fixture
def parameter():
    return Parameter([[1.0, 2.0], [3.0, 4.0]])


def test_starts_with_the_values_and_a_gradient_of_zero(parameter):
    np.testing.assert_array_equal(parameter.data, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(parameter.grad, [[0, 0], [0, 0]])
    assert parameter.trainable


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3,), (2, 3), (2, 3, 4)])
def test_any_shape(shape):
    parameter = Parameter(np.ones(shape))
    assert parameter.data.shape == parameter.grad.shape == shape


def test_is_float32_whatever_it_is_made_of():
    assert Parameter(np.ones(2, np.float64)).data.dtype == np.float32
    assert Parameter([1, 2]).grad.dtype == np.float32


def test_is_float64_on_request():
    parameter = Parameter([1, 2], dtype=np.float64)
    assert parameter.data.dtype == parameter.grad.dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float16, np.int64, np.complex64, bool])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(TypeError, match="a Parameter is float32 or float64, not"):
        Parameter([1, 2], dtype=dtype)


@pytest.mark.parametrize("order", ["C", "F"])
def test_copies_its_first_values_to_an_array_in_c_order(order):
    values = np.ones((2, 3), np.float32, order=order)
    parameter = Parameter(values)
    assert not np.shares_memory(parameter.data, values)
    assert parameter.data.flags.c_contiguous
    assert parameter.grad.flags.c_contiguous


def test_takes_read_only_values_and_is_writable_itself():
    values = np.ones(2, np.float32)
    values.flags.writeable = False
    parameter = Parameter(values)
    parameter.data += 1
    np.testing.assert_array_equal(parameter.data, [2, 2])


# -- writing in place


@pytest.mark.parametrize("shape", [(), (3,)])
def test_augmented_assignments_write_in_place(shape):
    parameter = Parameter(np.full(shape, 3.0))
    data, grad = parameter.data, parameter.grad
    parameter.grad += 2
    parameter.grad *= 2
    parameter.data -= parameter.grad
    assert parameter.data is data
    assert parameter.grad is grad
    np.testing.assert_array_equal(data, np.full(shape, -1.0))
    np.testing.assert_array_equal(grad, np.full(shape, 4.0))


@pytest.mark.parametrize("values", [np.full((2, 2), 7.0), np.full((2, 2), 7, np.float32), [[7, 7], [7, 7]]])
def test_assigning_to_data_copies_the_values_in(parameter, values):
    data = parameter.data
    parameter.data = values
    assert parameter.data is data
    assert not np.shares_memory(data, values)
    np.testing.assert_array_equal(data, [[7, 7], [7, 7]])


def test_assigning_its_own_transpose_is_safe(parameter):
    parameter.data = parameter.data.T
    np.testing.assert_array_equal(parameter.data, [[1, 3], [2, 4]])


@pytest.mark.parametrize("values", [1.0, [1, 2], [[1, 2, 3], [4, 5, 6]], [[[1, 2], [3, 4]]]])
def test_values_of_another_shape_are_refused_and_change_nothing(parameter, values):
    with pytest.raises(ValueError, match=r"this Parameter has shape \(2, 2\), the new values have \("):
        parameter.data = values
    np.testing.assert_array_equal(parameter.data, [[1, 2], [3, 4]])


def test_complex_values_are_refused_and_change_nothing(parameter):
    with pytest.raises(TypeError, match="Cannot cast"):
        parameter.data = np.ones((2, 2), complex)
    np.testing.assert_array_equal(parameter.data, [[1, 2], [3, 4]])


def test_grad_is_never_replaced(parameter):
    with pytest.raises(AttributeError, match=r"never re-bound: add to it in place \(p.grad \+= "):
        parameter.grad = np.ones((2, 2), np.float32)
    np.testing.assert_array_equal(parameter.grad, np.zeros((2, 2)))


def test_a_mistyped_attribute_is_refused(parameter):
    with pytest.raises(AttributeError):
        parameter.gard = 1


# -- converting and copying


def test_astype_converts_values_and_gradient(parameter):
    parameter.grad += 0.5
    parameter.astype(np.float64)
    assert parameter.data.dtype == parameter.grad.dtype == np.float64
    np.testing.assert_array_equal(parameter.data, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(parameter.grad, np.full((2, 2), 0.5))


def test_astype_to_its_own_dtype_keeps_the_arrays(parameter):
    data, grad = parameter.data, parameter.grad
    parameter.astype("float32")
    assert parameter.data is data
    assert parameter.grad is grad


def test_astype_to_another_dtype_is_refused_and_changes_nothing(parameter):
    with pytest.raises(TypeError, match="float32 or float64, not float16"):
        parameter.astype(np.float16)
    assert parameter.data.dtype == np.float32


@pytest.mark.parametrize("copied_by", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_copies_are_equal_and_independent(copied_by):
    parameter = Parameter([0.1, 0.2], np.float64, trainable=False)
    parameter.grad += 0.3
    copied = copied_by(parameter)
    assert copied.trainable is False
    assert copied.data.tobytes() == parameter.data.tobytes()
    assert copied.grad.tobytes() == parameter.grad.tobytes()
    copied.data += 1
    copied.grad += 1
    np.testing.assert_array_equal(parameter.data, [0.1, 0.2])
    np.testing.assert_array_equal(parameter.grad, [0.3, 0.3])


@pytest.mark.parametrize("copied_by", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_what_is_shared_stays_shared_in_a_copy(parameter, copied_by):
    first, second = copied_by([parameter, parameter])
    assert first is second


def test_repr():
    assert repr(Parameter(np.ones((2, 3)))) == "Parameter(shape=(2, 3), dtype=float32)"
    frozen = Parameter(0.0, np.float64, trainable=False)
    assert repr(frozen) == "Parameter(shape=(), dtype=float64, trainable=False)"


def product():
    a, b = np.arange(6, dtype=np.float32).reshape(2, 3), np.ones((3, 2), np.float32)
    return a, b, np.array([[3, 3], [12, 12]])


def test_add_product_adds():
    a, b, ab = product()
    p = Parameter(np.zeros((2, 2)))
    p.add_product(a, b)
    p.add_product(a, b)
    assert p.grad.tolist() == (2 * ab).tolist()
    p.zero_grad()
    p.add_product(a, b)
    p.grad += 1
    assert p.grad.tolist() == (ab + 1).tolist()


@pytest.mark.parametrize("held", [False, True])
def test_after_zero_grad_only_the_new_gradient_is_there(held):
    a, b, ab = product()
    p = Parameter(np.zeros((2, 2)))
    if held:
        p.grad  # noqa: B018 from now on, somebody may look at the array
    for _ in range(2):
        p.zero_grad()
        p.add_product(a, b)
    assert p.read_grad().tolist() == ab.tolist()
    p.zero_grad()
    assert p.read_grad().tolist() == [[0, 0], [0, 0]]  # nothing came: zeros, not the old gradient


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("rows", [0, 1, 3, 2000])
def test_add_rows_adds_their_sum(held, rows):
    x = np.arange(2 * rows, dtype=np.float64).reshape(rows, 2)
    p = Parameter(np.zeros(2), np.float64)
    if held:
        p.grad  # noqa: B018 from now on, somebody may look at the array
    for _ in range(2):
        p.zero_grad()
        p.add_rows(x)
        assert p.read_grad().tolist() == x.sum(axis=0).tolist()
    p.add_rows(x)
    assert p.read_grad().tolist() == (2 * x.sum(axis=0)).tolist()


def test_who_holds_the_gradient_sees_it_become_zero():
    p = Parameter(np.zeros((2, 2)))
    p.add_product(*product()[:2])
    held = p.grad
    p.zero_grad()
    assert held.tolist() == [[0, 0], [0, 0]]
    assert p.grad is held


def test_a_view_that_a_layer_holds_is_added_to_and_zeroed():
    p = Parameter(np.zeros((2, 2)))
    row = p.grad[0]
    for _ in range(2):
        p.zero_grad()
        row += 1
        assert p.read_grad().tolist() == [[1, 1], [0, 0]]


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_a_copy_of_a_zeroed_gradient_is_zero(copier):
    p = Parameter(np.zeros((2, 2)))
    p.add_product(*product()[:2])
    p.zero_grad()
    assert copier(p).grad.tolist() == [[0, 0], [0, 0]]


def test_share_makes_the_values_one_array():
    p, q = Parameter([1.0, 2.0]), Parameter([0.0, 0.0])
    q.share(p)
    p.data += 1
    assert q.data.tolist() == [2, 3]
    assert not np.shares_memory(p.grad, q.grad)
