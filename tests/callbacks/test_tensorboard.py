"""What the TensorBoard callback writes, read by TensorBoard's own reader."""

import math
import sys
from contextlib import suppress

import numpy as np
import pytest
from helpers import linear_problem

import minnet as mn
from minnet.callbacks import Callback, RunningScore, TensorBoard
from minnet.errors import MissingExtraError

pytest.importorskip("tensorboardX")
accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
plugin_data_pb2 = pytest.importorskip("tensorboard.plugins.hparams.plugin_data_pb2")

X, Y = linear_problem(40)
LOADER = {"batch_size": 8, "shuffle": True, "rng": 0}


def make(loss=None, **options):
    model = mn.Sequential(mn.Linear(4, 3, rng=0))
    optimizer = mn.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return mn.Trainer(model, loss or mn.SoftmaxCrossEntropyLoss(), optimizer, **options)


def fit(*callbacks, trainer=None, steps=6, every=2, **options):
    trainer = trainer or make()
    options = {"evaluate": {"test": (X, Y)}, "progress": False} | options
    trainer.fit(mn.DataLoader(X, Y, **LOADER), steps=steps, every=every, callbacks=callbacks, **options)
    return trainer


def read(folder):
    sizes = dict.fromkeys(("scalars", "histograms", "images", "tensors"), 0)
    return accumulators.EventAccumulator(str(folder), sizes).Reload()


def points(folder, tag):
    return [(event.step, event.value) for event in read(folder).Scalars(tag)]


def of_history(trainer, column):
    return [(row["step"], pytest.approx(row[column], rel=1e-6, nan_ok=True)) for row in trainer.history]


def settings(folder):
    """Return the table's row of a run: settings, (run, tag) of its curves, whether it ended well."""
    found = {}
    for name in ("experiment", "session_start_info", "session_end_info"):
        content = read(folder).SummaryMetadata(f"_hparams_/{name}").plugin_data.content
        found[name] = plugin_data_pb2.HParamsPluginData.FromString(content)
    values = found["session_start_info"].session_start_info.hparams
    hparams = {name: getattr(value, value.WhichOneof("kind")) for name, value in values.items()}
    metrics = found["experiment"].experiment.metric_infos
    return hparams, [(m.name.group, m.name.tag) for m in metrics], found["session_end_info"].session_end_info.status


def test_curves_of_all_sets_share_a_tag(tmp_path):
    trainer = fit(RunningScore(), TensorBoard(tmp_path / "run"))
    assert sorted(read(tmp_path / "run" / "train").Tags()["scalars"]) == [
        *("accuracy", "loss", "lr", "time/epoch", "time/seconds")
    ]
    assert sorted(read(tmp_path / "run" / "test").Tags()["scalars"]) == ["accuracy", "loss"]
    for run, tag, column in (
        ("train", "loss", "loss"),
        ("train", "lr", "lr"),
        ("train", "accuracy", "running_accuracy"),
        ("test", "loss", "test_loss"),
        ("test", "accuracy", "test_accuracy"),
    ):
        assert points(tmp_path / "run" / run, tag) == of_history(trainer, column)


def test_a_set_that_is_called_train(tmp_path):
    trainer = fit(RunningScore(), TensorBoard(tmp_path), evaluate={"train": (X, Y)})
    for tag, column in (
        ("loss", "train_loss"),
        ("running_loss", "loss"),
        ("accuracy", "train_accuracy"),
        ("running_accuracy", "running_accuracy"),
    ):
        assert points(tmp_path / "train", tag) == of_history(trainer, column)


def test_names_of_sets_and_metrics_that_look_alike(tmp_path):
    metrics = {"error": lambda p, t: 1.0, "top_error": lambda p, t: 2.0}
    fit(TensorBoard(tmp_path), trainer=make(metrics=metrics), evaluate={"a_b": (X, Y), "../c": (X, Y)})
    assert [value for _, value in points(tmp_path / "a_b", "top_error")] == [2.0] * 3
    assert [value for _, value in points(tmp_path / "___c", "error")] == [1.0] * 3


def test_a_model_of_several_outputs(tmp_path):
    heads = mn.Heads(kind=mn.Linear(4, 3, rng=0), size=mn.Linear(4, 1, rng=1))
    loss = mn.MultiLoss({"kind": mn.SoftmaxCrossEntropyLoss(), "size": mn.MSELoss()})
    trainer = mn.Trainer(heads, loss, mn.SGD(heads.parameters(), lr=0.1))
    targets = {"kind": Y, "size": X[:, :1]}
    board = TensorBoard(tmp_path)
    data = mn.DataLoader(X, targets, 8)
    trainer.fit(data, epochs=2, evaluate={"test": (X, targets)}, callbacks=[board], progress=False)
    tags = {"loss", "kind_loss", "size_loss"}
    assert set(read(tmp_path / "train").Tags()["scalars"]) == {*tags, "lr", "time/epoch", "time/seconds"}
    assert set(read(tmp_path / "test").Tags()["scalars"]) == {*tags, "kind_accuracy"}
    assert points(tmp_path / "train", "kind_loss") == of_history(trainer, "kind_loss")
    assert points(tmp_path / "test", "size_loss") == of_history(trainer, "test_size_loss")
    assert settings(tmp_path)[0]["batch_size"] == 8


