import numpy as np
import pytest

from minnet.compiled.twins.pointwise import FEW, fits

FLOAT, BOOL = np.dtype(np.float32), np.dtype(np.bool_)
X = np.zeros((4, FEW, 6), np.float32)


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
def test_arrays_of_one_order_fit(axes):
    x = X.transpose(axes)
    assert fits(x, (np.empty_like(x), FLOAT), (np.empty_like(x, bool), BOOL))
    assert fits(x[:, None], (np.empty_like(x)[:, None], FLOAT))


@pytest.mark.parametrize(
    ("x", "other", "dtype"),
    [
        (X, X.transpose(0, 2, 1), FLOAT),
        (X, np.zeros((4, 6, FEW), np.float32).transpose(0, 2, 1), FLOAT),
        (X.T, np.empty(X.T.shape, np.float32), FLOAT),
        (X, X[:1], FLOAT),
        (X, X.astype(np.float64), FLOAT),
        (X, X, BOOL),
        (X, None, FLOAT),
    ],
)
def test_arrays_of_several_orders_dtypes_or_shapes_do_not(x, other, dtype):
    assert fits(x)
    assert not fits(x, (other, dtype))


@pytest.mark.parametrize(
    "x", [X.astype(np.float64), X[..., ::2], X[..., :5], X[:1, :3], np.broadcast_to(X[:1], X.shape)]
)
def test_other_dtypes_and_arrays_with_gaps_do_not(x):
    assert not fits(x)
