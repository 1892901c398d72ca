"""A Trainer takes arrays in files wherever it takes arrays, and computes the same."""

import signal

import numpy as np
import pytest

import minnet as mn
from minnet.data import blocks
from tests.support.array_files import write_idx, write_safetensors

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (90, 6)).astype(np.uint8)
Y = (X[:, 0] > 127).astype(np.int64)
WEIGHTS = RNG.random(90)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Return X in shards of IDX, y as .npy, and weights in safetensors; blocks are small."""
    monkeypatch.setattr(blocks, "BLOCK", 100)
    monkeypatch.setattr(blocks, "WINDOW", 500)
    monkeypatch.setattr(blocks, "LEAST", 1)
    paths = [write_idx(tmp_path / f"x{i}", part, "u1") for i, part in enumerate(np.split(X, [40, 40, 71]))]
    np.save(tmp_path / "y.npy", Y)
    weights = write_safetensors(tmp_path / "w", {"weight": WEIGHTS})
    return mn.data.Shards(paths), mn.data.open_array(tmp_path / "y.npy"), mn.data.open_array(weights, "weight")


def trained(X, y, sample_weight, shuffle, **options):
    model = mn.Sequential(mn.Linear(6, 5, rng=0), mn.ReLU(), mn.Linear(5, 2, rng=1))
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.Adam(model.parameters(), 0.01))
    loader = mn.DataLoader(X, y, 8, shuffle, sample_weight=sample_weight, rng=3)
    trainer.fit(loader, epochs=3, evaluate={"all": (X, y, sample_weight)}, progress=False, **options)
    return trainer


@pytest.mark.parametrize("shuffle", [False, True, "blocks", "resampled"])
def test_training_is_as_in_memory(shuffle, files):
    expected, found = trained(X, Y, WEIGHTS, shuffle), trained(*files, shuffle)
    for a, b in zip(expected.model.parameters(), found.model.parameters(), strict=True):
        assert np.array_equal(a.data, b.data)
    assert expected.history[-1]["all_loss"] == found.history[-1]["all_loss"]
    assert np.array_equal(expected.predict(X), found.predict(files[0]))
    assert expected.evaluate((X, Y)) == found.evaluate(files[:2])


@pytest.mark.parametrize("step", [1, 13, 20])
def test_a_run_that_stopped_goes_on_to_the_last_bit(step, files, tmp_path):
    class Stop(mn.callbacks.Callback):
        def on_step_end(self, trainer):
            seen.append(trainer.step)
            if len(seen) == step:
                signal.raise_signal(signal.SIGINT)

    whole, seen = trained(*files, "blocks"), []
    trained(*files, "blocks", checkpoint=tmp_path / "run", callbacks=[Stop()])
    # In memory now: the order does not depend on where the data are.
    found = trained(X, files[1], WEIGHTS, "blocks", checkpoint=tmp_path / "run", callbacks=[Stop()])
    assert (found.step, whole.step) == (36, 36)
    assert seen == list(range(1, 37))  # no step was done twice
    for a, b in zip(whole.model.parameters(), found.model.parameters(), strict=True):
        assert np.array_equal(a.data, b.data)


def test_several_arrays_in_files(files):
    loader = mn.DataLoader({"a": files[0], "b": X}, (files[1], Y), 8, "blocks", rng=0)
    for x, (y, z) in loader:
        np.testing.assert_array_equal(x["a"], x["b"])
        np.testing.assert_array_equal(y, z)


def test_normalize(files):
    expected, found = mn.Normalize.of(X), mn.Normalize.of(files[0])
    np.testing.assert_array_equal(expected.mean.data, found.mean.data)
    np.testing.assert_array_equal(expected.std.data, found.std.data)


def test_compiled_code_trains_on_them(files):
    pytest.importorskip("numba")
    models = [mn.Sequential(mn.Linear(6, 2, rng=0)) for _ in range(2)]
    for model, data in zip(models, (X, files[0]), strict=True):
        trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), 0.1), compiled=True)
        trainer.fit(mn.DataLoader(data, Y, 8, rng=0), epochs=1, progress=False)
    np.testing.assert_allclose(models[0][0].weight.data, models[1][0].weight.data, rtol=1e-5)


@pytest.mark.parametrize(("weights", "message"), [(-WEIGHTS, "needs sample_weight >= 0"), (0 * WEIGHTS, "of zero for")])
def test_weights_in_a_file_are_looked_at(weights, message, files, tmp_path):
    np.save(tmp_path / "w.npy", weights)
    with pytest.raises(ValueError, match=message):
        mn.DataLoader(files[0], files[1], 8, sample_weight=mn.data.open_array(tmp_path / "w.npy"))


def test_lengths_and_mistakes_are_named(files, tmp_path):
    with pytest.raises(
        ValueError, match=r"got 90 samples in X and 40 targets in y.*X has shape \(90, 6\) and y \(40,\)"
    ):
        mn.DataLoader(files[0], Y[:40], 8)
    np.save(tmp_path / "pixels.npy", np.repeat(X, 20, axis=1).astype(np.float32))
    with pytest.warns(mn.errors.DataWarning, match="look like pixels"):
        mn.DataLoader(mn.data.open_array(tmp_path / "pixels.npy"), Y, 8)
    assert "Shards(4) (90, 6) uint8" in repr(mn.DataLoader(files[0], Y, 8))


@pytest.mark.parametrize("kind", ["arrays", "paths", "texts"])
def test_a_list_of_files_is_no_array(kind, files, tmp_path):
    given = {"arrays": list(files[:1]), "paths": [tmp_path / "y.npy"], "texts": [str(tmp_path / "y.npy")]}[kind]
    with pytest.raises(TypeError, match=r"ass mn.data.Shards\(X\), whose rows follow one another"):
        mn.DataLoader(given, Y, 8)


def test_a_transform_and_a_collate_function(files):
    def noise(x, rng):
        return x + rng.normal(size=x.shape).astype(np.float32)

    pairs = [list(mn.DataLoader(data, Y, 8, "blocks", transform=noise, rng=0)) for data in (X, files[0])]
    for (a, _), (b, _) in zip(*pairs, strict=True):
        np.testing.assert_array_equal(a, b)
    loader = mn.DataLoader(files[0], Y, 8, "blocks", collate=lambda xs, ys: (np.stack(xs)[:, :2], np.stack(ys)), rng=0)
    assert next(iter(loader))[0].shape == (8, 2)
