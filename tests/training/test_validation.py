"""What fit is given is checked before the first step, and nothing is changed by looking."""

import re
import warnings

import numpy as np
import pytest

import minnet as mn
from minnet.errors import DataWarning
from minnet.training.validation import (
    as_loader,
    as_sets,
    check_callbacks,
    check_data,
    check_loader,
    check_schedules,
    check_set,
    check_trained,
    warn_of_untrained,
)

X = np.random.default_rng(0).random((20, 4), np.float32)
Y = np.arange(20) % 3
SETS = re.escape('pass evaluate={"test": (X, y)}')


def parts(**options):
    model = mn.Sequential(mn.Linear(4, 3, rng=0), mn.BatchNorm1d(3), mn.Dropout(0.5, rng=0), mn.Softmax())
    return model, mn.CrossEntropyLoss(**options)


# -- loaders


@pytest.mark.parametrize(
    "loader",
    [mn.DataLoader(X, Y), [(X, Y)], [(X, Y, Y), [X, Y]], [[X, Y]], [], zip([X], [Y], strict=True)],
    ids=range(6),
)
def test_what_can_be_a_loader(loader):
    check_loader(loader, 1)


def test_an_iterator_that_never_ends_will_do_for_steps():
    check_loader(iter([(X, Y)]), None)


@pytest.mark.parametrize(
    ("loader", "got"),
    [
        ((X, Y), "a tuple of 2"),
        (((X, Y), (X, Y)), "a tuple of 2"),
        ([X, Y], "a list of 2"),
        (X, r"an array of shape \(20, 4\)"),
        ([X, X, X], "a list of 3"),
        ("train.npz", "a str"),
        ({"x": X}, "a dict"),
        (mn.DataLoader, "the class DataLoader"),
        (None, "a NoneType"),
        (5, "an int"),
    ],
    ids=range(10),
)
def test_what_is_no_loader_is_refused_with_the_cure(loader, got):
    with pytest.raises(TypeError, match=rf"^fit expected a DataLoader, .*, got {got}: pass mn.DataLoader\(X, y"):
        check_loader(loader, 1)


def test_a_generator_does_not_last_for_two_epochs():
    with pytest.raises(
        ValueError, match="a loader for 2 epochs, got a generator, which can be iterated over only once"
    ):
        check_loader((pair for pair in [(X, Y)]), 2)


# -- sets, callbacks


@pytest.mark.parametrize("evaluate", [{}, {"test": (X, Y)}, {"test": mn.DataLoader(X, Y)}], ids=range(3))
def test_sets_with_names(evaluate):
    sets = as_sets(evaluate, 0.5)
    assert list(sets) == list(evaluate)
    assert all(loader is evaluate[name] or loader.scale == 0.5 for name, loader in sets.items())


@pytest.mark.parametrize(
    ("evaluate", "message"),
    [
        ((X, Y), "evaluate to be a dict of names and data, got a tuple of 2"),
        (X, r"evaluate to be a dict of names and data, got an array of shape \(20, 4\)"),
        (mn.DataLoader(X, Y), "evaluate to be a dict of names and data, got a DataLoader"),
        ({"test": X}, r"evaluate\['test'\] to be a pair \(X, y\) or a DataLoader, got an array of shape \(20, 4\)"),
        ({"test": (X,)}, r"evaluate\['test'\] to be a pair \(X, y\) or a DataLoader, got a tuple of 1"),
        ({"test": [X, Y]}, r"evaluate\['test'\] to be a pair \(X, y\) or a DataLoader, got a list of 2"),
    ],
    ids=range(6),
)
def test_sets_without_names_or_labels_are_refused_with_the_cure(evaluate, message):
    with pytest.raises(TypeError, match=f"^fit expected {message}: {SETS}"):
        as_sets(evaluate, None)


def test_data_to_evaluate_are_a_pair():
    with pytest.raises(TypeError, match=r"^evaluate expected data to be a pair \(X, y\) or a DataLoader, got an array"):
        as_loader("evaluate", "data", X, None)
    with pytest.raises(ValueError, match="20 samples in X and 5 targets") as caught:
        as_sets({"test": (X, Y[:5])}, None)
    assert caught.value.__notes__ == ["in evaluate['test']"]


def batches():
    yield X[:10], Y[:10]
    yield X[10:], Y[10:]


@pytest.mark.parametrize("batches", [list(batches()), batches()], ids=range(2))
def test_data_to_evaluate_may_be_any_iterable_of_batches(batches):
    found = list(as_loader("evaluate", "data", batches, None))
    assert [len(x) for x, _ in found] == [10, 10]
    with pytest.raises(ValueError, match="evaluate got data that is in batches already: leave out batch_size"):
        as_loader("evaluate", "data", batches, None, batch_size=5)


