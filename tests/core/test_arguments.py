import numpy as np
import pytest

import minnet as mn
from minnet.core.arguments import arguments_of, is_drawn, signature_of


def test_arguments_are_attributes_of_their_names():
    assert arguments_of(mn.Linear(3, 2, rng=0)) == {"in_features": 3, "out_features": 2, "bias": True}
    assert arguments_of(mn.Linear(3, 2, bias=False)) == {"in_features": 3, "out_features": 2, "bias": False}
    assert arguments_of(mn.ReLU()) == {}
    assert arguments_of(mn.Reshape(2, 3)) == {"shape": (2, 3)}


def test_an_array_stands_for_its_values():
    layer = mn.Normalize([1.0, 2.0], 3.0)
    assert arguments_of(layer)["mean"] is layer.mean.data


def test_of_any_object():
    assert arguments_of(mn.HuberLoss(2.0))["delta"] == 2.0


def test_what_is_not_kept_is_named():
    class Forgetful(mn.Layer):
        def __init__(self, size, slope=0.1):
            self.slope = slope

    with pytest.raises(AttributeError) as caught:
        Forgetful(3).arguments()
    assert caught.value.name == "size"


def test_what_draws_first_values_is_left_out():
    assert [name for name in signature_of(mn.Linear) if is_drawn(name)] == ["weight_init", "bias_init", "rng"]

    class Needs(mn.Layer):
        def __init__(self, size, rng):
            self.size = size

    assert Needs(3, np.random.default_rng(0)).arguments() == {"size": 3}
    assert arguments_of(Needs(3, 0), besides=["size"]) == {}
