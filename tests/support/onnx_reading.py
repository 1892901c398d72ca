"""Read a small graph, for the tests of the readers."""

import re

import numpy as np
import pytest
from onnx_cases import one

import minnet as mn
from minnet.errors import CheckpointError

X = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


def loaded(proto, tmp_path, **options):
    """Return the model of a graph."""
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    return mn.onnx.load(tmp_path / "m.onnx", **options)


def layers_of(model):
    """Return the classes of the layers, by name."""
    return [type(layer).__name__ for layer in model]


def is_refused(tmp_path, message, op, inputs, arrays=(), **options):
    """Assert that a graph of one node is refused, with a message that names the node."""
    with pytest.raises(CheckpointError, match=rf"node 'the_{op}' \({re.escape(op)}.*{message}"):
        loaded(one(op, inputs, arrays, **options), tmp_path)
