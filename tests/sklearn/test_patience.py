"""Patience counts rows that improve by less than tol, one after the other."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
import minnet as mn
from minnet.sklearn.patience import Patience


def run(losses, restore):
    """Return the trainer of a run whose loss is as given, and whose weight counts the epochs."""
    model = mn.Linear(1, 1)
    trainer = mn.Trainer(model, mn.MSELoss(), mn.SGD(model.parameters(), lr=0.1))

    class Given(mn.callbacks.Callback):
        def on_row(self, trainer, row):
            row["loss"] = losses[trainer.epoch - 1]
            model.weight.data[...] = trainer.epoch

    batches = mn.DataLoader(np.ones((2, 1), np.float32), np.ones((2, 1), np.float32))
    patience = Patience("loss", 2, 0.1, restore)
    trainer.fit(batches, epochs=len(losses), callbacks=[Given(), patience], progress=False)
    return trainer.epoch, float(model.weight.data[0, 0]), patience


def test_it_stops_after_more_than_patience_rows_of_too_little():
    assert run([1.0, 0.95, 0.9, 0.85, 0.8], False)[0] == 4  # 0.15 in three rows, but less than 0.1 in each
    assert run([1.0, 0.95, 0.9, 0.7, 0.65, 0.6, 0.55, 0.5], False)[0] == 7
    assert run([1.0, 0.8, 0.6], False)[0] == 3


def test_the_best_weights_are_restored_if_wanted():
    losses = [1.0, 0.5, 0.49, 0.6, 0.7, 0.8]
    epochs, weight, patience = run(losses, True)
    assert (epochs, weight, patience.best) == (5, 3.0, 0.49)
    assert run(losses, False)[1] == 5.0
