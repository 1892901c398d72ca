"""Run an exported file with onnxruntime, beside the model. What imports this is skipped where that is not installed."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

import onnx
import onnxruntime

import minnet as mn
from minnet.core.trees import call, leaves

# Those that `export` writes, and this onnxruntime reads: 1.19, the oldest for NumPy 2, knows no 22.
OPSETS = range(18, 23 if tuple(map(int, onnxruntime.__version__.split(".")[:2])) >= (1, 20) else 22)


def run(path, inputs):
    """Return what onnxruntime computes: a list, of a dict of inputs."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads, options.inter_op_num_threads = 3, 1, 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def compare(model, path, *batches, bound=1e-5):
    """Assert that onnxruntime computes what the model does in eval mode, for each batch: a tree of arrays."""
    names = [value.name for value in onnx.load(path).graph.input]
    training = [layer.training for _, layer in model.named_layers()]
    for x in batches:
        expected = leaves(call(model.eval().forward, x))
        got = run(path, dict(zip(names, leaves(x), strict=True)))
        assert len(got) == len(expected)
        for theirs, ours in zip(got, expected, strict=True):
            assert (theirs.shape, theirs.dtype) == (ours.shape, ours.dtype)
            scale = max(np.abs(ours).max(initial=0), 1.0)
            assert np.abs(theirs - ours).max(initial=0) <= bound * scale
    for (_, layer), mode in zip(model.named_layers(), training, strict=True):
        layer.training = mode


def exported(model, path, input_shape, *batches, bound=1e-5, **options):
    """Export a model and compare it; return what ONNX reads."""
    mn.onnx.export(model, path, input_shape, **options)
    compare(model, path, *batches, bound=bound)
    return onnx.load(path)
