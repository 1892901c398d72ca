"""Tests of the digits that are MNIST or say that they are not."""

import sys

import numpy as np
import pytest

from minnet.data.mnist import dataset, digits
from minnet.data.mnist.dataset import Mnist, Split
from minnet.data.mnist.digits import load_digits
from minnet.errors import DataError, DataNotFoundError

SMALL = Mnist(*(Split(np.full((n, 784), n, np.uint8), np.arange(n) % 10) for n in (10, 2, 3)))


@pytest.fixture(autouse=True)
def few_synthetic_digits(monkeypatch, tmp_path):
    """Drawing 70,000 takes seconds: these tests look at how many are asked for."""
    asked = []

    def draw(n, rng=None):
        asked.append(n)
        assert isinstance(rng, np.random.Generator)
        return rng.integers(0, 256, (4, 784)).astype(np.uint8), np.arange(4)

    monkeypatch.setattr(digits, "synthetic_digits", draw)
    monkeypatch.delenv("MINNET_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(dataset, "download_mnist", lambda folder: ["a.mirror: no connection", "b.mirror: answered 404"])
    return asked


def lines_of(which):
    lines = which.splitlines()
    assert 1 <= len(lines) <= 4
    assert max(map(len, lines)) <= 79
    return lines


def test_synthetic_digits_say_what_they_are_and_why(few_synthetic_digits):
    loaded, which = load_digits()
    lines = lines_of(which)
    assert lines[0].startswith("SYNTHETIC digits, not MNIST, because")
    assert "a.mirror: no connection" in lines[1]
    assert "MINNET_DATA" in lines[-1]
    assert few_synthetic_digits == [50_000, 10_000, 10_000]
    assert isinstance(loaded, Mnist)
    assert loaded.train.X.dtype == np.float32
    assert loaded.train.X.max() <= 255 / 256


def test_synthetic_digits_of_a_seed_are_the_same(few_synthetic_digits):
    one, same, other = (load_digits(rng=seed, scaling="uint8")[0] for seed in (1, 1, np.random.default_rng(2)))
    np.testing.assert_array_equal(one.train.X, same.train.X)
    assert (one.train.X != other.train.X).any()
    assert (one.train.X != one.test.X).any()
    assert one.train.X.dtype == np.uint8


def test_a_wrong_environment_variable_is_the_reason_told(monkeypatch):
    monkeypatch.setenv("MINNET_DATA", "/nowhere/at/all")
    lines = lines_of(load_digits()[1])
    assert "$MINNET_DATA: /nowhere/at/all: there is no such" in lines[1]


def test_without_pooch(monkeypatch):
    monkeypatch.undo()
    monkeypatch.delenv("MINNET_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/nowhere")
    monkeypatch.setitem(sys.modules, "pooch", None)
    blank = lambda n, rng: (np.zeros((n, 784), np.uint8), np.zeros(n, int))  # noqa: E731
    monkeypatch.setattr(digits, "synthetic_digits", blank)
    loaded, which = load_digits()
    assert [split.X.shape[0] for split in loaded] == [50_000, 10_000, 10_000]
    assert 'the extra "data"' in lines_of(which)[1]


def test_real_digits_are_named_so_by_their_labels(monkeypatch, tmp_path):
    monkeypatch.setattr(digits, "find_mnist", lambda path, download: (SMALL, tmp_path / ("folder" * 20)))
    loaded, which = load_digits()
    assert loaded.train.X[0, 0] == np.float32(10 / 256)
    assert lines_of(which)[0].startswith("digits from ")
    assert lines_of(which)[1] == "10 / 2 / 3 images: not the published MNIST"
    labels = np.concatenate([SMALL.train.y, SMALL.validation.y]).astype(np.uint8).tobytes()
    content = bytes([0, 0, 8, 1, 0, 0, 0, 12]) + labels
    monkeypatch.setattr(digits, "_TRAIN_LABELS_SHA256", digits.hashlib.sha256(content).hexdigest())
    assert lines_of(load_digits()[1]) == [load_digits()[1]]
    assert load_digits()[1].startswith("real MNIST from ")


def test_a_path_is_never_replaced_by_synthetic_digits(tmp_path, few_synthetic_digits):
    with pytest.raises(DataNotFoundError):
        load_digits(tmp_path / "not-there")
    (tmp_path / "mnist.pkl.gz").write_bytes(b"<html>")
    with pytest.raises(DataError):
        load_digits(tmp_path)
    assert few_synthetic_digits == []


def test_unknown_scaling(few_synthetic_digits):
    with pytest.raises(ValueError, match="one of '256'"):
        load_digits(scaling="1")
    assert few_synthetic_digits == []
