"""The bare formulas give what layers and losses give, to the last bit. (When they are used: test_fastpath.py.)"""

import copy
import shutil
from pathlib import Path

import numpy as np
import pytest

import minnet as mn
from minnet.training import unchecked
from minnet.training.unchecked import AS_THEY_ARE, LAYERS, LOSSES

LINEAR = [mn.Linear(5, 10, rng=0), mn.Linear(5, 10, bias=False, rng=0), mn.Linear(5, 1, rng=0)]
OTHERS = [mn.ReLU(), mn.Sigmoid(), mn.Tanh(), mn.Softmax()]
ROWS = [0, 1, 2, 63, 64, 128, 1100]


def same(one, other):
    """Compare two arrays bit by bit; or two tuples of anything."""
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray):
        return (one.shape, one.dtype, one.tobytes()) == (other.shape, other.dtype, other.tobytes())
    return one == other


def test_all_are_tried_here():
    assert {type(layer) for layer in LINEAR + OTHERS} == set(LAYERS)
    assert {mn.CrossEntropyLoss, mn.MSELoss, mn.SoftmaxCrossEntropyLoss} == set(LOSSES)
    assert all(hasattr(mn, name) for name in AS_THEY_ARE)  # in a network: test_fastpath.py


def test_the_formulas_were_written_from_the_files_as_they_are():
    """If it fails: see that the formulas in unchecked.py are those of the files, and put this digest there."""
    assert unchecked.digest() == unchecked.DIGEST
    assert unchecked.is_up_to_date()


def test_a_changed_file_is_seen(monkeypatch, tmp_path):
    folder = tmp_path / "minnet"
    shutil.copytree(Path(unchecked.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(unchecked, "__file__", str(folder / "unchecked.py"))
    assert unchecked.digest() == unchecked.DIGEST
    linear = folder / "layers" / "linear.py"
    source = linear.read_bytes()
    linear.write_bytes(source.replace(b"\n", b"\r\n"))  # as some systems have it
    assert unchecked.digest() == unchecked.DIGEST
    linear.write_bytes(source + b"# hello\n")
    assert unchecked.digest() != unchecked.DIGEST
    linear.unlink()
    unchecked.is_up_to_date.cache_clear()
    assert not unchecked.is_up_to_date()
    unchecked.is_up_to_date.cache_clear()


@pytest.mark.parametrize("layer", LINEAR + OTHERS, ids=repr)
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_layer(layer, rows, dtype, order):
    rng = np.random.default_rng(rows)
    x = np.asarray(rng.normal(size=(rows, 5)), dtype, order)
    formulas, own, bare = LAYERS[type(layer)], *(copy.deepcopy(layer).astype(dtype) for _ in range(2))
    y = own.forward(x)
    assert same(y, formulas.forward(bare, x))
    assert same(own.cache, bare.cache)
    dy = np.asarray(rng.normal(size=y.shape), dtype, order)
    assert same(own.backward(dy), formulas.backward(bare, dy))
    own.accumulate_grad(dy)
    formulas.accumulate_grad(bare, dy)
    for p, q in zip(own.parameters(), bare.parameters(), strict=True):
        assert same(p.grad, q.grad)


@pytest.mark.parametrize("loss", [mn.CrossEntropyLoss(), mn.SoftmaxCrossEntropyLoss()], ids=repr)
@pytest.mark.parametrize("rows", ROWS[1:])
@pytest.mark.parametrize("classes", [2, 10, 32, 33])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_loss(loss, rows, classes, dtype, order):
    rng = np.random.default_rng(rows)
    prediction = np.asarray(3 * rng.normal(size=(rows, classes)), dtype, order)
    if isinstance(loss, mn.CrossEntropyLoss):
        prediction = np.asarray(mn.Softmax().forward(prediction), order=order)
    y = rng.integers(0, classes, rows)
    own, bare = copy.deepcopy(loss), copy.deepcopy(loss)
    value = own.forward(prediction, y)
    assert same((value, own.backward()), LOSSES[type(loss)](bare, prediction, y))
    assert same(own.backward(), bare.backward())  # which reads what the other left in the cache


@pytest.mark.parametrize("shape", [(0,), (1,), (7,), (65,), (200, 3), (2, 3, 4)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("of_target", [np.float32, np.float64, np.int64])
def test_mean_square(shape, dtype, of_target):
    rng = np.random.default_rng(0)
    prediction, target = rng.normal(size=shape).astype(dtype), (9 * rng.normal(size=shape)).astype(of_target)
    own, bare = mn.MSELoss(), mn.MSELoss()
    value = own.forward(prediction, target)
    assert same((value, own.backward()), LOSSES[mn.MSELoss](bare, prediction, target))
    assert same(own.backward(), bare.backward())


@pytest.mark.parametrize("loss", [mn.CrossEntropyLoss(), mn.SoftmaxCrossEntropyLoss()], ids=repr)
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("label", [-1, 4, 2**40])
def test_labels_are_looked_at_every_time(loss, rows, label):
    y = np.full(rows, label)
    with pytest.raises(ValueError, match="expected labels from 0 to 3"):
        LOSSES[type(loss)](loss, np.full((rows, 4), 0.25, np.float32), y)