def test_what_such_an_iterable_yields_is_checked():
    for batch, got in [(X, "an array"), ((X,), "a tuple of 1"), ((X.tolist(), Y), "a pair whose x is a list of 20")]:
        with pytest.raises(TypeError, match=f"^evaluate expected data to yield pairs of arrays .*, got {got}"):
            list(as_loader("evaluate", "data", iter([batch]), None))


def test_a_set_of_fit_must_be_iterable_again():
    with pytest.raises(
        ValueError, match=r"fit expected evaluate\['a'\] to be data for many evaluations, got a generator"
    ):
        as_sets({"a": batches()}, None)
    sets = as_sets({"a": list(batches())}, None)
    assert [len(list(sets["a"])) for _ in range(2)] == [2, 2]
    assert as_loader("fit", "a", sets["a"], None) is sets["a"]


@pytest.mark.parametrize("callbacks", [[], (), [mn.callbacks.MaxNorm(1)]], ids=range(3))
def test_callbacks_in_a_list(callbacks):
    check_callbacks(callbacks)


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        (mn.callbacks.MaxNorm(1), r"callbacks to be a list, got a MaxNorm: pass callbacks=\[MaxNorm\(...\)\]"),
        (mn.callbacks.MaxNorm, r"callbacks to be a list, got the class MaxNorm: pass callbacks=\[MaxNorm\(...\)\]"),
        (5, r"callbacks to be a list, got an int: pass callbacks=\[mn.callbacks.MaxNorm\(3\), ...\]"),
        ([mn.callbacks.MaxNorm], r"callbacks\[0\] .* got the class MaxNorm: make one, MaxNorm\(...\)"),
        ([mn.callbacks.MaxNorm(1), print], r"callbacks\[1\] .* got a builtin_function_or_method: derive it from"),
        (
            [mn.schedules.StepLR(1)],
            r"callbacks\[0\] .* schedule StepLR: pass mn.callbacks.LearningRate\(StepLR\(...\)\)",
        ),
    ],
    ids=range(6),
)
def test_what_are_no_callbacks_is_refused_with_the_cure(callbacks, message):
    with pytest.raises(TypeError, match=f"^fit expected {message}"):
        check_callbacks(callbacks)


# -- the model, the loss and the data


@pytest.mark.parametrize("loader", [mn.DataLoader(X, Y, shuffle=True, rng=0), mn.DataLoader(X.astype(float), Y, rng=0)])
def test_a_set_that_fits_changes_nothing(loader):
    model, loss = parts()
    model.layers[1].eval()
    values = [parameter.data.copy() for parameter in model.parameters()]
    randoms = [loader.rng.bit_generator.state, model.layers[2].rng.bit_generator.state]
    check_set("the data", model, loss, loader)
    assert all(np.array_equal(p.data, before) for p, before in zip(model.parameters(), values, strict=True))
    assert randoms == [loader.rng.bit_generator.state, model.layers[2].rng.bit_generator.state]
    assert [layer.training for layer in model.layers] == [True, False, True, True]
    assert model.training
    assert loss.training


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X[:, 1:], Y, r"Linear\(4, 3\) expected 4 features .* got shape \(2, 3\)"),
        (X, Y.astype(float), "labels that are integers, 0 to 2, got float64"),
        (X, np.eye(3)[Y], "one-hot labels"),
        (X, np.where(np.arange(20) == 13, 3, Y), r"from 0 to 2 for 3 classes, got 3 \(at 13\): .*\(1 of 20"),
        (X, np.where(np.arange(20) == 13, -1, Y).astype(np.int8), r"got -1 \(at 13\): .* ignore_index=-1"),
    ],
    ids=range(5),
)
def test_a_set_that_does_not_fit_is_named(x, y, message):
    model, loss = parts()
    with pytest.raises((ValueError, TypeError), match=message) as raised:
        check_set("the evaluation set 'test'", model, loss, mn.DataLoader(x, y))
    assert f"in the evaluation set 'test', X of shape {x.shape} and y of shape {y.shape}" in raised.value.__notes__
    assert model.training
    assert all(layer.training for layer in model.layers)
    assert loss.training


