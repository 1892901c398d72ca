"""A Value has a shape, in which the batch is a name, and a dtype; ONNX's types are read and written."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

import onnx

from minnet.onnx import Value


@pytest.mark.parametrize("shape", [(), ("batch",), ("batch", 3, None), (2, "time", 1)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.bool_, np.uint8])
def test_a_type_is_written_and_read(shape, dtype):
    value = Value("x", shape, np.dtype(dtype))
    assert Value.of("x", value.type) == value
    assert value.ndim == len(shape)


def test_a_number_of_axes_that_is_not_known():
    with pytest.raises(ValueError, match="number of axes is not known"):
        Value.of("x", onnx.helper.make_tensor_type_proto(1, None))
