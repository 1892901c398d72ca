"""A `torch.utils.data.DataLoader` is a loader: of fit, evaluate, predict, lr_finder, and of runs that are resumed."""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest

import minnet as mn
from minnet.errors import DataWarning

torch = pytest.importorskip("torch")
data = torch.utils.data

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(100, 4)).astype(np.float32)
Y = (X @ RANDOM.normal(size=(4, 3))).argmax(axis=1)


def dataset(x=X, y=Y):
    return data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))


def trainer(lr=0.05):
    model = mn.Sequential(mn.Linear(4, 8, rng=0), mn.Dropout(0.1, rng=0), mn.Tanh(), mn.Linear(8, 3, rng=1))
    return mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.Adam(model.parameters(), lr=lr))


def bits(one):
    return [p.data.tobytes() for p in one.model.parameters()]


def test_it_does_what_our_own_does():
    one, other = trainer(), trainer()
    loader = data.DataLoader(dataset(), 16)
    one.fit(loader, epochs=3, evaluate={"test": loader}, progress=False)
    other.fit(mn.DataLoader(X, Y, 16), epochs=3, evaluate={"test": (X, Y)}, progress=False)
    assert bits(one) == bits(other)
    assert one.evaluate(loader) == pytest.approx(other.evaluate((X, Y)), rel=1e-6)
    np.testing.assert_allclose(one.predict(loader), other.predict(X), rtol=1e-5)
    np.testing.assert_allclose(
        one.predict(data.DataLoader(data.TensorDataset(torch.from_numpy(X)), 7)), other.predict(X), rtol=1e-5
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_floats_become_the_models(dtype):
    x = torch.from_numpy(X).to(dtype)
    one, other = trainer(), trainer()
    one.fit(data.DataLoader(data.TensorDataset(x, torch.from_numpy(Y)), 20), epochs=2, progress=False)
    other.fit(mn.DataLoader(x.double().numpy(), Y, 20), epochs=2, progress=False)
    assert bits(one) == bits(other)
    assert one.model.dtype == np.float32


def test_images_of_bytes_have_the_scale():
    images = RANDOM.integers(0, 256, (40, 4), np.uint8)
    one, other = trainer(), trainer()
    one.fit(data.DataLoader(dataset(images, Y[:40]), 10), epochs=2, progress=False)
    other.fit(mn.DataLoader(images, Y[:40], 10, check=False), epochs=2, progress=False)
    assert bits(one) == bits(other)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(one.predict(images), other.predict(images))


class Dicts(data.Dataset):
    """Rows as Hugging Face's data sets have them: a dict with "labels"."""

    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return {"image": X[i, :2], "table": X[i, 2:], "labels": Y[i]}


class Pairs(Dicts):
    """Two inputs in a tuple, which PyTorch collates to a list."""

    def __getitem__(self, i):
        return (X[i, :2], X[i, 2:]), Y[i]


@pytest.mark.parametrize("rows", [Dicts(), Pairs()], ids=["dicts", "pairs"])
def test_several_inputs(rows):
    names = {"image": mn.Linear(2, 4, rng=0), "table": mn.Linear(2, 4, rng=1)}
    inputs = mn.Inputs(**names) if isinstance(rows[0], dict) else mn.Inputs(*names.values())
    model = mn.Sequential(inputs, mn.Tanh(), mn.Linear(8, 3, rng=2))
    one = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.Adam(model.parameters(), lr=0.05))
    loader = data.DataLoader(rows, 20, shuffle=True)
    torch.manual_seed(0)
    one.fit(loader, epochs=20, progress=False)
    assert one.evaluate(loader)["accuracy"] > 0.9
    with pytest.warns(DataWarning, match="predict was given a DataLoader that shuffles"):
        assert one.predict(loader).shape == (100, 3)


class Stream(data.IterableDataset):
    """Has no length."""

    def __iter__(self):
        yield from zip(X, Y, strict=True)


