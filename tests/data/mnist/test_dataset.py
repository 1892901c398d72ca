"""Tests of finding, checking, splitting and scaling MNIST; no network is asked."""

import gzip
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from minnet.data.mnist import dataset
from minnet.data.mnist.dataset import Mnist, cache_folder, load_mnist
from minnet.errors import DataError, DataNotFoundError

NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
RNG = np.random.default_rng(0)
TRAIN_X = RNG.integers(0, 256, (12, 28, 28)).astype(np.uint8)
TRAIN_X[0, :10] = np.arange(280).reshape(10, 28) % 256  # every value of a pixel
TRAIN_Y = RNG.integers(0, 10, 12).astype(np.uint8)
TEST_X = RNG.integers(0, 256, (4, 28, 28)).astype(np.uint8)
TEST_Y = RNG.integers(0, 10, 4).astype(np.uint8)
ARRAYS = dict(zip(NAMES, (TRAIN_X, TRAIN_Y, TEST_X, TEST_Y), strict=True))


def idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def fill(folder, spelling="{}", arrays=ARRAYS):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        content = idx(array)
        path = folder / spelling.format(name)
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return folder


def the_pickle(divisor=256, dtype=np.float32):
    X = TRAIN_X.reshape(12, 784)
    rows = ((X[:10], TRAIN_Y[:10]), (X[10:], TRAIN_Y[10:]), (TEST_X.reshape(4, 784), TEST_Y))
    return tuple(((X / divisor).astype(dtype), y.astype(np.int64)) for X, y in rows)


def fill_pickle(folder, name="mnist.pkl.gz", content=None):
    folder.mkdir(parents=True, exist_ok=True)
    packed = pickle.dumps(the_pickle() if content is None else content, protocol=2)
    (folder / name).write_bytes(gzip.compress(packed) if name.endswith(".gz") else packed)
    return folder


