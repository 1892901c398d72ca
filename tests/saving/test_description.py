import json

import numpy as np
import pytest

import minnet as mn
from minnet.saving.description import DEEPEST, MOST_LAYERS, OWN, UndescribedError, describe_model, description_of
from minnet.saving.models import load_model


def reason(model):
    with pytest.raises(UndescribedError) as caught:
        describe_model(model)
    assert json.loads(description_of(model)) == {"version": 1, "undescribed": str(caught.value)}
    return str(caught.value)


def test_every_public_layer_is_known():
    public = {name for room in (mn.layers, mn.layers.operations) for name in vars(room)}
    assert public >= OWN.keys() >= set(mn.layers.__all__)
    assert OWN["Linear"] is mn.Linear
    assert "Layer" not in OWN


def test_only_what_is_there_is_written():
    assert describe_model(mn.ReLU()) == {"version": 1, "model": {"class": "ReLU"}}
    layer = mn.Linear(1, 2, rng=0).freeze()
    assert describe_model(layer)["frozen"] == ["weight", "bias"]


def test_as_many_layers_as_are_read(tmp_path):
    deep = mn.ReLU()
    for _ in range(DEEPEST - 1):
        deep = mn.Sequential(deep)
    mn.save(deep, tmp_path / "deep")
    assert repr(load_model(tmp_path / "deep")) == repr(deep)
    assert "more than 64 inside each other" in reason(mn.Sequential(deep))
    wide = mn.Sequential(*[mn.ReLU() for _ in range(MOST_LAYERS - 1)])
    mn.save(wide, tmp_path / "wide")
    assert len(load_model(tmp_path / "wide")) == MOST_LAYERS - 1
    assert "more than 10,000 layers" in reason(wide.append(mn.ReLU()))


def test_paths_as_long_as_are_read(tmp_path):
    def deep(letters):
        model = mn.ReLU()
        for _ in range(9):
            model = mn.Sequential(**{"a" * letters: model})
        return model

    mn.save(deep(400), tmp_path / "deep")
    assert repr(load_model(tmp_path / "deep")) == repr(deep(400))
    assert "has more than 4,000 letters" in reason(deep(440))


def test_a_list_in_itself_is_too_deep():
    class Odd(mn.Layer):
        def __init__(self, value):
            self.value = value

    value = []
    value.append(value)
    layer = mn.ReLU()
    layer.arguments = dict
    with pytest.raises(RecursionError):
        mn.Sequential(Odd(value))  # as ever: the walk over its attributes has no end


def test_arguments_that_fail_are_a_reason_and_no_error():
    class Failing(mn.Layer):
        def __init__(self, size=1):
            self.size = size

        def arguments(self):
            raise RuntimeError("no")

    class Returning(Failing):
        def arguments(self):
            return {"other": 1}

    class Missing(Failing):
        def arguments(self):
            return {"size": self.sizes}

    assert reason(Failing()) == "the model is a Failing, whose arguments() failed: RuntimeError: no"
    assert "returned something else than a dict of its arguments" in reason(Returning())
    assert "has no attribute 'sizes'" in reason(Missing())


def test_an_array_shared_in_a_list():
    class Listed(mn.Layer):
        def __init__(self, size):
            self.size = size
            self.tables = [mn.Parameter(np.ones(size))]

    one, other = Listed(2), Listed(2)
    other.tables[0] = one.tables[0]
    assert "layers[1].tables[0] is shared" in reason(mn.Sequential(one, other))


def test_a_description_that_is_longer_than_what_is_read():
    class Long(mn.Layer):
        def __init__(self, text):
            self.text = text

    assert "undescribed" in json.loads(description_of(Long("x" * (1 << 22))))
    assert "undescribed" not in json.loads(description_of(Long("x" * (1 << 20))))


def test_dtypes():
    class Typed(mn.Layer):
        def __init__(self, kind):
            self.kind = kind

    assert describe_model(Typed(np.float32))["model"]["arguments"] == {"kind": {"dtype": "float32"}}
    assert describe_model(Typed(np.dtype("i8")))["model"]["arguments"] == {"kind": {"dtype": "int64"}}
    assert "whose kind is a" in reason(Typed(np.dtype("M8[s]")))
