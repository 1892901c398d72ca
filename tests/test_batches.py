"""Batches of several inputs, targets and weights go from the DataLoader to the end of training, as one array does."""

import copy

import numpy as np
import pytest

import minnet as mn
from minnet.errors import DataWarning

N = 37
RNG = np.random.default_rng(0)
X = {"image": RNG.normal(size=(N, 4)), "table": RNG.normal(size=(N, 3))}
Y = RNG.integers(0, 3, N)
V = RNG.integers(0, 4, N) / 2


class TwoInputs(mn.Layer):
    """Two inputs through a Linear layer each; the sum."""

    def __init__(self):
        self.a, self.b = mn.Linear(4, 3, rng=0), mn.Linear(3, 3, rng=1)

    def forward(self, image, table):
        return self.a.forward(image) + self.b.forward(table)

    def backward(self, dy):
        return self.a.backward(dy), self.b.backward(dy)


def made(model=None, loss=None, **options):
    model = (model or TwoInputs()).astype(np.float64)
    loss = loss or mn.SoftmaxCrossEntropyLoss()
    return mn.Trainer(model, loss, mn.Adam(model.parameters(), lr=0.05), **options)


def one_array(**options):
    """A Trainer of a Linear layer that computes the same from the two inputs in one array."""
    trainer = made(mn.Sequential(mn.Linear(7, 3)), **options)
    parts = TwoInputs().astype(np.float64)
    trainer.model.layers[0].weight.data = np.concatenate([parts.a.weight.data, parts.b.weight.data])
    trainer.model.layers[0].bias.data = parts.a.bias.data + parts.b.bias.data
    return trainer


def weights(trainer):
    return np.concatenate([trainer.model.a.weight.data, trainer.model.b.weight.data])


FORMS = {"dict": X, "tuple": tuple(X.values())}
ONE = np.concatenate(list(X.values()), axis=1)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("v", [None, V], ids=["plain", "weighted"])
@pytest.mark.parametrize("options", [{}, {"accumulate": 3}, {"threads": 2}, {"threads": 2, "accumulate": 2}], ids=str)
def test_two_inputs_train_as_the_same_numbers_in_one_array(form, v, options):
    if "threads" in options:
        pytest.importorskip("threadpoolctl")
    trainers = made(**options), one_array()
    for trainer, data in zip(trainers, (FORMS[form], ONE), strict=True):
        for parameter in trainer.model.parameters():
            parameter.trainable = parameter.data.ndim == 2  # because a sum of two biases learns twice as fast
        loader = mn.DataLoader(data, Y, 10, shuffle=True, sample_weight=v, rng=0)
        test = (data, Y) if v is None else (data, Y, v)
        trainer.fit(loader, epochs=3, evaluate={"test": test}, progress=False)
    several, one = trainers
    np.testing.assert_allclose(weights(several), one.model.layers[0].weight.data, rtol=1e-10)
    for row, other in zip(several.history, one.history, strict=True):
        assert {**row, "seconds": 0} == pytest.approx({**other, "seconds": 0}, rel=1e-10)
    np.testing.assert_allclose(several.predict(FORMS[form], batch_size=7), one.predict(ONE), rtol=1e-10)


def test_weights_of_whole_numbers_are_samples_that_often():
    times = RNG.integers(0, 3, N)
    plain, weighted = made(), made()
    more = {name: np.repeat(array, times, axis=0) for name, array in X.items()}
    assert weighted.evaluate((X, Y, times)) == pytest.approx(plain.evaluate((more, np.repeat(Y, times))), rel=1e-12)
    weighted.fit(mn.DataLoader(X, Y, N, sample_weight=times), epochs=2, progress=False)
    plain.fit(mn.DataLoader(more, np.repeat(Y, times), 99), epochs=2, progress=False)
    np.testing.assert_allclose(weights(weighted), weights(plain), rtol=1e-9)
    assert weighted.history[-1]["loss"] == pytest.approx(plain.history[-1]["loss"], rel=1e-12)


