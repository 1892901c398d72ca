"""A WeightedTrainer's gradients of all batches together are those of the whole set."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
import minnet as mn
from minnet.sklearn.weighted_trainer import WeightedTrainer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3))
WEIGHT = RNG.integers(0, 9, 12).astype(float)
TARGETS = [
    (mn.SoftmaxCrossEntropyLoss(), RNG.integers(0, 2, 12)),
    (mn.HuberLoss(), RNG.normal(size=(12, 2))),
]


def gradient(loss, rows, weight, mean_weight):
    """Return the gradient of a step with these rows, by the step's change of the weights."""
    (X, y) = rows
    model = mn.Linear(3, 2, rng=0).astype(np.float64)
    before = model.weight.data.copy()
    trainer = WeightedTrainer(model, loss, mn.SGD(model.parameters(), lr=1.0))
    trainer.mean_weight = mean_weight
    value = trainer.train_step(X, y, weight) if weight is not None else trainer.train_step(X, y)
    return before - model.weight.data, value


@pytest.mark.parametrize(("loss", "y"), TARGETS, ids=["classes", "quantities"])
def test_batches_add_up_to_the_whole(loss, y):
    whole, _ = gradient(loss, (X.repeat(WEIGHT.astype(int), axis=0), y.repeat(WEIGHT.astype(int), axis=0)), None, 1.0)
    parts = [gradient(loss, (X[i : i + 4], y[i : i + 4]), WEIGHT[i : i + 4], WEIGHT.mean())[0] for i in (0, 4, 8)]
    assert sum(parts) / 3 == pytest.approx(whole)
    assert gradient(loss, (X, y), WEIGHT, WEIGHT.mean())[0] == pytest.approx(whole)


@pytest.mark.parametrize(("loss", "y"), TARGETS, ids=["classes", "quantities"])
def test_the_history_has_the_mean_over_the_weighted_samples(loss, y):
    model = mn.Linear(3, 2, rng=0).astype(np.float64)
    trainer = WeightedTrainer(model, loss, mn.SGD(model.parameters(), lr=1e-12))
    trainer.mean_weight = WEIGHT.mean()
    history = trainer.fit(mn.DataLoader(X, y, 5, sample_weight=WEIGHT), epochs=1, progress=False)
    assert history[-1]["loss"] == pytest.approx(loss.forward(model.forward(X), y, WEIGHT))
