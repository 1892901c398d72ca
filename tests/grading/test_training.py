"""A short training: a right layer learns, and one that does not learn gets no points for it."""

import numpy as np
import pytest
from graded import grade
from hostile_files import RIGHT

pytest.importorskip("yaml")
TEXT = """
questions:
  - class: Affine
    arguments: [3, 2]
    inputs:
      - shape: [4, 3]
    points: 5
    train:
      model:
        - layer(784, 10)
        - Softmax()
      data: DATA
      samples: 600
      epochs: 2
      points: {0.3: 1, 0.6: 3}
"""


def training(result):
    return {check.name: check for check in result.answers[0].checks}["training"]


def test_a_right_layer_learns(tmp_path):
    result = grade(tmp_path, RIGHT, TEXT.replace("DATA", "digits"))
    assert result.passed
    assert training(result).points == training(result).out_of == 3


def test_a_layer_that_does_not(tmp_path):
    result = grade(tmp_path, RIGHT.replace("self.W.grad +=", "self.W.grad -="), TEXT.replace("DATA", "digits"))
    check = training(result)
    assert (check.passed, check.points) == (False, 0)
    assert "60% are needed" in check.message


def test_a_layer_that_fails(tmp_path):
    source = RIGHT.replace("return x @", "assert len(x) < 50\n        return x @")
    check = training(grade(tmp_path, source, TEXT.replace("DATA", "digits")))
    assert "the training stopped: AssertionError" in check.message


def test_data_of_the_teacher(tmp_path):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, 600)
    X = rng.normal(size=(600, 784)) / 10 + np.eye(10)[y].repeat(79, axis=1)[:, :784]
    np.savez(tmp_path / "own.npz", X=X.astype(np.float32), y=y)
    assert training(grade(tmp_path, RIGHT, TEXT.replace("DATA", "own.npz"))).passed
