"""A hostile description makes nothing but layers, in bounded memory and time; else there is one error, and short."""

import json
import time
import tracemalloc

import numpy as np
import pytest

import minnet as mn
from minnet.errors import CheckpointError
from minnet.saving.building import build_model
from minnet.saving.tensorfile import write_tensors

HUGE = 10**9
WEIGHTS = {"layers[0].weight": np.ones((3, 2), np.float32), "layers[0].bias": np.ones(2, np.float32)}
LINEAR = {"class": "Linear", "arguments": {"in_features": 3, "out_features": 2, "bias": True}}


def sequential(*layers):
    return {"class": "Sequential", "arguments": {"layers": list(layers)}}


def linear(**arguments):
    return sequential({"class": "Linear", "arguments": LINEAR["arguments"] | arguments})


def nested(levels, layer=LINEAR):
    for _ in range(levels):
        layer = sequential(layer)
    return layer


def lists(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


class Touched(mn.Layer):
    """A class of the user's; whoever makes it without being allowed to is seen."""

    made = 0

    def __init__(self, size=1):
        self.size = size
        type(self).made += 1


def write(path, model, arrays=WEIGHTS, **more):
    text = model if isinstance(model, str) else json.dumps({"version": 1, "model": model} | more)
    write_tensors(path, arrays, {"kind": "weights", "model": text})


def test_the_good_one(tmp_path):
    write(tmp_path / "m", sequential(LINEAR))
    assert mn.load_model(tmp_path / "m").forward(np.ones((1, 3), np.float32)).tolist() == [[4, 4]]


HOSTILE = {
    "huge sizes": linear(in_features=HUGE, out_features=HUGE),
    "a size beyond NumPy": linear(in_features=2**62),
    "a huge vector": linear(out_features=HUGE, in_features=1),
    "huge norms": sequential({"class": "BatchNorm1d", "arguments": {"num_features": HUGE}}),
    "huge layer norm": sequential({"class": "LayerNorm", "arguments": {"normalized_shape": [HUGE, 10]}}),
    "huge group norm": sequential({"class": "GroupNorm", "arguments": {"num_groups": 1, "num_channels": HUGE}}),
    "a huge table": sequential(
        {"class": "Embedding", "arguments": {"num_embeddings": HUGE, "embedding_dim": HUGE, "padding_idx": 0}}
    ),
    "huge recurrence": sequential({"class": "LSTM", "arguments": {"input_size": HUGE, "hidden_size": 10**5}}),
    "a high stack": sequential(
        {"class": "LSTM", "arguments": {"input_size": 2, "hidden_size": 2, "num_layers": HUGE, "bidirectional": True}}
    ),
    "keys of a huge length": sequential(
        {"class": "MultiHeadAttention", "arguments": {"embed_dim": 4, "num_heads": 2, "kdim": HUGE}}
    ),
    "huge kernels": sequential(
        {"class": "Conv2d", "arguments": {"in_channels": HUGE, "out_channels": 9, "kernel_size": [HUGE, 9]}}
    ),
    "huge attention": sequential(
        {"class": "TransformerBlock", "arguments": {"embed_dim": HUGE, "num_heads": 1, "hidden": HUGE}}
    ),
    "many blocks": sequential(
        *[{"class": "TransformerBlock", "arguments": {"embed_dim": 1, "num_heads": 1, "hidden": 1}}] * 9000
    ),
    "another size": linear(in_features=4),
    "no bias": linear(bias=False),
    "deep": nested(100),
    "very deep": '{"version": 1, "model": ' + '{"class": "Sequential", "arguments": {"layers": [' * 100_000,
    "very deep and closed": '{"version": 1, "model": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "deep lists": linear(in_features=lists(400)),
    "wide": sequential(*[{"class": "ReLU"}] * 200_000),
    "long": json.dumps({"version": 1, "model": [[]] * 2_000_000}),
    "wide lists": linear(in_features=[0] * 1_000_000),
    "no class": sequential({"arguments": {}}),
    "two classes": sequential({"class": "ReLU", "custom": "Touched"}),
    "class of another type": sequential({"class": ["ReLU"]}),
    "a class that is none": sequential({"class": "Nothing"}),
    "a base class": sequential({"class": "Layer"}),
    "a loss": sequential({"class": "MSELoss"}),
    "a module": sequential({"class": "os.system"}),
    "an import": sequential({"custom": "os.system", "arguments": {"command": "true"}}),
    "a dunder": sequential({"class": "__class__"}),
    "a custom class that was not passed": sequential({"custom": "Missing"}),
    "minnet's as custom": sequential({"custom": "Linear", "arguments": LINEAR["arguments"]}),
    "unknown option": linear(colour="red"),
    "an initializer": linear(weight_init="zeros"),
    "a seed": linear(rng=0),
    "self": linear(self=1),
    "a dunder option": linear(__class__="x"),
    "unknown key": sequential(LINEAR | {"state": {}}),
    "text for a number": linear(in_features="3"),
    "float for an int": linear(in_features=3.0),
    "true for an int": linear(out_features=True),
    "a number for a bool": linear(bias=2),
    "text for a bool": linear(bias="yes"),
    "an array for a bool": sequential(
        LINEAR, {"class": "BatchNorm1d", "arguments": {"num_features": 2, "affine": {"array": "layers[0].bias"}}}
    ),
    "a layer for a bool": linear(bias={"class": "ReLU"}),
    "layers for a number": sequential({"class": "LeakyReLU", "arguments": {"negative_slope": [{"class": "ReLU"}]}}),
    "a number for an array": sequential({"class": "Normalize", "arguments": {"mean": 1.0, "std": 2.0}}),
    "a number for a shared Parameter": sequential({"class": "Tied", "arguments": {"layer": 3}}),
    "null": linear(in_features=None),
    "a layer for a number": linear(in_features={"class": "ReLU"}),
    "an unknown tag": linear(in_features={"eval": "1+1"}),
    "two tags": linear(in_features={"list": [], "dict": {}}),
    "an empty dict": linear(in_features={}),
    "a wrong float": linear(in_features={"float": "1e5"}),
    "a wrong dtype": linear(in_features={"dtype": "object"}),
    "an array that is not there": linear(in_features={"array": "nowhere"}),
    "an array of no name": linear(in_features={"array": ["x"]}),
    "an array": linear(in_features={"array": "layers[0].weight"}),
    "a Parameter": linear(in_features={"parameter": "layers[0].weight"}),
    "a number for layers": {"class": "Sequential", "arguments": {"layers": 5}},
    "text for layers": {"class": "Sequential", "arguments": {"layers": "abc"}},
    "no layers": sequential(),
    "numbers as layers": sequential(1, 2),
    "named by numbers": {"class": "Sequential", "arguments": {"named": 3}},
    "names that are no strings": {"class": "Sequential", "arguments": {"layers": {"named": [[1, LINEAR]]}}},
    "a name that hides a method": {"class": "Sequential", "arguments": {"layers": {"named": [["eval", LINEAR]]}}},
    "one name twice": {
        "class": "Sequential",
        "arguments": {"layers": {"named": [["a", LINEAR], ["a", {"class": "ReLU"}]]}},
    },
    "no pairs": {"class": "Sequential", "arguments": {"layers": {"named": [LINEAR]}}},
    "layers of a Linear": sequential(LINEAR | {"layers": {"weight": {"class": "ReLU"}}}),
    "a method replaced": sequential(LINEAR | {"layers": {"forward": {"class": "ReLU"}}}),
    "a class replaced": sequential(LINEAR | {"layers": {"__class__": {"class": "ReLU"}}}),
    "a dict replaced": sequential(LINEAR | {"layers": {"__dict__": {"class": "ReLU"}}}),
    "a list as a layer": [LINEAR],
    "a text as a layer": "Linear",
    "nothing": None,
    "letters": sequential({"class": "\x1b[31m\u202e\r\n" * 10_000}),
    "letters in an option": linear(**{"\x1b[31m\u202e\r\n" * 1000: 1}),
    "letters in a value": linear(in_features="\x1b[31m\u202e\r\n" * 1000),
    "no JSON": "{'version': 1}",
    "not even text": "\x00\x1b",
    "a number": "5",
    "a list": "[]",
    "no model": '{"version": 1}',
    "no version": json.dumps({"model": sequential(LINEAR)}),
    "a version of another type": json.dumps({"version": [1], "model": sequential(LINEAR)}),
    "a newer version": json.dumps({"version": 2, "model": sequential(LINEAR)}),
    "a reason that is none": json.dumps({"version": 1, "undescribed": ["\x1b" * 10_000]}),
    "one key twice": '{"version": 1, "model": {"class": "ReLU", "class": "Linear"}}',
    "infinity": '{"version": 1, "model": {"class": "LeakyReLU", "arguments": {"negative_slope": Infinity}}}',
    "NaN": '{"version": 1, "model": {"class": "LeakyReLU", "arguments": {"negative_slope": NaN}}}',
    "1e400": '{"version": 1, "model": {"class": "LeakyReLU", "arguments": {"negative_slope": 1e400}}}',
    "a million digits": '{"version": 1, "model": {"class": "LeakyReLU", "arguments": {"negative_slope": '
    + "9" * 10**6
    + "}}}",
    "big shapes": {"class": "Reshape", "arguments": {"shape": [2**62] * 100_000}},
    "NaN by its tag": {"class": "LeakyReLU", "arguments": {"negative_slope": {"float": "nan"}}},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_description_is_refused(name, tmp_path):
    write(tmp_path / "m", HOSTILE[name])
    Touched.made = 0
    began = time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError) as caught:
            mn.load_model(tmp_path / "m", custom={"Touched": Touched})
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert message.startswith(str(tmp_path / "m"))
    assert len(message) < 1500
    assert all(letter.isprintable() or letter == "\n" for letter in message)
    assert most < 1e8
    assert time.monotonic() - began < 60  # far more than any takes; a hang would be hours
    assert not Touched.made


@pytest.mark.parametrize(
    "more",
    [
        {"shared": {"layers[0].bias": "layers[0].weight"}},
        {"shared": {"layers[0].bias": "layers[0].bias"}},
        {"shared": {"layers[0].bias": 3}},
        {"shared": {"nowhere": "layers[0].weight"}},
        {"shared": [1]},
        {"frozen": ["nowhere"]},
        {"frozen": [["layers[0].weight"]]},
        {"frozen": "layers[0].weight"},
        {"frozen_statistics": ["layers[7]"]},
        {"frozen_statistics": {"": 1}},
        {"training": True},
    ],
)
def test_hostile_extras_are_refused(more, tmp_path):
    write(tmp_path / "m", sequential(LINEAR), **more)
    with pytest.raises(CheckpointError):
        mn.load_model(tmp_path / "m")


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"layers[0].weight": WEIGHTS["layers[0].weight"]},
        WEIGHTS | {"layers[1].weight": np.ones(3, np.float32)},
        WEIGHTS | {"layers[0].bias": np.ones(3, np.float32)},
        WEIGHTS | {"layers[0].bias": np.ones((2, 1), np.float32)},
        WEIGHTS | {"layers[0].bias": np.ones(2, np.int64)},
        WEIGHTS | {"layers[0].bias": np.ones(2, np.float16)},
    ],
)
def test_other_arrays_are_refused(arrays, tmp_path):
    write(tmp_path / "m", sequential(LINEAR), arrays)
    with pytest.raises(CheckpointError):
        mn.load_model(tmp_path / "m")