@pytest.mark.parametrize("metric", [mn.metrics.MAE(), mn.metrics.Of("angle", mn.metrics.MAE())], ids=["shape", "Of"])
def test_a_metric_that_does_not_fit_is_named_before_the_first_step(metric):
    model, loss = parts()
    trainer = mn.Trainer(model, loss, mn.SGD(model.parameters(), lr=0.1), metrics={"off": metric})
    with pytest.raises((ValueError, TypeError)) as raised:
        trainer.fit(mn.DataLoader(X, Y), epochs=1, evaluate={"test": (X, Y)})
    assert "in the metric 'off'" in raised.value.__notes__
    assert trainer.step == 0


def test_a_metric_of_the_users_is_not_tried():
    class Counted(mn.metrics.MAE):
        def update(self, *_):
            raise AssertionError

    model, loss = parts()
    sets = {"test": mn.DataLoader(X, Y)}
    for metric in (Counted(), mn.metrics.Of("angle", Counted())):
        check_data(model, loss, sets["test"], sets, {"own": metric})


def test_an_ignored_label_is_let_through():
    model, loss = parts(ignore_index=-1)
    check_set("the data", model, loss, mn.DataLoader(X, Y - (Y == 0)))


def test_labels_of_any_integer_dtype_and_shape():
    for dtype in (np.uint8, np.int16, np.uint64):
        check_set("the data", *parts(), mn.DataLoader(X, Y.astype(dtype)))
    sequences = mn.DataLoader(np.stack([X, X], axis=1), np.stack([Y, Y], axis=1))
    check_set("the data", mn.Sequential(mn.Linear(4, 3)), mn.SoftmaxCrossEntropyLoss(), sequences)


def test_labels_of_a_margin_loss_are_looked_at_and_targets_of_other_losses_are_not():
    with pytest.raises(ValueError, match=r"got 3 \(at 19\)"):
        check_set("the data", mn.Linear(4, 3), mn.MultiMarginLoss(), mn.DataLoader(X, [*Y[:-1], 3]))
    check_set("the data", mn.Linear(4, 1), mn.MSELoss(), mn.DataLoader(X, 5.0 * Y[:, None]))


def test_bytes_are_scaled():
    model = mn.Sequential(mn.Linear(4, 3), mn.Softmax())
    check_set("the data", model, mn.CrossEntropyLoss(), mn.DataLoader((X * 255).astype(np.uint8), Y))


def test_what_would_cost_a_batch_is_let_through():
    def never(x, rng):
        raise AssertionError("a transform may use the loader's random numbers, or remember something")

    for loader in ([(X, Y)], mn.DataLoader(X, Y, transform=never)):
        check_set("the data", *parts(), loader)


def test_a_model_that_diverged_is_no_matter_of_the_data():
    model = mn.Sequential(mn.Linear(4, 3))
    model.layers[0].weight.data = np.full((4, 3), np.nan)
    check_set("the data", model, mn.SoftmaxCrossEntropyLoss(), mn.DataLoader(X, Y))


# -- what is trained