@pytest.mark.parametrize("drop_last", [False, True])
def test_a_stream_has_no_length(drop_last):
    one, other = trainer(), trainer()
    one.fit(data.DataLoader(Stream(), 16, drop_last=drop_last), epochs=2, progress=False)
    other.fit(mn.DataLoader(X, Y, 16, drop_last=drop_last), epochs=2, progress=False)
    assert bits(one) == bits(other)
    assert one.step == other.step == (12 if drop_last else 14)


def test_the_bar_knows_the_length(monkeypatch):
    seen = []
    monkeypatch.setattr("minnet.training.trainer.shown_by", lambda progress, total: seen.append(total) or [])
    trainer().fit(data.DataLoader(dataset(), 16), epochs=2)
    trainer().fit(data.DataLoader(Stream(), 16), epochs=2)
    assert seen == [14, None]


def test_gradients_and_other_devices_are_refused():
    x = torch.from_numpy(X).requires_grad_()
    with pytest.raises(
        TypeError, match=r"got in x a torch.Tensor that it cannot \(.*detach\(\).*: yield such as tensor.det"
    ):
        trainer().fit([(x, torch.from_numpy(Y))], epochs=1, progress=False)
    with pytest.raises(TypeError, match=r"got in x a torch.Tensor that it cannot"):
        trainer().fit([(torch.empty(4, 4, device="meta"), torch.from_numpy(Y[:4]))], epochs=1, progress=False)
    with pytest.raises(TypeError, match=r"got in x a torch.Tensor that it cannot"):
        trainer().fit([(torch.eye(4).to_sparse(), torch.from_numpy(Y[:4]))], epochs=1, progress=False)


def test_a_batch_is_not_copied():
    class Watching(mn.Identity):
        def forward(self, x):
            Watching.shared = np.shares_memory(x, X)
            return super().forward(x)

    one = trainer()
    one.model.insert(0, Watching())
    one.fit([(torch.from_numpy(X), torch.from_numpy(Y))], epochs=1, progress=False)
    assert Watching.shared


# -- the order, and runs that go on


def loader(kind, workers=0):
    """Return a loader as a script makes it that is started again."""
    torch.manual_seed(5)
    if kind == "process":
        return data.DataLoader(dataset(), 16, shuffle=True, num_workers=workers)
    generator = torch.Generator().manual_seed(7)
    if kind == "generator":
        return data.DataLoader(dataset(), 16, shuffle=True, generator=generator, num_workers=workers, drop_last=True)
    if kind == "noise":
        return data.DataLoader(Noisy(), 16, shuffle=True, num_workers=workers)
    weights = np.linspace(0.1, 1, 100)
    sampler = data.WeightedRandomSampler(weights, 90, generator=generator)
    return data.DataLoader(dataset(), batch_sampler=data.BatchSampler(sampler, 16, False), num_workers=workers)


class Noisy(data.Dataset):
    """Augments with PyTorch's random numbers, in the process that reads."""

    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return torch.from_numpy(X[i]) + 0.1 * torch.randn(4), Y[i]


class Wrapped:
    """A loader of one's own around PyTorch's."""

    def __init__(self, inner):
        self.inner = inner

    def __iter__(self):
        for x, y in self.inner:
            yield x * 2, y


@pytest.mark.parametrize("wrap", [lambda inner: inner, Wrapped], ids=["itself", "wrapped"])
@pytest.mark.parametrize("kind", ["process", "generator", "noise", "sampler"])
@pytest.mark.parametrize("steps", [3, 10])
def test_a_run_goes_on_to_the_last_bit(tmp_path, kind, wrap, steps):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # that something is not kept
        whole = trainer()
        whole.fit(wrap(loader(kind)), steps=16, progress=False)
        test = data.DataLoader(dataset(), 50, shuffle=True, generator=torch.Generator())
        trainer().fit(wrap(loader(kind)), steps=steps, progress=False, checkpoint=tmp_path)
        rest, again = trainer(), wrap(loader(kind))
        torch.manual_seed(99)
        rest.fit(again, steps=16, progress=False, checkpoint=tmp_path)
        assert bits(rest) == bits(whole)
        trainer().fit(wrap(loader(kind)), steps=2, progress=False, checkpoint=tmp_path / "b", evaluate={"test": test})