def assert_is_the_sample(loaded):
    assert isinstance(loaded, Mnist)
    np.testing.assert_array_equal(loaded.train.X, TRAIN_X[:10].reshape(10, 784) / np.float32(256))
    np.testing.assert_array_equal(loaded.validation.X, TRAIN_X[10:].reshape(2, 784) / np.float32(256))
    np.testing.assert_array_equal(loaded.test.X, TEST_X.reshape(4, 784) / np.float32(256))
    np.testing.assert_array_equal(np.concatenate([split.y for split in loaded]), [*TRAIN_Y, *TEST_Y])
    for X, y in loaded:
        assert X.dtype == np.float32
        assert y.dtype == np.int64
        assert X.flags.c_contiguous


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """No data of this machine's and no network: what a test finds, it has put there."""
    monkeypatch.delenv("MINNET_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(dataset, "download_mnist", lambda folder: ["a.mirror: no connection", "b.mirror: answered 404"])


@pytest.mark.parametrize("spelling", ["{}", "{}.gz"])
@pytest.mark.parametrize("variant", [False, True])
@pytest.mark.parametrize("place", ["", "mnist", "MNIST/raw"])
def test_idx_files_are_found(tmp_path, spelling, variant, place):
    arrays = {name.replace("-idx", ".idx") if variant else name: array for name, array in ARRAYS.items()}
    fill(tmp_path / "data" / place, spelling, arrays)
    assert_is_the_sample(load_mnist(tmp_path / "data"))


@pytest.mark.parametrize("name", ["mnist.pkl.gz", "mnist.pkl"])
@pytest.mark.parametrize("place", ["", "mnist"])
def test_the_pickle_is_found(tmp_path, name, place):
    fill_pickle(tmp_path / "data" / place, name)
    assert_is_the_sample(load_mnist(str(tmp_path / "data")))


def test_a_file_is_a_path_as_well(tmp_path):
    fill(tmp_path)
    fill_pickle(tmp_path, "copy.pkl")
    assert_is_the_sample(load_mnist(tmp_path / "copy.pkl"))
    assert_is_the_sample(load_mnist(tmp_path / NAMES[2]))


def test_unpacks_as_in_the_notebook(tmp_path):
    (train_X, train_y), (validation_X, validation_y), (test_X, test_y) = load_mnist(fill(tmp_path))
    assert (train_X.shape, validation_X.shape, test_X.shape) == ((10, 784), (2, 784), (4, 784))
    assert (train_y.shape, validation_y.shape, test_y.shape) == ((10,), (2,), (4,))


def test_order_path_then_environment_then_cache(tmp_path, monkeypatch):
    darker = {**ARRAYS, NAMES[0]: TRAIN_X // 2}
    fill(tmp_path / "cache" / "minnet")
    assert_is_the_sample(load_mnist())
    monkeypatch.setenv("MINNET_DATA", str(fill(tmp_path / "set", arrays=darker)))
    np.testing.assert_array_equal(load_mnist(scaling="uint8").train.X[0], TRAIN_X[0].ravel() // 2)
    assert_is_the_sample(load_mnist(fill(tmp_path / "given")))
    monkeypatch.setenv("MINNET_DATA", str(tmp_path / "not-there"))
    assert_is_the_sample(load_mnist())


def test_idx_comes_before_the_pickle(tmp_path):
    (tmp_path / "mnist.pkl.gz").write_bytes(b"<html>")
    assert_is_the_sample(load_mnist(fill(tmp_path / "mnist").parent))


def test_cache_folder(monkeypatch, tmp_path):
    assert cache_folder() == tmp_path / "cache" / "minnet"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert cache_folder() == tmp_path / ".cache" / "minnet"
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache_folder() == tmp_path / "Library" / "Caches" / "minnet"


@pytest.mark.parametrize("scaling", dataset.SCALINGS)
def test_scalings_are_the_same_bits_from_every_form(tmp_path, scaling):
    from_idx = load_mnist(fill(tmp_path / "idx"), scaling=scaling)
    for dtype, divisor in ((np.float32, 256), (np.float64, 256), (np.uint8, 1)):
        folder = fill_pickle(tmp_path / f"{dtype.__name__}", content=the_pickle(divisor, dtype))
        from_pickle = load_mnist(folder, scaling=scaling)
        for a, b in zip(from_idx, from_pickle, strict=True):
            assert a.X.dtype == b.X.dtype
            assert a.X.tobytes() == b.X.tobytes()
            assert a.y.tobytes() == b.y.tobytes()
            assert a.X.flags.c_contiguous


def test_scaling_values(tmp_path):
    raw = TRAIN_X[:10].reshape(10, 784)
    X = {name: load_mnist(fill(tmp_path), scaling=name).train.X for name in dataset.SCALINGS}
    np.testing.assert_array_equal(X["256"], raw / 256)
    np.testing.assert_array_equal(X["255"], (raw / 255).astype(np.float32))
    np.testing.assert_allclose(X["standardized"], (raw / 255 - 0.1307) / 0.3081, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(X["uint8"], raw)
    assert [x.dtype.name for x in X.values()] == ["float32", "float32", "float32", "uint8"]


@pytest.mark.parametrize("scaling", ["257", "", 256, None, ["256"]])
def test_unknown_scaling_is_refused_before_any_reading(scaling, tmp_path):
    with pytest.raises(ValueError, match="scaling to be one of '256', '255', 'standardized', 'uint8', got"):
        load_mnist(tmp_path / "not-there", scaling=scaling)


# What is not there.


def not_found(*arguments, **keywords):
    with pytest.raises(DataNotFoundError) as caught:
        load_mnist(*arguments, **keywords)
    message = str(caught.value)
    assert all(len(line) <= 79 or "/" in line for line in message.splitlines())
    assert "MINNET_DATA" in message
    for name in NAMES:
        assert f"{name}.gz" in message
    return message


def test_path_not_there_asks_no_mirror(tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "download_mnist", None)
    fill(tmp_path / "cache" / "minnet")
    assert f"{tmp_path / 'no'}: there is no such folder or file" in not_found(tmp_path / "no")
    (tmp_path / "empty").mkdir()
    assert f"{tmp_path / 'empty'}: MNIST is not there" in not_found(tmp_path / "empty")


def test_partial_set_lists_what_is_missing(tmp_path):
    fill(tmp_path / "mnist", "{}.gz")
    for name in (NAMES[1], NAMES[2]):
        (tmp_path / "mnist" / f"{name}.gz").unlink()
    first = not_found(tmp_path).splitlines()[0]
    assert f"{NAMES[1]} and {NAMES[2]} is not there" in first
    assert NAMES[0] not in first
    assert f"{NAMES[1]} and {NAMES[2]}" in not_found(tmp_path / "mnist" / f"{NAMES[0]}.gz").splitlines()[0]
    assert_is_the_sample(load_mnist(fill_pickle(tmp_path)))


def test_nowhere_says_where_it_looked(tmp_path, monkeypatch):
    message = not_found()
    assert "$MINNET_DATA is not set" in message
    assert str(tmp_path / "cache" / "minnet") in message
    assert "a.mirror: no connection" in message
    assert "b.mirror: answered 404" in message
    assert len(message.splitlines()) <= 9
    monkeypatch.setenv("MINNET_DATA", str(tmp_path / "set"))
    assert f"$MINNET_DATA: {tmp_path / 'set'}: there is no such" in not_found()


def test_download_can_be_forbidden(monkeypatch):
    monkeypatch.setattr(dataset, "download_mnist", None)
    assert "download=False" in not_found(download=False)


def test_without_pooch_the_extra_is_named(monkeypatch):
    monkeypatch.undo()  # the real download_mnist
    monkeypatch.delenv("MINNET_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/nowhere")
    monkeypatch.setitem(__import__("sys").modules, "pooch", None)
    message = not_found()
    assert 'the extra "data"' in message
    assert "pip install" in message


# What is there and is wrong.


def refused(folder, file, *parts):
    with pytest.raises(DataError) as caught:
        load_mnist(folder)
    message = str(caught.value)
    for part in (file, "expected", "found", *parts):
        assert part in message
    assert len(message.splitlines()) == 2


@pytest.mark.parametrize(
    ("changed", "file", "parts"),
    [
        ({NAMES[0]: TRAIN_Y, NAMES[1]: TRAIN_X}, NAMES[0], ["(N, 28, 28)", "(12,)", "swapped"]),
        ({NAMES[2]: TEST_X[:, :27]}, NAMES[2], ["(N, 28, 28)", "(4, 27, 28)"]),
        ({NAMES[3]: TEST_X}, NAMES[3], ["labels (N,)", "(4, 28, 28)", "swapped"]),
        ({NAMES[1]: TRAIN_Y[:11]}, NAMES[1], ["each of the 12 images", "11 labels", "another set or sample"]),
        ({NAMES[0]: TRAIN_X[:0], NAMES[1]: TRAIN_Y[:0]}, NAMES[1], ["0 labels"]),
        ({NAMES[1]: TRAIN_Y + 30}, NAMES[1], ["labels from 0 to 9", "EMNIST"]),
        ({NAMES[2]: TRAIN_X, NAMES[3]: TEST_Y}, NAMES[3], ["each of the 12 images", "4 labels"]),
    ],
)
def test_wrong_idx_content(tmp_path, changed, file, parts):
    refused(fill(tmp_path, arrays={**ARRAYS, **changed}), file, *parts)


def test_wrong_element_type(tmp_path):
    (fill(tmp_path) / NAMES[3]).write_bytes(struct.pack(">HBBI", 0, 9, 1, 4) + bytes(4))
    refused(tmp_path, NAMES[3], "int8", "uint8")


def test_html_page_saved_as_gz(tmp_path):
    (fill(tmp_path, "{}.gz") / f"{NAMES[2]}.gz").write_bytes(b"<html><title>404</title>")
    refused(tmp_path, f"{NAMES[2]}.gz", "'<'", "an HTML page")


def test_half_a_download(tmp_path):
    path = fill(tmp_path, "{}.gz") / f"{NAMES[2]}.gz"
    path.write_bytes(path.read_bytes()[:100])
    refused(tmp_path, f"{NAMES[2]}.gz", "half-finished")


def test_too_large_for_mnist(tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "_MAX_IDX_BYTES", 5000)
    refused(fill(tmp_path), NAMES[0], "5,000 bytes")


@pytest.mark.parametrize("divisor", [255, 300, 511])
def test_pickle_scaled_in_another_way(tmp_path, divisor):
    refused(fill_pickle(tmp_path, content=the_pickle(divisor)), "mnist.pkl.gz", "value/256", "value/255")


def test_damaged_file_of_the_environment_is_not_passed_over(tmp_path, monkeypatch):
    monkeypatch.setenv("MINNET_DATA", str(fill(tmp_path / "set")))
    (tmp_path / "set" / NAMES[0]).write_bytes(b"")
    refused(None, str(tmp_path / "set"), "empty")


def test_damaged_file_in_the_cache_is_downloaded_anew(tmp_path, monkeypatch, capsys):
    cache = fill(tmp_path / "cache" / "minnet")
    (cache / NAMES[0]).write_bytes(b"")
    message = not_found()  # the mirrors do not answer
    assert f"{cache / NAMES[0]}: expected an IDX file" in message
    assert "a download replaces it" in message
    monkeypatch.setattr(dataset, "download_mnist", lambda folder: fill(folder, "{}.gz") and [])
    capsys.readouterr()
    assert_is_the_sample(load_mnist())
    assert f"the cache: {cache / NAMES[0]}" in capsys.readouterr().err


@pytest.mark.skipif("MINNET_DATA" not in os.environ, reason="MINNET_DATA is not set: no real data")
def test_the_real_mnist(monkeypatch):
    loaded = load_mnist(REAL)
    assert [split.X.shape for split in loaded] == [(50_000, 784), (10_000, 784), (10_000, 784)]
    assert loaded.train.y[:5].tolist() == [5, 0, 4, 1, 9]
    assert (load_mnist(REAL, scaling="uint8").train.X[0].astype(int) ** 2).sum() == 5_940_005


REAL = os.environ.get("MINNET_DATA")
