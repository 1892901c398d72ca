"""A clock gives each piece its own time, without that of the pieces that it calls."""

import numpy as np
import pytest

import minnet as mn


class Gate(mn.ReLU):
    """y = max(0, x), by methods that it inherits."""


@pytest.fixture
def clock(script, monkeypatch):
    """Return a clock, whose time goes on by one second each time it is looked at."""
    module = script("clock")
    seconds = iter(range(10**6))
    monkeypatch.setattr(module.time, "perf_counter", lambda: float(next(seconds)))
    return module.Clock()


def test_a_piece_does_not_contain_those_that_it_calls(clock):
    inner = clock.timed(lambda _: None, lambda _: "inner")
    outer = clock.timed(lambda _: inner(0) or inner(0), lambda _: "outer")
    clock.start()  # second 0
    outer(0)  # seconds 1 to 6, inner 2 to 3 and 4 to 5
    assert clock.stop(1, "the rest") == {"inner": 2, "outer": 3, "the rest": 2}


def test_an_error_ends_its_piece(clock):
    broken = clock.timed(lambda _: 1 / 0, lambda _: "broken")
    clock.start()
    with pytest.raises(ZeroDivisionError):
        broken(0)
    assert clock.stop(2, "the rest") == {"broken": 0.5, "the rest": 1}


def test_layers_are_timed_and_compute_the_same(clock):
    model = mn.Sequential(mn.Linear(4, 3, rng=0), Gate())
    x, dy = np.ones((2, 4), np.float32), np.ones((2, 3), np.float32)
    y, dx = model.forward(x), model.backward(dy)
    methods = dict(vars(Gate)), dict(vars(mn.Linear))
    model = mn.Sequential(mn.Linear(4, 3, rng=0), Gate())
    with clock.layers(model, {}, lambda path, layer: type(layer).__name__):
        clock.start()
        assert np.array_equal(model.forward(x), y)
        assert np.array_equal(model.backward(dy), dx)
        found = clock.stop(1, "the rest")
    names = {f"{kind} {way}" for kind in ("Sequential", "Linear", "Gate") for way in ("forward", "backward")}
    assert set(found) == names | {"the rest"}
    assert (dict(vars(Gate)), dict(vars(mn.Linear))) == methods


def test_a_twin_is_timed_in_place_of_its_formula(clock):
    called = []
    formula = mn.ReLU.forward.formula

    def twin(self, x):
        called.append(x)
        return formula(self, x)

    layer = mn.ReLU()
    with clock.layers(layer, {formula: twin}, lambda path, layer: "ReLU"):
        clock.start()
        layer.forward(np.ones((2, 3), np.float32))
    layer.forward(np.ones((2, 3), np.float32))
    assert len(called) == 1
