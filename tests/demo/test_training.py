"""The demo trains its matrix on MNIST where it is on disk, and on synthetic digits elsewhere."""

import gzip
import struct

import numpy as np
import pytest

from minnet.data.mnist.dataset import Split
from minnet.data.mnist.synthetic import synthetic_digits
from minnet.demo import training
from minnet.demo.training import find_digits, train


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """Let MNIST be nowhere, and a download be an error."""
    monkeypatch.delenv("MINNET_DATA", raising=False)
    monkeypatch.setattr("minnet.data.mnist.dataset.cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr("minnet.data.mnist.dataset.download_mnist", lambda _: pytest.fail("a download was tried"))


@pytest.fixture
def few(digits):
    return digits._replace(train=Split(*(part[:600] for part in digits.train)))


def write_idx(folder, digits):
    for name, (X, y) in {"train": digits.train, "t10k": digits.test}.items():
        with gzip.open(folder / f"{name}-images-idx3-ubyte.gz", "wb", compresslevel=1) as file:
            file.write(struct.pack(">4i", 2051, len(X), 28, 28) + X.tobytes())
        with gzip.open(folder / f"{name}-labels-idx1-ubyte.gz", "wb") as file:
            file.write(struct.pack(">2i", 2049, len(y)) + y.astype(np.uint8).tobytes())


@pytest.mark.usefixtures("nowhere")
def test_synthetic_digits_where_mnist_is_not(monkeypatch, capsys):
    monkeypatch.setattr(training, "SYNTHETIC", (300, 100))
    found = find_digits()
    assert not found.real
    assert found.train.X.shape == (300, 784)
    assert found.test.X.shape == (100, 784)
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("nowhere")
def test_mnist_where_it_is(monkeypatch, tmp_path, few):
    write_idx(tmp_path, few)
    monkeypatch.setenv("MINNET_DATA", str(tmp_path))
    found = find_digits()
    assert found.real == 500  # the rest of the 600 are for validation
    assert np.array_equal(found.train.X[:500], few.train.X[:500])
    assert np.array_equal(found.train.X[500:], synthetic_digits(100, rng=0)[0])
    assert len(found.train.y) == 600
    assert np.array_equal(found.test.y, few.test.y)


@pytest.mark.usefixtures("nowhere")
def test_a_damaged_mnist_is_said_and_not_used(monkeypatch, tmp_path, few, capsys):
    write_idx(tmp_path, few)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"no gzip")
    monkeypatch.setenv("MINNET_DATA", str(tmp_path))
    monkeypatch.setattr(training, "SYNTHETIC", (300, 100))
    assert not find_digits().real
    assert capsys.readouterr().err.startswith("MNIST cannot be used: ")


def test_it_learns_and_keeps_its_start(digits):
    reader, accuracy = train(digits, progress=False)
    assert accuracy > 0.85
    weight = reader.model[0].weight.data
    blank = (digits.train.X == 0).all(axis=0)
    assert blank.any()
    assert np.array_equal(weight[blank], reader.start[blank])  # a pixel that is always 0 keeps its random start
    assert not np.array_equal(weight, reader.start)


@pytest.mark.slow
def test_the_same_model_each_time(digits):
    first, second = (train(digits, progress=False)[0].model.state_dict() for _ in range(2))
    assert all(np.array_equal(first[path], second[path]) for path in first)
