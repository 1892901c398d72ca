"""The average of the weights: its values, and that it can be put in and taken out."""

import copy
import pickle

import numpy as np
import pytest
from helpers import linear_problem
from helpers import small_trainer as make

import minnet as mn
from minnet.callbacks import EMA, Callback

X, Y = linear_problem(40)


def weights(model):
    return [parameter.data.copy() for parameter in model.parameters()]


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_known_values():
    p = mn.Parameter([8.0])
    ema = EMA(0.75)
    for value, expected in [(8, 8), (4, 7), (0, 5.25)]:
        p.data[...] = value
        ema.update([p])
        assert ema.average[0] == expected


def test_without_decay_it_is_the_last_weights():
    trainer, ema = make(), EMA(0.0)
    trainer.fit(mn.DataLoader(X, Y, 10), epochs=2, callbacks=[ema])
    assert same(ema.average, weights(trainer.model))


def test_the_average_goes_in_and_the_training_weights_come_back_bit_for_bit():
    trainer, ema = make(lr=1.0), EMA(0.9)
    trainer.fit(mn.DataLoader(X, Y, 10), epochs=3, callbacks=[ema])
    trained, average = weights(trainer.model), [a.copy() for a in ema.average]
    arrays = [p.data for p in trainer.model.parameters()]
    plain = trainer.evaluate((X, Y))["loss"]
    with ema.averaged():
        assert same(weights(trainer.model), average)
        assert trainer.evaluate((X, Y))["loss"] != plain
        kept = copy.deepcopy(trainer.model)
    assert same(weights(trainer.model), trained)
    assert same(ema.average, average)
    assert same(weights(kept), average)
    assert all(p.data is a for p, a in zip(trainer.model.parameters(), arrays, strict=True))
    with pytest.raises(ZeroDivisionError), ema.averaged():
        raise ZeroDivisionError
    assert same(weights(trainer.model), trained)


def test_training_is_the_same_with_and_without():
    models = []
    for callbacks in ([], [EMA(0.9)]):
        trainer = make()
        trainer.fit(mn.DataLoader(X, Y, 10), epochs=2, callbacks=callbacks)
        models.append(weights(trainer.model))
    assert same(*models)


def test_it_may_be_used_in_the_middle_of_a_run():
    trainer, ema, twin = make(), EMA(0.9), EMA(0.9)

    class Look(Callback):
        def on_row(self, trainer, row):
            with ema.averaged():
                row["ema_loss"] = trainer.evaluate((X, Y))["loss"]

    history = trainer.fit(mn.DataLoader(X, Y, 10), epochs=3, callbacks=[ema, Look()])
    assert len(history.column("ema_loss")) == 3
    make().fit(mn.DataLoader(X, Y, 10), epochs=3, callbacks=[twin])
    assert same(ema.average, twin.average)


def test_what_is_not_trainable_is_left_alone():
    running, weight = mn.Parameter([1.0], trainable=False), mn.Parameter([1.0])
    ema = EMA(0.5)
    for value in (1, 3):
        running.data[...] = weight.data[...] = value
        ema.update([running, weight])
    with ema.averaged():
        assert running.data == 3
        assert weight.data == 2
    assert running.data == weight.data == 3


def test_it_follows_the_dtype():
    p = mn.Parameter([1.0])
    ema = EMA(0.5)
    ema.update([p])
    p.astype(np.float64)
    p.data[...] = 2
    ema.update([p])
    assert ema.average[0].dtype == np.float64
    assert ema.average[0] == 1.5
    p.astype(np.float32)
    with ema.averaged():
        assert p.data.dtype == np.float32
        assert p.data == 1.5
    assert p.data == 2


def test_it_serves_two_trainers_as_if_it_were_new():
    ema, twin = EMA(0.9), EMA(0.9)
    for lr in (0.1, 0.2):
        trainer = make(lr=lr)
        trainer.fit(mn.DataLoader(X, Y, 10), epochs=2, callbacks=[ema])
        with ema.averaged():
            average = weights(trainer.model)
    other = make(lr=0.2)
    other.fit(mn.DataLoader(X, Y, 10), epochs=2, callbacks=[twin])
    assert same(average, twin.average)


def test_a_fit_inside_averaged_is_refused_and_loses_nothing():
    trainer, ema = make(), EMA(0.9)
    trainer.fit(mn.DataLoader(X, Y, 10), epochs=2, callbacks=[ema])
    trained, average = weights(trainer.model), [a.copy() for a in ema.average]
    with ema.averaged():
        with pytest.raises(RuntimeError, match=r"EMA cannot train inside averaged\(\): call fit outside"):
            trainer.fit(mn.DataLoader(X, Y, 10), epochs=2, callbacks=[ema])
        assert same(weights(trainer.model), average)
    assert same(weights(trainer.model), trained)
    assert same(ema.average, average)


def test_it_can_be_pickled():
    p = mn.Parameter([1.0])
    ema = EMA(0.5)
    ema.update([p])
    twin = pickle.loads(pickle.dumps(ema))
    twin.parameters[0].data[...] = 3
    twin.update(twin.parameters)
    assert twin.average[0] == 2
    assert ema.average[0] == 1


def test_misuse():
    p = mn.Parameter([1.0])
    ema = EMA(0.5)
    with pytest.raises(RuntimeError, match="no average yet"), ema.averaged():
        pass
    ema.update([p])
    with pytest.raises(ValueError, match="make an EMA for each model"):
        ema.update([mn.Parameter([1.0])])
    with pytest.raises(ValueError, match="make an EMA for each model"):
        ema.update([p, p])
    with ema.averaged():
        with pytest.raises(RuntimeError, match=r"inside averaged\(\)"):
            ema.update([p])
        with pytest.raises(RuntimeError, match="in the model already"), ema.averaged():
            pass


@pytest.mark.parametrize("decay", [-0.1, 1.0, float("nan")])
def test_bad_decay(decay):
    with pytest.raises(ValueError, match="0 <= decay < 1"):
        EMA(decay)
