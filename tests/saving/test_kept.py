"""A script that is not changed is never refused: what it would not take back is left out of a checkpoint, and named."""

import time
import uuid
import warnings
from collections import Counter
from functools import cached_property
from types import SimpleNamespace

import numpy as np
import pytest

import minnet as mn
from minnet.errors import CheckpointWarning
from minnet.saving.checkpoint import Checkpoint

X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
Y = np.arange(40) % 3


def fit(folder, callback, *, steps=4, loader=None):
    """Train as a script does that is started anew, and return what was warned of."""
    model = mn.Sequential(mn.Linear(4, 3, rng=0))
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loader = mn.DataLoader(X, Y, 8, rng=0) if loader is None else loader
        checkpoint = Checkpoint(folder, every=1)
        trainer.fit(loader, steps=steps, progress=False, callbacks=[callback], checkpoint=checkpoint)
    assert all(warning.category is CheckpointWarning for warning in caught)
    return [str(warning.message) for warning in caught]


class Changes(mn.callbacks.Callback):
    """A callback whose attribute begins as `first`, and becomes `then(step)`; a path is in another place each time."""

    def __init__(self, first, then):
        self.value, self._then = first, then
        self.log_dir, self.started = f"runs/{time.perf_counter_ns()}", time.strftime("%Y/%m/%d ") + str(time.time())
        self.options = SimpleNamespace(out=self.log_dir, seen=0)
        self.outputs = {"log": f"{self.log_dir}/log.txt"}

    def on_step_end(self, trainer):
        self.options.seen += 1
        self.value = self._then(trainer.step)


KEPT = {
    "a number": (0, float),
    "NumPy's number": (np.inf, np.float32),
    "a row": (None, lambda step: {"loss": 0.5, "a/b": step}),
    "a list that grows": ([], lambda step: list(range(step))),
    "texts": ([], lambda step: [f"a{i}" for i in range(step)]),
    "a path of numbers": ([], lambda step: [(0.5, i) for i in range(step)]),
    "an array that grows": (np.zeros(0), lambda step: np.ones((step, 2))),
    "a text without a place": ("", str),
    "a counter": (Counter(), lambda step: Counter(range(step))),
}


@pytest.mark.parametrize("name", KEPT)
def test_it_is_kept_without_a_word(tmp_path, name):
    first, then = KEPT[name]
    assert fit(tmp_path, Changes(first, then)) == []
    resumed = Changes(first, then)
    now = resumed.log_dir, resumed.started, resumed.outputs["log"]
    assert fit(tmp_path, resumed) == []
    assert repr(resumed.value) == repr(then(4))
    assert resumed.options.seen == 4
    assert (resumed.log_dir, resumed.started, resumed.outputs["log"]) == now
    assert resumed.options.out == now[0]


