"""What training and evaluating keep in memory, and what they need for a moment."""

import gc
import platform
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

import minnet as mn
from minnet.training.memory import keep_freed_memory


@pytest.fixture
def traced():
    tracemalloc.start()
    yield tracemalloc
    tracemalloc.stop()


def trainer(**options):
    model = mn.Sequential(mn.Linear(20, 8, rng=0), mn.ReLU(), mn.Linear(8, 3, rng=0), mn.Softmax())
    return mn.Trainer(model, mn.CrossEntropyLoss(), mn.Adam(model.parameters()), **options)


@pytest.mark.slow
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


FAULTS = """
import resource
import sys

import numpy as np

import minnet as mn

if len(sys.argv) > 1:
    mn.Trainer(*(lambda m: (m, mn.SoftmaxCrossEntropyLoss(), mn.SGD(m.parameters(), lr=0.1)))(mn.Linear(2, 2)))

def pages():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def step():
    arrays = [np.ones(400_000) for _ in range(8)]  # of 3.2 MB, too small for large pages; all are freed at the end
    return sum(array[0] for array in arrays)

step()
before = pages()
for _ in range(10):
    step()
print(pages() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep memory in other ways")
def test_memory_that_was_freed_is_there_for_the_next_step():
    def pages(*arguments):
        run = [sys.executable, "-c", FAULTS, *arguments]
        return int(subprocess.run(run, capture_output=True, text=True, check=True).stdout)

    if pages() < 10_000:
        pytest.skip("this system has memory ready, or gives it in large pages")
    assert pages("with a Trainer") < 1000


def test_a_trainer_can_be_made_where_memory_is_short(monkeypatch):
    def short(*arguments):
        raise MemoryError

    monkeypatch.setattr("minnet.training.memory.np.empty", short)
    keep_freed_memory()
