"""Threads that compute at once get what one alone would get, bit for bit."""

import contextlib
import copy
import importlib.util
import math
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from kills import fresh, leftovers, unlike, whole
from run_configurations import CONFIGURATIONS, digest

import minnet as mn

_spec = importlib.util.spec_from_file_location(
    "contract", Path(__file__).parents[1] / "inspection" / "test_layer_checks.py"
)
contract = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(contract)  # for its lists of all layers and losses

THREADS = 4
ONE_INPUT = [(layer, x) for layer, x, *more in [*contract.LAYERS, *contract.OTHERS] if not more]


@pytest.fixture(autouse=True)
def busy():
    """Let Python change from thread to thread as often as it can, so that races show."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(*works):
    """Let each work run in a thread of its own, all from the same instant on; raise what any of them raised."""
    barrier, errors = threading.Barrier(len(works)), []

    def start(work):
        try:
            barrier.wait()
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=start, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def name(layer):
    return layer.describe() if isinstance(layer, mn.Layer) else ""


@pytest.mark.parametrize("case", [*contract.LAYERS, *contract.OTHERS], ids=lambda case: name(case[0]))
def test_one_model_in_eval_mode(case):
    layer, *inputs = case
    layer = copy.deepcopy(layer).astype(np.float64)
    layer.train().forward(*inputs)  # so that running statistics are not what they began with
    layer.eval()
    shifted = [[np.roll(x, i, 0) for x in inputs] for i in range(THREADS)]
    expected = [layer.forward(*given).tobytes() for given in shifted]

    def forward(i):
        for _ in range(30):
            assert layer.forward(*shifted[i]).tobytes() == expected[i]

    at_once(*(lambda i=i: forward(i) for i in range(THREADS)))


def trainer_around(layer, x):
    """Make a classifier that begins with a layer, and data for it."""
    layer = copy.deepcopy(layer).astype(np.float32)
    X = np.concatenate([np.roll(x, i, 0) for i in range(8)])
    X = X if X.dtype.kind == "i" else X.astype(np.float32)
    features = layer.forward(X).reshape(len(X), -1).shape[1]
    model = mn.Sequential(layer, mn.Dropout(0.3, rng=0), mn.Flatten(), mn.Linear(features, 3, rng=0))
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
    return trainer, X, np.arange(len(X)) % 3


@pytest.mark.parametrize(("layer", "x"), ONE_INPUT, ids=name)
def test_predictions_and_evaluations_of_one_trainer(layer, x):
    trainer, X, y = trainer_around(layer, x)
    trainer.model.train()
    trainer.model.layers[1].eval()  # a mode that someone chose, and finds again afterwards
    modes = [inner.training for _, inner in trainer.model.named_layers()]
    assert any(modes)
    assert not all(modes)
    shifted = [(np.roll(X, i, 0), np.roll(y, i + 1)) for i in range(THREADS)]
    predicted = [trainer.predict(X).tobytes() for X, _ in shifted]
    evaluated = [trainer.evaluate(mn.DataLoader(X, y, 5, check=False)) for X, y in shifted]

    def look(i):
        X, y = shifted[i]
        loader = mn.DataLoader(X, y, 5, check=False)
        for _ in range(5):
            assert trainer.predict(X).tobytes() == predicted[i]
            assert trainer.evaluate(loader) == evaluated[i]

    at_once(*(lambda i=i: look(i) for i in range(THREADS)))
    assert [inner.training for _, inner in trainer.model.named_layers()] == modes


def test_the_mode_while_others_still_evaluate():
    trainer, X, y = trainer_around(mn.Linear(3, 4, rng=0), np.ones((4, 3)))
    trainer.model.train()
    begun, ended = threading.Event(), threading.Event()

    def slow(prediction, target):
        begun.set()
        assert ended.wait(10)
        return float(trainer.model.training)

    trainer.metrics["training"] = slow
    results = []
    thread = threading.Thread(target=lambda: results.append(trainer.evaluate((X, y))))
    thread.start()
    assert begun.wait(10)
    trainer.predict(X)  # whoever is ready first does not switch back
    assert not trainer.model.training
    ended.set()
    thread.join()
    assert results[0]["training"] == 0.0
    assert trainer.model.training


def trained(name, **options):
    job = CONFIGURATIONS[name]()
    job.run(**options)
    return digest(job)


@pytest.mark.parametrize(
    "names",
    [("dropout", "adam"), ("batch norm", "recurrent"), ("augmentation", "dropout"), ("threads", "threads")],
    ids="+".join,
)
def test_two_trainings_at_once(names):
    expected = [trained(name) for name in names]
    for _ in range(3):
        found = [{}, {}]

        def train(i, found=found):
            found[i] = trained(names[i])

        at_once(lambda: train(0), lambda: train(1))
        assert [unlike(*pair) for pair in zip(found, expected, strict=True)] == [[], []]


def test_two_trainings_that_keep_checkpoints_at_once(quick):
    names = ["dropout", "momentum", "threads"]
    expected = [trained(name) for name in names]
    folders = [fresh(quick / name) for name in names]

    def train(i):
        """Train in two starts: the first is broken off after 40 steps."""
        for last in (40, math.inf):
            job = CONFIGURATIONS[names[i]]()
            trainer, update = job.trainer, job.trainer.update

            def broken_off(trainer=trainer, update=update, last=last):
                if trainer.step >= last:
                    raise InterruptedError
                update()

            trainer.update = broken_off
            with contextlib.suppress(InterruptedError):
                job.run(checkpoint=mn.Checkpoint(folders[i] / "checkpoints", every=3, keep=2, best=job.best))
        found[i] = digest(job)

    found = [{} for _ in names]
    at_once(*(lambda i=i: train(i) for i in range(len(names))))
    for name, folder in zip(names, folders, strict=True):
        assert whole(folder) > 0
        assert leftovers(folder) == [], name
    assert [unlike(*pair) for pair in zip(found, expected, strict=True)] == [[], [], []]


def test_blas_has_its_threads_back():
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def numbers():
        return [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]

    before = numbers()
    inside, first_left = threading.Barrier(2), threading.Event()

    def team(first):
        job = CONFIGURATIONS["threads"]()
        with mn.training.parallel.ParallelSteps(job.trainer.model, job.trainer.loss, 2, 1):
            inside.wait(10)  # so the one begins after the other, and ends after it
            if not first:
                first_left.wait(10)
        if first:
            first_left.set()

    for _ in range(5):
        at_once(lambda: team(first=True), lambda: team(first=False))
        assert numbers() == before
