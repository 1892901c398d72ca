"""The twins of updates leave the very bits that the optimizers' own formulas leave."""

import copy

import numpy as np
import pytest

pytest.importorskip("numba", reason="the extra compiled is not installed")

import minnet as mn
from minnet.compiled.twins import updates
from minnet.compiled.twins.updates import TWINS

pytestmark = pytest.mark.slow

OPTIMIZERS = [
    (mn.SGD, {"lr": 0.1}),
    (mn.SGD, {"lr": 0.1, "momentum": 0.9}),
    (mn.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
    (mn.SGD, {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1}),
    (mn.Adam, {}),
    (mn.Adam, {"amsgrad": True, "betas": (0.5, 0.5)}),
    (mn.Adam, {"weight_decay": 0.1, "eps": 1e-3}),
    (mn.AdamW, {}),
    (mn.NAdam, {"momentum_decay": 0.1}),
    (mn.RMSprop, {}),
    (mn.RMSprop, {"momentum": 0.9}),
    (mn.RMSprop, {"centered": True, "momentum": 0.5}),
    (mn.Adagrad, {"lr_decay": 0.1, "initial_accumulator_value": 0.5}),
]
ORDERS = {
    "C": lambda a: a,
    "Fortran": np.asfortranarray,
    "permuted": lambda a: np.ascontiguousarray(a.transpose(1, 2, 0)).transpose(2, 0, 1),
    "apart": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
}
kinds = pytest.mark.parametrize(("kind", "options"), OPTIMIZERS, ids=lambda value: getattr(value, "__name__", value))


@pytest.fixture(autouse=True)
def _of_any_size(monkeypatch):
    monkeypatch.setattr(updates, "LEAST", 0)


def pair(kind, options, values, order=ORDERS["C"], dtype=np.float32):
    """Make an optimizer of one Parameter whose memory has an order, and a copy."""
    parameter = mn.Parameter(values, dtype)
    parameter.adopt(order(parameter.data))
    optimizer = kind([parameter], **options)
    return optimizer, copy.deepcopy(optimizer)


def assert_same_bits(ours, theirs):
    assert ours.parameters[0].data.tobytes() == theirs.parameters[0].data.tobytes()
    assert list(ours.state) == list(theirs.state)
    for name, (entry,) in ours.state.items():
        np.testing.assert_array_equal(entry, theirs.state[name][0], strict=isinstance(entry, np.ndarray))


@kinds
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ORDERS.values(), ids=list(ORDERS))
@pytest.mark.parametrize("order_of_g", [ORDERS["C"], ORDERS["Fortran"]], ids=["g C", "g Fortran"])
def test_the_same_bits(kind, options, dtype, order, order_of_g):
    rng = np.random.default_rng(0)
    ours, theirs = pair(kind, options, rng.normal(size=(3, 5, 7)), order, dtype)
    for step in range(1, 6):
        g = rng.normal(size=(3, 5, 7)) * 10.0 ** rng.integers(-30, 15, size=(3, 5, 7))
        g = order_of_g(np.where(rng.random(g.shape) < 0.2, -0.0, g).astype(dtype))
        for optimizer, update in ((ours, TWINS[kind.update]), (theirs, kind.update)):
            optimizer.state["step"][0] = step
            with np.errstate(all="ignore"):
                update(optimizer, 0, optimizer.parameters[0].data, g, optimizer.param_groups[0])
        assert_same_bits(ours, theirs)


@kinds
@pytest.mark.parametrize("shape", [(), (1,), (0,), (4, 0), (16, 17)])
def test_shapes(kind, options, shape):
    ours, theirs = pair(kind, options, np.ones(shape))
    g = np.full(shape, 0.25, np.float32)
    g.flags.writeable = False
    for optimizer, update in ((ours, TWINS[kind.update]), (theirs, kind.update)):
        optimizer.state["step"][0] = 1
        update(optimizer, 0, optimizer.parameters[0].data, g, optimizer.param_groups[0])
    assert_same_bits(ours, theirs)


@kinds
def test_nan_and_infinity(kind, options):
    g = np.array([np.nan, np.inf, -np.inf, 1e30, 1e-40, 0, 1], np.float32)
    ours, theirs = pair(kind, options, np.ones(7))
    for step in (1, 2):
        for optimizer, update in ((ours, TWINS[kind.update]), (theirs, kind.update)):
            optimizer.state["step"][0] = step
            with np.errstate(all="ignore"):
                update(optimizer, 0, optimizer.parameters[0].data, g, optimizer.param_groups[0])
        np.testing.assert_array_equal(ours.parameters[0].data, theirs.parameters[0].data)
        for name, (entry,) in ours.state.items():
            np.testing.assert_array_equal(entry, theirs.state[name][0])


def test_small_parameters_are_left_to_numpy(monkeypatch):
    monkeypatch.setattr(updates, "LEAST", 8)
    monkeypatch.setattr(updates, "descend", lambda *_: pytest.fail("it is too small"))
    ours, _ = pair(mn.SGD, {"lr": 0.5}, np.ones(7))
    TWINS[mn.SGD.update](ours, 0, ours.parameters[0].data, np.ones(7, np.float32), ours.param_groups[0])
    assert ours.parameters[0].data.tolist() == [0.5] * 7


def test_arrays_with_gaps_are_updated_in_place():
    p, g = (np.ones((128, 200), np.float32)[:, :100] for _ in range(2))
    parameter = mn.Linear(128, 100).weight
    optimizer = mn.SGD([parameter], lr=0.5)
    updates.sgd_update(optimizer, 0, p, g, optimizer.param_groups[0])
    assert (p == 0.5).all()
