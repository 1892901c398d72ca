"""What a snapshot holds, and that it is put back whole or not at all. (Killed runs: tests/reliability.)"""

import copy
import json
import math

import numpy as np
import pytest

import minnet as mn
from minnet.errors import CheckpointError
from minnet.saving.checkpoint import Checkpoint
from minnet.saving.run_state import Snapshot, _columns, _rows
from minnet.saving.serialize import encode
from minnet.saving.tensorfile import read_tensors, write_tensors
from minnet.training.history import History

X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
Y = np.arange(40) % 3


class Counter(mn.callbacks.Callback):
    count = 0  # an attribute of the class, until the first step

    def on_step_end(self, trainer):
        self.count += 1
        self.last = {"array": trainer.prediction[:2].copy(), 3: (trainer.step, None, -math.inf)}


class Noise(mn.Layer):
    """A layer of one's own with a Generator and a memory, neither of which minnet knows of."""

    def __init__(self, rng):
        self.rng = np.random.default_rng(rng)
        self.mean = 0.0

    def forward(self, x):
        self.mean = 0.9 * self.mean + 0.1 * float(x.mean())
        noise = self.rng.normal(size=x.shape).astype(x.dtype) if self.training else 0
        return x + np.float32(0.1 * self.mean) + noise

    def backward(self, dy):
        return dy


class Best:
    """A metric that remembers."""

    def __init__(self):
        self.best = 0.0

    def __call__(self, prediction, target):
        self.best = max(self.best, mn.metrics.accuracy(prediction, target))
        return self.best


def make(width=5, rng=0, optimizer=mn.Adam, metrics=None):
    model = mn.Sequential(
        mn.Linear(4, width, rng=rng),
        mn.BatchNorm1d(width),
        Noise(rng),
        mn.Dropout(0.2, rng=rng),
        mn.Linear(width, 3, rng=rng),
    )
    metrics = {"best": Best()} if metrics is None else metrics
    return mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), optimizer(model.parameters(), lr=0.01), metrics=metrics)


def fit(trainer, folder, steps=7, callbacks=None, **options):
    options = {"batch_size": 8, "rng": 0} | options
    loader = mn.DataLoader(X, Y, shuffle=True, **options)
    test = mn.DataLoader(X, Y, 16, shuffle=True, rng=4)
    callbacks = [Counter()] if callbacks is None else callbacks
    checkpoint = None if folder is None else Checkpoint(folder, every=1, keep=99)
    trainer.fit(
        loader,
        steps=steps,
        every=2,
        evaluate={"test": test},
        callbacks=callbacks,
        checkpoint=checkpoint,
        progress=False,
    )
    return callbacks


def facts(trainer, callbacks):
    layers = trainer.model.layers
    return (
        [p.data.tobytes() for p in trainer.model.parameters()],
        repr(trainer.optimizer.state_dict()),
        [{name: value for name, value in row.items() if name != "seconds"} for row in trainer.history],
        [repr(layer.rng.bit_generator.state) for layer in layers[2:4]],
        layers[2].mean,
        [(c.count, repr(c.last)) for c in callbacks],
        {name: metric.best for name, metric in trainer.metrics.items()},
    )


@pytest.mark.parametrize("step", [1, 2, 4, 5, 6, 10])
def test_a_run_goes_on_from_any_step_with_every_bit(tmp_path, step):
    whole = make()
    expected = facts(whole, fit(whole, None, 12))
    first = make()
    fit(first, tmp_path, 12)
    for path in Checkpoint(tmp_path).files():
        if int(path.stem[5:]) > step:
            path.unlink()
    # Begun from other values: whatever is not put back shows.
    resumed = make(rng=77)
    assert facts(resumed, fit(resumed, tmp_path, 12, rng=55)) == expected


def test_arrays_and_generators_stay_the_same_objects(tmp_path):
    fit(make(), tmp_path)
    trainer = make(rng=5)
    held = [trainer.model.layers[2].rng, trainer.history, *(p.data for p in trainer.model.parameters())]
    fit(trainer, tmp_path)
    now = [trainer.model.layers[2].rng, trainer.history, *(p.data for p in trainer.model.parameters())]
    assert all(a is b for a, b in zip(held, now, strict=True))


