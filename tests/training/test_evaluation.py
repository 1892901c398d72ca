"""Evaluation is of the whole set, however it is cut into batches."""

import math

import numpy as np
import pytest

import minnet as mn
from minnet.errors import CheckpointError
from minnet.training.evaluation import EvaluationMode, batch_rows, start_recording

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = (X @ RNG.normal(size=(4, 3)) + RNG.normal(size=(60, 3))).argmax(axis=1)


def parts():
    model = mn.Sequential(mn.Linear(4, 3, rng=0), mn.Dropout(0.5, rng=0))
    model.layers[0].eval()
    return model, mn.MSELoss()


def modes(model, loss):
    return [layer.training for layer in (model, *model.layers, loss)]


def records(model, loss):
    return [layer.recording for layer in (model, *model.layers, loss)]


def test_every_layer_gets_its_own_mode_back():
    model, loss = parts()
    before = modes(model, loss)
    with EvaluationMode(model, loss):
        assert modes(model, loss) == [False] * 4
    assert modes(model, loss) == before == [True, False, True, True]


def test_an_error_ends_it_too():
    model, loss = parts()
    before = modes(model, loss)
    with pytest.raises(KeyError), EvaluationMode(model, loss):
        raise KeyError
    assert modes(model, loss) == before


def test_the_last_of_several_switches_back():
    model, loss = parts()
    before, evaluation = modes(model, loss), EvaluationMode(model, loss)
    with evaluation:
        with evaluation:
            pass
        assert modes(model, loss) == [False] * 4
    assert modes(model, loss) == before


RIGHT = math.log(1 + 2 * math.exp(-3))  # the loss of a sample that is right; the others have 3 more


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (mn.SoftmaxCrossEntropyLoss(), RIGHT + 9 / 5),
        (mn.SoftmaxCrossEntropyLoss([1, 10, 0.1]), RIGHT + 3 * 11.1 / 13.1),
        (mn.SoftmaxCrossEntropyLoss(ignore_index=1), RIGHT + 6 / 4),
        (mn.SoftmaxCrossEntropyLoss(ignore_index=0), RIGHT + 3),
    ],
)
def test_the_loss_of_a_set_does_not_depend_on_the_batch_size(loss, expected):
    X, y = np.eye(3)[[0, 0, 1, 2, 0]] * 3, np.array([0, 0, 0, 1, 2])
    model = mn.Linear(3, 3, rng=0).astype(np.float64)
    model.weight.data, model.bias.data = np.eye(3), np.zeros(3)
    trainer = mn.Trainer(model, loss, mn.SGD(model.parameters(), lr=1e-30), metrics={})
    for batch_size in (1, 2, 3, 5):
        loader = mn.DataLoader(X, y, batch_size)
        assert trainer.evaluate(loader)["loss"] == pytest.approx(expected, rel=1e-14)
        trainer.fit(loader, epochs=1, progress=False)
        assert trainer.history[-1]["loss"] == pytest.approx(expected, rel=1e-14)


def test_what_recorded_before_records_again():
    model, loss = parts()
    model.layers[1].freeze(statistics=True)
    before = modes(model, loss), records(model, loss)
    with EvaluationMode(model, loss):
        assert modes(model, loss) == records(model, loss) == [False] * 4
    assert (modes(model, loss), records(model, loss)) == before
    assert before == ([True, False, False, True], [True, False, True, True])


def test_recording_starts_everywhere_and_changes_no_layer_s_own_mode():
    model, loss = parts()
    start_recording(model)
    assert modes(model, loss) == [True, False, True, True]
    assert records(model, loss) == [True] * 4
    model.eval()
    start_recording(model)
    assert modes(model, loss) == records(model, loss) == [True] * 4
    model.freeze(statistics=True)
    start_recording(model)
    assert modes(model, loss) == [False, False, False, True]
    assert records(model, loss) == [True] * 4


def trainer(loss=None, outputs=3, **options):
    model = mn.Sequential(mn.Linear(4, outputs, rng=0)).astype(np.float64)
    return mn.Trainer(model, loss or mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1), **options)