class Ends(mn.callbacks.Callback):
    """Ends the script, as a kill does."""

    after = 0  # of the class, because the script that is started again is the same

    def on_step_end(self, trainer):
        if trainer.step == Ends.after:
            raise RuntimeError("killed")


@pytest.mark.parametrize("steps", [3, 4, 5, 10])
def test_evaluations_with_loaders_of_pytorch_draw_from_the_same_numbers(tmp_path, monkeypatch, steps):
    def run(after, **options):
        monkeypatch.setattr(Ends, "after", after)
        one, train, test = trainer(), loader("noise"), data.DataLoader(Noisy(), 50, shuffle=True)
        one.fit(train, steps=16, every=2, evaluate={"test": test}, progress=False, callbacks=[Ends()], **options)
        return one

    whole = run(99)
    with pytest.raises(RuntimeError, match="killed"):
        run(steps + 1, checkpoint=mn.Checkpoint(tmp_path, every=1))
    rest = run(99, checkpoint=mn.Checkpoint(tmp_path, every=1))
    assert bits(rest) == bits(whole)
    assert rest.history.column("test_loss") == whole.history.column("test_loss")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["process", "generator", "noise"])
def test_a_run_with_workers_goes_on_to_the_last_bit_and_leaves_none(tmp_path, kind):
    whole, rest = trainer(), trainer()
    whole.fit(loader(kind, 2), steps=10, progress=False)
    trainer().fit(loader(kind, 2), steps=4, progress=False, checkpoint=tmp_path)
    assert not multiprocessing.active_children()
    rest.fit(loader(kind, 2), steps=10, progress=False, checkpoint=tmp_path)
    assert bits(rest) == bits(whole)
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_persistent_workers_stay_as_their_loader_says():
    persistent = data.DataLoader(dataset(), 16, num_workers=1, persistent_workers=True)
    one = trainer()
    one.fit(persistent, steps=3, progress=False)
    assert len(multiprocessing.active_children()) == 1
    one.fit(persistent, epochs=1, progress=False)
    assert one.step == 10
    del persistent, one


def test_steps_go_on_where_the_pass_was_left():
    one, other = trainer(), trainer()
    ordered = data.DataLoader(dataset(), 16)
    one.fit(ordered, steps=3, progress=False)
    one.fit(ordered, steps=4, progress=False)
    other.fit(mn.DataLoader(X, Y, 16), epochs=1, progress=False)
    assert bits(one) == bits(other)


def test_the_learning_rates_finder_leaves_the_order_as_it_is():
    one = loader("process")
    before = torch.get_rng_state()
    mn.lr_finder(trainer(), one, steps=5)
    assert torch.equal(torch.get_rng_state(), before)


SCRIPT = """
    import multiprocessing, sys, time
    import minnet as mn, torch
    from torch.utils.data import DataLoader, TensorDataset

    class Says(mn.callbacks.Callback):
        def on_step_end(self, trainer):
            if trainer.step == 3:
                print("ready", flush=True)
            time.sleep(0.01)

    if __name__ == "__main__":
        X = torch.randn(5000, 4)
        rows = TensorDataset(X, (X[:, 0] > 0).long())
        loader = DataLoader(rows, 10, num_workers=2, multiprocessing_context=sys.argv[1])
        model = mn.Linear(4, 2, rng=0)
        trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
        trainer.fit(loader, epochs=1000, callbacks=[Says()], progress=False)
        print("interrupted" if trainer.interrupted else "complete", multiprocessing.active_children(), flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals to groups of processes")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_ctrl_c_ends_the_run_and_its_workers(tmp_path, method):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    run = subprocess.Popen(
        [sys.executable, str(script), method],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert run.stdout.readline() == "ready\n"
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: the workers get it, too
    out, err = run.communicate(timeout=60)
    assert out == "interrupted []\n", err
    assert run.returncode == 0
