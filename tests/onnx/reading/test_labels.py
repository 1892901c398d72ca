"""What a file says beside its graph."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx_reading import X

import minnet as mn
from minnet.errors import CheckpointError
from minnet.onnx.reading.labels import set_metadata


@pytest.mark.parametrize("scale", [1 / 255, None])
def test_what_minnet_exports_comes_back(scale, tmp_path):
    model = mn.Sequential(mn.Linear(4, 3, rng=0), mn.Softmax())
    model.class_names, model.input_scale = ["ant", "bee", "→"], scale
    mn.onnx.export(model, tmp_path / "m.onnx", 4)
    again = mn.onnx.load(tmp_path / "m.onnx")
    assert (again.class_names, again.input_scale) == (model.class_names, scale)
    np.testing.assert_allclose(again.forward(X), model.forward(X), rtol=1e-6)


def test_metadata_that_is_wrong():
    model = mn.Tanh()
    with pytest.raises(CheckpointError, match="no JSON"):
        set_metadata(model, {"class_names": "["})
    with pytest.raises(CheckpointError, match="no JSON"):
        set_metadata(model, {"input_scale": "[" * 100_000})
    for value in ("[1]", "{}", "3", '"a"'):
        set_metadata(model, {"class_names": value})
    for value in ("-1", "1e999", "true", "[]", '"a"'):
        set_metadata(model, {"input_scale": value})
    assert model.class_names is None
    assert model.input_scale == 1 / 256
