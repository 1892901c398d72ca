"""A Prefetch takes the place of its loader, whatever is done with it."""

import copy
import os
import pickle
import signal
import threading

import numpy as np
import pytest
from helpers import linear_problem, small_trainer

import minnet as mn
from minnet.data import Prefetch, Stream
from minnet.data.prefetch import for_trial, unwrapped

X, Y = linear_problem(60)
PIXELS = np.random.default_rng(0).integers(0, 256, (60, 4), dtype=np.uint8)


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "minnet.Prefetch"]


def jitter(x, rng):
    return x + rng.normal(size=x.shape).astype(x.dtype) / 10


def loader_of(kind="transform", x=X):
    if kind == "stream":
        return Stream(list(zip(x, Y, strict=True)), 7, buffer=20, rng=1, transform=jitter)
    return mn.DataLoader(x, Y, 7, shuffle=True, rng=1, transform=jitter if kind == "transform" else None)


def trained(loader, trainer=None, **options):
    """Return the bits of the weights and the rows of a fit, without their times."""
    trainer = trainer or small_trainer()
    trainer.fit(loader, progress=False, **options)
    return _bits(trainer)


def _bits(trainer):
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in trainer.history]
    return trainer.model.layers[0].weight.data.tobytes(), rows


KINDS = ["plain", "transform", "stream"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_is_the_same_to_the_last_bit(kind):
    for how_long in ({"epochs": 3}, {"steps": 20, "every": 4}):
        assert trained(Prefetch(loader_of(kind)), **how_long) == trained(loader_of(kind), **how_long)
    assert not threads()


@pytest.mark.parametrize("kind", KINDS)
def test_fits_of_steps_go_on_inside_the_pass(kind):
    expected = trained(loader_of(kind), steps=23)
    loader, other, trainer = Prefetch(loader_of(kind)), Prefetch(loader_of(kind)), small_trainer()
    for steps in (5, 4, 9, 5):
        trainer.fit(loader, steps=steps, progress=False)
        if kind != "stream":  # of other loaders than DataLoaders, only the last pass goes on
            small_trainer().fit(other, steps=2, progress=False)
        assert not threads()
    assert _bits(trainer)[0] == expected[0]


def test_passes_over_several_loaders_go_on_each():
    def run(wrap):
        trainer, pair = small_trainer(), [wrap(loader_of()), wrap(loader_of("plain"))]
        for _ in range(4):
            for loader in pair:
                trainer.fit(loader, steps=2, progress=False)
        return _bits(trainer)[0]

    assert run(Prefetch) == run(lambda loader: loader)


class Killed(mn.callbacks.Callback):
    """End the first run with an error after so many steps."""

    def on_step_end(self, trainer):
        if trainer.step == 13 and not self.again:
            raise RuntimeError("killed")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("second", [True, False])
def test_a_run_is_resumed_with_or_without_it(kind, first, second, tmp_path):
    expected = trained(loader_of(kind), epochs=3)

    def loader(wrap):
        return Prefetch(loader_of(kind)) if wrap else loader_of(kind)

    def checkpoint():
        return mn.Checkpoint(tmp_path, every=2)

    Killed.again = False
    with pytest.raises(RuntimeError, match="killed"):
        trained(loader(first), epochs=3, checkpoint=checkpoint(), callbacks=[Killed()])
    Killed.again = True
    assert trained(loader(second), epochs=3, checkpoint=checkpoint(), callbacks=[Killed()]) == expected
    assert not threads()


def test_bytes_are_scaled_by_the_loader_in_a_fit_and_in_an_evaluation():
    trainer = small_trainer()
    loader = Prefetch(mn.DataLoader(PIXELS, Y, 7, scale=1 / 255))
    held_out = Prefetch(mn.DataLoader(PIXELS, Y, 20, scale=1 / 255))
    rows = trainer.fit(loader, epochs=1, evaluate={"a": (PIXELS, Y), "b": held_out}, progress=False)
    assert trainer.model.input_scale == 1 / 255
    assert rows[-1]["a_accuracy"] == rows[-1]["b_accuracy"]
    assert rows[-1]["a_loss"] == pytest.approx(rows[-1]["b_loss"], rel=1e-6)
    with pytest.raises(ValueError, match="expected data to have the model's input_scale"):
        trainer.evaluate(Prefetch(mn.DataLoader(PIXELS, Y, 20)))
    assert trainer.evaluate(held_out).keys() == {"loss", "accuracy"}
    assert trainer.predict(held_out).shape == (60, 3)


def test_data_are_checked_before_the_first_step():
    with pytest.raises(ValueError, match="features"):
        small_trainer().fit(Prefetch(mn.DataLoader(X[:, :3], Y, 7)), epochs=1, progress=False)
    with pytest.raises(ValueError, match=r"label|class"):
        small_trainer().fit(Prefetch(mn.DataLoader(X, Y + 1, 7)), epochs=1, progress=False)


def test_nan_names_the_rows_of_the_batch():
    bad = X.copy()
    bad[17] = np.nan
    with pytest.raises(mn.errors.NonFiniteError, match="rows 14 to 20 of the data set"):
        small_trainer().fit(Prefetch(mn.DataLoader(bad, Y, 7, check=False)), epochs=1, progress=False)
    assert not threads()


def test_compiled_code_takes_it():
    pytest.importorskip("numba")
    histories = []
    for loader in (Prefetch(loader_of("plain")), loader_of("plain")):
        model = mn.Sequential(mn.Linear(4, 3, rng=0))
        trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1), compiled=True)
        histories.append([row["loss"] for row in trainer.fit(loader, epochs=2, progress=False)])
    assert histories[0] == pytest.approx(histories[1], rel=1e-5)