def cut(y=Y, size=7):
    return [(X[i : i + size], y[i : i + size]) for i in range(0, 60, size)]


# -- metrics


def range_of_scores(prediction, target):
    """A metric of the whole set, which no mean over batches is."""
    return prediction.max() - prediction.min()


def largest(prediction, target):
    return prediction.max()


largest.additive = True

METRICS = {
    "accuracy": mn.metrics.accuracy,
    "f1": mn.metrics.F1("macro"),
    "auc": mn.metrics.roc_auc,
    "range": range_of_scores,
    "lambda": lambda prediction, target: float(len(target)),
}


def test_a_metric_is_of_the_whole_set_whatever_the_batches():
    of = trainer(metrics=METRICS)
    prediction = of.predict(X)
    expected = {
        "loss": of.loss.forward(prediction, Y),
        "accuracy": mn.metrics.accuracy(prediction, Y),
        "f1": mn.metrics.f1(prediction, Y, average="macro"),
        "auc": mn.metrics.roc_auc(prediction, Y, takes="scores"),
        "range": range_of_scores(prediction, Y),
        "lambda": 60.0,
    }
    for size in (1, 7, 59, 60, 1000):
        for found in (
            of.evaluate((X, Y), batch_size=size),
            of.evaluate(mn.DataLoader(X, Y, size)),
            of.evaluate(cut(size=size)),
            of.evaluate(iter(cut(size=size))),
        ):
            assert list(found) == list(expected)
            assert found == pytest.approx(expected, rel=1e-12)
    sets = {"a": (X, Y), "b": mn.DataLoader(X, Y, 7), "c": cut(), "d": list(cut())}
    row = of.fit(mn.DataLoader(X, Y, 20), epochs=2, evaluate=sets, progress=False)[-1]
    for name in sets:
        assert {f"{name}_{key}": row[f"{name}_{key}"] for key in expected} == pytest.approx(
            {f"{name}_{key}": value for key, value in of.evaluate((X, Y)).items()}, rel=1e-12
        )


def test_an_additive_function_is_averaged_over_batches():
    of = trainer(metrics={"largest": largest})
    prediction = of.predict(X)
    expected = sum(prediction[i : i + 7].max() * len(prediction[i : i + 7]) for i in range(0, 60, 7)) / 60
    assert of.evaluate((X, Y), batch_size=7)["largest"] == pytest.approx(expected)


def test_a_function_is_called_once():
    calls = []
    of = trainer(metrics={"a": lambda prediction, target: calls.append(prediction.shape) or 0.0})
    of.evaluate(cut())
    assert calls == [(60, 3)]


@pytest.mark.parametrize("ignored", [-1, 0, -100])
def test_what_the_loss_ignores_does_not_count(ignored):
    y = np.where(RNG.random(60) < 0.5, ignored, Y)
    kept = y != ignored
    metrics = {"accuracy": mn.metrics.accuracy, "top": mn.metrics.TopKAccuracy(2), "f1": mn.metrics.F1("macro")}
    of = trainer(mn.SoftmaxCrossEntropyLoss(ignore_index=ignored), metrics=metrics)
    found, scores = of.evaluate(cut(y)), of.predict(X)[kept]
    assert found["accuracy"] == mn.metrics.accuracy(scores, y[kept])
    assert found["top"] == mn.metrics.top_k_accuracy(scores, y[kept], k=2)
    assert found["f1"] == pytest.approx(mn.metrics.f1(scores, y[kept], average="macro"))
    default = trainer(mn.SoftmaxCrossEntropyLoss(ignore_index=ignored))
    assert default.evaluate((X, y))["accuracy"] == found["accuracy"]
    callback = mn.callbacks.RunningScore(0)
    row = default.fit(mn.DataLoader(X, y, 60), steps=1, evaluate={"a": (X, y)}, callbacks=[callback], progress=False)[
        -1
    ]
    assert 0 <= row["a_accuracy"] <= 1
    assert row["running_accuracy"] in (0, 1)


