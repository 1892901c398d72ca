"""Another script is refused, and what a checkpoint cannot keep is said: by name, and once."""

import shutil
import threading
import warnings
from collections import deque

import numpy as np
import pytest

import minnet as mn
from minnet.errors import CheckpointError, CheckpointWarning
from minnet.saving.checkpoint import Checkpoint
from minnet.saving.run_state import Snapshot, encoded
from minnet.saving.tensorfile import read_tensors, write_tensors

X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
Y = np.arange(40) % 3
callbacks, schedules, augment = mn.callbacks, mn.schedules, mn.data.augment


def sgd(parameters):
    return mn.SGD(parameters, lr=0.1)


def fit(folder, *, steps=4, trainer=None, **changes):
    """Train with a script that differs in `changes`."""
    get = changes.get
    if trainer is None:
        between = get("between", [mn.ReLU(), mn.Dropout(0.5, rng=0)])
        model = mn.Sequential(mn.Linear(4, 5, rng=0), *between, mn.Linear(5, 3, rng=0))
        if get("frozen"):
            model.layers[0].weight.trainable = False
        parameters = get("order", list)(model.parameters())
        trainer = get("kind", mn.Trainer)(
            model, get("loss", mn.SoftmaxCrossEntropyLoss()), get("optimizer", sgd)(parameters), **get("options", {})
        )
    loader = get("loader") or mn.DataLoader(X, Y, 8, rng=0, **get("of_loader", {}))
    checkpoint = get("checkpoint") or Checkpoint(folder, every=2)
    more = {"callbacks": get("callbacks", []), "checkpoint": checkpoint, "evaluate": {"test": (X, Y)}}
    trainer.fit(loader, steps=steps, progress=False, **more)
    return trainer


class Own(callbacks.Callback):
    def __init__(self, size, weights=None):
        self.size, self.renamed, self.weights = size, size, weights


class Noise:
    def __init__(self, std, mean=None):
        self.std, self.mean = std, mean

    def __call__(self, x, rng):
        return x + rng.normal(0, self.std, x.shape).astype(x.dtype)


def clip(x, rng, most=1.0):
    return x.clip(-most, most)


def early(**options):
    return {"callbacks": [callbacks.EarlyStopping("test_loss", **options)]}


def rate(schedule):
    return {"callbacks": [callbacks.LearningRate(schedule, per="step")]}


def scored(**options):
    return {"loss": mn.SoftmaxCrossEntropyLoss(**options)}