def test_an_iterable_of_batches_goes_on_after_those_learned_from(tmp_path):
    batches = [(X[i : i + 8], Y[i : i + 8]) for i in range(0, 40, 8)]

    def run(folder, steps):
        trainer = make(metrics={})
        checkpoint = None if folder is None else Checkpoint(folder, every=1)
        trainer.fit(batches, steps=steps, checkpoint=checkpoint, progress=False)
        return [p.data.tobytes() for p in trainer.model.parameters()]

    run(tmp_path, 8)
    (tmp_path / "step-000000008.safetensors").unlink()  # the end: as if it was killed in step 8
    assert run(tmp_path, 12) == run(None, 12)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"width": 6}, "layers[0].weight: (4, 6) float32 in the model, (4, 5) float32 in the file"),
        ({"optimizer": mn.SGD}, "the optimizer: SGD now, Adam in the checkpoint"),
        ({"metrics": {}}, "the metrics: [] now, ['best'] in the checkpoint"),
    ],
)
def test_another_run_is_refused_and_nothing_changed(tmp_path, change, line):
    fit(make(), tmp_path)
    trainer = make(rng=3, **change)
    before = [p.data.copy() for p in trainer.model.parameters()]
    with pytest.raises(CheckpointError) as caught:
        fit(trainer, tmp_path)
    assert line in str(caught.value)
    assert trainer.step == 0
    assert all(np.array_equal(a, p.data) for a, p in zip(before, trainer.model.parameters(), strict=True))


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"batch_size": 4}, "loader.batch_size: 4 now, 8 in the checkpoint"),
        ({"callbacks": []}, "the callbacks: [] now, ['Counter'] in the checkpoint"),
    ],
)
def test_other_arguments_of_fit_are_refused(tmp_path, options, line):
    fit(make(), tmp_path)
    with pytest.raises(CheckpointError, match=line.replace("[", r"\[")):
        fit(make(), tmp_path, **options)


def test_weights_are_no_checkpoint(tmp_path):
    mn.save(make().model, tmp_path / "m")
    with pytest.raises(CheckpointError, match="holds weights only"):
        Snapshot(tmp_path / "m")


def walk(value, path=()):
    """Yield each place in a state."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from walk(value[key], (*path, key))
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from walk(item, (*path, i))


def replaced(value, path, new):
    """Return a state with another thing in one place."""
    if not path:
        return new
    if isinstance(value, tuple):
        value = list(value)
    value = copy.copy(value)
    value[path[0]] = replaced(value[path[0]], path[1:], new)
    return value


@pytest.mark.parametrize("new", [None, "x", -1, [], {}, np.zeros(3), float("nan")], ids=repr)
def test_a_forged_state_is_refused_or_harmless(tmp_path, new):
    """Anything, anywhere in the state, with right digests: the run goes on, or a documented error says why not."""
    fit(make(), tmp_path / "run", steps=2)
    path = tmp_path / "run" / "step-000000002.safetensors"
    tensors, metadata = read_tensors(path)
    weights = {name: array for name, array in tensors.items() if not name.startswith("state/")}
    state = Snapshot(path).state
    refused = 0
    for i, place in enumerate(walk(state)):
        arrays = {}
        text = json.dumps(encode(replaced(state, place, new), arrays, "state"))
        forged = tmp_path / str(i) / path.name
        forged.parent.mkdir()
        write_tensors(forged, weights | arrays, metadata | {"state": text})
        try:
            snapshot = Snapshot(forged)
        except CheckpointError:
            refused += 1
            continue
        assert isinstance(snapshot.step, int)
    assert refused


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{"step": 1, "loss": 0.1}, {"step": 2, "loss": math.inf, "test_loss": math.nan}],
        [{"step": 1}, {"step": 2, "note": "words"}, {"step": 3, "big": 2**70}],
        [{"step": 1, "x": np.float64(0.5)}, {"x": 2.5}],
        [{"step": 1, "flag": True}, {"flag": None}],
    ],
)
def test_a_history_survives_as_columns(rows):
    again = _rows(_columns(History(rows)))
    assert repr([dict(sorted(row.items())) for row in again]).replace("np.float64(0.5)", "0.5") == repr(
        [dict(sorted(row.items())) for row in rows]
    ).replace("np.float64(0.5)", "0.5")


def test_an_error_of_a_load_state_dict_of_the_script_names_the_file(tmp_path):
    class Picky(Counter):
        def load_state_dict(self, state):
            raise KeyError("\x1b[31mnot mine")

    fit(make(), tmp_path, callbacks=[Picky()])
    with pytest.raises(
        CheckpointError, match=r"step-000000007\.safetensors: the script did not take its state"
    ) as caught:
        fit(make(), tmp_path, 9, callbacks=[Picky()])
    assert isinstance(caught.value.__cause__, KeyError)
    assert "\x1b" not in str(caught.value)


def test_other_metrics_are_another_run(tmp_path):
    """They were accepted without a word, and the rows of the history had other columns from there on."""
    fit(make(metrics={"accuracy": mn.metrics.accuracy}), tmp_path, steps=4)
    with pytest.raises(CheckpointError, match=r"metrics: \['f1'\] now, \['accuracy'\] in the checkpoint"):
        fit(make(metrics={"f1": mn.metrics.F1("macro")}), tmp_path, steps=8)


def test_a_state_dict_that_fails_before_the_first_step_names_its_callback(tmp_path):
    class Fails(mn.callbacks.Callback):
        def state_dict(self):
            return {"x": {}["x"]}

    with pytest.raises(KeyError) as caught:
        fit(make(), tmp_path, callbacks=[Fails()])
    assert "in Fails.state_dict, which a checkpoint asks for what it is to keep" in caught.value.__notes__
