"""Each kernel computes what NumPy, or a layer, computes. (How they work together: test_steps.py.)"""

import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("numba", reason="the extra compiled is not installed")
pytest.importorskip("scipy", reason="the extra compiled is not installed")

import minnet as mn
from minnet.compiled import kernels

pytestmark = pytest.mark.slow

DTYPES = (np.float32, np.float64)
SIZES = [(1, 3, 2), (4, 17, 5), (7, 64, 33), (130, 1, 1)]  # samples, inputs, outputs


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "i", "o"), SIZES)
@pytest.mark.parametrize("few", [True, False])
def test_products(rng, dtype, n, i, o, few):
    x, W, dy = (rng.normal(size=shape).astype(dtype) for shape in ((n, i), (i, o), (n, o)))
    tolerance = {"rtol": 1e-4, "atol": 1e-4} if dtype == np.float32 else {"rtol": 1e-12, "atol": 1e-12}
    given = np.ascontiguousarray(W.T) if few else W
    y, dx, g = np.full_like(dy, np.nan), np.full_like(x, np.nan), np.full_like(given, np.nan)
    kernels.forward(x, given, few, y)
    kernels.backward(dy, given, few, dx)
    kernels.gradient(x, dy, few, g)
    np.testing.assert_allclose(y, x @ W, **tolerance)
    np.testing.assert_allclose(dx, dy @ W.T, **tolerance)
    np.testing.assert_allclose(g.T if few else g, x.T @ dy, **tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("code", "layer"), [(kernels.RELU, mn.ReLU), (kernels.TANH, mn.Tanh), (kernels.SIGMOID, mn.Sigmoid)]
)
def test_activations(dtype, code, layer):
    x = np.array([[-100, -1e-3, 0, 0.5, 3], [100, 1, -1e3, -0.0, 20]], dtype)
    bias, layer = np.array([0.25, 0, 0, 0, -1], dtype), layer()
    y, dy = x.copy(), np.ones_like(x)
    kernels.activate(y, bias, code)
    kernels.deactivate(dy, y, code)
    np.testing.assert_allclose(y, layer.forward(x + bias), rtol=1e-6, atol=1e-15)
    np.testing.assert_allclose(dy, layer.backward(np.ones_like(x)), rtol=1e-6, atol=1e-15)


@pytest.mark.parametrize("code", [kernels.NOTHING, kernels.RELU, kernels.TANH, kernels.SIGMOID])
def test_nan_stays_nan(code):
    y = np.array([[np.nan, 1.0]])
    kernels.activate(y, np.zeros(2), code)
    assert np.isnan(y[0, 0])
    assert not np.isnan(y[0, 1])


