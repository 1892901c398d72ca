"""Every public layer with all of its options, for the tests that must not miss a new one: see tests/saving."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

import minnet as mn
from minnet.layers.normalization.batch_norm import ChannelNorm

_spec = spec_from_file_location("options_of_layers", Path(__file__).parents[1] / "saving" / "test_models.py")
_tests = module_from_spec(_spec)
_spec.loader.exec_module(_tests)
OPTIONS, SEVERAL, make = _tests.OPTIONS, _tests.SEVERAL, _tests.made


def options():
    """Return class → the shapes of its inputs, and for each argument some values; and the function that draws one."""
    return OPTIONS, make


def trained(layer, rng, dtype=np.float32):
    """Give the arrays of a layer other values, as some training would."""
    for _, array in layer.astype(dtype).named_arrays():
        shape = array.data.shape
        if isinstance(array, mn.Buffer):  # a mean, a variance, a deviation
            array.data = rng.uniform(0.5, 2, shape).astype(dtype)
        else:
            array.data = (array.data * rng.uniform(0.5, 1.5, shape) + rng.normal(0, 0.1, shape)).astype(dtype)
    return layer


def a_layer(name, draw, dtype):
    """Draw a layer of a class with options and numbers, and an input of it."""
    layer = make(name, draw).astype(dtype)
    random = np.random.default_rng(draw(st.integers(0, 99)))
    for _, array in layer.named_arrays():  # as after some training
        low, high = (-0.5, 0.5) if isinstance(array, mn.Parameter) else (0.5, 2)  # a variance is positive
        array.data = random.uniform(low, high, array.data.shape).astype(dtype)
    for _, inner in layer.named_layers():
        if isinstance(inner, ChannelNorm) and inner.num_batches_tracked is not None:
            inner.num_batches_tracked.data = 7
    shape = draw(st.sampled_from(OPTIONS[name][0]))
    return layer, random.integers(0, 9, shape) if name == "Embedding" else random.normal(size=shape).astype(dtype)