def test_an_optimizer_of_the_whole_model_is_all_right():
    model, loss = parts()
    check_trained(model, loss, mn.SGD(model.parameters(), lr=0.1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_untrained(model, loss, mn.SGD(model.parameters(), lr=0.1))


def test_a_layer_that_was_replaced_after_the_optimizer_was_made():
    """The mixed case: the optimizer still holds other layers of the model, and trained those without a word."""
    model, loss = parts()
    optimizer = mn.SGD(model.parameters(), lr=0.1)
    trainer = mn.Trainer(model, loss, optimizer)
    model.layers = (mn.Linear(4, 3, rng=1), *model.layers[1:])
    message = (
        "the optimizer holds Parameters that are not this model's: parameters[0] (4, 3), parameters[1] (3,); "
        "and it does not hold the model's layers[0].weight (4, 3), layers[0].bias (3,): was a layer replaced?"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        trainer.fit(mn.DataLoader(X, Y), epochs=1)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        mn.Trainer(model, loss, optimizer)


def test_a_parameter_too_many():
    model, loss = parts()
    with pytest.raises(ValueError, match=r"not this model's: parameters\[\d\] \(7,\): was a layer replaced\? Make"):
        check_trained(model, loss, mn.SGD([*model.parameters(), mn.Parameter(np.ones(7))], lr=0.1))
    many = [mn.Parameter([1.0]) for _ in range(9)]
    with pytest.raises(ValueError, match=r"parameters\[5\] \(1,\), … \(9 in all\); and it does not hold the model's"):
        check_trained(model, loss, mn.SGD(many, lr=0.1))


def test_a_layer_that_the_optimizer_does_not_hold_is_named_unless_it_is_frozen():
    model, loss = parts()
    trainer = mn.Trainer(model, loss, mn.SGD(model.layers[1].parameters(), lr=0.1))
    with pytest.warns(mn.errors.TrainingWarning) as caught:
        trainer.fit(mn.DataLoader(X, Y), epochs=1, progress=False)
    (warning,) = caught
    assert str(warning.message).startswith("the optimizer does not hold layers[0].weight, layers[0].bias, so these do")
    assert warning.filename == __file__
    for parameter in model.layers[0].parameters():
        parameter.trainable = False
    trainer.fit(mn.DataLoader(X, Y), epochs=1, progress=False)


def test_a_loss_may_learn_too():
    class Scaled(mn.MSELoss):
        def __init__(self):
            super().__init__()
            self.scale = mn.Parameter([1.0])

    model, loss = mn.Sequential(mn.Linear(4, 1, rng=0)), Scaled()
    check_trained(model, loss, mn.SGD([*model.parameters(), loss.scale], lr=0.1))
    with pytest.warns(mn.errors.TrainingWarning, match="does not hold the loss's scale, so"):
        warn_of_untrained(model, loss, mn.SGD(model.parameters(), lr=0.1))


def test_a_schedule_by_the_epoch_needs_epochs():
    by_epoch, by_step = (mn.callbacks.LearningRate(mn.schedules.StepLR(1), per) for per in ("epoch", "step"))
    with pytest.raises(ValueError, match=r"^fit got LearningRate.* a generator, which has one epoch only.*per=.step"):
        check_schedules([by_epoch], ((X, Y) for _ in range(3)))
    check_schedules([by_step], iter([(X, Y)]))
    check_schedules([by_epoch], [(X, Y)])


def test_a_schedule_alone_sets_the_rate():
    schedule, cut = mn.callbacks.LearningRate(mn.schedules.StepLR(1)), mn.callbacks.ReduceLROnPlateau("loss")
    with pytest.raises(
        ValueError, match=r"^fit got ReduceLROnPlateau and LearningRate, but LearningRate computes the .* anew"
    ):
        check_schedules([cut, schedule], [(X, Y)])
    check_schedules([cut, cut], [(X, Y)])


# -- what was done to the inputs in training is done at prediction

BYTES = np.random.default_rng(0).integers(0, 256, (200, 4)).astype(np.uint8)
SIDES = (BYTES[:, 0] > BYTES[:, 1]).astype(int)


def trained(X=BYTES, seed=0, **options):
    model = mn.Sequential(mn.Linear(4, 2, rng=seed))
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), 1e-3))
    loader = mn.DataLoader(X, SIDES, 20, shuffle=True, rng=0, **options)
    trainer.fit(loader, epochs=2, evaluate={"test": (BYTES, SIDES)} if X is BYTES else None)
    return trainer


@pytest.mark.parametrize("scale", [1.0, 1 / 255, 1 / 256])
def test_the_scale_of_training_is_that_of_everything(scale):
    trainer = trained(scale=scale)
    assert trainer.model.input_scale == scale
    floats = BYTES * np.float32(scale)
    row = {name.removeprefix("test_"): value for name, value in trainer.history[-1].items() if "test_" in name}
    assert trainer.evaluate((BYTES, SIDES)) == trainer.evaluate((floats, SIDES)) == row
    assert trainer.evaluate(mn.DataLoader(BYTES, SIDES, 1000, scale=scale)) == row
    np.testing.assert_array_equal(trainer.predict(BYTES), trainer.predict(floats))


def test_the_example_of_the_issue():
    trainer = trained(scale=1.0)
    assert trainer.history[-1]["test_accuracy"] == trainer.evaluate((BYTES, SIDES))["accuracy"] > 0.8
    assert (trainer.predict(BYTES).argmax(axis=1) == SIDES).mean() == trainer.history[-1]["test_accuracy"]


def test_bytes_without_a_scale_stay_bytes():
    model = mn.Sequential(mn.Embedding(256, 2, rng=0), mn.Flatten(), mn.Linear(8, 2, rng=1))
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), 0.1))
    trainer.fit(mn.DataLoader(BYTES, SIDES, 20, scale=None), epochs=1, evaluate={"test": (BYTES, SIDES)})
    assert model.input_scale is None
    assert trainer.evaluate((BYTES, SIDES))["loss"] == trainer.history[-1]["test_loss"]
    assert trainer.predict(BYTES).shape == (200, 2)