def test_histograms_of_weights_and_gradients(tmp_path):
    trainer = fit(TensorBoard(tmp_path))
    reader, layer = read(tmp_path / "train"), trainer.model.layers[0]
    tags = [f"{kind}/layers.0.{name}" for kind in ("gradients", "weights") for name in ("bias", "weight")]
    assert sorted(reader.Tags()["histograms"]) == tags
    for tag, array in (("weights/layers.0.weight", layer.weight.data), ("gradients/layers.0.bias", layer.bias.grad)):
        last = reader.Histograms(tag)[-1]
        assert (last.step, last.histogram_value.num) == (6, array.size)
        assert (last.histogram_value.min, last.histogram_value.max) == (array.min(), array.max())


@pytest.mark.parametrize(("histograms", "steps"), [(0, []), (1, [2, 4, 6]), (2, [2, 6])])
def test_how_often_histograms_are_written(histograms, steps, tmp_path):
    fit(TensorBoard(tmp_path, histograms=histograms))
    reader = read(tmp_path / "train")
    tags = reader.Tags()["histograms"]
    assert [event.step for tag in tags[:1] for event in reader.Histograms(tag)] == steps


def test_a_frozen_parameter_has_no_gradient(tmp_path):
    trainer = make()
    trainer.model.layers[0].bias.trainable = False
    fit(TensorBoard(tmp_path), trainer=trainer)
    assert "gradients/layers.0.bias" not in read(tmp_path / "train").Tags()["histograms"]


def test_settings(tmp_path):
    fit(TensorBoard(tmp_path, hparams={"hidden": np.int64(32), "augmented": True, "note": "first"}))
    hparams, curves, status = settings(tmp_path)
    assert hparams == {
        "loss": "SoftmaxCrossEntropyLoss()",
        "optimizer": "SGD",
        "lr": 0.1,
        "momentum": 0.9,
        "batch_size": 8,
        "hidden": 32,
        "augmented": True,
        "note": "first",
    }
    assert sorted(curves) == [("test", "accuracy"), ("test", "loss"), ("train", "loss")]
    assert status == 1  # STATUS_SUCCESS


class Fails(Callback):
    def __init__(self, at, error=OSError):
        self.at, self.error = at, error

    def state_dict(self):
        return {}

    def on_step_end(self, trainer):
        if trainer.step == self.at:
            raise self.error("power failure")


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_what_was_written_before_an_error_is_there(error, tmp_path):
    with suppress(OSError):
        fit(TensorBoard(tmp_path), Fails(5, error))
    assert [step for step, _ in points(tmp_path / "test", "loss")] == [2, 4]
    assert settings(tmp_path)[2] == 2  # STATUS_FAILURE


def test_rows_are_in_the_file_while_the_run_goes_on(tmp_path):
    class Look(Callback):
        def on_step_end(self, trainer):
            if trainer.step == 5:
                seen.extend(points(tmp_path / "test", "loss"))

    seen = []
    fit(TensorBoard(tmp_path), Look())
    assert [step for step, _ in seen] == [2, 4]


def test_a_resumed_run_goes_on_without_steps_that_are_there_twice(tmp_path):
    whole = fit(TensorBoard(tmp_path / "whole"), steps=12)
    for at in (7, 11, 99):  # the checkpoints are of steps 4 and 8: rows after them are made again
        checkpoint = mn.Checkpoint(tmp_path / "checkpoints", every=4)
        try:
            fit(TensorBoard(tmp_path / "run"), Fails(at), steps=12, checkpoint=checkpoint)
        except OSError:
            assert at < 99
    for run, tag in (("test", "loss"), ("test", "accuracy"), ("train", "loss"), ("train", "lr")):
        assert points(tmp_path / "run" / run, tag) == points(tmp_path / "whole" / run, tag)
    histograms = read(tmp_path / "run" / "train").Histograms("weights/layers.0.weight")
    assert [event.step for event in histograms] == [row["step"] for row in whole.history]


def test_several_fits_of_a_trainer_go_on_and_another_trainer_begins_anew(tmp_path):
    callback = TensorBoard(tmp_path)
    trainer = fit(callback, steps=4)
    fit(callback, steps=4, trainer=trainer)
    assert points(tmp_path / "test", "loss") == of_history(trainer, "test_loss")
    assert [step for step, _ in points(tmp_path / "test", "loss")] == [2, 4, 6, 8]
    fit(callback, steps=2)
    assert [step for step, _ in points(tmp_path / "test", "loss")] == [2]


