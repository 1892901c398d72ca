"""Every operator of the table is read from small graphs: computed as onnxruntime does, trained, saved, exported."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from onnx_cases import cases
from onnx_files import run

import minnet as mn
from minnet.onnx.reading.table import OPERATORS

CASES = cases()
OF_TRAINING = {"Shrink", "ThresholdedRelu"}  # which have tests of their own, in test_thresholds.py
STEPS = ("Sign", "Floor", "Ceil", "Round", "Mod")  # their slope is 0, or infinite
FIXED = {"Reshape", "Gemm transA", "Expand"}  # whose shapes say how large the batch is: 3, where export tries 2


def operators(proto):
    nodes = [*proto.graph.node, *(node for function in proto.functions for node in function.node)]
    return {f"{node.domain}.{node.op_type}".lstrip(".") for node in nodes}


def test_every_operator_has_a_case():
    found = set().union(*(operators(proto) for proto, _ in CASES.values()))
    there = set(OPERATORS) - OF_TRAINING
    assert sorted(there - found) == ["RMSNormalization", "Size", "Swish", "ai.onnx.ml.ArrayFeatureExtractor",
                                     "ai.onnx.ml.FeatureVectorizer", "ai.onnx.ml.ZipMap"]  # fmt: skip


def loaded(proto, path):
    path.write_bytes(proto.SerializeToString())
    return mn.onnx.load(path)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", CASES)
def test_it_computes_what_onnxruntime_does(name, seed, tmp_path):
    proto, inputs = CASES[name] if seed == 0 else cases(seed)[name]
    model = loaded(proto, tmp_path / "m.onnx")
    expected = run(tmp_path / "m.onnx", inputs)[0]
    y = model.forward(*inputs.values())
    assert (y.shape, y.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
    mn.save(model, tmp_path / "m.safetensors")
    again = mn.load_model(tmp_path / "m.safetensors")
    assert np.array_equal(again.forward(*inputs.values()), y)
    assert repr(again) == repr(model)


def exported_again(name, tmp_path):
    proto, inputs = CASES[name]
    model = loaded(proto, tmp_path / "m.onnx")
    xs = tuple(inputs.values())
    mn.onnx.export(model, tmp_path / "again.onnx", xs if len(xs) > 1 else xs[0], opset=20)
    return model, mn.onnx.load(tmp_path / "again.onnx"), xs


@pytest.mark.parametrize("name", sorted(CASES.keys() - FIXED - {"CastLike", "Shape part"}))
def test_it_is_exported_and_read_again(name, tmp_path):
    model, again, xs = exported_again(name, tmp_path)
    np.testing.assert_allclose(again.forward(*xs), model.forward(*xs), rtol=1e-5, atol=1e-5)


def test_a_shape_that_is_known_is_a_constant(tmp_path):
    proto, inputs = CASES["Shape part"]
    model = loaded(proto, tmp_path / "m.onnx")
    assert model.forward(*inputs.values()).tolist() == [4, 2]


def slope(model, xs, arrays, dy, directions, step):
    """Return dL/dt as all arrays move in their directions, by differences."""
    values = []
    for sign in (1, -1):
        for array, direction in zip(arrays, directions, strict=True):
            array += sign * step * direction
        values.append(float((model.forward(*xs) * dy).sum()))
        for array, direction in zip(arrays, directions, strict=True):
            array -= sign * step * direction
    return (values[0] - values[1]) / (2 * step)


@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith(STEPS)])
def test_gradients_of_inputs_and_parameters(name, tmp_path):
    proto, inputs = CASES[name]
    rng = np.random.default_rng(1)
    model = loaded(proto, tmp_path / "m.onnx").astype(np.float64).freeze(statistics=True).train()
    xs = [x.astype(np.float64) if x.dtype.kind == "f" else x for x in inputs.values()]
    y = model.forward(*xs)
    if y.dtype.kind != "f":
        return
    dy = rng.normal(size=y.shape)
    dxs = model.backward(dy)
    dxs = dxs if isinstance(dxs, tuple) else (dxs,)
    gradients = [d for x, d in zip(xs, dxs, strict=True) if x.dtype.kind == "f"]
    arrays = [x for x in xs if x.dtype.kind == "f"]
    arrays += [parameter.data for parameter in model.parameters()]
    gradients += [parameter.grad for parameter in model.parameters()]
    directions = [rng.normal(size=array.shape) for array in arrays]
    claimed = sum(float((g * d).sum()) for g, d in zip(gradients, directions, strict=True))
    measured = slope(model, xs, arrays, dy, directions, 1e-6)
    assert claimed == pytest.approx(measured, rel=1e-5, abs=1e-5)