@pytest.mark.parametrize("form", ["named", "dict"])
def test_names_of_layers_do_not_multiply(form):
    """A path has the names of all layers around a layer, so that 9,000 layers could have 9,000 times the file."""
    described = sequential(*[{"class": "ReLU"}] * 9_000)
    for _ in range(20):
        if form == "named":
            described = {"class": "Sequential", "arguments": {"layers": {"named": [["a" * 50_000, described]]}}}
        else:
            described = {"custom": "Touched", "arguments": {"size": {"dict": {"a" * 50_000: described}}}}
    with pytest.raises(CheckpointError, match="its path is too long"):
        build_model({"version": 1, "model": sequential(described)}, {}, {"Touched": Touched})


def test_an_array_is_not_an_argument_a_thousand_times():
    mean = {"class": "Normalize", "arguments": {"mean": {"array": "a"}, "std": {"array": "a"}, "axis": None}}
    with pytest.raises(CheckpointError, match="arguments too often"):
        build_model({"version": 1, "model": sequential(*[mean] * 100)}, {"a": np.ones(1000, np.float32)}, {})


def test_a_class_of_the_user_never_takes_the_place_of_one_of_minnet(tmp_path):
    write(tmp_path / "m", sequential(LINEAR))
    assert type(mn.load_model(tmp_path / "m", custom={"Linear": Touched}).layers[0]) is mn.Linear