def test_numbers_that_are_not_finite(tmp_path):
    trainer = make(nonfinite="ignore", metrics={"nan": lambda p, t: math.nan})
    with np.errstate(all="ignore"):
        trainer.optimizer.lr = 1e38
        fit(TensorBoard(tmp_path), trainer=trainer)
    assert all(math.isnan(value) for _, value in points(tmp_path / "test", "nan"))
    assert len(points(tmp_path / "train", "loss")) == 3


def digits(loss, *last):
    images, labels = mn.data.synthetic_digits(60, rng=0)
    model = mn.Sequential(mn.Linear(784, 10, rng=0), *last)
    trainer = mn.Trainer(model, loss, mn.SGD(model.parameters(), lr=0.01))
    return trainer, images, labels


@pytest.mark.slow
@pytest.mark.parametrize(
    ("loss", "last"),
    [
        (mn.SoftmaxCrossEntropyLoss(), ()),
        (mn.CrossEntropyLoss(), (mn.Softmax(),)),
        (mn.NLLLoss(), (mn.LogSoftmax(),)),
    ],
)
@pytest.mark.parametrize("standardised", [False, True])
def test_pictures_of_mistakes(loss, last, standardised, tmp_path):
    pytest.importorskip("matplotlib")
    trainer, images, labels = digits(loss, *last)
    if standardised:
        images = (images - images.mean()) / images.std()
    board = TensorBoard(tmp_path, images=(images[40:], labels[40:]))
    trainer.fit(mn.DataLoader(images[:40], labels[:40], 10), epochs=2, callbacks=[board], progress=False)
    pictures = read(tmp_path / "train").Images("mistakes")
    assert [picture.step for picture in pictures] == [4, 8]
    assert pictures[0].width > 500
    assert pictures[0].encoded_image_string.startswith(b"\x89PNG")


def test_a_model_that_diverged_has_no_picture(tmp_path):
    pytest.importorskip("matplotlib")
    trainer, images, labels = digits(mn.SoftmaxCrossEntropyLoss())
    trainer.nonfinite = "ignore"
    board = TensorBoard(tmp_path, images=(images[40:], labels[40:]))

    class Diverge(Callback):
        def on_step_end(self, trainer):
            trainer.model.layers[0].weight.data[...] = np.nan

    trainer.fit(mn.DataLoader(images, labels, 10), epochs=1, callbacks=[Diverge(), board], progress=False)
    assert read(tmp_path / "train").Tags()["images"] == []


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (X, TypeError, "images to be a pair"),
        ((X,), TypeError, r"images to be a pair \(X, y\), got a tuple of 1"),
        ((X, Y[:-1]), ValueError, r"a class label for each image, got X \(40, 4\) and y int64 \(39,\)"),
        ((X, Y / 2), ValueError, "pass whole numbers"),
        ((X[:0], Y[:0]), ValueError, "no samples"),
    ],
)
def test_images_that_are_refused(images, error, message, tmp_path):
    with pytest.raises(error, match=message):
        TensorBoard(tmp_path, images=images)


def test_images_that_do_not_fit_are_known_before_the_first_step(tmp_path):
    pytest.importorskip("matplotlib")
    y = X[:, :2]
    model = mn.Sequential(mn.Linear(4, 2, rng=0))
    trainer = mn.Trainer(model, mn.MSELoss(), mn.SGD(model.parameters(), lr=0.1))
    board = TensorBoard(tmp_path / "run", images=(X, Y))
    with pytest.raises(ValueError, match=r"got MSELoss\(\) and .* an array of shape \(2, 2\): leave out images"):
        trainer.fit(mn.DataLoader(X, y, 8), epochs=1, callbacks=[board], progress=False)
    assert trainer.step == 0
    assert not (tmp_path / "run").exists()


def test_other_arguments_that_are_refused(tmp_path):
    with pytest.raises(ValueError, match="histograms >= 0"):
        TensorBoard(tmp_path, histograms=-1)
    with pytest.raises(TypeError, match=r"hparams\['sizes'\] to be a number, a text or a bool, got a list of 1"):
        TensorBoard(tmp_path, hparams={"sizes": [1]})


def test_without_tensorboardx_the_error_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(MissingExtraError, match=r'^tensorboardX is not installed: .* extra "tensorboard"\)$'):
        TensorBoard(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    trainer = make()
    with pytest.raises(OSError, match="file"):
        fit(TensorBoard(tmp_path / "file" / "run"), trainer=trainer)
    assert trainer.step == 0


@pytest.mark.slow
def test_with_compiled_steps(tmp_path):
    pytest.importorskip("numba")
    trainer = fit(TensorBoard(tmp_path), trainer=make(compiled=True))
    assert points(tmp_path / "test", "loss") == of_history(trainer, "test_loss")
    assert sorted(read(tmp_path / "train").Tags()["histograms"]) == ["weights/layers.0.bias", "weights/layers.0.weight"]


def test_the_folder_is_a_path():
    with pytest.raises(TypeError, match="TensorBoard expected folder to be a path, got an int: pass one, such as"):
        TensorBoard(3)