@pytest.mark.parametrize("other", [1 / 256, 1 / 255, None])
def test_a_loader_of_another_scale_is_refused(other):
    trainer, loader = trained(scale=1.0), mn.DataLoader(BYTES, SIDES, scale=other)
    with pytest.raises(
        ValueError, match=rf"^evaluate expected data to have the model's input_scale, 1.0, got .* scale={other}: pass"
    ):
        trainer.evaluate(loader)
    before = trainer.model.layers[0].weight.data.copy()
    with pytest.raises(ValueError, match=r"^fit expected evaluate\['v'\] to have the model's input_scale, 1.0, got"):
        trainer.fit(mn.DataLoader(BYTES, SIDES, scale=1.0), epochs=1, evaluate={"v": loader})
    assert (trainer.model.layers[0].weight.data == before).all()


def test_fine_tuning_at_another_scale_is_warned_of():
    trainer = trained(scale=1.0)
    loader = mn.DataLoader(BYTES, SIDES)
    with pytest.warns(DataWarning, match=r"scale=0.00390625, but the model's input_scale is 1.0, .*scale=model") as w:
        trainer.fit(loader, epochs=1)
    assert w[0].filename == __file__
    assert trainer.model.input_scale == 1 / 256
    trainer.model.input_scale = 1.0
    trainer.fit(mn.DataLoader(BYTES, SIDES, scale=trainer.model.input_scale), epochs=1)


def test_bytes_for_a_model_that_learned_from_floats_are_warned_of():
    trainer = trained(BYTES / np.float32(100) - 1)
    for use, name in [(trainer.predict, "X"), (lambda X: trainer.evaluate((X, SIDES)), "data")]:
        with pytest.warns(
            DataWarning, match=rf"uint8 in {name}, and multiplies it by 0.0039.*not trained on uint8"
        ) as w:
            use(BYTES)
        assert w[0].filename == __file__
    with pytest.warns(DataWarning, match=r"^fit was given uint8 in evaluate\['v'\]") as w:
        trainer.fit(mn.DataLoader(X, Y % 2), epochs=2, evaluate={"v": (BYTES, SIDES)})
    assert len(w) == 1  # now it is decided
    trainer.predict(BYTES)


def test_an_error_leaves_the_scale_as_it_was():
    trainer = trained(scale=1.0)
    with pytest.raises(ValueError, match="layers"):
        trainer.fit(mn.DataLoader(BYTES[:, :3].copy(), SIDES, scale=1.0), epochs=1)
    new = mn.Sequential(mn.Linear(4, 2, rng=0))
    with pytest.raises(TypeError, match="callbacks"):
        mn.Trainer(new, mn.SoftmaxCrossEntropyLoss(), mn.SGD(new.parameters(), 0.1)).fit(
            mn.DataLoader(BYTES, SIDES, scale=1.0), epochs=1, callbacks=3
        )
    assert new.input_scale == 1 / 256


def test_a_normalizing_layer_is_in_every_prediction():
    images = np.random.default_rng(1).normal(100, [1, 30, 5, 9], (300, 4)).astype(np.float32)
    labels = (images[:, 0] > 100).astype(int)
    model = mn.Sequential(mn.Normalize.of(images), mn.Linear(4, 2, rng=0))
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), 1.0))
    trainer.fit(mn.DataLoader(images, labels, 20, shuffle=True, rng=0), epochs=5, evaluate={"train": (images, labels)})
    assert trainer.history[-1]["train_accuracy"] == trainer.evaluate((images, labels))["accuracy"] > 0.95
    assert (trainer.predict(images).argmax(axis=1) == labels).mean() > 0.95


@pytest.mark.parametrize("change", ["unfreeze", "replace"])
def test_what_a_callback_makes_trainable_without_the_optimizer_is_warned_of(change):
    """It was never trained, in silence."""
    model = mn.Sequential(mn.Linear(3, 4, rng=0), mn.Linear(4, 2, rng=1))
    model.layers[0].freeze()

    class Changes(mn.callbacks.Callback):
        def on_step_end(self, trainer):
            if change == "unfreeze":
                model.layers[0].unfreeze()
            else:
                model.layers = [mn.Linear(3, 4, rng=2), model.layers[1]]

    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.layers[1].parameters(), lr=0.1))
    message = r"the optimizer does not hold layers\[0\].weight, layers\[0\].bias, so these do not learn"
    with pytest.warns(mn.errors.TrainingWarning, match=message) as caught:
        trainer.fit(mn.DataLoader(np.eye(3), [0, 1, 1], 1), epochs=1, callbacks=[Changes()], progress=False)
    assert len(caught) == 1
    assert caught[0].filename == __file__
