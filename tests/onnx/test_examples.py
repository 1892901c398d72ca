"""The model of every example is exported, and onnxruntime computes the same."""

import numpy as np
import pytest
from every_layer import trained
from example_models import EXAMPLES, NO_MODELS, SHAPES, a_batch, model_of
from onnx_files import exported


def test_every_example_is_here():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == SHAPES.keys() | NO_MODELS


@pytest.mark.parametrize("example", sorted(SHAPES))
def test_the_model_of_an_example(example, monkeypatch, tmp_path, capsys):
    rng = np.random.default_rng(0)
    model = trained(model_of(example, monkeypatch), rng)
    batches = [a_batch(example, model, rng, size, time) for size, time in ((1, 5), (3, 9), (17, 2))]
    # Where scores are large, probabilities in float32 have four digits.
    exported(model, tmp_path / "m.onnx", SHAPES[example], *batches, bound=1e-4)
