import numpy as np
import pytest

from minnet.compiled.foundation.flat import flat, image_rows, is_dense


@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (3, 0, 1, 2), (2, 3, 1, 0), (1, 0, 3, 2)])
def test_the_numbers_in_the_order_of_memory(axes):
    x = np.arange(120.0).reshape(2, 3, 4, 5).transpose(axes)
    assert is_dense(x)
    assert flat(x).base is not None
    assert np.array_equal(flat(x), np.arange(120.0))
    assert np.shares_memory(flat(x), x)


def test_gaps_are_not_dense():
    x = np.zeros((4, 6))
    assert not is_dense(x[:, ::2])
    assert not is_dense(x[:, :3])
    assert is_dense(x[:2])
    assert is_dense(np.zeros((0, 3)))
    assert is_dense(np.zeros(()))


def test_image_rows():
    assert image_rows(np.ones((2, 3, 4, 5))).shape == (2, 3, 20)
    assert image_rows(np.ones((2, 4, 5))).shape == (2, 1, 20)
    assert image_rows(np.ones((2, 3, 4, 0))).shape == (2, 3, 0)