def test_what_a_user_iterates_over_may_yield_trees_and_weights():
    whole, cut = made(), made()
    batches = [({k: v[i : i + 8] for k, v in X.items()}, Y[i : i + 8], V[i : i + 8]) for i in range(0, N, 8)]
    for trainer, loader in ((whole, mn.DataLoader(X, Y, 8, sample_weight=V)), (cut, batches)):
        trainer.fit(loader, epochs=2, evaluate={"test": loader}, progress=False)
    np.testing.assert_allclose(weights(whole), weights(cut), rtol=1e-12)
    assert [{**row, "seconds": 0} for row in whole.history] == [{**row, "seconds": 0} for row in cut.history]


def test_old_overrides_of_train_step_work_and_are_refused_with_weights():
    class Old(mn.Trainer):
        def train_step(self, x, y):
            return super().train_step(x, y)

    class New(mn.Trainer):
        def train_step(self, x, y, sample_weight=None):
            return super().train_step(x, y, sample_weight)

    trained = {}
    for kind in (mn.Trainer, Old, New):
        model = TwoInputs().astype(np.float64)
        trainer = kind(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
        trainer.fit(mn.DataLoader(X, Y, 10), epochs=1, progress=False)
        if kind is Old:
            for loader in (mn.DataLoader(X, Y, sample_weight=V), [(X, Y, V)]):
                before = weights(trainer).copy()
                with pytest.raises(TypeError, match="weights, but the Trainer Old does not take them"):
                    trainer.fit(loader, epochs=1, progress=False)
                assert np.array_equal(before, weights(trainer))
            continue
        trainer.fit(mn.DataLoader(X, Y, 10, sample_weight=V), epochs=1, progress=False)
        trained[kind] = weights(trainer)
    assert np.array_equal(trained[mn.Trainer], trained[New])


class OwnLoss(mn.Loss):
    def forward(self, prediction, target):
        self.cache = prediction - target
        return float((self.cache**2).mean())

    def backward(self):
        return 2 * self.cache / self.cache.size


def own_metric(prediction, target):
    return 0.0


def test_a_loss_or_metric_that_takes_no_weights_is_refused_before_the_first_step():
    target = RNG.normal(size=(N, 3))
    trainer = made(loss=OwnLoss())
    with pytest.raises(TypeError, match="weights, but the loss OwnLoss does not take them: give forward the par"):
        trainer.fit(mn.DataLoader(X, target, sample_weight=V), epochs=1, progress=False)
    trainer = made(metrics={"own": own_metric})
    for data in ((X, Y, V), [(X, Y, V)]):
        with pytest.raises(TypeError, match="but the metric 'own' does not take them: give own_metric"):
            trainer.evaluate(data)
    with pytest.raises(TypeError, match="weights, but the metric 'own' does not take them"):
        trainer.fit(mn.DataLoader(X, Y), epochs=1, evaluate={"test": (X, Y, V)}, progress=False)
    assert trainer.step == 0


def test_functions_of_the_whole_set_are_given_all_weights():
    def mean(prediction, target, sample_weight=None):
        return np.average(target, weights=sample_weight)

    trainer = made(metrics={"mean": mean})
    loader = mn.DataLoader(X, Y, 10, sample_weight=V)
    assert trainer.evaluate(loader)["mean"] == pytest.approx(np.average(Y, weights=V))
    assert trainer.evaluate((X, Y))["mean"] == Y.mean()


class TwoOutputs(TwoInputs):
    def forward(self, image, table):
        return {"a": self.a.forward(image), "b": self.b.forward(table)}


def test_outputs_that_are_a_tree_are_predicted_as_a_tree():
    trainer = made(TwoOutputs())
    found = trainer.predict(X, batch_size=5)
    assert list(found) == ["a", "b"]
    np.testing.assert_allclose(found["b"], trainer.model.b.forward(X["table"]))
    assert trainer.predict(FORMS["tuple"])["a"].shape == (N, 3)


def test_a_run_goes_on_exactly_from_a_checkpoint(tmp_path):
    def loader():
        return mn.DataLoader(X, Y, 6, shuffle=True, sample_weight=V, rng=3)

    whole = made()
    whole.fit(loader(), steps=17, progress=False)
    for steps in (4, 17):
        trainer = made()
        if steps == 4:
            trainer.fit(loader(), steps=17, checkpoint=tmp_path, callbacks=[StopAt(4)], progress=False)
        else:
            trainer.fit(loader(), steps=17, checkpoint=tmp_path, progress=False)
    np.testing.assert_array_equal(weights(trainer), weights(whole))
    other = mn.DataLoader({"image": X["image"][:9], "table": X["table"][:9]}, Y[:9], 6, shuffle=True, rng=3)
    with pytest.raises(mn.errors.CheckpointError):
        made().fit(other, steps=17, checkpoint=tmp_path, progress=False)


class StopAt(mn.callbacks.Callback):
    def __init__(self, step):
        self.at = step

    def on_step_end(self, trainer):
        if trainer.step == self.at:
            raise KeyboardInterrupt


def test_data_is_looked_at_array_by_array():
    spoilt = copy.deepcopy(X)
    spoilt["table"][5, 1] = np.nan
    with pytest.raises(ValueError, match=r'finite numbers in X\["table"\], got 1 NaN .* X\["table"\]\[5, 1\]: fi'):
        mn.DataLoader(spoilt, Y)
    with pytest.warns(DataWarning, match=r"about 1 in X\[0\], got whole numbers from 0 to 255"):
        mn.DataLoader((np.full((9, 64), 255.0) * (np.arange(64) % 2), Y[:9]), Y[:9])
    for weights_, message in [(-V, "needs sample_weight >= 0"), (V[:5], "37 samples .* 5 weights in sample_weight")]:
        with pytest.raises(ValueError, match=message):
            mn.DataLoader(X, Y, sample_weight=weights_)


def test_where_nan_began_is_said_of_the_array():
    spoilt = copy.deepcopy(X)
    spoilt["table"][5, 1] = np.nan
    with pytest.raises(mn.errors.NonFiniteError, match=r'Where: the data, x\["table"\]: 1 NaN of 30 numbers in'):
        made().fit(mn.DataLoader(spoilt, Y, 10, check=False), epochs=1, progress=False)


def test_bytes_of_each_array_are_scaled():
    pixels = RNG.integers(0, 256, (N, 4), np.uint8)
    trainer = made()
    trainer.fit(mn.DataLoader({**X, "image": pixels}, Y, 10, scale=0.5), epochs=1, progress=False)
    assert trainer.model.input_scale == 0.5
    found = trainer.predict({**X, "image": pixels})
    np.testing.assert_allclose(found, trainer.predict({**X, "image": pixels * 0.5}), rtol=1e-6)
    seen = []
    transform = lambda x, rng: seen.append(x) or x  # noqa: E731
    next(iter(mn.DataLoader((pixels, Y), Y, 10, transform=transform, check=False)))
    assert [leaf.dtype for leaf in seen[0]] == [np.float32, Y.dtype]


def test_compiled_steps_refuse_trees_and_weights():
    pytest.importorskip("numba")
    pytest.importorskip("scipy")
    model = mn.Sequential(mn.Linear(4, 3))
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1), compiled=True)
    image = X["image"].astype(np.float32)
    for loader, message in [
        (
            mn.DataLoader((image,), Y),
            "compiled=True needs X to be one array, got a tuple of 1: leave out",
        ),
        (mn.DataLoader(image, Y, sample_weight=V), "compiled=True needs a DataLoader without a sample_weight: leave"),
    ]:
        with pytest.raises(ValueError, match=message):
            trainer.fit(loader, epochs=1, progress=False)


def test_what_is_no_batch_of_arrays_is_refused():
    with pytest.raises(TypeError, match="got an x that is a dict with a list of 1 in it: yield arrays"):
        made().fit([({"image": [1.0], "table": X["table"]}, Y)], epochs=1, progress=False)
    with pytest.raises(TypeError, match="expected target to be one array, got a dict of 'a': several outputs"):
        made().fit([(X, {"a": Y})], epochs=1, progress=False)
