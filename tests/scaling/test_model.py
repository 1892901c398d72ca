"""The model of many ranks agrees with closed forms."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

SCALING = Path(__file__).parents[2] / "benchmarks" / "scaling"


@pytest.fixture(scope="module")
def model():
    """Import benchmarks/scaling/model.py as the script that it is, and forget what it imported."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCALING.parent))
        patch.syspath_prepend(str(SCALING))
        spec = importlib.util.spec_from_file_location("scaling_model", SCALING / "model.py")
        module = importlib.util.module_from_spec(spec)
        patch.setitem(sys.modules, "scaling_model", module)  # dataclass looks for it
        spec.loader.exec_module(module)
        yield module
    for name in set(sys.modules) - before:
        if str(SCALING.parent) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def work(model, steps=(1.0, 1.0, 1.0), gradients=0, overhead=0.0):
    seconds = {"1": 1.0, "2": 1.5, "4": 2.5, "8": 4.5}
    return model.Work(
        {"seconds": seconds, "batch": 8, "overhead": overhead, "gradients": gradients, "steps": list(steps)}
    )


def test_a_large_message_takes_twice_its_bytes_and_a_small_one_a_latency_a_round(model):
    network = model.Network("", latency=1e-6, bandwidth=1e9)
    assert network.allreduce(1, 1e9) == 0
    assert network.allreduce(8, 0) == pytest.approx(3e-6)
    assert network.allreduce(8, 1e9) == pytest.approx(2 * 7 / 8, rel=1e-4)
    assert network.allreduce(2, 1000) == pytest.approx(2e-6)


def test_the_slowest_of_n_is_the_mean_of_the_largest_of_n_draws(model):
    steps = np.array([1.0, 2.0, 3.0, 7.0])
    drawn = np.random.default_rng(0).choice(steps / np.median(steps), (200_000, 3)).max(axis=1)
    assert work(model, steps).slowest(3) == pytest.approx(drawn.mean(), rel=0.01)
    assert work(model, steps).slowest(1) == pytest.approx(steps.mean() / 2.5)
    assert work(model, steps).slowest(10**6) == pytest.approx(7 / 2.5)


def test_computing_lies_between_the_sizes_that_were_measured(model):
    assert work(model).compute(3) == 2.0
    assert work(model).compute(16) == 8.5


def test_without_a_network_only_the_smallest_step_limits_strong_scaling(model):
    free = model.Network("", 0.0, float("inf"))
    assert work(model).faster(8, free) == 4.5
    assert work(model).faster(512, free) == 4.5
    assert work(model).faster(8, free, weak=True) == 8
    assert work(model, overhead=0.5).faster(8, free) == 4.5 / 1.5


def test_latency_and_bandwidth_are_found_again(model):
    seconds = {str(size): [5e-6 + size / 2e9] for size in (8, 2048, 32768, 2**20)}
    network = model.fitted("", seconds)
    assert network.latency == pytest.approx(5e-6)
    assert network.bandwidth == pytest.approx(2e9)
