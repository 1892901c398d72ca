"""HeldOut measures what Trainer.evaluate measures, without a switch of the model's mode."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
import minnet as mn
from minnet.sklearn.held_out import HeldOut

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
y = (X[:, 0] > X[:, 1]).astype(int)


@pytest.mark.parametrize("weights", [None, np.arange(20.0)])
def test_the_columns_are_those_of_evaluate(weights):
    layers = mn.Linear(4, 8, rng=0), mn.BatchNorm1d(8), mn.ReLU(), mn.Dropout(0.5, rng=0), mn.Linear(8, 2, rng=1)
    model = mn.Sequential(*layers)
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.5))
    held_out = mn.DataLoader(X[40:], y[40:], 7, sample_weight=weights)
    modes = []

    class Compare(mn.callbacks.Callback):
        def on_row(self, trainer, row):
            modes.append(model.training)
            expected = {f"validation_{name}": value for name, value in trainer.evaluate(held_out).items()}
            assert {name: row[name] for name in expected} == pytest.approx(expected)

    batches = mn.DataLoader(X[:40], y[:40], 10, shuffle=True, rng=0)
    history = trainer.fit(batches, epochs=5, callbacks=[HeldOut(held_out), Compare()], progress=False)
    assert modes == [True] * 5
    assert history.names[-2:] == ["validation_loss", "validation_accuracy"]
    assert len(set(history.column("validation_loss"))) == 5
