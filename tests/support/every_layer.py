"""Every layer with every option, as tests/saving/test_models.py lists them, for tests of what converts layers."""

import importlib.util
from pathlib import Path

import numpy as np

import minnet as mn

PAGE = Path(__file__).parents[1] / "saving" / "test_models.py"


def options():
    """Return class → the shapes of its inputs, and for each argument some values; and the function that draws one."""
    spec = importlib.util.spec_from_file_location("every_layer_options", PAGE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.OPTIONS, module.made


def trained(layer, rng, dtype=np.float32):
    """Give the arrays of a layer other values, as some training would."""
    for _, array in layer.astype(dtype).named_arrays():
        shape = array.data.shape
        if isinstance(array, mn.Buffer):  # a mean, a variance, a deviation
            array.data = rng.uniform(0.5, 2, shape).astype(dtype)
        else:
            array.data = (array.data * rng.uniform(0.5, 1.5, shape) + rng.normal(0, 0.1, shape)).astype(dtype)
    return layer