def test_another_custom_class_than_the_one_that_was_saved(tmp_path):
    write(tmp_path / "m", sequential({"custom": "Touched", "arguments": {"width": 3}}), {})
    with pytest.raises(CheckpointError, match=r"Touched has no argument 'width': is it the class that was saved\?"):
        mn.load_model(tmp_path / "m", custom={"Touched": Touched})


def test_what_a_custom_class_raises_names_the_layer_and_stays_its_cause(tmp_path):
    class Picky(mn.Layer):
        def __init__(self, size):
            raise RuntimeError("I do not like it")

    write(tmp_path / "m", sequential({"custom": "Picky", "arguments": {"size": 3}}), {})
    with pytest.raises(CheckpointError, match=r"layers\[0\]: Picky cannot be made: I do not like it") as caught:
        mn.load_model(tmp_path / "m", custom={"Picky": Picky})
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_custom_class_must_keep_what_it_is_given(tmp_path):
    class Forgetful(mn.Layer):
        def __init__(self, size):
            self.size = size + 1

    write(tmp_path / "m", sequential({"custom": "Forgetful", "arguments": {"size": 3}}), {})
    with pytest.raises(CheckpointError, match="made with size=3, and keeps 4: keep it as given, or define arg"):
        mn.load_model(tmp_path / "m", custom={"Forgetful": Forgetful})


def test_an_option_that_an_older_file_does_not_have_is_the_default(tmp_path):
    write(tmp_path / "m", sequential({"class": "Linear", "arguments": {"in_features": 3, "out_features": 2}}))
    assert mn.load_model(tmp_path / "m").layers[0].bias is not None


def test_nothing_of_a_blueprint_is_left(tmp_path):
    """Every array has memory of its own, for the values and for the gradient, and can be written into."""
    mn.save(mn.Sequential(mn.TransformerBlock(4, 2, 5), mn.BatchNorm1d(3)), tmp_path / "m")
    for _, array in mn.load_model(tmp_path / "m").named_arrays():
        assert all(stride for size, stride in zip(array.data.shape, array.data.strides, strict=True) if size > 1)
        assert array.data.flags.writeable
        assert array.data.flags.owndata
        if isinstance(array, mn.Parameter):
            assert array.grad.flags.owndata
            assert not array.grad.any()