@pytest.mark.parametrize("probabilities", [False, True])
@pytest.mark.parametrize("gap", [0, 1, 50, 1e4])
def test_cross_entropy(rng, gap, probabilities):
    z, labels, rows = rng.normal(size=(3, 4)), np.array([9, 2, 0, 3]), np.array([1, 2, 3])
    z[:, 1] += gap
    loss, dz, out = mn.SoftmaxCrossEntropyLoss(), np.empty_like(z), z.copy()
    expected = loss.forward(z, labels[rows])
    found = kernels.cross_entropy(out, labels, rows, len(rows), dz, probabilities)
    limit = -math.log(np.finfo(np.float64).tiny)
    assert found == pytest.approx(expected if not probabilities else min(expected, limit), rel=1e-12)
    np.testing.assert_allclose(dz, loss.backward(), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(out, mn.Softmax().forward(z) if probabilities else z, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("label", [-1, 4])
def test_a_label_that_is_no_class_gives_nan(label):
    z = np.zeros((1, 4))
    assert math.isnan(kernels.cross_entropy(z, np.array([label]), np.array([0]), 1, z.copy(), False))


@pytest.mark.parametrize("probabilities", [False, True])
def test_a_loss_that_is_nan_is_not_limited(probabilities):
    z = np.array([[1.0, np.nan, 0.0]])
    assert math.isnan(kernels.cross_entropy(z, np.array([0]), np.array([0]), 1, z.copy(), probabilities))


@pytest.mark.parametrize("kind", ["cross_entropy", "mean_square"])
def test_losses_of_parts_add_up_to_the_loss_of_a_batch(rng, kind):
    y, targets, labels = rng.normal(size=(7, 4)), rng.normal(size=(9, 4)), rng.integers(0, 4, 9)
    rows, whole, parts = np.array([8, 0, 3, 3, 1, 6, 2]), np.empty_like(y), np.empty_like(y)
    more = () if kind == "mean_square" else (False,)

    def loss(part, dy):
        given = targets if kind == "mean_square" else labels
        return getattr(kernels, kind)(y[part], given, rows[part], 7, dy[part], *more)

    cut = [slice(0, 2), slice(2, 2), slice(2, 7)]
    assert sum(loss(part, parts) for part in cut) == pytest.approx(loss(slice(None), whole), rel=1e-12)
    np.testing.assert_allclose(parts, whole, rtol=1e-12)


def test_shares_are_all_there_is_and_alike():
    for n in (0, 1, 2, 5, 784):
        ends = [kernels.share_of(n, part, 3) for part in range(3)]
        assert [ends[0][0], *(end for _, end in ends)] == [*(begin for begin, _ in ends), n]
        sizes = [end - begin for begin, end in ends]
        assert max(sizes) - min(sizes) <= 1


@kernels.compiled
def count_late(barrier, seen, thread, threads, times):
    """Write the number of each round, wait for all threads, and count those that have not written it."""
    late = 0
    for time in range(1, times + 1):
        seen[thread] = time
        if not kernels.wait_at(barrier, 2 * time * threads - threads):
            return -1
        for other in range(threads):
            late += seen[other] != time
        if not kernels.wait_at(barrier, 2 * time * threads):
            return -1
    return late


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_no_thread_passes_a_barrier_before_all_have_arrived(threads):
    barrier, seen = np.zeros(2, np.int64), np.zeros(threads, np.int64)
    with ThreadPoolExecutor(threads) as pool:
        late = list(pool.map(lambda thread: count_late(barrier, seen, thread, threads, 2000), range(threads)))
    assert late == [0] * threads
    assert barrier.tolist() == [4000 * threads, 0]


def test_a_failure_ends_the_waiting_at_a_barrier():
    barrier = np.zeros(2, np.int64)
    count_late(barrier, np.zeros(1, np.int64), 0, 1, 0)  # compiled
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(count_late, barrier, np.zeros(2, np.int64), 0, 2, 1)
        with pytest.raises(TimeoutError):
            waits.result(timeout=0.1)
        barrier[1] = 1
        assert waits.result(timeout=60) == -1


def test_sums(rng):
    rows = rng.normal(size=(9, 5))
    sums = np.full(5, np.nan)
    kernels.column_sums(rows, sums)
    np.testing.assert_allclose(sums, rows.sum(axis=0), rtol=1e-12)
    assert kernels.dot(rows[0], rows[1]) == pytest.approx(rows[0] @ rows[1], rel=1e-12)
    assert kernels.square_of(rows) == pytest.approx((rows**2).sum(), rel=1e-12)
    sums = rows[0].copy()
    kernels.add(sums, rows[1], -0.5)
    np.testing.assert_allclose(sums, rows[0] - rows[1] / 2, rtol=1e-12)


@pytest.mark.parametrize("gap", [0, 50, 1e4])
def test_softmax(rng, gap):
    z = rng.normal(size=4) + [0, gap, 0, 0]
    p = z.copy()
    top, total = kernels.softmax(z, p)
    np.testing.assert_allclose(p, mn.Softmax().forward(z[None])[0], rtol=1e-12, atol=1e-300)
    assert (top, total) == (z.max(), pytest.approx(np.exp(z - z.max()).sum(), rel=1e-12))
    kernels.softmax(z, z)
    assert np.array_equal(z, p), "it may be written in place"


def test_subnormal_numbers_become_zero():
    tiny = np.finfo(np.float32).tiny
    array = np.array([0, tiny, -tiny, tiny / 2, -tiny / 8, 1, tiny / 2], np.float32)
    kernels.zero_subnormals(array, np.array([0, 0, 0, 0, 0, 0, tiny / 2], np.float32))
    assert array.tolist() == [0, tiny, -tiny, 0, 0, 1, tiny / 2], "where there is a gradient, it is renewed"


SCRIPT = """
import numba, sys
original = numba.njit
def njit(function=None, **options):
    if options.pop("cache", False):
        raise RuntimeError("cannot cache function: no locator available")
    return original(**options) if function is None else original(function, **options)
numba.njit = njit
import numpy as np
from minnet.compiled import kernels
array = np.array([1e-40], np.float32)
kernels.zero_subnormals(array, np.zeros_like(array))
print(array[0])
"""


def test_without_a_writeable_folder_code_is_compiled_again():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout == "0.0\n"
