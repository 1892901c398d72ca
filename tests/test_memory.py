"""What training and evaluating keep in memory, and what they need for a moment."""

import gc
import tracemalloc

import numpy as np
import pytest

import minnet as mn


@pytest.fixture
def traced():
    tracemalloc.start()
    yield tracemalloc
    tracemalloc.stop()


def trainer(**options):
    model = mn.Sequential(mn.Linear(20, 8, rng=0), mn.ReLU(), mn.Linear(8, 3, rng=0), mn.Softmax())
    return mn.Trainer(model, mn.CrossEntropyLoss(), mn.Adam(model.parameters()), **options)


@pytest.mark.parametrize("options", [{}, {"accumulate": 3}, {"threads": 2}])
def test_nothing_grows_with_the_number_of_steps(traced, options):
    rng = np.random.default_rng(0)
    training = trainer(**options)
    loader = mn.DataLoader(rng.random((640, 20), np.float32), rng.integers(0, 3, 640), 64, shuffle=True, rng=0)
    training.fit(loader, steps=100, every=10_000, progress=False)
    gc.collect()
    before = traced.get_traced_memory()[0]
    training.fit(loader, steps=1000, every=10_000, progress=False)
    gc.collect()
    # One row of history later; to keep one small array a step would take 100 kB.
    assert traced.get_traced_memory()[0] - before < 30_000


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("what", ["evaluate", "fit", "predict"])
def test_no_temporary_array_is_as_large_as_the_data(traced, dtype, what):
    training = trainer()
    X, y = np.ones((100_000, 20), dtype), np.zeros(100_000, np.int64)
    traced.reset_peak()
    before = traced.get_traced_memory()[0]
    if what == "evaluate":
        training.evaluate((X, y))
    elif what == "predict":
        training.predict(X[:50_000])  # whose result, 50,000 x 3 numbers, is a tenth of the data
    else:
        training.fit(mn.DataLoader(X, y, 100, rng=0), steps=20, evaluate={"test": (X, y)}, progress=False)
    assert traced.get_traced_memory()[1] - before < 100_000 * 20 / 1.3  # in bytes: less than even the uint8 data
