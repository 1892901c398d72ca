import numpy as np
import pytest

blas = pytest.importorskip("minnet.compiled.foundation.blas", exc_type=ImportError)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sizes", [(3, 4, 5), (1, 7, 2), (64, 156, 33), (5, 1, 3), (0, 3, 4), (3, 0, 4), (3, 4, 0)])
def test_a_product_is_that_of_numpy(dtype, sizes):
    m, k, n = sizes
    rng, address = np.random.default_rng(0), blas.address(np.dtype(dtype))
    for turn_a in (False, True):
        for turn_b in (False, True):
            for beta in (0.0, 1.0, 0.5):
                a = rng.random((k, m) if turn_a else (m, k)).astype(dtype)
                b = rng.random((n, k) if turn_b else (k, n)).astype(dtype)
                c = rng.random((m, n)).astype(dtype)
                expected = (a.T if turn_a else a) @ (b.T if turn_b else b) + dtype(beta) * c
                if beta == 0.0:
                    c[:] = np.nan  # which is not read
                blas.gemm(address, a, turn_a, b, turn_b, c, beta)
                np.testing.assert_allclose(c, expected, rtol=1e-5)


def test_rows_may_lie_apart():
    rng = np.random.default_rng(0)
    z, w, y = rng.random((6, 10)), rng.random((5, 4)), np.full((6, 9), -1.0)
    blas.gemm(blas.address(np.dtype(float)), z[:, 3:8], False, w, False, y[:, 2:6], 0.0)
    np.testing.assert_allclose(y[:, 2:6], z[:, 3:8] @ w)
    assert (y[:, :2] == -1).all()
    assert (y[:, 6:] == -1).all()