def test_a_schedule_and_the_bar_know_its_length():
    schedule = mn.callbacks.LearningRate(mn.schedules.StepLR(1), per="epoch")
    rows = small_trainer().fit(Prefetch(loader_of()), epochs=3, callbacks=[schedule], progress=False)
    assert [row["lr"] for row in rows] == [0.1, pytest.approx(0.01), pytest.approx(0.001)]
    assert len(Prefetch(loader_of())) == 9
    with pytest.raises(TypeError):
        len(Prefetch(loader_of("stream")))


def test_what_the_loader_has_can_be_read():
    loader = Prefetch(mn.DataLoader(X, Y, 7))
    assert (loader.batch_size, loader.samples) == (7, 60)
    assert loader.X is loader.loader.X
    with pytest.raises(AttributeError, match="nothing"):
        loader.nothing  # noqa: B018
    assert repr(loader).startswith("Prefetch(DataLoader(")


def test_the_learning_rate_finder_leaves_the_order_alone():
    for kind in KINDS:
        one, other = Prefetch(loader_of(kind)), Prefetch(loader_of(kind))
        curve = mn.lr_finder(small_trainer(), one, steps=12)
        expected = mn.lr_finder(small_trainer(), unwrapped(other), steps=12)
        assert curve.losses == expected.losses
        assert [y.tolist() for _, y in one] == [y.tolist() for _, y in other]
    assert for_trial([1]) == [1]


def test_two_passes_at_once():
    expected = [y.tolist() for _, y in loader_of("plain")]
    loader = Prefetch(loader_of("plain"))
    first, second = iter(loader), iter(loader)
    pairs = [(a[1].tolist(), b[1].tolist()) for a, b in zip(first, second, strict=True)]
    assert [a for a, _ in pairs] == expected
    assert [b for _, b in pairs] != expected


def test_copies_and_pickles():
    for loader in (
        copy.deepcopy(Prefetch(loader_of("plain"), 3)),
        pickle.loads(pickle.dumps(Prefetch(loader_of("plain"), 3))),
    ):
        assert loader.batches == 3
        assert [y.tolist() for _, y in loader] == [y.tolist() for _, y in loader_of("plain")]


def test_an_error_of_the_source_says_at_which_step_and_the_thread_ends():
    def broken():
        yield from zip(X[:20], Y, strict=False)
        raise OSError("the disk is gone")

    trainer = small_trainer()
    with pytest.raises(OSError, match="the disk is gone"):
        trainer.fit(Prefetch(Stream(broken, 7)), epochs=1, progress=False)
    assert trainer.step == 2
    assert not threads()


class Interrupting(mn.callbacks.Callback):
    def on_step_end(self, trainer):
        if trainer.step == 5:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("kind", KINDS)
def test_ctrl_c_ends_the_thread_and_the_next_fit_goes_on(kind):
    expected = trained(loader_of(kind), steps=12)
    loader, trainer = Prefetch(loader_of(kind)), small_trainer()
    trainer.fit(loader, steps=12, progress=False, callbacks=[Interrupting()])
    assert trainer.step == 5
    assert not threads()
    trainer.fit(loader, steps=7, progress=False)
    assert _bits(trainer)[0] == expected[0]


def test_ctrl_c_while_a_source_waits_for_ever():
    release, waits = threading.Event(), threading.Event()

    def source():
        yield from zip(X[:14], Y, strict=False)
        waits.set()
        release.wait(120)

    def interrupt():
        waits.wait(60)
        os.kill(os.getpid(), signal.SIGINT)

    helper = threading.Thread(target=interrupt)
    helper.start()
    trainer = small_trainer()
    trainer.fit(Prefetch(Stream(source, 7)), epochs=1, progress=False)
    assert trainer.interrupted
    release.set()
    helper.join()


@pytest.mark.parametrize("wrong", [(X, Y), X, "rows", 3, mn.DataLoader], ids=["tuple", "array", "str", "int", "class"])
def test_what_is_no_loader(wrong):
    with pytest.raises(TypeError, match="Prefetch expected a loader"):
        Prefetch(wrong)
    with pytest.raises(TypeError, match="Prefetch expected a loader"):
        Prefetch(Prefetch(loader_of()))
    with pytest.raises(ValueError, match="batches >= 1"):
        Prefetch(loader_of(), 0)
