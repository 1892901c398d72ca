"""Batches of several inputs, targets and weights go from the DataLoader to the end of training, as one array does."""

import copy
import threading

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


def test_weights_of_zero_only_are_refused():
    for v in (np.zeros(N), {"a": np.zeros(N), "b": np.zeros(N)}):
        with pytest.raises(ValueError, match="zero for every sample"):
            mn.DataLoader(X, Y, sample_weight=v)


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


def test_compiled_code_takes_trees_and_weights():
    pytest.importorskip("numba")
    image = X["image"].astype(np.float32)
    for options in ({}, {"sample_weight": V}):
        losses = []
        for data, compiled in (((image,), True), (image, False)):
            model = mn.Sequential(mn.Linear(4, 3, rng=0))
            parts = model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1)
            trainer = mn.Trainer(*parts, compiled=compiled)
            trainer.fit(mn.DataLoader(data, Y, rng=0, **options), epochs=2, progress=False)
            losses.append(trainer.last_loss)
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_what_is_no_batch_of_arrays_is_refused():
    with pytest.raises(TypeError, match="got an x that is a dict with a list of 1 in it: yield arrays"):
        made().fit([({"image": [1.0], "table": X["table"]}, Y)], epochs=1, progress=False)
    with pytest.raises(TypeError, match="expected target to be one array, got a dict of 'a': several outputs"):
        made().fit([(X, {"a": Y})], epochs=1, progress=False)


# -- several outputs, with a loss for each

TARGETS = {"digit": np.where(RNG.random(N) < 0.4, -1, Y), "angle": RNG.normal(size=(N, 2))}


def two_heads(**options):
    model = mn.Sequential(
        mn.Inputs(image=mn.Linear(4, 5, rng=0), table=mn.Identity()),
        mn.Tanh(),
        mn.Heads(digit=mn.Linear(8, 3, rng=1), angle=mn.Linear(8, 2, rng=2)),
    ).astype(np.float64)
    losses = {"digit": mn.SoftmaxCrossEntropyLoss(ignore_index=-1), "angle": mn.MSELoss()}
    return mn.Trainer(model, mn.MultiLoss(losses, {"angle": 0.3}), mn.SGD(model.parameters(), lr=0.1), **options)


@pytest.mark.parametrize("options", [{}, {"accumulate": 3}, {"threads": 2}], ids=str)
def test_a_loss_of_the_history_is_that_of_the_whole_set(options):
    """With a learning rate of 0, each epoch sees one model, so its mean is that of the set, whatever the batches."""
    if "threads" in options:
        pytest.importorskip("threadpoolctl")
    trainer = two_heads(**options)
    trainer.optimizer.lr = 0.0
    expected = trainer.evaluate((X, TARGETS, V), batch_size=N)
    for size in (1, 5, N):
        loader = mn.DataLoader(X, TARGETS, size, shuffle=True, sample_weight=V, rng=0)
        row = trainer.fit(loader, epochs=1, evaluate={"test": (X, TARGETS, V)}, progress=False)[-1]
        for name in ("loss", "digit_loss", "angle_loss"):
            assert row[name] == pytest.approx(expected[name], rel=1e-12)
            assert row[f"test_{name}"] == pytest.approx(expected[name], rel=1e-12)
        assert row["test_digit_accuracy"] == pytest.approx(expected["digit_accuracy"], rel=1e-12)
    whole = trainer.loss.forward(trainer.model.forward(**X), TARGETS, V)
    assert expected["loss"] == pytest.approx(whole, rel=1e-12)


def test_each_step_says_what_each_head_lost():
    trainer, seen = two_heads(), []

    class Look(mn.callbacks.Callback):
        def on_step_end(self, trainer):
            seen.append(trainer.last_loss)
            assert trainer.prediction.keys() == trainer.target.keys() == {"digit", "angle"}

    trainer.fit(mn.DataLoader(X, TARGETS, 10), epochs=1, callbacks=[Look()], progress=False)
    assert len(seen) == 4
    for value in seen:
        assert value == pytest.approx(value.heads["digit"] + 0.3 * value.heads["angle"])


def test_a_run_of_several_losses_goes_on_exactly(tmp_path):
    def fit(trainer, **how):
        loader = mn.DataLoader(X, TARGETS, 6, shuffle=True, sample_weight=V, rng=3)
        return trainer.fit(loader, steps=17, every=5, evaluate={"test": (X, TARGETS)}, progress=False, **how)

    whole = fit(two_heads())
    fit(two_heads(), checkpoint=tmp_path, callbacks=[StopAt(8)])
    rows = fit(two_heads(), checkpoint=tmp_path)
    same = [{name: value for name, value in row.items() if name != "seconds"} for row in rows if row["step"] != 8]
    assert same == [{name: value for name, value in row.items() if name != "seconds"} for row in whole]


