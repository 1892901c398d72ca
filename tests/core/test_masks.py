"""Tests of masked arrays, which are refused wherever a user can pass one."""

import sys
from types import ModuleType

import numpy as np
import pytest

import minnet as mn
from minnet.core.masks import refuse_mask

MASKED = np.ma.masked_array(np.ones((4, 3), np.float32), np.eye(4, 3, dtype=bool))
CLEAN = np.ma.masked_array(np.ones((4, 3), np.float32))
LABELS = np.ma.masked_array([0, 1, 2, 0], [False, True, False, False])


def trainer():
    model = mn.Sequential(mn.Linear(3, 3, rng=0))
    return mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), 0.1))


@pytest.mark.parametrize(
    "use",
    [
        lambda X: mn.DataLoader(X, np.arange(4)),
        lambda X: mn.DataLoader(list(X), np.arange(4)),
        lambda X: mn.DataLoader(np.arange(4), X),
        lambda X: trainer().evaluate((X, np.arange(4))),
        lambda X: trainer().predict(X),
        lambda X: trainer().fit([(X, np.array([0, 1, 2, 0]))], epochs=1),
        lambda X: trainer().fit([(np.asarray(X), LABELS)], epochs=1),
        lambda X: mn.Linear(3, 2).forward(X),
        lambda X: mn.Sequential(mn.Linear(3, 2)).forward(X),
        lambda X: mn.Softmax().forward(X),
        lambda X: mn.Embedding(3, 2).forward(X.astype(int)),
        lambda X: mn.MSELoss().forward(np.asarray(X), X),
        lambda X: mn.MSELoss().forward(X, np.asarray(X)),
        lambda X: mn.SoftmaxCrossEntropyLoss().forward(np.asarray(X), LABELS),
        lambda X: mn.MultiMarginLoss().forward(np.asarray(X), LABELS),
        lambda X: mn.Normalize.of(X),
        lambda X: mn.metrics.accuracy(X, np.zeros(4, int)),
        lambda X: mn.metrics.accuracy(np.asarray(X), LABELS),
        lambda X: mn.metrics.f1(np.asarray(X), LABELS),
        lambda X: mn.metrics.mae(np.asarray(X), X),
        lambda X: mn.metrics.confusion_matrix(np.asarray(X), LABELS),
    ],
    ids=range(21),
)
@pytest.mark.parametrize("X", [MASKED, CLEAN], ids=["masked", "nothing masked"])
def test_a_masked_array_is_refused_wherever_it_enters(use, X):
    with pytest.raises(
        TypeError, match=r"expected \w+ to be a plain array, got a (list of )?masked array.*: \w+ .* masks"
    ):
        use(X)


def test_a_masked_array_of_the_same_shape_as_before_is_refused_too():
    model, loss = mn.Sequential(mn.Linear(3, 3)), mn.SoftmaxCrossEntropyLoss()
    with loss.checking_once():
        for _ in range(2):
            loss.forward(model.forward(np.ones((4, 3), np.float32)), np.zeros(4, int))
        with pytest.raises(TypeError, match="masked array"):
            model.forward(MASKED)
        with pytest.raises(TypeError, match="masked array"):
            loss.forward(np.ones((4, 3), np.float32), LABELS)
    model.forward(np.ones((4, 3), np.float32))
    with pytest.raises(TypeError, match="expected dy to be a plain array"):
        model.backward(MASKED)


def test_the_cures_of_a_masked_array_work():
    X, y = MASKED, np.arange(4)
    with pytest.raises(TypeError, match=r"with 3 of 12 numbers masked: leave those samples out, keep = ") as caught:
        mn.DataLoader(X, y)
    cure = str(caught.value).partition("leave those samples out, ")[2].partition(", or fill")[0]
    names = {"X": X, "y": y, "np": np}
    exec(cure, names)
    assert mn.DataLoader(names["X"], names["y"]).y.tolist() == [3]
    assert "X.filled(0)" in str(caught.value)
    mn.DataLoader(X.filled(0), y)
    with pytest.raises(TypeError, match=r"got a masked array: pass np\.asarray\(X\)"):
        mn.DataLoader(CLEAN, y)


@pytest.mark.parametrize(
    "use",
    [
        mn.Parameter,
        mn.Buffer,
        lambda values: setattr(mn.Parameter(np.ones(2)), "data", values),
        lambda values: mn.SoftmaxCrossEntropyLoss(values),
        lambda values: mn.BCEWithLogitsLoss(pos_weight=values),
        lambda values: mn.NLLLoss().forward(np.log(np.full((2, 2), 0.5)), [0, 1], values),
    ],
)
def test_masked_weights_are_refused(use):
    with pytest.raises(TypeError, match=r"got a masked array with 1 of 2 numbers masked: fill the gaps, such as with"):
        use(np.ma.masked_array([1.0, 2.0], [False, True]))


def test_while_another_thread_imports_the_module(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy.ma", ModuleType("numpy.ma"))
    refuse_mask("a loader", "X", np.ones(3))
