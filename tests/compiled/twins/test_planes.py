import numpy as np
import pytest

from minnet.compiled.twins.planes import of_size_1, planes, without

X = np.arange(8 * 6 * 5 * 40, dtype=np.float32).reshape(8, 6, 5, 40)


@pytest.mark.parametrize(
    ("memory", "middle", "shape"),
    [
        ((0, 1, 2, 3), (1,), (8, 6, 200)),
        ((0, 1, 2, 3), (0, 1), (1, 48, 200)),
        ((0, 1, 2, 3), (3,), (240, 40, 1)),
        ((1, 2, 3, 0), (1,), (1, 6, 1600)),
        ((0, 3, 1, 2), (3,), (8, 40, 30)),
        ((0, 3, 1, 2), (), (1, 1, 9600)),
        ((0, 1, 2, 3), (1, 3), None),
        ((1, 0, 2, 3), (0, 1), None),  # they follow one another, but the other way round
    ],
)
def test_three_axes_in_the_order_of_memory(memory, middle, shape):
    x = X.transpose(memory).copy().transpose(np.argsort(memory))
    found = planes(x, middle, np.empty_like(x))
    if shape is None:
        assert found is None
        return
    assert [array.shape for array in found] == [shape, shape]
    assert np.shares_memory(found[0], x)
    others = without(middle, 4)
    assert np.array_equal(found[0].sum(axis=(0, 2)), x.sum(axis=others).reshape(-1))
    assert of_size_1(x, others).size == found[0].shape[1]


def test_axes_of_size_1_may_lie_anywhere():
    x = X[:, :, None].transpose(0, 2, 1, 3, 4)
    found = planes(x, (2, 1))
    assert found[0].shape == (8, 6, 200)


def test_other_arrays_are_left_to_formulas():
    assert planes(X[..., ::2], (1,)) is None
    assert planes(X.astype(np.float64), (1,)) is None
    assert planes(X, (1,), X.transpose(0, 1, 3, 2)) is None
