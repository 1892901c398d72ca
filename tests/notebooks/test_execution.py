"""Every lesson runs in a kernel, on real MNIST and on synthetic digits, and shows pictures."""

import os

import pytest
from notebooks import LESSONS, build, execute, name_of, pictures, text

from minnet.data.mnist.dataset import find_mnist

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("source", LESSONS, ids=name_of)]


def test_on_synthetic_digits(source, monkeypatch, tmp_path):
    book = execute(build.read(source), monkeypatch, tmp_path)
    assert pictures(book) > 0


def test_on_real_mnist(source, monkeypatch, tmp_path):
    folder = os.environ.get("MINNET_DATA")
    if folder is None or isinstance(find_mnist(folder, download=False), list):
        pytest.skip("MINNET_DATA names no folder with MNIST")
    book = execute(build.read(source), monkeypatch, tmp_path, mnist=os.path.abspath(folder))
    assert pictures(book) > 0
    assert any("MNIST" in text(cell) for cell in book.cells if cell.cell_type == "code")