@pytest.mark.parametrize("loss", [mn.BCEWithLogitsLoss(), mn.HingeLoss()], ids=repr)
def test_the_loss_says_where_a_yes_begins(loss):
    y = (Y > 0)[:, None] * 1.0
    y = 2 * y - 1 if isinstance(loss, mn.HingeLoss) else y
    of = trainer(loss, 1, metrics={"accuracy": mn.metrics.accuracy, "f1": mn.metrics.f1})
    found, said = of.evaluate((X, y)), of.predict(X) > 0
    assert found["accuracy"] == (said == (y > 0)).mean()
    assert found["f1"] == mn.metrics.F1(threshold=0)(said * 2.0 - 1, y)


def test_a_metric_of_the_trainer_keeps_no_samples():
    metric = mn.metrics.F1("macro")
    of = trainer(metrics={"f1": metric})
    first = of.evaluate((X, Y))
    assert of.evaluate((X, Y)) == first
    assert of.evaluate(cut())["f1"] == first["f1"]
    assert metric.samples == 0
    assert metric.ignore_index is None


def test_a_metric_added_later_is_used():
    of = trainer()
    of.metrics["f1"] = mn.metrics.F1("macro")
    of.metrics["range"] = range_of_scores
    assert list(of.evaluate((X, Y))) == ["loss", "accuracy", "f1", "range"]
    of.metrics["loss"] = range_of_scores
    with pytest.raises(ValueError, match="a name of its own, got 'loss'"):
        of.evaluate((X, Y))


# -- errors


def fails(prediction, target):
    raise KeyError("inside")


@pytest.mark.parametrize(
    ("metric", "error", "message"),
    [
        (fails, KeyError, "inside"),
        (lambda p, y: None, TypeError, "must return a number, got NoneType"),
        (lambda p, y: p, TypeError, r"must return a number, got an array of shape \(60, 3\)"),
        (lambda p, y: "0.5", TypeError, "must return a number, got str"),
        (mn.metrics.F1(), ValueError, "expected two classes for average='binary', got 3"),
        (mn.metrics.mae, ValueError, "one shape"),
    ],
    ids=range(6),
)
def test_an_error_names_the_metric(metric, error, message):
    of = trainer(metrics={"first": mn.metrics.accuracy, "mine": metric})
    with pytest.raises(error, match=message) as caught:
        of.evaluate((X, Y))
    assert "in the metric 'mine'" in caught.value.__notes__
    with pytest.raises(error, match=message) as caught:
        of.fit(mn.DataLoader(X, Y, 60), epochs=1, evaluate={"a": (X, Y)}, progress=False)
    tried = isinstance(metric, mn.metrics.Metric)  # minnet's own are tried before the first step
    note = "in the evaluation set 'a', X of shape (60, 4)" if tried else "in the evaluation on 'a' after step 1"
    assert caught.value.__notes__[0] == "in the metric 'mine'"
    assert caught.value.__notes__[1].startswith(note)
    assert of.step == (not tried)


def test_batches_of_many_shapes_are_no_whole():
    model = mn.Sequential(mn.Linear(4, 3, rng=0))
    batches = [(X[: 6 * t].reshape(6, t, 4), Y[: 6 * t].reshape(6, t)) for t in (2, 5)]
    optimizer = mn.SGD(model.parameters(), lr=0.1)
    of = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), optimizer)
    assert 0 <= of.evaluate(batches)["accuracy"] <= 1
    of.metrics["range"] = range_of_scores
    with pytest.raises(ValueError, match=r"rows of one shape in all batches, \(2, 3\), got \(5, 3\)") as caught:
        of.evaluate(batches)
    assert "in the metric 'range'" in caught.value.__notes__


def test_a_pair_may_be_of_lists_or_tuples():
    of, pair = trainer(), (X[:2].tolist(), Y[:2].tolist())
    expected = of.evaluate((X[:2], Y[:2]))
    assert of.evaluate(pair) == of.evaluate((tuple(map(tuple, pair[0])), tuple(pair[1]))) == expected


@pytest.mark.parametrize("batches", [[], iter(()), [(X[:0], Y[:0])]], ids=range(3))
def test_an_empty_set_is_an_error(batches):
    with pytest.raises(ValueError, match="evaluate expected at least one sample"):
        trainer().evaluate(batches)


