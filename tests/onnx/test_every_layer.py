"""Every layer with every option is exported, and onnxruntime computes the same; a new layer needs an entry."""

import numpy as np
import pytest
from every_layer import OPTIONS, made, trained
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx_files import OPSETS, exported

from minnet.layers import operations
from minnet.onnx.exporting import export  # noqa: F401 (which fills the table)
from minnet.onnx.writing.table import EXPORTERS
from minnet.saving.description import OWN

LEFT_OUT = {}  # class → why ONNX cannot have it


def batch(name, shape, size, rng, dtype):
    shape = (size, *shape[1:])
    return rng.integers(0, 9, shape) if name == "Embedding" else rng.normal(size=shape).astype(dtype)


def test_every_layer_has_an_entry_or_a_reason():
    assert {kind.__name__ for kind in EXPORTERS} == OWN.keys() | set(operations.__all__) - LEFT_OUT.keys()


@pytest.mark.parametrize("name", sorted(OPTIONS.keys() - LEFT_OUT.keys()))
@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), seed=st.integers(0, 99), dtype=st.sampled_from([np.float32, np.float64]))
def test_onnxruntime_computes_the_same(name, data, seed, dtype, tmp_path):
    rng = np.random.default_rng(seed)
    layer = trained(made(name, data.draw), rng, dtype)
    shape = data.draw(st.sampled_from(OPTIONS[name][0]))
    x = [batch(name, shape, size, rng, dtype) for size in (1, 3, 7)]
    given = x[0] if layer.dtype is None else shape[1:]  # of layers without arrays, the samples say which dtype
    exported(layer, tmp_path / "m.onnx", given, *x, opset=data.draw(st.sampled_from(OPSETS)))