CHANGED = {
    "another layer": ({}, {"between": [mn.Tanh(), mn.Dropout()]}, "model.layers[1]: Tanh now, ReLU in"),
    "another normalisation": (
        {"between": [mn.Normalize(np.zeros(5), np.ones(5))]},
        {"between": [mn.Normalize(np.zeros(5), np.full(5, 2.0))]},
        "model.layers[1].std: array (5,) float32 [2., 2., 2., 2., 2.]",
    ),
    "no dropout": ({}, {"between": [mn.ReLU(), mn.Identity()]}, "model.layers[2]: Identity now, Dropout in"),
    "dropout's p": ({}, {"between": [mn.ReLU(), mn.Dropout(0.1)]}, "model.layers[2].p: 0.1 now, 0.5 in"),
    "another loss": ({}, {"loss": mn.MultiMarginLoss()}, "loss: MultiMarginLoss now, SoftmaxCrossEntropyLoss in"),
    "smoothing": ({}, scored(label_smoothing=0.1), "loss.label_smoothing: 0.1 now, 0.0 in"),
    "class weights": (
        scored(weight=[1, 2, 3]),
        scored(weight=[1, 2, 4]),
        "loss.weight: array (3,) float64 [1., 2., 4.]",
    ),
    "EMA": (
        {"callbacks": [callbacks.EMA(0.9)]},
        {"callbacks": [callbacks.EMA(0.8)]},
        "callbacks[0].decay: 0.8 now, 0.9",
    ),
    "patience": (early(), early(patience=9), "callbacks[0].patience: 9 now, 5 in"),
    "schedule": (rate(schedules.StepLR(2)), rate(schedules.StepLR(3)), "callbacks[0].schedule.step_size: 3 now, 2 in"),
    "another schedule": (rate(schedules.StepLR(2)), rate(max), "callbacks[0].schedule: max now, a StepLR in"),
    "an own callback": ({"callbacks": [Own(1)]}, {"callbacks": [Own(2)]}, "callbacks[0].size: 2 now, 1 in"),
    "lr": ({}, {"optimizer": lambda p: mn.SGD(p, lr=0.2)}, "optimizer.param_groups[0].lr: 0.2 now, 0.1 in"),
    "momentum": (
        {},
        {"optimizer": lambda p: mn.SGD(p, lr=0.1, momentum=0.9)},
        "optimizer.param_groups[0].momentum: 0.9",
    ),
    "order": ({}, {"order": lambda p: p[::-1]}, "optimizer.parameters[0]: layers[3].bias now, layers[0].weight in"),
    "frozen": ({}, {"frozen": True}, "model.frozen: ['layers[0].weight'] now, [] in"),
    "transform": (
        {"of_loader": {"transform": augment.Chain(Noise(0.1))}},
        {"of_loader": {"transform": augment.Chain(Noise(0.2))}},
        "loader.transform.transforms[0].std: 0.2 now, 0.1 in",
    ),
    "function": ({}, {"of_loader": {"transform": clip}}, "loader.transform: clip now, None in"),
    "loader": ({}, {"of_loader": {"drop_last": True}}, "loader.drop_last: True now, False in"),
    "evaluation": ({}, {"of_loader": {"scale": 1.0}}, "loader.scale: 1.0 now, 0.00390625 in"),
    "trainer": ({}, {"kind": type("Mine", (mn.Trainer,), {})}, "trainer: Mine now, Trainer in"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_changed_script_is_refused_by_name(tmp_path, name):
    first, then, line = CHANGED[name]
    fit(tmp_path, **first)
    with pytest.raises(CheckpointError) as caught:
        fit(tmp_path, steps=6, **then)
    text = str(caught.value)
    assert line in text
    for part in ("make them the same", "begin anew in another folder", "mn.load takes this file's weights"):
        assert part in text


def test_a_path_is_the_scripts_because_folders_move(tmp_path):
    fit(tmp_path / "run", callbacks=[callbacks.CSVLogger(tmp_path / "a.csv")])
    before = (tmp_path / "a.csv").read_bytes()
    shutil.copy(tmp_path / "a.csv", tmp_path / "b.csv")
    fit(tmp_path / "run", steps=8, callbacks=[callbacks.CSVLogger(tmp_path / "b.csv")])
    assert (tmp_path / "a.csv").read_bytes() == before
    assert (tmp_path / "b.csv").read_bytes().startswith(before)


@pytest.mark.parametrize(
    "change",
    [
        {"options": {"nonfinite": "skip"}},
        {"of_loader": {"check": False}},
        {"between": [mn.ReLU(), mn.Dropout(0.5, rng=99)]},
    ],
    ids=["nonfinite", "check", "seed"],
)
def test_what_a_checkpoint_does_not_decide_may_change(tmp_path, change):
    fit(tmp_path)
    assert fit(tmp_path, steps=6, **change).step == 6


@pytest.mark.parametrize("learned", [np.zeros(3), np.full(3, np.nan)], ids=["array", "NaN"])
def test_an_array_in_place_is_not_a_change(tmp_path, learned):
    for steps in (4, 6):
        of_loader = {"transform": Noise(float("nan"), learned.copy())}
        of_loader["transform"].std = 0.1
        fit(tmp_path, steps=steps, of_loader=of_loader, callbacks=[Own(1, learned.copy())])


def test_numbers_that_are_no_arguments_are_a_warning(tmp_path):
    class Started(callbacks.Callback):
        def __init__(self):
            self.at = next(clock)

    clock = iter((1.5, 2.5, 3.5))
    fit(tmp_path, callbacks=[Started()])
    started = Started()
    with pytest.warns(
        CheckpointWarning, match=r"goes on with its own values.*\n  callbacks\[0\]\.at: 2\.5 now, 1\.5 in"
    ):
        fit(tmp_path, steps=6, callbacks=[started])
    assert started.at == 1.5


def test_an_interrupted_run_goes_on_although_training_changed_its_options(tmp_path):
    """It was interrupted by an error after the last checkpoint, so the rate is not that of any checkpoint."""

    class Stops(callbacks.Callback):
        calls = 0

        def state_dict(self):
            return {}

        def on_step_end(self, trainer):
            self.calls += 1
            if self.calls == 3:
                raise OSError("power failure")

    stops, trainer = Stops(), fit(tmp_path / "before", steps=0)
    script = {"callbacks": [callbacks.LearningRate(schedules.StepLR(3), per="step"), stops]}
    with pytest.raises(OSError, match="power failure"):
        fit(tmp_path, trainer=trainer, **script)
    assert trainer.optimizer.lr < 0.1
    stops.calls = 10
    assert fit(tmp_path, trainer=trainer, steps=6, **script).step == 6


# What is not kept


class Meter:
    def __init__(self):
        self.lock, self.count = threading.Lock(), 0


def warned(folder, **changes):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(folder, checkpoint=Checkpoint(folder, every=1), **changes)
    assert all(warning.category is CheckpointWarning for warning in caught)
    return [str(warning.message) for warning in caught]


class Keeps(callbacks.Callback):
    def __init__(self, **values):
        vars(self).update(values)
        self.seen = []

    def on_step_end(self, trainer):
        self.seen.append(trainer.step)
        if "later" in vars(self) and trainer.step == 2:
            self.later()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (Meter(), "Meter, which holds a lock"),
        (iter([1, 2]), "list_iterator"),
        (deque([Meter()]), "deque"),
        (np.random.PCG64(0), "PCG64"),
        (np.array(["text"]), "ndarray"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_kept_is_named_once_before_the_first_step(tmp_path, value, kind):
    keeps = Keeps(value=value)
    (text,) = warned(tmp_path, callbacks=[keeps])
    assert f"\n  callbacks[0].value ({kind})\n" in text
    assert "do not keep 1 thing that may change while training" in text
    assert "give the object state_dict() and load_state_dict(state)" in text


PLACES = {
    "layer": lambda trainer, changes: trainer.model.layers[1],
    "transform": lambda trainer, changes: changes["of_loader"]["transform"],
    "loader": lambda trainer, changes: changes["loader"],
    "trainer": lambda trainer, changes: trainer,
    "metric": lambda trainer, changes: trainer.metrics["m"],
    "schedule": lambda trainer, changes: changes["callbacks"][0].schedule,
    "optimizer": lambda trainer, changes: trainer.optimizer,
}


@pytest.mark.parametrize("where", PLACES)
def test_it_is_named_wherever_it_is(tmp_path, where):
    changes = {
        "layer": {"between": [mn.ReLU()]},
        "transform": {"of_loader": {"transform": Noise(0.1)}},
        "loader": {"loader": type("Own", (mn.DataLoader,), {})(X, Y, 8)},
        "trainer": {"kind": type("Own", (mn.Trainer,), {"meter": None})},
        "metric": {"options": {"metrics": {"m": type("M", (), {"__call__": lambda self, p, t: 0.0})()}}},
        "schedule": rate(type("S", (), {"__call__": lambda self, lr, t: lr})()),
        "optimizer": {"optimizer": lambda p: type("Own", (mn.SGD,), {})(p, lr=0.1)},
    }[where]

    class Gives(callbacks.Callback):
        """Give the part something that cannot be kept."""

        def state_dict(self):
            return {}

        def on_fit_start(self, trainer):
            PLACES[where](trainer, changes).meter = Meter()

    changes["callbacks"] = [*changes.get("callbacks", []), Gives()]
    (text,) = warned(tmp_path, **changes)
    path = {
        "layer": "model.layers[1].meter",
        "transform": "loader.transform",
        "metric": "metrics['m'].meter",
        "schedule": "callbacks[0].schedule",
    }.get(where, f"{where}.meter")
    assert f"  {path} (" in text


def test_what_is_made_later_is_named_then(tmp_path):
    keeps = Keeps(meter=None)
    keeps.later = lambda: setattr(keeps, "meter", Noise(0.1))
    (text,) = warned(tmp_path, callbacks=[keeps])
    assert "callbacks[0].meter (Noise, which is not there when the script is started again)" in text


def test_code_that_is_replaced_is_named(tmp_path):
    keeps = Keeps(how=min)
    keeps.later = lambda: setattr(keeps, "how", max)
    (text,) = warned(tmp_path, callbacks=[keeps])
    assert "callbacks[0].how (it was changed while training)" in text


def test_data_that_change_after_all_are_named(tmp_path):
    class Weighted:
        def __init__(self):
            self.weights = np.ones(1 << 18)

        def __iter__(self):
            for i in range(5):
                self.weights[i] += 1
                yield X[:8], Y[:8]

    (text,) = warned(tmp_path, loader=Weighted())
    assert "loader.weights (it was changed while training)" in text


FORGED = {
    ("model", "layers[0]", "weight"): 5,
    ("model", "", "layers"): None,
    ("callbacks", 0, 1, "path"): "b.csv",
    ("callbacks", 1, 1, "schedule"): 7,
    ("loader", "attributes", "transform"): 3,
    ("attributes", "helper"): {},
    ("objects", "callbacks[1].schedule", ".helper"): 5,
}


@pytest.mark.parametrize("place", FORGED, ids=str)
def test_a_state_never_replaces_an_object(tmp_path, place):
    """A file that was made to: a Parameter, a file's name, a schedule."""

    class Schedule:
        def __init__(self):
            self.helper, self.calls = Noise(1), 0

        def __call__(self, lr, t):
            return lr

    class Mine(mn.Trainer):
        def __init__(self, *parts):
            super().__init__(*parts)
            self.helper = Noise(1)

    def script(steps):
        more = [Keeps(path=tmp_path / "a.csv"), callbacks.LearningRate(Schedule(), per="step")]
        return fit(tmp_path, steps=steps, callbacks=more, kind=Mine, of_loader={"transform": Noise(0.1, [0])})

    trainer = script(4)
    path = Checkpoint(tmp_path).files()[-1]
    _, metadata = read_tensors(path)
    state = Snapshot(path).state
    part = state
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = FORGED[place]
    text, tensors = encoded(state)
    weights = {name: parameter.data for name, parameter in trainer.model.named_parameters()}
    write_tensors(path, weights | tensors, metadata | {"state": text})
    with pytest.raises(CheckpointError, match=r"an? .* now, and data in the checkpoint"):
        script(6)