@pytest.mark.parametrize("size", [0, -1, 2.5, "10"])
def test_a_wrong_batch_size_is_refused(size):
    for call in (lambda: trainer().evaluate((X, Y), batch_size=size), lambda: trainer().predict(X, batch_size=size)):
        with pytest.raises((ValueError, TypeError), match=r"^(evaluate|predict) (needs|expected) batch_size"):
            call()


# -- batch sizes


@pytest.mark.parametrize("size", [None, 1, 7, 60, 1000])
def test_predictions_do_not_depend_on_the_batch_size(size):
    of = trainer()
    np.testing.assert_allclose(of.predict(X, batch_size=size), of.model.forward(X), rtol=1e-12)


@pytest.mark.parametrize(
    ("shape", "dtype", "rows"),
    [
        ((784,), np.float32, 1000),
        ((28, 28), np.uint8, 1000),
        ((3, 96, 96), np.float32, 37),
        ((3, 2000, 2000), np.uint8, 1),
        ((), np.float64, 1000),
        ((0,), np.float64, 1000),
        ((64,), np.int64, 128),
    ],
)
def test_samples_that_are_large_come_in_small_batches(shape, dtype, rows):
    assert batch_rows(np.empty((5000 if rows > 1 else 2, *shape), dtype)) == rows


class Sizes(mn.Layer):
    """Notes the sizes of its batches."""

    def __init__(self):
        self.sizes = []

    def forward(self, x):
        self.sizes.append(len(x))
        return x.reshape(len(x), -1)[:, :3]


def test_large_samples_go_through_the_model_a_few_at_a_time():
    model = mn.Sequential(Sizes(), mn.Linear(3, 3, rng=0))
    of = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
    images, labels = np.zeros((80, 3, 96, 96), np.float32), np.zeros(80, int)
    of.predict(images)
    of.evaluate((images, labels))
    of.predict(images, batch_size=50)
    of.evaluate((images, labels), batch_size=80)
    assert model.layers[0].sizes == [37, 37, 6, 37, 37, 6, 50, 30, 80]


# -- a run that goes on


class Count:
    """A metric that remembers, in a plain attribute."""

    def __init__(self):
        self.calls = 0

    def __call__(self, prediction, target):
        self.calls += 1
        return self.calls


def test_metrics_and_batches_in_a_run_that_goes_on(tmp_path):
    def run(epochs, folder, average="macro"):
        of = trainer(metrics={"f1": mn.metrics.F1(average), "calls": Count(), "range": range_of_scores})
        loader, sets = mn.DataLoader(X, Y, 20, shuffle=True, rng=0), {"a": cut(), "b": (X, Y)}
        of.fit(loader, epochs=epochs, evaluate=sets, checkpoint=folder, progress=False)
        return of

    whole = run(4, None)
    run(2, tmp_path)
    resumed = run(4, tmp_path)
    rows = [[{k: v for k, v in row.items() if k != "seconds"} for row in of.history] for of in (whole, resumed)]
    assert rows[0] == rows[1]
    assert resumed.metrics["calls"].calls == 8
    with pytest.raises(CheckpointError, match=r"metrics\['f1'\]\.average: 'micro' now, 'macro' in the checkpoint"):
        run(5, tmp_path, "micro")  # its rows would be of two kinds


def test_the_last_to_evaluate_a_model_switches_it_back_whoever_began():
    """Each Trainer switched the model for itself: the first to end switched it back under the other."""
    model, loss = mn.Sequential(mn.Dropout(0.5, rng=0)), mn.MSELoss()
    before = modes(model, loss)
    one, other = EvaluationMode(model, loss), EvaluationMode(model, mn.MSELoss())
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    assert not model.training
    assert not model.layers[0].recording
    other.__exit__(None, None, None)
    assert modes(model, loss) == before


def test_a_model_that_was_put_in_the_place_of_another_is_evaluated_in_eval_mode():
    """The other was switched, and dropout stayed on."""
    made = trainer()
    made.model = mn.Sequential(mn.Linear(4, 50, rng=0), mn.Dropout(0.5, rng=0))
    assert not (made.predict(np.ones((4, 4))) == 0).any()
    assert made.model.layers[1].training