def test_a_step_that_is_not_finite_is_skipped_in_all_columns():
    spoilt = copy.deepcopy(X)
    spoilt["table"][0] = np.nan
    trainer = two_heads(nonfinite="skip")
    loader = mn.DataLoader(spoilt, TARGETS, 10, check=False)
    with np.errstate(invalid="ignore"):
        row = trainer.fit(loader, epochs=1, evaluate={"test": (X, TARGETS)}, progress=False)[-1]
    assert row["skipped"] == 1
    assert np.isfinite([row["loss"], row["digit_loss"], row["angle_loss"], row["test_loss"]]).all()
    trainer.optimizer.lr, trainer.nonfinite = 1e300, "skip"
    broken = trainer.fit(mn.DataLoader(spoilt, TARGETS, N, check=False), epochs=1, progress=False)[-1]
    assert np.isnan([broken["loss"], broken["digit_loss"], broken["angle_loss"]]).all()


def test_a_train_step_may_return_a_loss_of_its_own():
    class Penalised(mn.Trainer):
        def train_step(self, x, y):
            return super().train_step(x, y) + 1.0

    plain, trainer = two_heads(), two_heads()
    trainer = Penalised(trainer.model, trainer.loss, trainer.optimizer)
    rows = [t.fit(mn.DataLoader(X, TARGETS, N), epochs=1, progress=False)[-1] for t in (plain, trainer)]
    assert rows[1]["loss"] == pytest.approx(rows[0]["loss"] + 1)
    assert np.isnan(rows[1]["digit_loss"])  # which nobody has said


def test_columns_that_would_have_one_name_are_refused():
    loader = mn.DataLoader(X, TARGETS, 10)
    for sets, metrics, column in [
        ({"digit": (X, TARGETS)}, {}, "digit_loss"),
        ({"test": (X, TARGETS)}, {"digit_loss": own_metric}, "test_digit_loss"),
    ]:
        with pytest.raises(ValueError, match=f"fit got the column '{column}' twice"):
            two_heads(metrics=metrics).fit(loader, epochs=1, evaluate=sets, progress=False)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({"digit": Y}, "expected the target to be a dict of 'digit', 'angle', got a dict of 'digit'"),
        ({**TARGETS, "digit": Y + 1}, "labels from 0 to 2 for 3 classes, got 3"),
    ],
    ids=["missing", "label"],
)
def test_targets_are_looked_at_before_the_first_step(targets, message):
    trainer = two_heads()
    with pytest.raises(ValueError, match=message):
        trainer.fit(mn.DataLoader(X, targets, 10), epochs=1, progress=False)
    assert trainer.step == 0


def test_a_head_that_does_not_fit_its_loss_is_refused():
    model = mn.Sequential(mn.Linear(4, 3), mn.Heads(a=mn.Sequential(mn.Linear(3, 3), mn.Softmax()), b=mn.Tanh()))
    with pytest.raises(ValueError, match=r"takes scores, but its head 'a' ends with Softmax\(\): remove that layer"):
        mn.Trainer(
            model,
            mn.MultiLoss({"a": mn.SoftmaxCrossEntropyLoss(), "b": mn.MSELoss()}),
            mn.SGD(model.parameters(), lr=0.1),
        )


def test_a_head_without_a_loss_learns_nothing():
    model = mn.Sequential(mn.Linear(4, 3, rng=0), mn.Heads(a=mn.Linear(3, 2, rng=1), b=mn.Linear(3, 2, rng=2)))
    before = model.layers[1].layers["b"].weight.data.copy()
    loss = mn.MultiLoss({"a": mn.SoftmaxCrossEntropyLoss(), "b": None})
    trainer = mn.Trainer(model, loss, mn.SGD(model.parameters(), lr=0.1))
    trainer.fit(mn.DataLoader(X["image"], {"a": Y % 2}, 10), epochs=1, progress=False)
    assert np.array_equal(before, model.layers[1].layers["b"].weight.data)
    assert trainer.predict(X["image"])["b"].shape == (N, 2)


def test_a_running_score_of_several_outputs_is_refused():
    with pytest.raises(TypeError, match=r"RunningScore counts one output, .*: leave it out, and pass fit"):
        two_heads().fit(
            mn.DataLoader(X, TARGETS, 10), epochs=1, callbacks=[mn.callbacks.RunningScore()], progress=False
        )
    with pytest.raises(TypeError, match=r"expected prediction to be one array, got a dict .* there is mn\.metrics\.Of"):
        mn.metrics.accuracy({"a": ONE}, Y)


def test_threads_may_evaluate_and_predict_at_once():
    trainer = two_heads()
    expected, predicted = trainer.evaluate((X, TARGETS, V)), trainer.predict(X)
    errors = []

    def look():
        try:
            for _ in range(5):
                assert trainer.evaluate((X, TARGETS, V), batch_size=7) == pytest.approx(expected, rel=1e-12)
                found = trainer.predict(X)
                assert all(np.array_equal(found[name], predicted[name]) for name in found)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