LEFT_OUT = {
    "None": (0.0, lambda step: None, "it is None, and was a number when the run began: let it begin as None"),
    "an array": ([], np.zeros, "it is an array of float64, and was a list when"),
    "a number": ("none", int, "it is a number, and was a str when"),
    "another shape": (np.zeros(3), lambda step: np.zeros((step, 2)), "it has the shape (1, 2), and was (3,) when"),
    "a text": ("", lambda step: f"{step}/17", "it holds a text that may be a path, which is always the script's"),
    "a file": ("", lambda step: f"best-{step}.npz", "it holds a text that may be a path"),
    "a dict of files": (None, lambda step: {"best": f"best-{step}.npz"}, "it holds a text that may be a path"),
    "in a list": ([0, 1], lambda step: [None, step], "callbacks[0].value[0] is None, and was a number when"),
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_it_is_left_out_and_named_once_and_the_script_goes_on(tmp_path, name):
    first, then, why = LEFT_OUT[name]
    (text,) = fit(tmp_path, Changes(first, then))
    assert "callbacks[0].value (" in text
    assert why in text
    resumed = Changes(first, then)
    fit(tmp_path, resumed, steps=4)
    assert resumed.options.seen == 4
    assert repr(resumed.value) == repr(first)  # the script's
    fit(tmp_path, Changes(first, then), steps=7)


def test_a_loader_with_a_path(tmp_path):
    class Files:
        def __init__(self):
            self.folder, self.part, self.inner = f"/data/{time.perf_counter_ns()}", [], SimpleNamespace(url="a/b")

        def __iter__(self):
            for i in range(0, 40, 8):
                self.part = None if i else []
                yield X[i : i + 8], Y[i : i + 8]

    idle = mn.callbacks.Callback()
    assert len(fit(tmp_path, idle, loader=Files())) == 1
    fit(tmp_path, idle, loader=Files(), steps=7)


class Says(mn.callbacks.Callback):
    """A callback that says itself what is kept; so it judges itself what it is given."""

    def __init__(self):
        self.best = None

    def on_step_end(self, trainer):
        self.best = f"out/{trainer.step}.npz"

    def state_dict(self):
        return {"best_path": self.best or 0}

    def load_state_dict(self, state):
        self.best = state["best_path"]


class Holds(mn.callbacks.Callback):
    def __init__(self):
        self.says = Says()

    def on_step_end(self, trainer):
        self.says.on_step_end(trainer)


@pytest.mark.parametrize("kind", [Says, Holds])
def test_a_state_dict_of_ones_own_may_hold_anything(tmp_path, kind):
    assert fit(tmp_path, kind()) == []
    resumed = kind()
    assert fit(tmp_path, resumed) == []
    assert getattr(resumed, "says", resumed).best == "out/4.npz"


def test_what_is_in_something_that_was_named_is_not_named_again(tmp_path):
    (text,) = fit(tmp_path, Changes([], lambda step: [SimpleNamespace(i=i) for i in range(step)]))
    assert text.count("callbacks[0].value") == 1


def test_a_cached_property_is_kept(tmp_path):
    class Lazy(mn.callbacks.Callback):
        @cached_property
        def seen(self):
            return []

        def on_step_end(self, trainer):
            self.seen.append(trainer.step)

    assert fit(tmp_path, Lazy()) == []
    resumed = Lazy()
    assert fit(tmp_path, resumed, steps=6) == []
    assert resumed.seen == [1, 2, 3, 4, 5, 6]


def test_what_belongs_to_a_class_is_named_when_it_changes(tmp_path):
    class Shares(mn.callbacks.Callback):
        seen = []
        names = ["a"]

        def on_step_end(self, trainer):
            self.seen.append(trainer.step)

    (text,) = fit(tmp_path, Shares())
    assert "\n  callbacks[0].seen (it was changed while training)\n" in text
    assert "names" not in text


def test_the_time_is_never_a_setting(tmp_path):
    class Stamps(mn.callbacks.Callback):
        def __init__(self, started=None, name=None):
            self.started, self.name = started or time.time(), name or f"run-{time.strftime('%Y%m%d-%H%M%S')}"
            self.clocks, self.run_id = time.perf_counter(), uuid.uuid4().hex
            self.label = f"{time.strftime('%Y-%m-%d')} {time.time_ns()}"

    assert fit(tmp_path, Stamps()) == []
    assert fit(tmp_path, Stamps(), steps=6) == []


def test_names_of_sets_and_columns_are_no_places(tmp_path):
    def run(steps):
        model = mn.Sequential(mn.Linear(4, 3, rng=0))
        trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
        checkpoint = Checkpoint(tmp_path / "run", every=1, best="val/clean_loss")
        more = [mn.callbacks.EarlyStopping("val/clean_loss"), mn.callbacks.CSVLogger(tmp_path / "rows.csv")]
        loader, sets = mn.DataLoader(X, Y, 8, rng=0), {"val/clean": (X, Y)}
        options = {"evaluate": sets, "every": 1, "callbacks": more, "checkpoint": checkpoint}
        return trainer.fit(loader, steps=steps, progress=False, **options)

    run(2)
    assert len(run(4)) == 4
